import { type GroupOptions, job, service, serviceGroup } from 'rx-service-group'
import { fakeService, virtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { fails, ok, probed } from './probed.ts'

/** A database, a nested group with a worker that is restarted when it dies, and an API that depends on both. */
const shop = async (options: GroupOptions = {}) => {
  const time = virtualTime()
  const db = fakeService('db', { start: 'waits', stop: 'waits', clock: time })
  const mailer = fakeService('mailer', { start: 10, drain: 'waits', clock: time })
  const api = fakeService('api', { start: 5, clock: time })
  const workers = serviceGroup('workers', { clock: time }).add(mailer, { restart: { policy: 'permanent', jitter: 0 } })
  const group = serviceGroup('shop', { clock: time, ...options })
    .add(db, { dependsOn: [] })
    .add(workers, { dependsOn: [] })
    .add(api, { dependsOn: ['db', 'workers'] })
  return { time, db, mailer, api, workers, group, ...(await probed(group)) }
}

const running = async (options?: GroupOptions) => {
  const life = await shop(options)
  const started = life.group.start()
  await life.time.advance(10)
  life.db.start.succeed()
  await life.time.advance(5)
  await started
  return life
}

const well = { livez: ok(), startupz: ok(), readyz: ok(), healthz: ok() }

test('a group that has not been started is alive, and not more', async () => {
  const { all } = await shop()
  const idle = fails('shop: idle')
  expect(await all()).toEqual({ livez: ok(), startupz: idle, readyz: idle, healthz: idle })
})

test('while it starts, who is not there yet is told, and through whom', async () => {
  const { all, time, db, group } = await shop()
  const started = group.start()
  await time.settle()
  const first = fails(
    'shop: starting',
    'shop/db: starting',
    'shop/workers: starting, through shop/workers/mailer',
    'shop/workers/mailer: starting',
    'shop/api: waiting, through shop/db, shop/workers',
  )
  expect(await all()).toEqual({ livez: ok(), startupz: first, readyz: first, healthz: first })
  await time.advance(10)
  const then = fails('shop: starting', 'shop/db: starting', 'shop/api: waiting, through shop/db')
  expect(await all()).toEqual({ livez: ok(), startupz: then, readyz: then, healthz: then })
  db.start.succeed()
  await time.settle()
  const last = fails('shop: starting', 'shop/api: starting')
  expect(await all()).toEqual({ livez: ok(), startupz: last, readyz: last, healthz: last })
  await time.advance(5)
  await started
  expect(await all()).toEqual(well)
})

describe('while it runs', () => {
  test('a warning keeps it ready, and is told', async () => {
    const { all, db } = await running()
    db.setHealth('warn', 'answers in 900 ms')
    const warns = ok('shop/db: warn')
    expect(await all()).toEqual({ livez: ok(), startupz: ok(), readyz: warns, healthz: warns })
    db.setHealth('pass')
    expect(await all()).toEqual(well)
  })

  test('a service that fails takes its readiness, and not its life', async () => {
    const { all, db } = await running()
    db.setHealth('fail', 'no answer')
    const failing = fails('shop/db: fail')
    expect(await all()).toEqual({ livez: ok(), startupz: ok(), readyz: failing, healthz: failing })
    db.setHealth('pass')
    expect(await all()).toEqual(well)
  })

  test('a service that is restarted makes it not ready, and its health a warning', async () => {
    const { all, mailer, time } = await running()
    mailer.die(new Error('the connection was lost'))
    await time.settle()
    const notes = ['shop/workers/mailer: backoff', 'shop/workers: warn, through shop/workers/mailer']
    expect(await all()).toEqual({ livez: ok(), startupz: ok(), readyz: fails(...notes), healthz: ok(...notes) })
    await time.advance(510)
    expect(await all()).toEqual(well)
  })

  test('one that it can do without is missed, and no more', async () => {
    const time = virtualTime()
    const group = serviceGroup('shop', { clock: time })
      .add(service('db', {}))
      .add(fakeService('cache', { start: 'rejects' }), { optional: true })
    const { all } = await probed(group)
    await group.start()
    const without = ok('shop/cache: failed')
    expect(await all()).toEqual({ livez: ok(), startupz: ok(), readyz: without, healthz: without })
  })

  test('one that is added late takes its readiness until it is there', async () => {
    const { all, group, time } = await running()
    group.add(fakeService('search', { start: 20, clock: time }))
    await time.settle()
    expect(await all()).toEqual({ ...well, readyz: fails('shop/search: starting') })
    await time.advance(20)
    expect(await all()).toEqual(well)
  })

  test('one that has done its work is well', async () => {
    const group = serviceGroup('shop')
      .add(job('migrate', () => {}))
      .add(service('db', {}))
    const { all } = await probed(group)
    await group.start()
    expect(await all()).toEqual(well)
  })

  test('an empty group is well', async () => {
    const group = serviceGroup('shop')
    const { all } = await probed(group)
    await group.start()
    expect(await all()).toEqual(well)
  })
})

describe('on its way out', () => {
  /** Alive and once started, whatever becomes of it. */
  const leaving = (...notes: readonly string[]) => ({
    livez: ok(),
    startupz: ok(),
    readyz: fails(...notes),
    healthz: fails(...notes),
  })

  test('it is not ready from the first step on, and alive to the last', async () => {
    const { all, group, time, mailer, db } = await running({ drainDelay: 100 })
    const stopped = group.stop('enough')
    expect(await all()).toEqual(leaving('shop: leaving'))
    await time.advance(100)
    expect(mailer.drain.open).toBe(true)
    expect(await all()).toEqual(leaving('shop: draining'))
    mailer.drain.succeed()
    await time.settle()
    expect(db.stop.open).toBe(true)
    expect(await all()).toEqual(leaving('shop: stopping'))
    db.stop.succeed()
    await stopped
    const over = fails('shop: stopped')
    expect(await all()).toEqual({ livez: over, startupz: ok(), readyz: over, healthz: over })
  })

  test('who failed is told with it', async () => {
    const { all, group, api, mailer, db, time } = await running()
    api.die(new Error('out of cheese'))
    await time.settle()
    expect(await all()).toEqual(leaving('shop: draining', 'shop/api: failed'))
    mailer.drain.succeed()
    await time.settle()
    expect(await all()).toEqual(leaving('shop: stopping', 'shop/api: failed'))
    db.stop.succeed()
    await group.stop()
    const over = fails('shop: failed', 'shop/api: failed')
    expect(await all()).toEqual({ livez: over, startupz: ok(), readyz: over, healthz: over })
  })

  test('who never let go is told', async () => {
    const time = virtualTime()
    const group = serviceGroup('shop', { clock: time, forceTimeout: 50 }).add(
      fakeService('db', { stop: 'hangs', clock: time }),
    )
    const { all } = await probed(group)
    await group.start()
    const stopped = group.stop()
    await time.advance(10_049)
    expect(await all()).toEqual(leaving('shop: stopping'))
    await time.advance(1)
    await stopped
    const over = fails('shop: abandoned', 'shop/db: abandoned')
    expect(await all()).toEqual({ livez: over, startupz: ok(), readyz: over, healthz: over })
  })

  test('a group that never ran has not started, and is over', async () => {
    const { all, group, db, time, mailer } = await shop()
    const started = group.start()
    await time.advance(10)
    db.start.fail(new Error('no route to host'))
    await time.settle()
    const notes = ['shop: draining', 'shop/db: failed', 'shop/api: failed']
    expect(await all()).toEqual({
      livez: ok(),
      startupz: fails(...notes),
      readyz: fails(...notes),
      healthz: fails(...notes),
    })
    mailer.drain.succeed()
    await expect(started).rejects.toThrow('no route to host')
    const over = fails('shop: failed', 'shop/db: failed', 'shop/api: failed')
    expect(await all()).toEqual({ livez: over, startupz: over, readyz: over, healthz: over })
  })

  test('one that is stopped before it started is over', async () => {
    const { all, group } = await shop()
    await group.stop()
    const over = fails('shop: stopped')
    expect(await all()).toEqual({ livez: over, startupz: over, readyz: over, healthz: over })
  })
})

test('a group inside another lives again, and has started for ever', async () => {
  const { group, workers, mailer, time } = await running()
  const { all } = await probed(workers)
  expect(await all()).toEqual(well)
  const restarted = group.restart('workers')
  await time.settle()
  const draining = fails('workers: draining')
  expect(await all()).toEqual({ livez: ok(), startupz: ok(), readyz: draining, healthz: draining })
  mailer.drain.succeed()
  await time.settle()
  const again = fails('workers: starting', 'workers/mailer: starting')
  expect(await all()).toEqual({ livez: ok(), startupz: ok(), readyz: again, healthz: again })
  await time.advance(15)
  await restarted
  expect(await all()).toEqual(well)
})
