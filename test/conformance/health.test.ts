import {
  foldStatus,
  type GroupHealth,
  type GroupStatus,
  type HealthCheck,
  type ServiceContext,
  serviceGroup,
  task,
} from 'rx-service-group'
import { recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { tap, timer } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { milliseconds } from '../../src/core/units.ts'
import { linesOf, outcomes, plain, rejectionOf, shopUnderVirtualTime } from './setup.ts'

const ill = (): never => {
  throw new Error('no route')
}

describe('R11 health checks', () => {
  /** Fails while told so. */
  const moody = (options: Partial<HealthCheck> = {}) => {
    const mood = { ill: false, asked: 0 }
    const check = (): void => {
      mood.asked++
      if (mood.ill) ill()
    }
    return { mood, healthCheck: { check, interval: 100, timeout: 20, ...options } }
  }

  test('R11 so many failures in a row make the group not ready, so many passes make it ready again, each told once', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ successThreshold: 2 })
    shop.add(plain('db'), { healthCheck }).add(plain('api'))
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    mood.ill = true
    await time.advance(1_000)
    expect([shop.status.health, shop.status.ready]).toEqual(['fail', false])
    mood.ill = false
    await time.advance(1_000)
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    await shop.stop()
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/db starting',
      '0 shop/db running',
      '0 shop/api starting',
      '0 shop/api running',
      '0 shop running',
      '300 shop/db running fail "check failed: no route"',
      '300 shop running fail "db: check failed: no route"',
      '1200 shop/db running',
      '1200 shop running',
      '2000 shop running (leaving)',
      '2000 shop/api running (leaving)',
      '2000 shop/db running (leaving)',
      '2000 shop stopping',
      '2000 shop/api stopping',
      '2000 shop/api stopped',
      '2000 shop/db stopping',
      '2000 shop/db stopped',
      '2000 shop stopped',
    ])
    expect([mood.asked, time.timers]).toEqual([21, 0])
  })

  test('R11 checks have a timeout of their own and do not pile up', async () => {
    const { time, shop } = shopUnderVirtualTime()
    let running = 0
    let most = 0
    const check = async ({ signal }: { signal: AbortSignal }): Promise<void> => {
      most = Math.max(most, ++running)
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      running--
    }
    shop.add(plain('db'), { healthCheck: { check, interval: 10, timeout: 500 } })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    await time.advance(1_519)
    expect([running, most, shop.status.ready]).toEqual([1, 1, true])
    await time.advance(1)
    expect(trace.lines.slice(4)).toEqual([
      '1520 shop/db running fail "check took more than 500 ms"',
      '1520 shop running fail "db: check took more than 500 ms"',
    ])
    await shop.stop()
    await time.settle()
    expect([running, most, time.timers]).toEqual([0, 1, 0])
  })

  test('R11 a failure that is to be nothing is told, and the group stays ready', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'nothing' })
    mood.ill = true
    shop.add(plain('db'), { healthCheck })
    const trace = recordTrace(shop)
    await shop.start()
    await time.advance(1_000)
    expect(trace.lines.slice(4)).toEqual(['shop/db running "check failed: no route"'])
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    await shop.stop()
  })

  test('R11 a failure that is to be one: the service is stopped properly and fails, and so the group goes down', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'fail' })
    const orders = plain('orders', { drain: 5, stop: 10, clock: time })
    shop.add(plain('db')).add(orders, { healthCheck })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    mood.ill = true
    await time.advance(1_000)
    expect(trace.lines.slice(6)).toEqual([
      '300 shop/orders running fail "check failed: no route"',
      '300 shop running fail "orders: check failed: no route"',
      '300 shop/orders stopping',
      '300 shop running fail "orders: stopping"',
      '315 shop/orders failed ERR_UNHEALTHY',
      '315 shop running (leaving) fail "orders failed"',
      '315 shop/db running (leaving)',
      '315 shop stopping',
      '315 shop/db stopping',
      '315 shop/db stopped',
      '315 shop failed ERR_GROUP_FAILED',
    ])
    const report = await shop.stop()
    expect(outcomes(report)).toEqual({ 'shop/db': 'stopped', 'shop/orders': 'failed' })
    expect(report.trigger).toMatchObject({
      by: 'failure',
      service: 'shop/orders',
      error: { code: 'ERR_UNHEALTHY', message: 'service "orders": health check failed: no route' },
    })
    expect(time.timers).toBe(0)
  })

  test('R11 one that fails its check and can not be got rid of is abandoned, for that reason', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'fail', failureThreshold: 1 })
    const orders = plain('orders', { stop: 'hangs' })
    shop.add(orders, { healthCheck, stopTimeout: 50 })
    await shop.start()
    mood.ill = true
    await time.advance(2_000)
    const { state } = shop.status.services['shop/orders']!
    expect(state).toMatchObject({
      phase: 'stopped',
      how: 'abandoned',
      error: { code: 'ERR_ABANDONED', cause: { code: 'ERR_STOP_TIMEOUT', cause: { code: 'ERR_UNHEALTHY' } } },
    })
    expect((await shop.stop()).outcome).toBe('abandoned')
  })

  test('R11 a nested group can be checked as a whole', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'fail', failureThreshold: 1 })
    const mailer = plain('mailer')
    shop.add(serviceGroup('workers', { clock: time }).add(mailer), { healthCheck })
    await shop.start()
    mood.ill = true
    await time.advance(100)
    expect([mailer.alive, shop.status.services['shop/workers']?.state.phase]).toEqual([false, 'failed'])
  })

  test('R11 a check that is no check is refused when it is added, and changes nothing', async () => {
    const { shop } = shopUnderVirtualTime()
    const add = async (): Promise<unknown> => shop.add(plain('db'), { healthCheck: { check: ill, interval: -1 } })
    expect(await rejectionOf(add())).toMatchObject({ code: 'ERR_INVALID_DURATION', service: 'db' })
    expect(shop.size).toBe(0)
    expect(shop.add(plain('db')).size).toBe(1)
  })
})

describe('R12 heartbeat', () => {
  /** A worker that beats while its heart is told to. */
  const worker = (time: VirtualTime, every = 10) => {
    const heart = { beats: true }
    const main = ({ heartbeat }: ServiceContext) =>
      timer(0, every, time).pipe(
        tap(() => {
          if (heart.beats) heartbeat()
        }),
      )
    return { heart, worker: task('worker', main) }
  }

  test('R12 a missed deadline times threshold is a stall, named; one beat resets it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { heart, worker: beating } = worker(time)
    shop.add(plain('db')).add(beating, { heartbeat: { interval: 1_000 } })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    await time.advance(5_000)
    heart.beats = false
    await time.advance(2_999)
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    await time.advance(1)
    expect([shop.status.health, shop.status.ready]).toEqual(['fail', false])
    await time.advance(1_995)
    heart.beats = true
    await time.advance(10)
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    await shop.stop()
    expect(trace.lines.slice(6)).toEqual([
      `8000 shop/worker running fail "no heartbeat for ${milliseconds(3_000)}"`,
      `8000 shop running fail "worker: no heartbeat for ${milliseconds(3_000)}"`,
      '10000 shop/worker running',
      '10000 shop running',
      '10005 shop running (leaving)',
      '10005 shop/worker running (leaving)',
      '10005 shop/db running (leaving)',
      '10005 shop stopping',
      '10005 shop/worker stopping',
      '10005 shop/worker stopped',
      '10005 shop/db stopping',
      '10005 shop/db stopped',
      '10005 shop stopped',
    ])
    expect(time.timers).toBe(0)
  })

  test('R12 one that is to fail is stopped properly and fails, so that a restart heals it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { heart, worker: beating } = worker(time, 100)
    shop.add(plain('db')).add(beating, {
      heartbeat: { interval: 100, onFailure: 'fail' },
      restart: { policy: 'transient', initialDelay: 500, jitter: 0 },
    })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    heart.beats = false
    await time.advance(700)
    heart.beats = true
    await time.advance(5_000)
    expect(trace.lines.slice(6)).toEqual([
      '300 shop/worker running fail "no heartbeat for 300 ms"',
      '300 shop running fail "worker: no heartbeat for 300 ms"',
      '300 shop/worker stopping',
      '300 shop running warn "worker: stopping"',
      '300 shop/worker backoff (attempt 2 at 800) ERR_STALLED',
      '300 shop running warn "worker: restarting"',
      '800 shop/worker starting (attempt 2)',
      '800 shop/worker running',
      '800 shop running',
    ])
    await shop.stop()
    expect(time.timers).toBe(0)
  })

  test('R12 one that is to fail and is not restarted brings the group down, named', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop.add(plain('orders'), { heartbeat: { interval: 100, threshold: 1, onFailure: 'fail' } })
    await shop.start()
    await time.advance(1_000)
    const { trigger } = await shop.stop()
    expect(trigger).toMatchObject({
      by: 'failure',
      service: 'shop/orders',
      error: { code: 'ERR_STALLED', message: 'service "orders": stalled: no heartbeat for 100 ms' },
    })
  })

  test('R12 a beat that nobody asked for is never seen, and neither is one that was', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const inside = serviceGroup('workers', { clock: time }).add(worker(time).worker)
    const check = (): boolean => true
    shop.add(inside).add(worker(time).worker, { restart: 'permanent', healthCheck: { check } }).add(plain('db'))
    const trace = recordTrace(shop)
    await shop.start()
    const before = trace.events.length
    await time.advance(1_000)
    expect(trace.events.length).toBe(before)
    await shop.stop()
    expect(JSON.stringify(trace.events)).not.toContain('beat')
  })

  test('R12 a stall in a nested group is its health, and so the health of the whole', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const heartbeat = { interval: 100 }
    const mailer = plain('mailer')
    shop.add(serviceGroup('workers', { clock: time }).add(mailer, { heartbeat }))
    const trace = recordTrace(shop)
    await shop.start()
    await time.advance(300)
    expect(trace.lines.at(-1)).toBe('shop running fail "workers: mailer: no heartbeat for 300 ms"')
    mailer.heartbeat()
    expect(trace.lines.slice(-3)).toEqual(['shop/workers/mailer running', 'shop/workers running', 'shop running'])
    await shop.stop()
    expect(time.timers).toBe(0)
  })

  test('R12 what can not be is refused when it is added: no interval, and a group, which never beats', () => {
    const { shop } = shopUnderVirtualTime()
    expect(() => shop.add(plain('db'), { heartbeat: { interval: 0 } })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_DURATION', service: 'db' }),
    )
    expect(() => shop.add(serviceGroup('workers'), { heartbeat: { interval: 100 } })).toThrow(
      '"workers": a group has no heartbeat of its own; set heartbeat on the services inside it',
    )
    expect(shop.size).toBe(0)
  })
})

describe('S10 a busy service extends its deadline', () => {
  /** A hook that takes its time, and asks for more at some moments: `[when, how much]`. */
  const busy =
    (time: VirtualTime, lasts: number, ...asks: readonly (readonly [at: number, ms: number])[]) =>
    ({ extend }: ServiceContext): Promise<void> =>
      new Promise(resolve => {
        for (const [at, ms] of asks)
          if (at === 0) extend(ms)
          else time.schedule(() => extend(ms), at)
        time.schedule(() => resolve(), lasts)
      })

  const start = async (lasts: number, ...asks: readonly (readonly [number, number])[]): Promise<readonly string[]> => {
    const { time, shop } = shopUnderVirtualTime()
    shop.add(plain('db', { start: busy(time, lasts, ...asks) }), { startTimeout: 100, stopTimeout: 1_000 })
    const trace = recordTrace(shop, { times: true })
    shop.start().catch(() => undefined)
    await time.advance(5_000)
    await shop.stop()
    expect(time.timers).toBe(0)
    return trace.lines.filter(line => line.includes('shop/db')).slice(1, 4)
  }

  test.each<[string, number, (readonly [number, number])[], string[]]>([
    ['not at all', 300, [], ['100 shop/db stopping', '300 shop/db failed ERR_START_TIMEOUT']],
    ['at once, before its clock runs', 300, [[0, 301]], ['0 shop/db starting (deadline 301)', '300 shop/db running']],
    ['just before it passes', 300, [[99, 202]], ['99 shop/db starting (deadline 301)', '300 shop/db running']],
    ['after it passed: no effect', 300, [[101, 500]], ['100 shop/db stopping', '300 shop/db failed ERR_START_TIMEOUT']],
    ['by less than is left: never shortened', 90, [[10, 5]], ['90 shop/db running', '5000 shop/db running (leaving)']],
  ])('S10 in start, %s', async (_, lasts, asks, lines) => {
    expect((await start(lasts, ...asks)).slice(0, 2)).toEqual(lines)
  })

  test('S10 again and again, as long as it is busy; the error tells how long it was given', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const asks = Array.from({ length: 10 }, (_, i) => [50 * (i + 1), 60] as const)
    shop.add(plain('db', { start: busy(time, 2_000, ...asks) }), { startTimeout: 100 })
    const started = rejectionOf(shop.start())
    await time.advance(559)
    expect(shop.status.services['shop/db']?.state.phase).toBe('starting')
    await time.advance(1_500)
    expect(await started).toMatchObject({
      cause: { code: 'ERR_START_TIMEOUT', message: expect.stringContaining('start timed out after 560 ms') },
    })
  })

  test('S10 in drain and in stop, each its own deadline, before it passes and not after', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(plain('db', { stop: busy(time, 300, [90, 300]) }), { stopTimeout: 100 })
      .add(plain('late', { stop: busy(time, 300, [110, 300]) }), { stopTimeout: 100 })
      .add(plain('orders', { drain: busy(time, 300, [90, 300]) }), { drainTimeout: 100 })
      .add(plain('tardy', { drain: busy(time, 250, [110, 300]) }), { drainTimeout: 100 })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    void shop.stop()
    await time.advance(1_000)
    const lines = trace.lines.slice(10).filter(line => !/ shop /.test(line) && !line.includes('leaving'))
    expect(lines).toEqual([
      '0 shop/orders draining',
      '0 shop/tardy draining',
      '90 shop/orders draining (deadline 390)',
      '100 shop/tardy drained (timed out)',
      '300 shop/orders drained',
      '300 shop/tardy stopping',
      '300 shop/tardy stopped',
      '300 shop/orders stopping',
      '300 shop/orders stopped',
      '300 shop/late stopping',
      '600 shop/late stopped (forced) ERR_STOP_TIMEOUT',
      '600 shop/db stopping',
      '690 shop/db stopping (deadline 990)',
      '900 shop/db stopped',
    ])
    expect(time.timers).toBe(0)
  })

  test('S10 a task extends the stop that its signal began', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const main = ({ signal, extend }: ServiceContext): Promise<void> =>
      new Promise(resolve =>
        signal.addEventListener('abort', () => {
          extend(500)
          time.schedule(() => resolve(), 400)
        }),
      )
    shop.add(task('worker', main), { stopTimeout: 100 })
    await shop.start()
    void shop.stop()
    await time.advance(1_000)
    expect(outcomes(shop.report)).toEqual({ 'shop/worker': 'stopped' })
  })

  test('S10 the clock of the whole shutdown is not extended, nor the time to let go', async () => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 200, forceTimeout: 50 })
    const asks = [
      [10, 19_000],
      [210, 9_000],
    ] as const
    shop.add(plain('db', { stop: busy(time, 9_000, ...asks) }))
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    void shop.stop()
    await time.advance(9_000)
    expect(trace.lines.filter(line => line.includes('shop/db')).slice(3)).toEqual([
      '0 shop/db stopping',
      '10 shop/db stopping (deadline 19010)',
      '250 shop/db stopped (abandoned) ERR_ABANDONED',
    ])
  })

  test('S10 extend means nothing while it runs; what is no time is refused', async () => {
    const { shop } = shopUnderVirtualTime()
    let context: ServiceContext | undefined
    const start = (its: ServiceContext): void => {
      context = its
    }
    shop.add(plain('db', { start }))
    const trace = recordTrace(shop)
    await shop.start()
    context?.extend(100)
    expect(linesOf(trace.lines, 'shop/db')).toEqual(['starting', 'running'])
    for (const ms of [-1, Number.NaN, Infinity])
      expect(() => context?.extend(ms)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_DURATION' }))
    await shop.stop()
  })
})

describe('V5 readiness is explained', () => {
  test('V5 while it starts: who is not ready, and through which dependency', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const workers = serviceGroup('workers', { clock: time }).add(plain('mailer', { start: 'waits' }))
    shop
      .add(plain('probes'), { observer: true })
      .add(plain('db', { start: 30, clock: time }), { dependsOn: [] })
      .add(plain('orders'), { dependsOn: ['db'] })
      .add(plain('api'), { dependsOn: ['orders', 'db'] })
      .add(workers, { dependsOn: [] })
      .add(plain('last'))
    expect(shop.status.reasons).toEqual([{ path: 'shop', phase: 'idle' }])
    shop.start().catch(() => undefined)
    expect(shop.status.reasons).toEqual([
      { path: 'shop', phase: 'starting' },
      { path: 'shop/db', phase: 'starting' },
      { path: 'shop/orders', phase: 'waiting', through: ['shop/db'] },
      { path: 'shop/api', phase: 'waiting', through: ['shop/orders', 'shop/db'] },
      { path: 'shop/workers', phase: 'starting', through: ['shop/workers/mailer'] },
      { path: 'shop/workers/mailer', phase: 'starting' },
      { path: 'shop/last', phase: 'idle', through: ['shop/workers'] },
    ])
    await time.advance(30)
    expect(shop.status.reasons.map(({ path }) => path)).toEqual([
      'shop',
      'shop/workers',
      'shop/workers/mailer',
      'shop/last',
    ])
    await shop.stop()
  })

  test('V5 one that waits for what was added later names that, and nobody waits in a circle', () => {
    const { shop } = shopUnderVirtualTime()
    shop
      .add(plain('first', { start: 'waits' }))
      .add(plain('api'), { dependsOn: ['db'] })
      .add(plain('db'))
      .add(plain('log'))
    shop.start().catch(() => undefined)
    expect(shop.status.reasons.slice(1)).toEqual([
      { path: 'shop/first', phase: 'starting' },
      { path: 'shop/api', phase: 'waiting', through: ['shop/db'] },
      { path: 'shop/db', phase: 'idle', through: ['shop/first'] },
      { path: 'shop/log', phase: 'idle', through: ['shop/db'] },
    ])
  })

  test('V5 health$ tells a further reason that changes, though the group tells the same', async () => {
    const { shop } = shopUnderVirtualTime()
    const [db, api] = [plain('db'), plain('api')]
    shop.add(db).add(api)
    await shop.start()
    db.setHealth('warn', 'slow')
    api.setHealth('warn', 'full')
    const seen: string[] = []
    shop.health$.subscribe(({ detail, reasons }) =>
      seen.push(`${detail}: ${reasons.map(one => one.detail).join(', ')}`),
    )
    api.setHealth('warn', 'fuller')
    api.info({ port: 1 })
    db.setHealth('warn', 'slower')
    expect(seen).toEqual([
      'db: slow (and 1 more): slow, full',
      'db: slow (and 1 more): slow, fuller',
      'db: slower (and 1 more): slower, fuller',
    ])
  })

  test('V5 health$ tells only changes, each with its reasons; when it is not ready there is always one', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    const api = plain('api')
    shop.add(db).add(api)
    const seen: GroupHealth[] = []
    shop.health$.subscribe(health => seen.push(health))
    const statuses: GroupStatus[] = []
    shop.status$.subscribe(status => statuses.push(status))
    await shop.start()
    db.setHealth('warn', 'slow')
    db.info({ port: 1 })
    db.setHealth('warn', 'slow')
    api.setHealth('fail', 'down')
    db.setHealth('pass')
    api.setHealth('pass')
    await shop.stop('enough')
    expect(seen).toEqual([
      { health: 'pass', ready: false, reasons: [{ path: 'shop', phase: 'idle' }] },
      { health: 'pass', ready: true, reasons: [] },
      {
        health: 'warn',
        ready: true,
        detail: 'db: slow',
        reasons: [{ path: 'shop/db', phase: 'running', health: 'warn', detail: 'slow' }],
      },
      {
        health: 'fail',
        ready: false,
        detail: 'api: down (and 1 more)',
        reasons: [
          { path: 'shop/api', phase: 'running', health: 'fail', detail: 'down' },
          { path: 'shop/db', phase: 'running', health: 'warn', detail: 'slow' },
        ],
      },
      {
        health: 'fail',
        ready: false,
        detail: 'api: down',
        reasons: [{ path: 'shop/api', phase: 'running', health: 'fail', detail: 'down' }],
      },
      { health: 'pass', ready: true, reasons: [] },
      {
        health: 'pass',
        ready: false,
        reasons: [{ path: 'shop', phase: 'running', detail: 'leaving: stop(): enough' }],
      },
    ])
    for (const status of statuses) expect(status.ready || status.reasons.length > 0).toBe(true)
    expect(JSON.parse(JSON.stringify(seen.at(-1)))).toEqual(seen.at(-1))
  })

  test('V5 ready only when all that is required is: one added while it runs counts until it runs, also inside', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const workers = serviceGroup('workers', { clock: time })
    shop.add(plain('db')).add(workers)
    const events = recordTrace(shop)
    await shop.start()
    const ready: boolean[] = []
    shop.health$.subscribe(health => ready.push(health.ready))
    const mailer = plain('mailer', { start: 'waits' })
    workers.add(mailer)
    expect([shop.status.ready, shop.status.health]).toEqual([false, 'pass'])
    expect(shop.status.reasons).toEqual([{ path: 'shop/workers/mailer', phase: 'starting' }])
    mailer.start.succeed()
    await time.settle()
    expect([shop.status.ready, shop.status.reasons]).toEqual([true, []])
    expect(ready).toEqual([true, false, true])
    // Whoever folds the events elsewhere comes to the same.
    const folded = events.events.reduce<GroupStatus | undefined>(foldStatus, undefined)
    expect(JSON.stringify(folded)).toBe(JSON.stringify(shop.status))
    expect([folded?.ready, folded?.reasons]).toEqual([true, []])
    await shop.stop()
  })

  test('V5 a failure is the reason, also when all is over', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db).add(plain('api'))
    await shop.start()
    db.die()
    await shop.stop()
    expect(shop.status.reasons).toEqual([
      { path: 'shop', phase: 'failed', detail: expect.stringContaining('db died') },
      { path: 'shop/db', phase: 'failed', detail: expect.stringContaining('db died') },
    ])
  })
})
