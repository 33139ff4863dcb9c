import fc from 'fast-check'
import { config } from 'rxjs'
import { expect, test } from 'vitest'
import { type Act, type Drawn, RandomLife } from './random-life.ts'

const few = fc.constantFrom(0, 0, 5, 20)
const picks = fc.nat(20)

const drawn: fc.Arbitrary<Drawn> = fc.record({
  dependsOn: fc.option(fc.array(fc.nat(10), { maxLength: 3 }), { nil: undefined }),
  start: few,
  drain: few,
  stop: few,
  policy: fc.constantFrom('permanent', 'permanent', 'transient', 'temporary', undefined),
  optional: fc.boolean(),
  observer: fc.nat(5).map(n => n === 0),
  onEnd: fc.constantFrom('continue', 'restart'),
  inside: fc.constantFrom(0, 0, 0, 1, 2),
})

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ act: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 25 }) }),
  fc.record({ act: fc.constant('add' as const), drawn }),
  fc.record({
    act: fc.constantFrom(
      ...(['remove', 'restart', 'restart', 'die', 'die', 'end', 'warn', 'fail starts', 'fail stops'] as const),
      ...(['stop inside', 'remove inside', 'restart inside', 'add inside'] as const),
    ),
    pick: picks,
  }),
  fc.record({
    act: fc.constant('later' as const),
    events: fc.integer({ min: 1, max: 8 }),
    what: fc.constantFrom(...(['remove', 'restart', 'die', 'end', 'stop inside'] as const)),
    pick: picks,
  }),
)

/** To look for more: `RANDOM_RUNS=5000 npx vitest run test/conformance/random.test.ts`. */
const numRuns = Number(process.env['RANDOM_RUNS'] ?? 300)

test('R14 whatever is done to a group and whenever: one incarnation at a time, legal traces, nobody stuck, nothing left', {
  timeout: 20_000 + numRuns * 50,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(drawn, { minLength: 1, maxLength: 5 }),
      fc.array(act, { maxLength: 12 }),
      fc.constantFrom(...(['one-for-one', 'rest-for-one', 'one-for-all'] as const)),
      fc.boolean(),
      fc.boolean(),
      async (services, acts, strategy, isUpFirst, settles) => {
        const before = config.onUnhandledError
        const uncaught: unknown[] = []
        config.onUnhandledError = error => uncaught.push(error)
        const life = new RandomLife(services, { strategy })
        try {
          life.start()
          if (isUpFirst) await life.time.advance(1_000)
          for (const one of acts) await life.act(one)
          if (settles) {
            await life.quieten()
            expect([life.stuck, life.pending]).toEqual([[], []])
            if (life.group.status.phase === 'running') expect(life.time.timers).toBe(0)
            expect(life.folded).toEqual(life.live)
          }
          await life.stop()
          expect([life.pending, life.alive, life.unfinished, life.time.timers]).toEqual([[], [], [], 0])
          expect(life.folded).toEqual(life.live)
          expect(life.wrong).toEqual([])
        } catch (error) {
          ;(error as Error).message += `\n${life.told.join('\n')}`
          throw error
        } finally {
          // RxJS reports by a timer.
          await new Promise(resolve => setTimeout(resolve))
          config.onUnhandledError = before
        }
        expect(uncaught).toEqual([])
      },
    ),
    // The same groups in each run; RANDOM_RUNS looks for others.
    process.env['RANDOM_RUNS'] ? { numRuns } : { numRuns, seed: 1 },
  )
})
