import { type Clock, formatReport, job, type Service, type ServiceState, serviceGroup, task } from 'rx-service-group'
import { fakeService, recordTrace } from 'rx-service-group/testing'
import { concat, EMPTY, NEVER, Observable, type Subscriber, throwError, timer } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { linesOf, outcomes, plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

const failsAfter = (ms: number, clock: Clock): Observable<unknown> =>
  concat(
    timer(ms, clock),
    throwError(() => new Error('no such table')),
  )

describe('an optional service', () => {
  test.each(['throws', 'rejects'] as const)(
    'S14 whose start %s: the group is running without it, and says so',
    async start => {
      const { shop } = shopUnderVirtualTime()
      shop.add(plain('db')).add(plain('cache', { start }), { optional: true }).add(plain('api'))
      const trace = recordTrace(shop)
      await shop.start()
      expect(trace.take()).toEqual([
        'shop starting',
        'shop/db starting',
        'shop/db running',
        'shop/cache starting',
        'shop/cache failed ERR_START_FAILED',
        'shop/api starting',
        'shop/api running',
        'shop running warn "cache failed"',
      ])
      expect(shop.status).toMatchObject({ health: 'warn', ready: true })

      const report = await shop.stop()
      expect(trace.take()).toEqual([
        'shop running (leaving) warn "cache failed"',
        'shop/api running (leaving)',
        'shop/db running (leaving)',
        'shop stopping',
        'shop/api stopping',
        'shop/api stopped',
        'shop/db stopping',
        'shop/db stopped',
        'shop stopped',
      ])
      expect(trace.completed).toBe(true)
      // It failed, and that is what `ok` tells.
      expect(report).toMatchObject({
        ok: false,
        outcome: 'stopped',
        trigger: { by: 'call' },
        errors: [{ service: 'shop/cache', code: 'ERR_START_FAILED' }],
      })
      expect(report.errors).toHaveLength(1)
    },
  )

  test('S14 that dies later degrades health, and the others go on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const cache = plain('cache')
    const api = plain('api')
    shop.add(cache, { optional: true }).add(api, { dependsOn: ['cache'] })
    await shop.start()
    const trace = recordTrace(shop)
    cache.die()
    await time.advance(60_000)
    expect(trace.lines).toEqual(['shop/cache failed ERR_SERVICE_FAILED', 'shop running warn "cache failed"'])
    expect(api.ping()).toBe('pong')
    expect(shop.status).toMatchObject({ phase: 'running', health: 'warn', ready: true })
    expect(await shop.stop()).toMatchObject({ ok: false, errors: [{ service: 'shop/cache' }] })
  })

  test('S14 that is not well, or leaves by itself, is never more than a warning; a failing one is named first', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const cache = plain('cache')
    const db = plain('db')
    const workers = serviceGroup('workers', { clock: time }).add(plain('mailer', { stop: 'waits' }))
    shop.add(cache, { optional: true }).add(workers, { optional: true }).add(db)
    await shop.start()
    const trace = recordTrace(shop)
    cache.setHealth('fail', 'no route')
    expect(shop.status).toMatchObject({ health: 'warn', ready: true })
    void workers.stop()
    db.setHealth('fail', 'disk full')
    db.setHealth('pass')
    cache.setHealth('pass')
    expect(linesOf(trace.lines, 'shop')).toEqual([
      'running warn "cache: no route"',
      'running warn "cache: no route (and 1 more)"',
      'running fail "db: disk full (and 2 more)"',
      'running warn "cache: no route (and 1 more)"',
      'running warn "workers: stopping"',
    ])
  })

  test('S14 that runs out of its start time, or can not be got rid of, is gone on without', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(plain('slow', { start: 'waits' }), { optional: true, startTimeout: 50 })
      .add(plain('stuck', { start: 'hangs' }), { optional: true, startTimeout: 50, stopTimeout: 20 })
      .add(plain('api'))
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(10_000)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/slow starting',
      '50 shop/slow stopping',
      '50 shop/slow failed ERR_START_TIMEOUT',
      '50 shop/stuck starting',
      '100 shop/stuck stopping',
      '1120 shop/stuck stopped (abandoned) ERR_ABANDONED',
      '1120 shop/api starting',
      '1120 shop/api running',
      '1120 shop running warn "slow failed (and 1 more)"',
    ])
    expect(await shop.stop()).toMatchObject({ ok: false, outcome: 'abandoned' })
    expect(time.timers).toBe(0)
  })

  test('S14 that fails in the shutdown is in the report; the group itself has stopped', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db')).add(plain('cache', { stop: 'throws' }), { optional: true })
    await shop.start()
    expect(await shop.stop()).toMatchObject({
      ok: false,
      outcome: 'stopped',
      errors: [{ service: 'shop/cache', code: 'ERR_STOP_FAILED' }],
    })
  })

  test('S14 that is a group fails as one unit, its errors told by path', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const extras = serviceGroup('extras', { clock: time })
      .add(plain('a'))
      .add(plain('b', { start: 'throws' }))
    shop.add(extras, { optional: true }).add(plain('api'))
    const trace = recordTrace(shop)
    await shop.start()
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/extras starting',
      'shop/extras/a starting',
      'shop/extras/a running',
      'shop/extras/b starting',
      'shop/extras/b failed ERR_START_FAILED',
      'shop/extras/a running (leaving)',
      'shop/extras stopping',
      'shop/extras/a stopping',
      'shop/extras/a stopped',
      'shop/extras failed ERR_GROUP_FAILED',
      'shop/api starting',
      'shop/api running',
      'shop running warn "extras failed"',
    ])
    expect(await shop.stop()).toMatchObject({ ok: false, errors: [{ service: 'shop/extras/b' }] })
  })

  test('S14 inside a group degrades all the groups around it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const infra = serviceGroup('infra', { clock: time })
      .add(plain('db'))
      .add(plain('cache', { start: 'throws' }), { optional: true })
    shop.add(infra).add(plain('api'), { dependsOn: ['infra'] })
    await shop.start()
    expect(shop.status).toMatchObject({ phase: 'running', health: 'warn', ready: true })
    expect(shop.status.group.state).toMatchObject({ detail: 'infra: cache failed' })
  })

  test('S14 that is all there is: when it has failed, the group has ended, not well', async () => {
    const { shop } = shopUnderVirtualTime()
    const cache = plain('cache')
    shop.add(cache, { optional: true })
    await shop.start()
    cache.die()
    expect(await shop.stop()).toMatchObject({ ok: false, outcome: 'ended', trigger: { by: 'end' } })
  })
})

describe('a job that others depend on', () => {
  test('S15 they start when it has ended well', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(job('migrate', () => timer(30, time)))
      .add(plain('api'), { dependsOn: ['migrate'] })
      .add(plain('web', { start: 5, clock: time }), { dependsOn: ['api', 'migrate'] })
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(100)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/api waiting for migrate',
      '0 shop/web waiting for api, migrate',
      '0 shop/migrate starting',
      '30 shop/migrate stopped (ended)',
      '30 shop/web waiting for api',
      '30 shop/api starting',
      '30 shop/api running',
      '30 shop/web starting',
      '35 shop/web running',
      '35 shop running',
    ])
    expect(await shop.stop()).toMatchObject({ ok: true })
  })

  test('S15 a bad end fails them at once, by name, and the group', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const clock = time
    const api = plain('api')
    shop
      .add(fakeService('db', { drain: 50, clock, unready: 'absent' }))
      .add(job('migrate', () => failsAfter(10, time)))
      .add(plain('slow', { start: 'waits' }), { dependsOn: ['db'] })
      .add(api, { dependsOn: ['migrate', 'slow'] })
    const trace = recordTrace(shop, { times: true })
    const error = rejectionOf(shop.start())
    await time.advance(100)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/slow waiting for db',
      '0 shop/api waiting for migrate, slow',
      '0 shop/db starting',
      '0 shop/db running',
      '0 shop/migrate starting',
      '0 shop/slow starting',
      '10 shop/migrate failed ERR_START_FAILED',
      '10 shop/api failed ERR_DEPENDENCY_FAILED',
      '10 shop/slow stopping',
      '10 shop/db running (leaving)',
      '10 shop/db draining',
      '10 shop draining',
      '10 shop/slow stopped',
      '60 shop/db drained',
      '60 shop drained',
      '60 shop stopping',
      '60 shop/db stopping',
      '60 shop/db stopped',
      '60 shop failed ERR_GROUP_FAILED',
    ])
    // What only waited adds nothing to the cause.
    expect(await error).toMatchObject({
      service: 'shop/migrate',
      message: 'group "shop": start failed: service "migrate": start failed: no such table',
      errors: [{ code: 'ERR_START_FAILED', service: 'migrate' }],
    })
    expect(api.starts).toBe(0)
    expect(shop.report.trigger).toMatchObject({ by: 'failure', service: 'shop/migrate' })
    expect(shop.report.errors).toMatchObject([
      { service: 'shop/migrate', code: 'ERR_START_FAILED' },
      {
        service: 'shop/api',
        code: 'ERR_DEPENDENCY_FAILED',
        message: `service "api": can't start (api -> migrate): service "migrate": start failed: no such table`,
        cause: { code: 'ERR_START_FAILED', service: 'migrate', cause: { message: 'no such table' } },
      },
    ])
    expect(outcomes(shop.report)).toMatchObject({ 'shop/migrate': 'failed', 'shop/api': 'never started' })
    expect(time.timers).toBe(0)
  })

  test('S15 a job that is optional, and those that wait for it too: the group goes on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(
        job('warmup', () => failsAfter(10, time)),
        { optional: true },
      )
      .add(plain('hints'), { dependsOn: ['warmup'], optional: true })
      .add(plain('api'))
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(10)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/hints waiting for warmup',
      '0 shop/warmup starting',
      '10 shop/warmup failed ERR_START_FAILED',
      '10 shop/hints failed ERR_DEPENDENCY_FAILED',
      '10 shop/api starting',
      '10 shop/api running',
      '10 shop running warn "warmup failed (and 1 more)"',
    ])
    expect(await shop.stop()).toMatchObject({ ok: false, outcome: 'stopped' })
  })

  test('S15 S3 a group of jobs counts as one', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const setup = serviceGroup('setup', { clock: time })
      .add(job('schema', () => timer(10, time)))
      .add(job('seed', () => timer(20, time)))
    shop.add(plain('api'), { dependsOn: ['setup'] }).add(setup)
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(100)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/api waiting for setup',
      '0 shop/setup starting',
      '0 shop/setup/schema starting',
      '10 shop/setup/schema stopped (ended)',
      '10 shop/setup/seed starting',
      '30 shop/setup/seed stopped (ended)',
      '30 shop/setup running',
      '30 shop/setup running (leaving)',
      '30 shop/api starting',
      '30 shop/api running',
      '30 shop running',
      '30 shop/setup stopping',
      '30 shop/setup stopped (ended)',
    ])
  })
})

/** One whose states a test says by hand. */
const byHand = <const N extends string>(name: N): Service<N> & { say(...states: readonly ServiceState[]): void } => {
  let out: Subscriber<ServiceState> | undefined
  return {
    name,
    lifecycle: shutdown$ =>
      new Observable(listener => {
        out = listener
        listener.add(
          shutdown$.subscribe(({ step }) => {
            if (step === 'stop') listener.complete()
          }),
        )
      }),
    say: (...states) => {
      for (const state of states) {
        out?.next(state)
        if (state.phase === 'stopped') out?.complete()
      }
    },
  }
}

const RUNNING = { phase: 'running', health: 'pass' } as const
const STOPPING = { phase: 'stopping', reason: { by: 'call' } } as const
const BACKOFF = {
  phase: 'backoff',
  error: { name: 'Error', message: 'no' },
  attempt: 1,
  retryAt: 50,
} as const

describe('waiting for what can no longer come', () => {
  test('S16 when it was optional and has failed, who needs it fails at once, and the group by the usual rule', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const clock = time
    const api = plain('api')
    shop
      .add(plain('slow', { start: 50, clock }), { dependsOn: [] })
      .add(plain('cache', { start: () => failsAfter(10, time) }), { dependsOn: [], optional: true })
      .add(api, { dependsOn: ['slow', 'cache'] })
      .add(plain('web'), { dependsOn: ['api'] })
      .add(plain('last'))
    const trace = recordTrace(shop, { times: true })
    const error = rejectionOf(shop.start())
    await time.advance(100)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/api waiting for slow, cache',
      '0 shop/web waiting for api',
      '0 shop/slow starting',
      '0 shop/cache starting',
      '10 shop/cache failed ERR_START_FAILED',
      '10 shop/api failed ERR_DEPENDENCY_FAILED',
      '10 shop/web failed ERR_DEPENDENCY_FAILED',
      '10 shop/slow stopping',
      '10 shop stopping',
      '10 shop/last stopped',
      '10 shop/slow stopped',
      '10 shop failed ERR_GROUP_FAILED',
    ])
    expect(await error).toMatchObject({
      code: 'ERR_GROUP_FAILED',
      service: 'shop/api',
      message: expect.stringMatching(
        /^group "shop": start failed: service "api": can't start \(api -> cache\): service /,
      ),
      cause: { code: 'ERR_DEPENDENCY_FAILED', service: 'api', cause: { code: 'ERR_START_FAILED', service: 'cache' } },
    })
    expect(shop.report.trigger).toMatchObject({ service: 'shop/api', error: { code: 'ERR_DEPENDENCY_FAILED' } })
    expect(shop.report.errors.map(({ service, code }) => [service, code])).toEqual([
      ['shop/cache', 'ERR_START_FAILED'],
      ['shop/api', 'ERR_DEPENDENCY_FAILED'],
      ['shop/web', 'ERR_DEPENDENCY_FAILED'],
    ])
    expect(shop.report.errors[2]?.message).toMatch(
      /^service "web": can't start \(web -> api -> cache\): service "cache"/,
    )
    expect(api.asked).toEqual([])
    expect(time.timers).toBe(0)
  })

  test('S16 when who needs it is optional, the group goes on: also those who are only behind it in order', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const clock = time
    shop
      .add(plain('cache', { start: () => failsAfter(10, time) }), { optional: true })
      .add(plain('db', { start: 30, clock }), { dependsOn: [] })
      .add(plain('hints'), { dependsOn: ['db', 'cache'], optional: true })
      .add(plain('extra'), { dependsOn: ['hints'], optional: true })
      .add(plain('api'))
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(30)
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/hints waiting for db, cache',
      '0 shop/extra waiting for hints',
      '0 shop/cache starting',
      '0 shop/db starting',
      '10 shop/cache failed ERR_START_FAILED',
      '10 shop/hints failed ERR_DEPENDENCY_FAILED',
      '10 shop/extra failed ERR_DEPENDENCY_FAILED',
      '30 shop/db running',
      '30 shop/api starting',
      '30 shop/api running',
      '30 shop running warn "cache failed (and 2 more)"',
    ])
    expect(outcomes(await shop.stop())).toEqual({
      'shop/cache': 'failed',
      'shop/db': 'stopped',
      'shop/hints': 'never started',
      'shop/extra': 'never started',
      'shop/api': 'stopped',
    })
  })

  test('S16 when it was stopped by itself before it ran', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const infra = serviceGroup('infra', { clock: time }).add(plain('db', { start: 'waits' }))
    shop
      .add(infra, { optional: true })
      .add(plain('api'), { dependsOn: ['infra'], optional: true })
      .add(plain('web'))
    void shop.start()
    const trace = recordTrace(shop)
    await infra.stop()
    expect(trace.lines).toEqual([
      'shop/infra/db stopping',
      'shop/infra stopping',
      'shop/infra/db stopped',
      'shop/infra stopped',
      'shop/api failed ERR_DEPENDENCY_FAILED',
      'shop/web starting',
      'shop/web running',
      'shop running warn "infra was stopped (and 1 more)"',
    ])
    expect(shop.report.errors.map(({ message }) => message)).toEqual([
      `service "api": can't start (api -> infra): service "infra": start failed: it was stopped before it ran`,
    ])
  })

  test('S16 when it ran and was stopped by itself before its dependent could start', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const infra = serviceGroup('infra', { clock: time }).add(plain('db'))
    shop
      .add(infra)
      .add(plain('slow', { start: 'waits' }))
      .add(plain('api'), { dependsOn: ['infra', 'slow'], optional: true })
    const started = shop.start()
    const trace = recordTrace(shop)
    await infra.stop()
    expect(trace.lines.slice(-3)).toEqual([
      'shop/infra/db stopped',
      'shop/infra stopped',
      'shop/api failed ERR_DEPENDENCY_FAILED',
    ])
    expect(shop.report.errors.map(({ message }) => message)).toEqual([
      `service "api": can't start (api -> infra): "infra" was stopped; restart that one first`,
    ])
    expect(shop.status.phase).toBe('starting')
    // Nothing that lived has failed, and yet not all went well.
    void rejectionOf(started)
    expect(await shop.stop()).toMatchObject({ ok: false, outcome: 'stopped' })
  })

  test('S16 when it ran and has failed before its dependent could start', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const cache = plain('cache')
    const slow = plain('slow', { start: 'waits' })
    shop
      .add(cache, { optional: true })
      .add(slow, { dependsOn: [] })
      .add(plain('api'), { dependsOn: ['cache', 'slow'] })
    const error = rejectionOf(shop.start())
    const trace = recordTrace(shop)
    cache.die()
    await time.settle()
    expect(trace.lines.slice(0, 2)).toEqual([
      'shop/cache failed ERR_SERVICE_FAILED',
      'shop/api failed ERR_DEPENDENCY_FAILED',
    ])
    expect(await error).toMatchObject({ cause: { service: 'api', cause: { service: 'cache' } } })
  })

  test('S16 T11 one that ran and ended well before its dependent could start is no loss', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const seed = plain('seed')
    const slow = plain('slow', { start: 'waits' })
    shop
      .add(seed)
      .add(slow)
      .add(plain('api'), { dependsOn: ['seed', 'slow'] })
    void shop.start()
    const trace = recordTrace(shop)
    seed.end()
    slow.start.succeed()
    await time.settle()
    expect(trace.lines).toEqual([
      'shop/seed stopped (ended)',
      'shop/slow running',
      'shop/api starting',
      'shop/api running',
      'shop running',
    ])
  })

  test('S16 what counts is the moment of the start: one that is away then is waited for, and may come back', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = byHand('db')
    const slow = plain('slow', { start: 'waits' })
    shop
      .add(db)
      .add(slow)
      .add(plain('api'), { dependsOn: ['db', 'slow'] })
    void shop.start()
    db.say(RUNNING)
    const trace = recordTrace(shop)
    db.say(BACKOFF)
    slow.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual([
      'shop/db backoff (attempt 1 at 50) no',
      'shop/api waiting for db, slow',
      'shop/slow running',
      'shop/api waiting for db',
    ])
    db.say({ phase: 'starting', attempt: 2 }, RUNNING)
    expect(trace.take()).toEqual([
      'shop/db starting (attempt 2)',
      'shop/db running',
      'shop/api starting',
      'shop/api running',
      'shop running',
    ])
  })

  test('S16 one that is away at the moment of the start, and does not come back', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = byHand('db')
    const slow = plain('slow', { start: 'waits' })
    shop
      .add(db)
      .add(slow)
      .add(plain('api'), { dependsOn: ['db', 'slow'], optional: true })
    void shop.start()
    db.say(RUNNING, STOPPING)
    slow.start.succeed()
    await time.settle()
    const trace = recordTrace(shop)
    db.say({ phase: 'stopped', how: 'stopped' })
    expect(trace.lines).toEqual([
      'shop/db stopped',
      'shop/api failed ERR_DEPENDENCY_FAILED',
      'shop running warn "api failed"',
    ])
  })

  test('S16 when the last one that the group needs is released, the group does not come up before it fails', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = byHand('db')
    const slow = plain('slow', { start: 'waits' })
    shop
      .add(db)
      .add(slow)
      .add(plain('api'), { dependsOn: ['db', 'slow'] })
    const error = rejectionOf(shop.start())
    db.say(RUNNING, STOPPING)
    slow.start.succeed()
    await time.settle()
    const trace = recordTrace(shop)
    db.say({ phase: 'stopped', how: 'stopped' })
    expect(await error).toMatchObject({ code: 'ERR_GROUP_FAILED', service: 'shop/api' })
    expect(trace.lines).toEqual([
      'shop/db stopped',
      'shop/api failed ERR_DEPENDENCY_FAILED',
      'shop/slow running (leaving)',
      'shop stopping',
      'shop/slow stopping',
      'shop/slow stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
  })

  test('S16 when one that the group needs is released, nobody moves up in its place', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = byHand('db')
    const slow = plain('slow', { start: 'waits' })
    const late = plain('late')
    shop
      .add(db)
      .add(slow)
      .add(plain('api'), { dependsOn: ['db', 'slow'] })
      .add(late)
    const error = rejectionOf(shop.start())
    db.say(RUNNING, STOPPING)
    slow.start.succeed()
    await time.settle()
    db.say({ phase: 'stopped', how: 'stopped' })
    expect(await error).toMatchObject({ cause: { code: 'ERR_DEPENDENCY_FAILED', service: 'api' } })
    expect([late.starts, slow.alive]).toEqual([0, false])
  })

  test('S16 who waits is told only what is new', async () => {
    const { shop } = shopUnderVirtualTime()
    const cache = plain('cache')
    shop
      .add(cache)
      .add(plain('slow', { start: 'waits' }))
      .add(plain('api'), { dependsOn: ['cache', 'slow'] })
    void shop.start()
    const trace = recordTrace(shop)
    cache.setHealth('warn', 'cold')
    cache.setHealth('pass')
    expect(trace.lines).toEqual(['shop/cache running warn "cold"', 'shop/cache running'])
  })

  test('S16 a group that waits in vain is gone with all that is in it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const deep = plain('deep')
    const inner = serviceGroup('inner', { clock: time }).add(deep)
    const workers = serviceGroup('workers', { clock: time }).add(plain('mailer')).add(inner)
    shop
      .add(plain('cache', { start: 'throws' }), { optional: true })
      .add(workers, { dependsOn: ['cache'], optional: true })
    const trace = recordTrace(shop)
    await shop.start()
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/workers waiting for cache',
      'shop/cache starting',
      'shop/cache failed ERR_START_FAILED',
      'shop/workers/inner/deep stopped',
      'shop/workers/inner stopped',
      'shop/workers/mailer stopped',
      'shop/workers failed ERR_DEPENDENCY_FAILED',
      'shop running warn "cache failed (and 1 more)"',
      'shop running (leaving) warn "cache failed (and 1 more)"',
      'shop stopping',
      'shop stopped (ended)',
    ])
    expect(deep.starts).toBe(0)
    expect(() => workers.add(plain('late'))).toThrow(expect.objectContaining({ code: 'ERR_GROUP_STOPPED' }))
  })

  test('S16 inside a group: the group fails for it, and what waits for the group in turn', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const infra = serviceGroup('infra', { clock: time })
      .add(plain('cache', { start: 'throws' }), { optional: true })
      .add(plain('api'), { dependsOn: ['cache'] })
    shop.add(infra, { optional: true }).add(plain('web'), { dependsOn: ['infra'], optional: true })
    const trace = recordTrace(shop)
    await shop.start()
    expect(trace.lines.slice(4)).toEqual([
      'shop/infra/cache starting',
      'shop/infra/cache failed ERR_START_FAILED',
      'shop/infra/api failed ERR_DEPENDENCY_FAILED',
      'shop/infra stopping',
      'shop/infra failed ERR_GROUP_FAILED',
      'shop/web failed ERR_DEPENDENCY_FAILED',
      'shop running warn "infra failed (and 1 more)"',
      'shop running (leaving) warn "infra failed (and 1 more)"',
      'shop stopping',
      'shop stopped (ended)',
    ])
  })

  test('S16 one that was abandoned counts as lost', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(plain('stuck', { start: 'hangs' }), { optional: true, startTimeout: 50, stopTimeout: 20 })
      .add(plain('api'), { dependsOn: ['stuck'], optional: true })
      .add(plain('web'))
    const trace = recordTrace(shop, { times: true })
    void shop.start()
    await time.advance(2_000)
    expect(trace.lines.slice(4)).toEqual([
      '1070 shop/stuck stopped (abandoned) ERR_ABANDONED',
      '1070 shop/api failed ERR_DEPENDENCY_FAILED',
      '1070 shop/web starting',
      '1070 shop/web running',
      '1070 shop running warn "stuck was abandoned (and 1 more)"',
    ])
  })

  test('S16 a listener that stops the group meanwhile stops it: what is left never starts', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(fakeService('db', { drain: 'waits', unready: 'absent' }), { drainTimeout: 50 })
      .add(plain('cache', { start: 'throws' }), { optional: true })
    for (const name of ['a', 'b', 'c']) shop.add(plain(name), { dependsOn: ['cache'], optional: true })
    shop.events$.subscribe(event => {
      if (event.kind === 'transition' && event.path === 'shop/a' && event.state.phase === 'failed') void shop.stop()
    })
    const trace = recordTrace(shop)
    const error = rejectionOf(shop.start())
    await time.advance(50)
    expect(await error).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    expect(trace.lines.slice(6)).toEqual([
      'shop/cache starting',
      'shop/cache failed ERR_START_FAILED',
      'shop/a failed ERR_DEPENDENCY_FAILED',
      'shop/db running (leaving)',
      'shop/db draining',
      'shop draining',
      'shop/db drained (timed out)',
      'shop drained',
      'shop stopping',
      'shop/b stopped',
      'shop/c stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop stopped',
    ])
  })

  test('S16 a listener that brings down another meanwhile: each that waited for both fails once', async () => {
    const { shop } = shopUnderVirtualTime()
    const left = plain('left')
    const right = plain('right')
    shop
      .add(left, { optional: true })
      .add(right, { optional: true })
      .add(plain('slow', { start: 'waits' }))
    for (const name of ['a', 'b']) shop.add(plain(name), { dependsOn: ['left', 'right', 'slow'], optional: true })
    void shop.start()
    const trace = recordTrace(shop)
    shop.events$.subscribe(event => {
      if (event.kind === 'transition' && event.path === 'shop/a' && event.state.phase === 'failed') right.die()
    })
    left.die()
    expect(trace.lines).toEqual([
      'shop/left failed ERR_SERVICE_FAILED',
      'shop/a failed ERR_DEPENDENCY_FAILED',
      'shop/right failed ERR_SERVICE_FAILED',
      'shop/b failed ERR_DEPENDENCY_FAILED',
    ])
  })

  test('S16 a shutdown releases who waits as it always did: they never start, and have not failed', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db', { start: 'waits' })).add(plain('api'), { dependsOn: ['db'] })
    void rejectionOf(shop.start())
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: true, errors: [] })
    expect(outcomes(report)).toEqual({ 'shop/db': 'stopped', 'shop/api': 'never started' })
  })

  test('S16 ten thousand that wait one for another are released without overflowing the stack', {
    timeout: 60_000,
  }, async () => {
    const { shop } = shopUnderVirtualTime()
    const count = 10_000
    const db = plain('0', { start: 'waits' })
    shop.add(db, { optional: true })
    for (let i = 1; i < count; i++)
      shop.add({ name: `${i}`, start: () => undefined }, { dependsOn: [`${i - 1}`], optional: true })
    const started = shop.start()
    db.start.fail(new Error('no'))
    await started
    const last = shop.status.list[count - 1]?.state
    expect(last).toMatchObject({
      phase: 'failed',
      error: {
        message: `service "9999": can't start (9999 -> 9998 -> 9997 -> 9996 -> 9995 -> 9994 -> 9993 -> ... -> 0): service "0": start failed: no`,
      },
    })
  })

  test('S16 one that is added later and would wait in vain is refused; the group and other newcomers go on', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('cache', { start: 'throws' }), { optional: true }).add(plain('db'))
    await shop.start()
    const api = plain('api')
    expect(() => shop.add(api, { dependsOn: ['db', 'cache'] })).toThrow(
      expect.objectContaining({
        code: 'ERR_DEPENDENCY_FAILED',
        service: 'api',
        message: expect.stringMatching(/^service "api": can't start \(api -> cache\): service "cache": start failed/),
        cause: expect.objectContaining({ code: 'ERR_START_FAILED' }),
      }),
    )
    expect(shop.status).toMatchObject({ phase: 'running', health: 'warn' })
    shop.add(api, { dependsOn: ['db'] }).add(plain('late'))
    expect(api.ping()).toBe('pong')
    expect(shop.status.services['shop/late']?.state.phase).toBe('running')
  })

  test('S16 one that is added after another was stopped by itself starts all the same', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const infra = serviceGroup('infra', { clock: time }).add(plain('db'))
    shop.add(infra).add(plain('api'))
    await shop.start()
    await infra.stop()
    const late = plain('late')
    shop.add(late)
    expect(late.ping()).toBe('pong')
  })
})

describe('what an end means', () => {
  test('T11 by default nothing: the group goes on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const main = plain('main')
    shop.add(main, { onEnd: 'continue' }).add(plain('api'))
    await shop.start()
    main.end()
    await time.advance(1_000)
    expect(shop.status.phase).toBe('running')
  })

  test('T11 stop-group: the group shuts down gracefully, and the trigger names whose end it was', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 20 })
    const clock = time
    const db = plain('db')
    const main = plain('main')
    shop
      .add(db)
      .add(main, { onEnd: 'stop-group' })
      .add(fakeService('api', { drain: 30, stop: 10, clock, unready: 'absent' }))
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    main.end()
    await time.advance(100)
    expect(trace.lines).toEqual([
      '0 shop/main stopped (ended)',
      '0 shop running (leaving)',
      '0 shop/api running (leaving)',
      '0 shop/db running (leaving)',
      '20 shop/api draining',
      '20 shop draining',
      '50 shop/api drained',
      '50 shop drained',
      '50 shop stopping',
      '50 shop/api stopping',
      '60 shop/api stopped',
      '60 shop/db stopping',
      '60 shop/db stopped',
      '60 shop stopped (ended)',
    ])
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: true, outcome: 'ended', trigger: { by: 'end', service: 'shop/main' } })
    expect(formatReport(report)).toContain('shop/main has ended')
    expect(db.stop.reason).toEqual({ by: 'end', service: 'shop/main' })
  })

  test('T11 stop-group: an end during the start is heeded once the group is running', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop
      .add(
        job('import', () => timer(10, time)),
        { onEnd: 'stop-group' },
      )
      .add(plain('api', { start: 20, clock: time }))
    const trace = recordTrace(shop, { times: true })
    const started = watch(shop.start())
    await time.advance(100)
    expect(started.now).toBe('resolved')
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/import starting',
      '10 shop/import stopped (ended)',
      '10 shop/api starting',
      '30 shop/api running',
      '30 shop running',
      '30 shop running (leaving)',
      '30 shop/api running (leaving)',
      '30 shop stopping',
      '30 shop/api stopping',
      '30 shop/api stopped',
      '30 shop stopped (ended)',
    ])
  })

  test('T11 stop-group: a bad end is no end but a failure', async () => {
    const { shop } = shopUnderVirtualTime()
    const main = plain('main')
    shop.add(main, { onEnd: 'stop-group', optional: true }).add(plain('api'))
    await shop.start()
    main.die()
    expect(shop.status).toMatchObject({ phase: 'running', health: 'warn' })
    expect(await shop.stop()).toMatchObject({ trigger: { by: 'call' } })
  })

  test('T11 stop-group: in a shutdown that is under way it changes nothing', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const main = fakeService('main', { drain: 'waits' })
    shop.add(main, { onEnd: 'stop-group' }).add(plain('api', { stop: 'waits' }))
    await shop.start()
    void shop.stop('by hand')
    main.end()
    await time.settle()
    expect(shop.status).toMatchObject({ phase: 'stopping', trigger: { by: 'call', message: 'by hand' } })
  })

  test('T11 stop-group: an observer may be the one', async () => {
    const { shop } = shopUnderVirtualTime()
    const watcher = plain('watcher')
    shop.add(plain('api')).add(watcher, { observer: true, onEnd: 'stop-group' })
    await shop.start()
    watcher.end()
    expect(await shop.stop()).toMatchObject({ ok: true, trigger: { by: 'end', service: 'shop/watcher' } })
  })

  test.each([
    ['continue', 'running', undefined],
    ['stop-group', 'stopped', { by: 'end', service: 'shop/workers' }],
  ] as const)(
    'T11 stop-group inside a group ends that one; what it means outside is said there: %s',
    async (onEnd, phase, trigger) => {
      const { time, shop } = shopUnderVirtualTime()
      const main = plain('main')
      const workers = serviceGroup('workers', { clock: time })
        .add(fakeService('mailer', { otherwise: 'resolves' }))
        .add(main, { onEnd: 'stop-group' })
      shop.add(plain('api')).add(workers, { onEnd })
      await shop.start()
      const trace = recordTrace(shop)
      main.end()
      await time.settle()
      expect(linesOf(trace.lines, 'shop').filter(line => line.includes('fail'))).toEqual([])
      expect(linesOf(trace.lines, 'shop/workers')).toEqual([
        'running (leaving)',
        'draining',
        'drained',
        'stopping',
        'stopped (ended)',
      ])
      expect(shop.status).toMatchObject({ phase, trigger, health: 'pass' })
      expect(await shop.stop()).toMatchObject({ ok: true })
    },
  )

  describe('fail', () => {
    test('R1 an end that nobody asked for is a failure, which brings the group down and names the service', async () => {
      const { shop } = shopUnderVirtualTime()
      const main = plain('main')
      shop.add(plain('db')).add(main, { onEnd: 'fail' })
      await shop.start()
      const trace = recordTrace(shop)
      main.end()
      const report = await shop.stop()
      expect(trace.lines.slice(0, 1)).toEqual(['shop/main failed ERR_SERVICE_FAILED'])
      expect(report).toMatchObject({
        ok: false,
        outcome: 'failed',
        trigger: { by: 'failure', service: 'shop/main' },
        errors: [
          {
            code: 'ERR_SERVICE_FAILED',
            service: 'shop/main',
            message:
              'service "main": ended by itself; let it run until it is stopped, or choose another onEnd than "fail"',
          },
        ],
      })
      expect(outcomes(report)).toEqual({ 'shop/db': 'stopped', 'shop/main': 'failed' })
    })

    test.each<[string, (time: Clock) => Service]>([
      ['a task', () => task('main', () => undefined)],
      ['a job', () => job('main', () => undefined)],
      ['a lifecycle that only completes', () => ({ name: 'main', lifecycle: () => EMPTY })],
      [
        'a group whose services have all ended',
        clock => serviceGroup('main', { clock }).add(task('x', () => undefined)),
      ],
    ])('R1 %s that ends fails the start, or the group', async (_, make) => {
      const { time, shop } = shopUnderVirtualTime()
      shop.add(plain('db')).add(make(time), { onEnd: 'fail' })
      await shop.start().catch(() => {})
      await time.settle()
      expect(shop.report).toMatchObject({ outcome: 'failed', errors: [{ code: 'ERR_SERVICE_FAILED' }] })
    })

    test('T11 an end after any step of a shutdown was asked for', async () => {
      const { time, shop } = shopUnderVirtualTime({ drainDelay: 50 })
      const main = plain('main')
      shop.add(plain('db')).add(main, { onEnd: 'fail' })
      await shop.start()
      const stop = shop.stop()
      main.end()
      await time.advance(50)
      expect(outcomes(await stop)).toEqual({ 'shop/db': 'stopped', 'shop/main': 'stopped' })
      expect(shop.report.ok).toBe(true)
    })

    test('T11 a nested group that was stopped by its own caller has not ended by itself', async () => {
      const { time, shop } = shopUnderVirtualTime()
      const inner = serviceGroup('inner', { clock: time }).add(plain('x'))
      shop.add(plain('db')).add(inner, { onEnd: 'fail' })
      await shop.start()
      await inner.stop()
      expect([shop.status.phase, shop.status.health]).toEqual(['running', 'pass'])
    })

    test('R2 a restart policy heals it as any failure, and an optional service only degrades health', async () => {
      const { time, shop } = shopUnderVirtualTime()
      const [main, extra] = [plain('main'), plain('extra')]
      const restart = { policy: 'transient', initialDelay: 100, jitter: 0 } as const
      shop.add(main, { onEnd: 'fail', restart }).add(extra, { onEnd: 'fail', optional: true })
      await shop.start()
      main.end()
      extra.end()
      await time.advance(100)
      expect([main.starts, extra.starts, shop.status.phase, shop.status.health]).toEqual([2, 1, 'running', 'warn'])
      expect(shop.status.service('extra')?.state).toMatchObject({ phase: 'failed' })
    })
  })

  test('T11 any other word is refused', () => {
    const { shop } = shopUnderVirtualTime()
    expect(() =>
      shop.add(
        task('main', () => NEVER),
        { onEnd: 'restrat' as 'continue' },
      ),
    ).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        service: 'main',
        message: expect.stringContaining('restrat'),
      }),
    )
    expect(shop.size).toBe(0)
  })
})
