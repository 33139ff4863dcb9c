import { type RunOptions, run, type ServiceGroup, serviceGroup } from 'rx-service-group'
import { type FakeOptions, type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { plain, shopUnderVirtualTime } from './setup.ts'

/** The grace periods of PM2, Fly.io and Nomad, Docker and Cloud Run, Kubernetes and ECS, systemd. */
const GRACES = [1_600, 5_000, 10_000, 30_000, 90_000] as const

/** Runs a group to its end, and tells when that was, by the clock of the group, from the shutdown on. */
const stopAfter = async (shop: ServiceGroup<string>, time: VirtualTime, options: RunOptions, until: number) => {
  const over = run(shop, { report: false, signals: [], ...options })
  await time.advance(1_000)
  const from = time.now()
  let took = Infinity
  void shop.stop().then(() => {
    took = time.now() - from
  })
  await time.advance(until)
  await over
  return { took, report: shop.report }
}

/** How a service hangs, once it is told to end. */
const HANGS: Readonly<Record<string, FakeOptions>> = {
  'in its drain': { drain: 'waits' },
  'in its stop': { stop: 'waits' },
  'in both': { drain: 'waits', stop: 'waits' },
  'although it is forced': { drain: 'waits', stop: 'waits', force: 'waits' },
}

describe.each(GRACES)('T7 inside a grace period of %i ms', grace => {
  test.each(Object.entries(HANGS))('the database is stopped in its turn when one hangs %s', async (_, hangs) => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { stop: 20, clock: time })
    shop
      .add(db)
      .add(plain('cache', { stop: 10, clock: time }))
      .add(plain('api', { clock: time, ...hangs }))
    const { took, report } = await stopAfter(shop, time, { grace }, grace)
    expect(took).toBeLessThan(grace)
    expect(report.services.find(({ path }) => path === 'shop/db')).toMatchObject({ outcome: 'stopped' })
    expect(db.stop.signal?.aborted).toBe(false)
    expect(time.timers).toBe(0)
  })

  test('the database is stopped in its turn when one hangs inside a nested group', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [db, deep] = [plain('db', { stop: 20, clock: time }), plain('deep', { stop: 20, clock: time })]
    const stuck = plain('stuck', { drain: 'waits', stop: 'waits' })
    shop.add(db).add(serviceGroup('workers', { clock: time }).add(deep).add(stuck))
    const { took } = await stopAfter(shop, time, { grace }, grace)
    expect(took).toBeLessThan(grace)
    for (const one of [deep, db]) expect(one.stop.signal?.aborted).toBe(false)
  })

  test('the database is stopped in its turn when one hangs in its start', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { stop: 20, clock: time })
    shop.add(db).add(plain('api', { start: 'waits' }))
    const { took } = await stopAfter(shop, time, { grace }, grace)
    expect(took).toBeLessThan(grace)
    expect(db.stop.signal?.aborted).toBe(false)
  })

  test('the first of twenty in a row is stopped in its turn when three hang', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { stop: 1, clock: time })
    shop.add(db)
    for (let i = 0; i < 19; i++)
      shop.add(plain(`service-${i}`, i % 7 === 5 ? { stop: 'waits' } : { stop: 1, clock: time }))
    const { took } = await stopAfter(shop, time, { grace }, grace)
    expect(took).toBeLessThan(grace)
    expect(db.stop.signal?.aborted).toBe(false)
  })
})

test('T7 a service that keeps to its own timeouts has them whole, where the grace period has room', async () => {
  const { time, shop } = shopUnderVirtualTime()
  const [db, api] = [plain('db', { stop: 9_000, clock: time }), plain('api', { drain: 9_900, clock: time })]
  shop.add(db).add(api)
  const { took, report } = await stopAfter(shop, time, { grace: 30_000 }, 30_000)
  expect({ took, ok: report.ok }).toEqual({ took: 18_900, ok: true })
})

test('T7 without a grace period nothing is shared out: a drain has its own timeout', async () => {
  const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 2_000 })
  const db = plain('db')
  shop.add(db).add(plain('api', { drain: 'waits' }))
  const { took } = await stopAfter(shop, time, { grace: Infinity }, 60_000)
  expect({ took, forced: db.stop.signal?.aborted }).toEqual({ took: 2_000, forced: true })
})

test('T7 a stop that is cut to its share says so, and what to do', async () => {
  const time = virtualTime()
  const shop = serviceGroup('shop', { clock: time })
    .add(plain('db'))
    .add(plain('api', { stop: 'waits' }))
  const { report } = await stopAfter(shop, time, { grace: 5_000 }, 5_000)
  expect(report.errors.map(({ message }) => message)).toEqual([
    'service "api": stop timed out after 3 s and was forced; that was its share of the grace period; raise that, or let stop() end sooner',
  ])
})
