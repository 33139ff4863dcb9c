import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type GroupOptions, type ServiceContext, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { VirtualAction, VirtualTimeScheduler } from 'rxjs'
import { afterEach, beforeEach, expect, test } from 'vitest'

// What is left of a restart would be left a hundred thousand times.

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const used = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

const limit = Error.stackTraceLimit
beforeEach(() => {
  Error.stackTraceLimit = 0
})
afterEach(() => {
  Error.stackTraceLimit = limit
})

interface Many {
  readonly clock: VirtualTimeScheduler
  readonly group: ServiceGroup
  readonly contexts: readonly ServiceContext[]
  readonly started: () => number
}

const many = (count: number, options: GroupOptions = {}): Many => {
  const clock = new VirtualTimeScheduler(VirtualAction)
  const group = serviceGroup('shop', { clock, ...options })
  const contexts: ServiceContext[] = []
  let starts = 0
  for (let n = 0; n < count; n++) {
    const one = service(`s${n}`, {
      start: context => {
        contexts[n] = context
        starts++
      },
    })
    group.add(one, {
      restart: { policy: 'permanent', initialDelay: 1, factor: 1, jitter: 0, maxRestarts: 20, period: 20 },
    })
  }
  void group.start()
  return { clock, group: group as ServiceGroup, contexts, started: () => starts }
}

/** Always the same, so that a run is like any other. */
const randomly = (): ((below: number) => number) => {
  let seed = 1
  return below => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
}

/** Lets them settle for a while, and then does as much again: nothing may be left of that. */
const expectFlat = async (
  { clock, group }: Many,
  rounds: number,
  round: (n: number) => void | Promise<void>,
): Promise<void> => {
  const handles = (): number => process.getActiveResourcesInfo().length
  for (let n = 0; n < rounds / 4; n++) await round(n)
  const [before, open] = [used(), handles()]
  for (let n = 0; n < rounds; n++) await round(n)
  expect(used() - before).toBeLessThan(1_000_000)
  expect([handles() - open, clock.actions, group.status.ready]).toEqual([0, [], true])
  void group.stop()
  expect(clock.actions).toEqual([])
}

test('T16 a thousand services that fail at random, a hundred times each', { timeout: 60_000 }, async () => {
  const all = many(1_000)
  const random = randomly()
  await expectFlat(all, 100_000, () => {
    all.contexts[random(1_000)]!.fail(new Error('lost'))
    // What is due is begun again, one by one.
    all.clock.flush()
  })
  expect(all.started()).toBe(1_000 + 125_000)
})

test.each(['one-for-all', 'rest-for-one'] as const)(
  'T16 a small group that lives and dies together, %s',
  { timeout: 60_000 },
  async strategy => {
    const all = many(4, { strategy, maxRestarts: 20, period: 20 })
    const random = randomly()
    await expectFlat(all, 20_000, () => {
      all.contexts[random(4)]!.fail(new Error('lost'))
      all.clock.flush()
    })
  },
)

test('T16 restarts by hand, and services that come and go', { timeout: 60_000 }, async () => {
  const all = many(10)
  await expectFlat(all, 10_000, async n => {
    await all.group.restart(`s${n % 10}`)
    if (n % 10 !== 0) return
    all.group.add(service('guest', {}), { dependsOn: ['s3'], restart: 'permanent' })
    await all.group.remove('guest')
  })
})

test('T16 a nested group that lives again and again', { timeout: 60_000 }, async () => {
  const clock = new VirtualTimeScheduler(VirtualAction)
  let context: ServiceContext | undefined
  let lives = 0
  const inner = serviceGroup('inner', { clock }).add(
    service('a', {
      start: given => {
        lives++
        context = given
      },
    }),
  )
  const group = serviceGroup('shop', { clock }).add(inner, {
    restart: { policy: 'permanent', initialDelay: 1, factor: 1, jitter: 0, maxRestarts: 20, period: 20 },
  })
  void group.start()
  await expectFlat({ clock, group: group as ServiceGroup, contexts: [], started: () => lives }, 10_000, () => {
    context!.fail(new Error('lost'))
    clock.flush()
  })
  expect(lives).toBe(12_501)
})

test('R3 restarting one of many takes the same few timers and events, however many there are', () => {
  const work = (count: number): { readonly events: number; readonly timers: number } => {
    const { clock, group, contexts } = many(count)
    let timers = 0
    const schedule = clock.schedule.bind(clock)
    clock.schedule = ((...args: Parameters<typeof schedule>) => {
      timers++
      return schedule(...args)
    }) as typeof clock.schedule
    const { seq } = group.status
    contexts[count >> 1]!.fail(new Error('lost'))
    clock.flush()
    return { events: group.status.seq - seq, timers }
  }
  expect(work(1_000)).toEqual(work(10))
})
