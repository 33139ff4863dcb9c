import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyLife, fill, perform } from './random-group.ts'
import { expectTheSameWhenReplayed, record } from './recording.ts'
import { shopUnderVirtualTime, watch } from './setup.ts'

test(
  'V7 whatever happens to whatever group, it replays to the same status, from the beginning or from any moment on',
  {
    timeout: 120_000,
  },
  () =>
    fc.assert(
      fc.asyncProperty(anyLife, fc.nat(4), async ({ members, acts }, from) => {
        const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 500, forceTimeout: 40, drainDelay: 10 })
        const fakes = fill(shop, members, time)
        const recordings = record(shop, ({ seq }) => seq % 5 === from)
        watch(shop.start())
        await perform(shop, fakes, acts, time)
        void shop.stop()
        await time.advance(2_000)
        expect(shop.status.phase).toMatch(/^(stopped|failed)$/)
        expectTheSameWhenReplayed(recordings)
      }),
      { numRuns: 200 },
    ),
)
