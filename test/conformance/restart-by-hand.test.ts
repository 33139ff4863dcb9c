import { job, type ServiceGroup, serviceGroup } from 'rx-service-group'
import { type FakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { linesOf, plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

const permanent = { policy: 'permanent', jitter: 0, initialDelay: 100, factor: 1 } as const

interface Scene {
  readonly time: VirtualTime
  readonly shop: ServiceGroup<'shop', 'db' | 'api' | 'web'>
  readonly db: FakeService
  readonly api: FakeService
  readonly web: FakeService
  readonly log: string[]
}

/** Web depends on api, and that on db. */
const scene = (): Scene => {
  const { time, shop } = shopUnderVirtualTime()
  const log: string[] = []
  const [db, api, web] = ['db', 'api', 'web'].map(name => plain(name, { clock: time, log })) as [
    FakeService<'db'>,
    FakeService<'api'>,
    FakeService<'web'>,
  ]
  const group = shop
    .add(db, { restart: permanent })
    .add(api, { dependsOn: ['db'], restart: permanent })
    .add(web, { dependsOn: ['api'] })
  return { time, shop: group, db, api, web, log }
}

describe('one that is there', () => {
  test('R14 its dependents stop before it and start after it; resolves exactly when all are running', async () => {
    const { time, shop, db, api, web } = scene()
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    api.stop.will(20)
    web.start.will(50)
    const again = watch(shop.restart('db'))
    await time.advance(69)
    expect([again.now, db.ping(), api.ping(), web.ping()]).toEqual(['pending', 'pong', 'pong', 'no answer'])
    await time.advance(1)
    expect(again.now).toBe('resolved')
    expect(trace.lines.filter(line => !/ shop running/.test(line))).toEqual([
      '0 shop/web stopping',
      '0 shop/web waiting for api',
      '0 shop/api stopping',
      '20 shop/api waiting for db',
      '20 shop/db stopping',
      '20 shop/db starting',
      '20 shop/db running',
      '20 shop/api starting',
      '20 shop/api running',
      '20 shop/web starting',
      '70 shop/web running',
    ])
    expect([db.starts, api.starts, web.starts, time.timers]).toEqual([2, 2, 2, 0])
    expect(db.stop.reason).toEqual({ by: 'call', message: 'restart of db' })
  })

  test('R8 twice at once, and again while it goes down: one next incarnation', async () => {
    const { time, shop, db, api } = scene()
    await shop.start()
    db.stop.will(20)
    const all = [watch(shop.restart('db')), watch(shop.restart('db'))]
    await time.advance(10)
    all.push(watch(shop.restart('db')), watch(shop.restart('api')))
    await time.advance(10)
    expect(all.map(({ now }) => now)).toEqual(['resolved', 'resolved', 'resolved', 'resolved'])
    expect([db.starts, api.starts]).toEqual([2, 2])
  })

  test('R14 what fails its stop on the way is told, and is started again', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    const trace = recordTrace(shop)
    db.stop.will('rejects')
    await shop.restart('db')
    expect(linesOf(trace.lines, 'shop/db')).toEqual([
      'stopping',
      'backoff (attempt 1 at 0) ERR_STOP_FAILED',
      'starting',
      'running',
    ])
    expect(time.timers).toBe(0)
  })

  test('R14 it does not count for the limits', async () => {
    const { shop } = shopUnderVirtualTime({ maxRestarts: 0 })
    const db = plain('db')
    shop.add(db, { restart: { ...permanent, maxRestarts: 0 } })
    await shop.start()
    for (let n = 0; n < 5; n++) await shop.restart('db')
    expect([db.starts, shop.status.phase]).toEqual([6, 'running'])
  })

  test('R14 in a group of the strategy one-for-one on a plain list nobody else goes down', async () => {
    const { shop } = shopUnderVirtualTime()
    const [a, b, c] = [plain('a'), plain('b'), plain('c')]
    shop.add(a).add(b).add(c)
    await shop.start()
    await shop.restart('b')
    expect([a, b, c].map(({ starts }) => starts)).toEqual([1, 2, 1])
  })
})

describe('one that is not there yet', () => {
  test('R8 one that is starting begins anew, and the start of the group goes on', async () => {
    const { time, shop, db } = scene()
    db.start.will('waits')
    const started = watch(shop.start())
    const again = watch(shop.restart('db'))
    await time.settle()
    db.start.will('returns')
    await time.advance(10)
    db.start.succeed()
    await time.settle()
    expect([db.starts, again.now, started.now, shop.status.ready]).toEqual([2, 'resolved', 'resolved', true])
  })

  test('R8 one that waits for a dependency starts once, at its turn', async () => {
    const { time, shop, db, web } = scene()
    db.start.will(50)
    void shop.start()
    const again = watch(shop.restart('web'))
    await time.advance(49)
    expect([again.now, web.starts]).toEqual(['pending', 0])
    await time.advance(1)
    expect([again.now, web.starts]).toEqual(['resolved', 1])
  })

  test('R8 one in backoff starts at once, and only once', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.die()
    await time.advance(10)
    await shop.restart('db')
    expect([db.starts, time.timers]).toEqual([2, 0])
    await time.advance(1_000)
    expect(db.starts).toBe(2)
  })
})

describe('one that is over', () => {
  test('R14 one that was given up gets a fresh budget, and those that waited for it in vain come too', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [cache, api] = [plain('cache', { start: 'rejects' }), plain('api')]
    shop
      .add(plain('db'))
      .add(cache, { dependsOn: [], optional: true, restart: { ...permanent, maxRestarts: 1 } })
      .add(api, { dependsOn: ['cache'], optional: true })
    const started = shop.start()
    await time.advance(100)
    await started
    expect(shop.status.services['shop/cache']!.state).toMatchObject({ error: { code: 'ERR_RESTART_LIMIT' } })
    expect(shop.status.services['shop/api']!.state).toMatchObject({ error: { code: 'ERR_DEPENDENCY_FAILED' } })
    const trace = recordTrace(shop)
    cache.start.will('returns')
    await shop.restart('cache')
    expect(own(trace.lines)).toEqual([
      'shop/cache added after none',
      'shop/api added after cache',
      'shop/cache starting',
      'shop/cache running',
      'shop/api starting',
      'shop/api running',
    ])
    cache.die()
    expect(shop.status.services['shop/cache']!.state.phase).toBe('backoff')
    await time.advance(100)
    expect(shop.status).toMatchObject({ health: 'pass', ready: true })
  })

  test('R14 one whose own dependency is lost is refused, and nothing has changed', async () => {
    const { shop } = shopUnderVirtualTime()
    shop
      .add(plain('db'))
      .add(plain('cache', { start: 'throws' }), { dependsOn: [], optional: true })
      .add(plain('api'), { dependsOn: ['cache'], optional: true })
    await shop.start()
    const { seq } = shop.status
    expect(await rejectionOf(shop.restart('api'))).toMatchObject({ code: 'ERR_DEPENDENCY_FAILED', service: 'api' })
    expect(shop.status.seq).toBe(seq)
  })

  test('R14 what runs on without a dependency that is lost comes back without it', async () => {
    const { shop } = shopUnderVirtualTime()
    const [cache, api] = [plain('cache'), plain('api')]
    shop
      .add(plain('db'))
      .add(cache, { optional: true })
      .add(api, { dependsOn: ['db', 'cache'] })
    await shop.start()
    cache.die()
    await shop.restart('db')
    expect([api.starts, api.ping(), shop.status.phase]).toEqual([2, 'pong', 'running'])
  })

  test('R14 a job that has ended is done again', async () => {
    const { shop } = shopUnderVirtualTime()
    let done = 0
    shop.add(plain('db')).add(job('migrate', () => void done++))
    await shop.start()
    await shop.restart('migrate')
    expect([done, shop.status.services['shop/migrate']!.state]).toEqual([2, { phase: 'stopped', how: 'ended' }])
  })

  test('R14 one that was abandoned is refused: it may still run', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const stuck = plain('stuck', { start: 'hangs' })
    shop.add(stuck, { optional: true, startTimeout: 10, stopTimeout: 10 }).add(plain('api'))
    const started = shop.start()
    await time.advance(10_000)
    await started
    expect(await rejectionOf(shop.restart('stuck'))).toMatchObject({ code: 'ERR_ABANDONED', service: 'stuck' })
    expect(stuck.starts).toBe(1)
  })

  test('R6 one that says it has ended is waited for until it is gone', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const worker = plain('worker')
    shop.add(plain('db')).add(worker)
    await shop.start()
    let again = { now: 'pending' }
    const listening = shop.events$.subscribe(event => {
      if (event.kind !== 'transition' || event.path !== 'shop/worker' || event.state.phase !== 'stopped') return
      listening.unsubscribe()
      again = watch(shop.restart('worker'))
    })
    worker.end()
    await time.settle()
    expect([again.now, worker.starts, worker.ping()]).toEqual(['resolved', 2, 'pong'])
  })
})

describe('when it can not be', () => {
  test('R14 it rejects with what it failed with, when that is final', async () => {
    const { time, shop, web } = scene()
    await shop.start()
    web.start.will('rejects')
    const error = rejectionOf(shop.restart('web'))
    await time.settle()
    expect(await error).toMatchObject({ code: 'ERR_START_FAILED', service: 'web' })
    expect(shop.status.phase).toBe('failed')
  })

  test('R14 one that fails at first and is tried again is waited for', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.start.will('rejects')
    const again = watch(shop.restart('db'))
    await time.advance(50)
    db.start.will('returns')
    expect(again.now).toBe('pending')
    await time.advance(50)
    expect(again.now).toBe('resolved')
  })

  test('R14 an unknown name, before the start, while the group leaves, and after', async () => {
    const { time, shop, db } = scene()
    const code = async (name: string): Promise<unknown> =>
      ((await rejectionOf(shop.restart(name))) as { code: string }).code
    expect(await code('db')).toBe('ERR_NOT_STARTED')
    expect(await code('nobody')).toBe('ERR_UNKNOWN_SERVICE')
    await shop.start()
    db.stop.will(20)
    void shop.stop()
    expect(await code('db')).toBe('ERR_GROUP_STOPPING')
    await time.advance(20)
    expect(await code('db')).toBe('ERR_GROUP_STOPPED')
  })

  test.each(['going down', 'coming up', 'leaving by itself'] as const)(
    'R14 T8 the group ends meanwhile, %s: the promise settles, nothing starts',
    async phase => {
      const { time, shop, db } = scene()
      await shop.start()
      if (phase === 'going down') db.stop.will(50)
      if (phase === 'coming up') db.start.will(50)
      const again = watch(shop.restart('db'))
      await time.advance(10)
      const { starts } = db
      const stopped = shop.stop()
      await time.advance(1_000)
      expect(await stopped).toMatchObject({ ok: true })
      expect([again.now, db.starts, db.alive, time.timers]).toEqual([
        phase === 'leaving by itself' ? 'resolved' : 'rejected',
        starts,
        false,
        0,
      ])
    },
  )

  test('R14 one that is removed meanwhile: the promise settles', async () => {
    const { time, shop, web } = scene()
    await shop.start()
    web.stop.will(20)
    const again = rejectionOf(shop.restart('web'))
    await time.advance(10)
    await Promise.all([shop.remove('web'), time.advance(10)])
    expect(await again).toMatchObject({ code: 'ERR_START_FAILED' })
    expect(web.starts).toBe(1)
  })
})

describe('asked from within', () => {
  test('R8 a listener asks when it hears of the failure', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    shop.events$.subscribe(event => {
      if (event.kind === 'transition' && event.path === 'shop/db' && event.state.phase === 'backoff')
        void shop.restart('db')
    })
    db.die()
    await time.settle()
    expect([db.starts, db.ping(), time.timers]).toEqual([2, 'pong', 0])
  })

  test('R8 a hook of its own asks: it is stopped and started, nothing waits for itself', async () => {
    const { time, shop } = shopUnderVirtualTime()
    let asked = false
    const db = plain('db', {
      start: () => {
        if (!asked) void shop.restart('db')
        asked = true
      },
    })
    shop.add(db)
    await shop.start()
    await time.settle()
    expect([db.starts, db.ping()]).toEqual([2, 'pong'])
  })

  test('R8 a stop hook asks: the incarnation that is due is the one that was asked for', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.stop.will(() => void shop.restart('db'))
    await shop.restart('db')
    await time.settle()
    expect([db.starts, shop.status.ready]).toEqual([2, true])
  })

  test('R14 a nested group restarts one of its own, and is itself restarted, both at once', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const mailer = plain('mailer')
    const workers = serviceGroup('workers', { clock: time }).add(mailer)
    shop.add(workers)
    await shop.start()
    const [inner, outer] = [watch(workers.restart('mailer')), watch(shop.restart('workers'))]
    await time.settle()
    expect([inner.now, outer.now, mailer.ping()]).toEqual(['resolved', 'resolved', 'pong'])
  })
})

const own = (lines: readonly string[]): readonly string[] => lines.filter(line => !line.startsWith('shop running'))
