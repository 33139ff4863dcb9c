import { type ServiceGroup, type ServiceState, serviceGroup } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { asked, plain, shopUnderVirtualTime } from './setup.ts'

/** Each phase of a leaving group with the time at which what is left of it will be forced. */
const deadlines = (group: ServiceGroup<string, never>, path: string): readonly string[] => {
  const seen: string[] = []
  group.events$.subscribe(event => {
    if (event.kind !== 'transition' || event.path !== path) return
    const state: ServiceState = event.state
    if (state.phase === 'running' && !state.leaving) return
    seen.push(`${state.phase} ${'deadline' in state ? state.deadline : 'none'}`)
  })
  return seen
}

test('T7 a group that leads its shutdown tells from its trigger on when what is left will be forced', async () => {
  const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 500, drainDelay: 20 })
  const inner = serviceGroup('inner', { clock: time }).add(plain('deep', { drain: 10, clock: time }))
  shop.add(plain('db', { stop: 30, clock: time })).add(inner)
  await shop.start()
  await time.advance(1_000)
  const [outside, inside] = [deadlines(shop, 'shop'), deadlines(shop, 'shop/inner')]
  const stopped = shop.stop()
  await time.advance(100)
  await stopped
  expect(outside).toEqual(['running 1500', 'draining 1500', 'drained none', 'stopping 1500', 'stopped none'])
  expect(inside).toEqual(['running none', 'draining none', 'drained none', 'stopping none', 'stopped none'])
})

test('T7 a group that comes down by a failure tells it too, and one without a limit tells none', async () => {
  for (const [shutdownTimeout, expected] of [
    [500, 'stopping 500'],
    [Infinity, 'stopping none'],
  ] as const) {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout })
    const worker = plain('worker')
    shop.add(plain('db')).add(worker)
    await shop.start()
    const seen = deadlines(shop, 'shop')
    worker.die()
    await time.settle()
    expect(seen).toContain(expected)
  }
})

test('T7 the shutdown timeout of a nested group counts from its own turn in the shutdown of the outer group', async () => {
  const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 500, forceTimeout: 20 })
  const [deep, api] = [plain('deep', { stop: 'waits' }), plain('api', { stop: 30, clock: time })]
  shop.add(serviceGroup('inner', { clock: time, shutdownTimeout: 5 }).add(deep)).add(api)
  await shop.start()
  const inside = deadlines(shop, 'shop/inner')
  const stopped = shop.stop()
  await time.advance(34)
  expect([deep.stop.signal?.aborted, asked(deep)]).toEqual([false, ['start', 'stop']])
  await time.advance(1)
  expect(deep.stop.signal?.aborted).toBe(true)
  expect(await stopped).toMatchObject({ ok: false, outcome: 'forced' })
  expect(inside).toEqual(['running none', 'stopping 35', 'stopped none'])
  expect(time.timers).toBe(0)
})

test('T7 a nested group that was given no shutdown timeout has none in the shutdown of the outer group', async () => {
  const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: Infinity })
  const deep = plain('deep', { stop: 'waits' })
  shop.add(serviceGroup('inner', { clock: time }).add(deep, { stopTimeout: Infinity }))
  await shop.start()
  const stopped = shop.stop()
  await time.advance(1_000_000)
  expect(deep.stop.signal?.aborted).toBe(false)
  deep.stop.succeed()
  expect(await stopped).toMatchObject({ ok: true })
})

describe('T5 the force timeout of a group counts when one service alone is forced', () => {
  const stuck = { stop: 'hangs' } as const
  const abandonedAt = (group: ServiceGroup<string, never>, path: string): (() => number | undefined) => {
    let at: number | undefined
    group.events$.subscribe(event => {
      if (event.kind !== 'transition' || event.path !== path) return
      if (event.state.phase === 'stopped' && event.state.how === 'abandoned') at = event.at
    })
    return () => at
  }

  test.each([
    ['restarted by hand', (shop: ServiceGroup<'shop', 'x'>) => shop.restart('x')],
    ['removed', (shop: ServiceGroup<'shop', 'x'>) => shop.remove('x')],
    ['stopped with all', (shop: ServiceGroup<'shop', 'x'>) => shop.stop()],
  ] as const)('%s', async (_, act) => {
    for (const forceTimeout of [7, 5_000]) {
      const { time, shop } = shopUnderVirtualTime({ forceTimeout })
      shop.add(plain('x', stuck), { stopTimeout: 20 })
      await shop.start()
      const at = abandonedAt(shop, 'shop/x')
      void Promise.resolve(act(shop as never)).catch(() => {})
      await time.advance(20_000)
      expect(at()).toBe(20 + forceTimeout)
    }
  })

  test('when it comes up too late', async () => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 7 })
    shop.add(plain('x', { ...stuck, start: 'hangs' }), { startTimeout: 100, stopTimeout: 20 })
    const at = abandonedAt(shop, 'shop/x')
    shop.start().catch(() => {})
    await time.advance(10_000)
    expect(at()).toBe(127)
  })

  test.each([
    ['has one itself', 3, 3],
    ['has none', undefined, 7],
  ] as const)('in a group inside it that %s', async (_, own, expected) => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 7 })
    const inner = serviceGroup('inner', { clock: time, ...(own !== undefined && { forceTimeout: own }) })
    const deepest = serviceGroup('deepest', { clock: time }).add(plain('x', stuck), { stopTimeout: 20 })
    inner.add(deepest)
    shop.add(inner)
    await shop.start()
    const at = abandonedAt(shop, 'shop/inner/deepest/x')
    deepest.restart('x').catch(() => {})
    await time.advance(10_000)
    expect(at()).toBe(20 + expected)
  })
})
