import {
  fromObservable,
  type GroupOptions,
  job,
  type Report,
  type Service,
  type Shutdown,
  type StopReason,
  service,
  serviceGroup,
  task,
} from 'rx-service-group'
import {
  describeState,
  type FakeService,
  fakeService,
  recordTrace,
  type VirtualTime,
  virtualTime,
} from 'rx-service-group/testing'
import { EMPTY, NEVER, Subject } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { asked, linesOf, outcomes, plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

const pings = (...fakes: readonly FakeService[]): string =>
  fakes
    .filter(fake => fake.ping() === 'pong')
    .map(({ name }) => name)
    .join(' ')

const reports = (report: Report, path: string): Report['services'][number] =>
  report.services.find(service => service.path === path)!

describe('in reverse order', () => {
  test('T1 each is awaited: while one stops, all earlier ones still answer a ping', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { stop: 'waits' })
    const cache = plain('cache', { stop: 'waits' })
    const api = plain('api', { stop: 'waits' })
    shop.add(db).add(cache).add(api)
    await shop.start()
    const trace = recordTrace(shop)
    const stop = shop.stop()
    const stopped = watch(stop)
    await time.advance(100)
    expect(trace.take()).toEqual([
      'shop running (leaving)',
      'shop/api running (leaving)',
      'shop/cache running (leaving)',
      'shop/db running (leaving)',
      'shop stopping',
      'shop/api stopping',
    ])
    expect(pings(db, cache, api)).toBe('db cache')
    api.stop.succeed()
    await time.advance(100)
    expect(trace.take()).toEqual(['shop/api stopped', 'shop/cache stopping'])
    expect(pings(db, cache, api)).toBe('db')
    cache.stop.succeed()
    await time.advance(100)
    expect(trace.take()).toEqual(['shop/cache stopped', 'shop/db stopping'])
    expect([pings(db, cache, api), db.alive, stopped.now]).toEqual(['', true, 'pending'])
    db.stop.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/db stopped', 'shop stopped'])
    expect(await stop).toMatchObject({ ok: true, outcome: 'stopped', stopTook: 300 })
    expect(trace.completed).toBe(true)
    expect([db, cache, api].map(asked)).toEqual([
      ['start', 'stop'],
      ['start', 'stop'],
      ['start', 'stop'],
    ])
  })

  test.each([
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve()],
    ['an Observable', () => EMPTY],
    ['no hook', undefined],
  ])('T1 the trace is the same whether a stop returns %s', async (_, stop) => {
    const { shop } = shopUnderVirtualTime()
    for (const name of ['a', 'b']) shop.add(service(name, stop ? { stop } : {}))
    await shop.start()
    const trace = recordTrace(shop)
    await shop.stop()
    expect(trace.lines).toEqual([
      'shop running (leaving)',
      'shop/b running (leaving)',
      'shop/a running (leaving)',
      'shop stopping',
      'shop/b stopping',
      'shop/b stopped',
      'shop/a stopping',
      'shop/a stopped',
      'shop stopped',
    ])
  })

  test('T2 with a graph a stop begins only after all dependents are gone; independent ones overlap', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const clock = time
    shop
      .add(plain('db', { stop: 10, clock }), { dependsOn: [] })
      .add(plain('cache', { stop: 25, clock }), { dependsOn: [] })
      .add(plain('users', { stop: 15, clock }), { dependsOn: ['db'] })
      .add(plain('api', { stop: 20, clock }), { dependsOn: ['users', 'cache'] })
      .add(plain('mail', { stop: 50, clock }), { dependsOn: ['db'] })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    await time.advance(60)
    const report = await stop
    expect(trace.lines.slice(6)).toEqual([
      '0 shop stopping',
      '0 shop/api stopping',
      '0 shop/mail stopping',
      '20 shop/api stopped',
      '20 shop/cache stopping',
      '20 shop/users stopping',
      '35 shop/users stopped',
      '45 shop/cache stopped',
      '50 shop/mail stopped',
      '50 shop/db stopping',
      '60 shop/db stopped',
      '60 shop stopped',
    ])
    expect(report.criticalPath.stop).toEqual(['shop/mail', 'shop/db'])
    expect(report.stopTook).toBe(60)
  })
})

describe('unready and drain', () => {
  test('T3 they reach all that was running together, and every drain has ended before the first stop', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = fakeService('db', { drain: 'waits' })
    const bare = plain('bare')
    const api = fakeService('api', { drain: 'waits' })
    shop.add(db).add(bare).add(api)
    await shop.start()
    const trace = recordTrace(shop)
    const stop = shop.stop()
    await time.advance(100)
    expect(trace.take()).toEqual([
      'shop running (leaving)',
      'shop/api running (leaving)',
      'shop/bare running (leaving)',
      'shop/db running (leaving)',
      'shop/db draining',
      'shop/api draining',
      'shop draining',
    ])
    expect(pings(db, bare, api)).toBe('db bare api')
    db.pending(2)
    db.drain.succeed()
    await time.advance(100)
    expect(trace.take()).toEqual(['shop/db draining (2 pending)', 'shop/db drained'])
    expect(pings(db, bare, api)).toBe('db bare api')
    api.drain.succeed()
    await time.settle()
    expect(trace.take()).toEqual([
      'shop/api drained',
      'shop drained',
      'shop stopping',
      'shop/api stopping',
      'shop/api stopped',
      'shop/bare stopping',
      'shop/bare stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop stopped',
    ])
    const report = await stop
    expect(report.ok).toBe(true)
    expect([reports(report, 'shop/db').drainTook, reports(report, 'shop/api').drainTook]).toEqual([100, 200])
    expect(asked(db)).toEqual(['start', 'unready', 'drain', 'stop'])
  })

  test('T3 what others declare in dependsOn drains after them, also through one that has no drain', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = fakeService('db', { drain: 'waits' })
    const orders = plain('orders')
    const api = fakeService('api', { drain: 'waits' })
    const other = fakeService('other', { drain: 'waits' })
    shop
      .add(db, { dependsOn: [] })
      .add(orders, { dependsOn: ['db'] })
      .add(api, { dependsOn: ['orders'] })
      .add(other, { dependsOn: [] })
    await shop.start()
    const trace = recordTrace(shop)
    const stop = shop.stop()
    await time.settle()
    const draining = (): readonly string[] => trace.take().filter(line => / (draining|drained|stopping)$/.test(line))
    expect(draining()).toEqual(['shop/api draining', 'shop/other draining', 'shop draining'])
    other.drain.succeed()
    await time.settle()
    expect(draining()).toEqual(['shop/other drained'])
    api.drain.succeed()
    await time.settle()
    expect(draining()).toEqual(['shop/api drained', 'shop/db draining'])
    expect(pings(db, orders, api, other)).toBe('db orders api other')
    db.drain.succeed()
    await stop
    expect(draining().slice(0, 3)).toEqual(['shop/db drained', 'shop drained', 'shop stopping'])
  })

  test.each([
    ['waits', 'promise', false],
    ['waits', 'observable', false],
    ['hangs', 'promise', true],
  ] as const)(
    'T3 a drain that %s (%s) past its time is let go, and the stop goes on',
    async (drain, returns, abandoned) => {
      const { time, shop } = shopUnderVirtualTime()
      const db = fakeService('db', { stop: 'resolves' })
      const api = fakeService('api', { drain, returns, stop: 'resolves' })
      shop.add(db).add(api, { drainTimeout: 50 })
      await shop.start()
      const trace = recordTrace(shop, { times: true })
      const stop = shop.stop()
      await time.advance(49)
      expect(linesOf(trace.take(), '0 shop/api')).toEqual(['running (leaving)', 'draining'])
      expect([pings(db, api), api.drain.signal?.aborted]).toEqual(['db api', false])
      await time.advance(1)
      const report = await stop
      expect(trace.take()).toEqual([
        '50 shop/api drained (timed out)',
        '50 shop drained',
        '50 shop stopping',
        '50 shop/api stopping',
        `50 shop/api stopped${abandoned ? ' {abandoned: 1}' : ''}`,
        '50 shop/db stopping',
        '50 shop/db stopped',
        '50 shop stopped',
      ])
      expect(api.drain.signal?.aborted).toBe(true)
      expect(report.ok).toBe(false)
      expect(reports(report, 'shop/api')).toMatchObject({ outcome: 'stopped', timedOut: ['drain'], drainTook: 50 })
    },
  )

  test.each(['throws', 'rejects'] as const)('T3 a drain that %s counts as drained, and is reported', async drain => {
    const { shop } = shopUnderVirtualTime()
    const db = fakeService('db')
    const api = fakeService('api', { drain })
    shop.add(db).add(api)
    await shop.start()
    const trace = recordTrace(shop)
    const report = await shop.stop()
    expect(linesOf(trace.lines, 'shop/api')).toEqual([
      'running (leaving)',
      'draining',
      'drained',
      'stopping',
      'failed ERR_DRAIN_FAILED',
    ])
    expect(asked(api)).toEqual(['start', 'unready', 'drain', 'stop'])
    expect(report).toMatchObject({ ok: false, errors: [{ code: 'ERR_DRAIN_FAILED', service: 'shop/api' }] })
    expect(outcomes(report)).toEqual({ 'shop/db': 'stopped', 'shop/api': 'failed' })
  })

  test('T3 a stop that comes unannounced still says goodbye and drains first', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const log: string[] = []
    const db = fakeService('db', { drain: 10, clock: time, log })
    const infra = serviceGroup('infra', { clock: time, drainDelay: 5_000 }).add(
      fakeService('cache', { drain: 5, clock: time, log }),
    )
    shop.add(db).add(infra)
    const steps = new Subject<Shutdown>()
    shop.lifecycle(steps).subscribe()
    log.length = 0
    steps.next({ step: 'stop', reason: { by: 'call' } })
    await time.advance(10)
    expect(log).toEqual(['cache unready', 'db unready', 'db drain', 'cache drain', 'cache stop', 'db stop'])
    expect(await shop.stop()).toMatchObject({ ok: true, stopTook: 10 })
  })

  test('T3 an unready that never ends is not waited for; one that fails is reported', async () => {
    const { shop } = shopUnderVirtualTime()
    const api = fakeService('api', { unready: 'hangs' })
    const rude = fakeService('rude', { unready: 'throws' })
    shop.add(api).add(rude)
    await shop.start()
    const report = await shop.stop()
    expect(outcomes(report)).toEqual({ 'shop/api': 'stopped', 'shop/rude': 'failed' })
    expect(report.errors).toMatchObject([{ code: 'ERR_UNREADY_FAILED', service: 'shop/rude' }])
    expect(asked(rude)).toEqual(['start', 'unready', 'drain', 'stop'])
  })

  test('T10 drain delay: readiness is false at once, and every service serves until it passes', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 5_000 })
    const db = fakeService('db')
    const api = fakeService('api')
    shop.add(db).add(api)
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    expect(shop.status.ready).toBe(true)
    const stop = shop.stop()
    expect(shop.status.ready).toBe(false)
    expect([db, api].map(asked)).toEqual([
      ['start', 'unready'],
      ['start', 'unready'],
    ])
    await time.advance(4_999)
    expect(pings(db, api)).toBe('db api')
    expect(shop.status.phase).toBe('running')
    await time.advance(1)
    expect((await stop).ok).toBe(true)
    expect(trace.lines).toEqual([
      '0 shop running (leaving)',
      '0 shop/api running (leaving)',
      '0 shop/db running (leaving)',
      '5000 shop/db draining',
      '5000 shop/db drained',
      '5000 shop/api draining',
      '5000 shop/api drained',
      '5000 shop stopping',
      '5000 shop/api stopping',
      '5000 shop/api stopped',
      '5000 shop/db stopping',
      '5000 shop/db stopped',
      '5000 shop stopped',
    ])
    expect(time.timers).toBe(0)
  })

  test.each([Infinity, 2 ** 31])(
    'T10 a drain delay of %d ms, more than a timer can wait, lasts until the time of the whole shutdown is over',
    async drainDelay => {
      const shop = serviceGroup('shop', { drainDelay, shutdownTimeout: 60 }).add(fakeService('db'))
      await shop.start()
      const trace = recordTrace(shop)
      const { ok, trigger, services } = await shop.stop()
      expect(trace.lines).toEqual([
        'shop running (leaving)',
        'shop/db running (leaving)',
        'shop stopping',
        'shop/db stopping',
        'shop/db stopped (forced)',
        'shop stopped (forced)',
      ])
      expect([ok, trigger, services[0]?.outcome]).toEqual([false, { by: 'call' }, 'forced'])
    },
  )

  test('T9 force cuts the drain delay short, and drains and stops that are under way', async () => {
    for (const wait of [0, 5_000]) {
      const { time, shop } = shopUnderVirtualTime({ drainDelay: 5_000 })
      const log: string[] = []
      const db = fakeService('db', { drain: 'waits', log })
      const api = fakeService('api', { drain: 'waits', log })
      shop.add(db).add(api)
      const steps = new Subject<Shutdown>()
      shop.lifecycle(steps).subscribe()
      const stop = shop.stop({ by: 'signal', signal: 'SIGTERM' })
      await time.advance(wait)
      log.length = 0
      steps.next({ step: 'force', reason: { by: 'signal', signal: 'SIGINT' } })
      const report = await stop
      expect(log).toEqual(['api stop', 'api force', 'db stop', 'db force'])
      expect(outcomes(report)).toEqual({ 'shop/db': 'forced', 'shop/api': 'forced' })
      expect(report).toMatchObject({ ok: false, outcome: 'forced', trigger: { signal: 'SIGTERM' }, stopTook: wait })
      expect([db.stop.signal?.aborted, db.stop.reason]).toEqual([true, { by: 'signal', signal: 'SIGINT' }])
      expect([time.timers, steps.observed]).toEqual([0, false])
    }
  })
})

describe('stops that go wrong', () => {
  test('T4 a stop that fails, in whatever way, never prevents the others; errors are reported in stop order', async () => {
    const { shop } = shopUnderVirtualTime()
    const fakes = [
      plain('a'),
      plain('b', { stop: 'throws' }),
      plain('c', { stop: 'rejects' }),
      plain('d', { stop: 'rejects', returns: 'observable' }),
      plain('e'),
    ]
    for (const fake of fakes) shop.add(fake)
    await shop.start()
    const trace = recordTrace(shop)
    const report = await shop.stop()
    expect(trace.lines.slice(6)).toEqual([
      'shop stopping',
      'shop/e stopping',
      'shop/e stopped',
      'shop/d stopping',
      'shop/d failed ERR_STOP_FAILED',
      'shop/c stopping',
      'shop/c failed ERR_STOP_FAILED',
      'shop/b stopping',
      'shop/b failed ERR_STOP_FAILED',
      'shop/a stopping',
      'shop/a stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
    expect(report.errors.map(({ service, code, message }) => [service, code, message])).toEqual([
      ['shop/d', 'ERR_STOP_FAILED', 'service "d": stop failed: d: stop failed'],
      ['shop/c', 'ERR_STOP_FAILED', 'service "c": stop failed: c: stop failed'],
      ['shop/b', 'ERR_STOP_FAILED', 'service "b": stop failed: b: stop failed'],
    ])
    expect(report.ok).toBe(false)
    expect(fakes.every(fake => !fake.alive)).toBe(true)
  })

  test('T5 a stop that takes too long is forced and marked, and the next goes on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const slow = plain('slow', { stop: 'waits' })
    shop.add(db).add(slow, { stopTimeout: 100 }).add(plain('api'))
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    await time.advance(99)
    expect(pings(db)).toBe('db')
    expect(slow.stop.signal?.aborted).toBe(false)
    await time.advance(1)
    const report = await stop
    expect(trace.lines.slice(4)).toEqual([
      '0 shop stopping',
      '0 shop/api stopping',
      '0 shop/api stopped',
      '0 shop/slow stopping',
      '100 shop/slow stopped (forced) ERR_STOP_TIMEOUT',
      '100 shop/db stopping',
      '100 shop/db stopped',
      '100 shop stopped (forced)',
    ])
    expect(outcomes(report)).toEqual({ 'shop/db': 'stopped', 'shop/slow': 'forced', 'shop/api': 'stopped' })
    expect(reports(report, 'shop/slow')).toMatchObject({ timedOut: ['stop'], stopTook: 100 })
    expect(report).toMatchObject({ ok: false, errors: [{ code: 'ERR_STOP_TIMEOUT', service: 'shop/slow' }] })
    expect(time.timers).toBe(0)
  })

  test('T5 a force hook can make a stop end that ignores its signal', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const slow = fakeService('slow', {
      stop: 'hangs',
      force: ({ info }) => {
        info({ cut: 3 })
        slow.stop.succeed()
      },
    })
    shop.add(slow, { stopTimeout: 100 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    await time.advance(100)
    await stop
    expect(linesOf(trace.lines, '100 shop/slow')).toEqual([
      'stopping {cut: 3}',
      'stopped (forced) ERR_STOP_TIMEOUT {cut: 3}',
    ])
    expect(asked(slow)).toEqual(['start', 'unready', 'drain', 'stop', 'force'])
  })

  test('T5 a force that comes while a skipped drain holds back the stop still calls the stop', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const probes = fakeService('probes', { drain: 'hangs' })
    shop.add(probes, { observer: true, stopTimeout: 100 })
    await shop.start()
    const stop = shop.stop()
    await time.advance(100)
    await stop
    expect(asked(probes)).toEqual(['start', 'unready', 'drain', 'stop', 'force'])
    expect(probes.alive).toBe(false)
  })

  test('T5 what does not let go within the force budget is abandoned and named; a late settle changes nothing', async () => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 30 })
    const db = plain('db')
    const stuck = plain('stuck', { stop: 'hangs' })
    shop.add(db).add(stuck, { stopTimeout: 100 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    const stopped = watch(stop)
    await time.advance(129)
    expect([pings(db), stopped.now]).toEqual(['db', 'pending'])
    await time.advance(1)
    const report = await stop
    const lines = [
      '0 shop running (leaving)',
      '0 shop/stuck running (leaving)',
      '0 shop/db running (leaving)',
      '0 shop stopping',
      '0 shop/stuck stopping',
      '130 shop/stuck stopped (abandoned) ERR_ABANDONED',
      '130 shop/db stopping',
      '130 shop/db stopped',
      '130 shop stopped (abandoned)',
    ]
    expect(trace.lines).toEqual(lines)
    expect(reports(report, 'shop/stuck')).toMatchObject({ outcome: 'abandoned', timedOut: ['stop'] })
    expect(report).toMatchObject({
      ok: false,
      outcome: 'abandoned',
      errors: [
        {
          code: 'ERR_ABANDONED',
          service: 'shop/stuck',
          message:
            'service "stuck": did not end within 30 ms of force and was abandoned; raise forceTimeout, or release more in force()',
          cause: { code: 'ERR_STOP_TIMEOUT' },
        },
      ],
    })
    const after = shop.status
    stuck.stop.succeed()
    await time.advance(100_000)
    expect(shop.status).toBe(after)
    expect(shop.report).toEqual(report)
    expect(trace.lines).toEqual(lines)
    expect([trace.completed, time.timers]).toEqual([true, 0])
  })

  test('T5 a late failure of what was abandoned is nobody else’s business either', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const stuck = plain('stuck', { stop: 'hangs' })
    shop.add(stuck, { stopTimeout: 100 })
    await shop.start()
    const stop = shop.stop()
    await time.advance(1_100)
    const report = await stop
    stuck.stop.fail(new Error('too late'))
    await time.settle()
    expect(shop.report).toEqual(report)
  })

  test('T6 the clock of a stop starts at its own turn', async () => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: Infinity })
    const clock = time
    for (const name of ['a', 'b', 'c', 'd']) shop.add(plain(name, { stop: 99, clock }), { stopTimeout: 100 })
    await shop.start()
    const stop = shop.stop()
    await time.advance(4 * 99)
    const report = await stop
    expect(report).toMatchObject({ ok: true, errors: [], stopTook: 4 * 99 })
    expect(report.services.map(({ stoppedAfter, stopTook }) => [stoppedAfter, stopTook])).toEqual([
      [297, 99],
      [198, 99],
      [99, 99],
      [0, 99],
    ])
    expect(report.criticalPath.stop).toEqual(['shop/d', 'shop/c', 'shop/b', 'shop/a'])
  })
})

describe('the deadline of the whole shutdown', () => {
  test('T7 everything left is told to let go in reverse in one tick, none skipped; one force budget for all', async () => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 200, forceTimeout: 30, drainDelay: 50 })
    const log: string[] = []
    const names = ['a', 'b', 'c', 'd', 'e']
    const fakes = names.map(name => fakeService(name, { stop: name === 'c' ? 'waits' : 'hangs', log }))
    for (const fake of fakes) shop.add(fake)
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    const stopped = watch(stop)
    await time.advance(199)
    log.length = 0
    expect(pings(...fakes)).toBe('a b c d')
    await time.advance(1)
    expect(log).toEqual(['e force', 'd stop', 'd force', 'c stop', 'c force', 'b stop', 'b force', 'a stop', 'a force'])
    expect(fakes.map(({ stop }) => stop.signal?.aborted)).toEqual([true, true, true, true, true])
    await time.advance(29)
    expect(stopped.now).toBe('pending')
    await time.advance(1)
    const report = await stop
    expect(outcomes(report)).toEqual({
      'shop/a': 'abandoned',
      'shop/b': 'abandoned',
      'shop/c': 'forced',
      'shop/d': 'abandoned',
      'shop/e': 'abandoned',
    })
    expect(trace.lines.slice(-12)).toEqual([
      '50 shop stopping',
      '50 shop/e stopping',
      '200 shop/d stopping',
      '200 shop/c stopping',
      '200 shop/b stopping',
      '200 shop/a stopping',
      '200 shop/c stopped (forced)',
      '230 shop/e stopped (abandoned) ERR_ABANDONED',
      '230 shop/d stopped (abandoned) ERR_ABANDONED',
      '230 shop/b stopped (abandoned) ERR_ABANDONED',
      '230 shop/a stopped (abandoned) ERR_ABANDONED',
      '230 shop stopped (abandoned)',
    ])
    expect(report.stopTook).toBe(230)
    expect(time.timers).toBe(0)
  })

  test('T7 it also cuts a drain short, and counts from the trigger', async () => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 100 })
    const db = fakeService('db', { drain: 'hangs' })
    shop.add(db, { drainTimeout: Infinity, stopTimeout: Infinity })
    await shop.start()
    await time.advance(1_000)
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    await time.advance(100)
    await stop
    expect(trace.lines).toEqual([
      '1000 shop running (leaving)',
      '1000 shop/db running (leaving)',
      '1000 shop/db draining',
      '1000 shop draining',
      '1100 shop stopping',
      '1100 shop/db stopping',
      '1100 shop/db stopped (forced) {abandoned: 1}',
      '1100 shop stopped (forced)',
    ])
  })

  test('T7 nested groups included: stop() settles within one force budget, however deep', async () => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 200, forceTimeout: 30 })
    const clock = time
    const log: string[] = []
    const fakes = ['a', 'b', 'c', 'd'].map(name => fakeService(name, { stop: 'hangs', log }))
    const [a, b, c, d] = fakes as [FakeService, FakeService, FakeService, FakeService]
    const inner = serviceGroup('inner', { clock }).add(b).add(c)
    const outer = serviceGroup('outer', { clock }).add(inner).add(d)
    shop.add(a).add(outer)
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    const stopped = watch(stop)
    await time.advance(199)
    expect(pings(...fakes)).toBe('a b c')
    log.length = 0
    await time.advance(1)
    expect(log).toEqual(['d force', 'c stop', 'c force', 'b stop', 'b force', 'a stop', 'a force'])
    await time.advance(29)
    expect(stopped.now).toBe('pending')
    await time.advance(1)
    const report = await stop
    expect(outcomes(report)).toEqual({
      'shop/a': 'abandoned',
      'shop/outer': 'abandoned',
      'shop/outer/inner': 'abandoned',
      'shop/outer/inner/b': 'abandoned',
      'shop/outer/inner/c': 'abandoned',
      'shop/outer/d': 'abandoned',
    })
    expect(report.stopTook).toBe(230)
    expect(linesOf(trace.lines, '230 shop')).toEqual(['stopped (abandoned)'])
    await time.advance(10_000)
    expect(trace.completed).toBe(true)
    expect(time.timers).toBe(0)
  })

  test('T7 a service that is being forced already keeps its own budget', async () => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 100, forceTimeout: 70 })
    const db = plain('db', { stop: 'hangs' })
    const api = plain('api', { stop: 'hangs' })
    shop.add(db).add(api, { stopTimeout: 50 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    await time.advance(500)
    await stop
    expect(trace.lines.slice(3)).toEqual([
      '0 shop stopping',
      '0 shop/api stopping',
      '100 shop/db stopping',
      '120 shop/api stopped (abandoned) ERR_ABANDONED',
      '170 shop/db stopped (abandoned) ERR_ABANDONED',
      '170 shop stopped (abandoned)',
    ])
    expect(api.stop.calls).toBe(1)
  })

  test('T7 it runs for a shutdown that a failure began, too', async () => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 100, forceTimeout: 10 })
    const db = plain('db', { stop: 'hangs' })
    const api = plain('api')
    shop.add(db).add(api)
    await shop.start()
    await time.advance(500)
    api.die()
    await time.advance(110)
    expect(await shop.stop()).toMatchObject({ outcome: 'abandoned', stopTook: 110, trigger: { by: 'failure' } })
  })

  test.each<[string, GroupOptions, boolean]>([
    ['has no clock of its own', {}, false],
    ['keeps the clock that it was given', { shutdownTimeout: 5 }, true],
  ])('T7 a nested group that fails by itself %s', async (_, options, isForced) => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 100 })
    const db = plain('db', { stop: 'waits' })
    const dying = plain('dying')
    const infra = serviceGroup('infra', { clock: time, ...options })
      .add(db)
      .add(dying)
    shop.add(infra)
    await shop.start()
    dying.die()
    await time.advance(50)
    expect(db.stop.signal?.aborted).toBe(isForced)
    if (!isForced) db.stop.succeed()
    expect(await shop.stop()).toMatchObject({ outcome: 'failed' })
  })
})

describe('stop, from anywhere', () => {
  test('T8 called many times: one teardown, one result', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { stop: 'waits' })
    shop.add(db)
    await shop.start()
    const trace = recordTrace(shop)
    const stops = [shop.stop('first'), shop.stop('second'), shop.stop({ by: 'signal', signal: 'SIGTERM' })]
    await time.settle()
    stops.push(shop.stop('third'))
    db.stop.succeed()
    const [first, ...others] = await Promise.all(stops)
    expect(first?.trigger).toEqual({ by: 'call', message: 'first' })
    for (const other of others) expect(other).toBe(first)
    expect(await shop.stop('after')).toBe(first)
    await shop[Symbol.asyncDispose]()
    expect(trace.lines).toEqual([
      'shop running (leaving)',
      'shop/db running (leaving)',
      'shop stopping',
      'shop/db stopping',
      'shop/db stopped',
      'shop stopped',
    ])
    expect(asked(db)).toEqual(['start', 'stop'])
  })

  test.each(['unready', 'drain', 'stop'] as const)(
    'T8 called inside a %s hook: one teardown, one result',
    async hook => {
      const { shop } = shopUnderVirtualTime()
      const inside: Promise<Report>[] = []
      const calling = fakeService('calling', {
        [hook]: () => {
          inside.push(shop.stop('inside'))
          return Promise.resolve()
        },
      })
      const db = fakeService('db')
      shop.add(db).add(calling).add(fakeService('api'))
      await shop.start()
      const trace = recordTrace(shop)
      const report = await shop.stop('outside')
      expect(await Promise.all(inside)).toEqual([report])
      expect(report.trigger).toEqual({ by: 'call', message: 'outside' })
      expect([db, calling].map(asked)).toEqual([
        ['start', 'unready', 'drain', 'stop'],
        ['start', 'unready', 'drain', 'stop'],
      ])
      expect(linesOf(trace.lines, 'shop/calling')).toEqual([
        'running (leaving)',
        'draining',
        'drained',
        'stopping',
        'stopped',
      ])
    },
  )

  test('T8 called inside a running task, which waits for nothing: it ends, and so does the group', async () => {
    const { shop } = shopUnderVirtualTime()
    let report: Promise<Report> | undefined
    const db = plain('db')
    shop.add(db).add(
      task('calling', ({ signal }) => {
        report = shop.stop('inside')
        return signal.aborted ? undefined : new Promise(resolve => signal.addEventListener('abort', resolve))
      }),
    )
    const trace = recordTrace(shop)
    expect(await rejectionOf(shop.start())).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    expect(await report).toMatchObject({ ok: true, trigger: { by: 'call', message: 'inside' } })
    expect(trace.lines.slice(-5)).toEqual([
      'shop/calling stopping',
      'shop/calling stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop stopped',
    ])
  })

  test('T8 called by a listener that hears of the stop, and by a nested service', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const seen: Promise<Report>[] = []
    const infra = serviceGroup('infra', { clock: time }).add(
      plain('db', {
        stop: () => {
          seen.push(infra.stop('nested'), shop.stop('nested'))
        },
      }),
    )
    shop.add(infra)
    await shop.start()
    shop.events$.subscribe(() => seen.push(shop.stop('listener')))
    const report = await shop.stop('outside')
    expect(report).toMatchObject({ ok: true, trigger: { message: 'listener' } })
    for (const other of await Promise.all(seen)) expect(other.ok).toBe(true)
  })
})

describe('services that go by themselves', () => {
  test('T11 one that ends by itself before its turn changes nothing for the others', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const ending = fakeService('ending', { drain: 'waits' })
    const api = plain('api', { stop: 'waits' })
    shop.add(db).add(ending).add(api)
    await shop.start()
    const trace = recordTrace(shop)
    const stop = shop.stop()
    expect(trace.take().slice(-2)).toEqual(['shop/ending draining', 'shop draining'])
    ending.end()
    await time.settle()
    expect(trace.take()).toEqual(['shop/ending stopped', 'shop drained', 'shop stopping', 'shop/api stopping'])
    expect(pings(db, api)).toBe('db')
    api.stop.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/api stopped', 'shop/db stopping', 'shop/db stopped', 'shop stopped'])
    expect((await stop).ok).toBe(true)
    expect(ending.stop.calls).toBe(0)
  })

  test('T11 one that ends by itself while it runs leaves the others running', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const ending = plain('ending')
    const api = plain('api')
    shop.add(db).add(ending).add(api)
    await shop.start()
    const trace = recordTrace(shop)
    ending.end()
    await time.advance(1_000)
    expect(trace.take()).toEqual(['shop/ending stopped (ended)'])
    expect(pings(db, api)).toBe('db api')
    expect(shop.status).toMatchObject({ phase: 'running', health: 'pass', ready: true })
    await shop.stop()
    expect(trace.take()).toEqual([
      'shop running (leaving)',
      'shop/api running (leaving)',
      'shop/db running (leaving)',
      'shop stopping',
      'shop/api stopping',
      'shop/api stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop stopped',
    ])
  })

  test.each([
    ['while it drains', 'drain'],
    ['while it stops', 'stop'],
  ] as const)('T12 a crash %s is recorded, never restarted, never blocks', async (_, when) => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const dying = fakeService('dying', { [when]: 'waits' })
    shop.add(db).add(dying)
    await shop.start()
    const trace = recordTrace(shop)
    const stop = shop.stop()
    await time.settle()
    expect(dying[when].open).toBe(true)
    dying.die(new Error('crash'))
    const report = await stop
    expect(trace.lines.slice(when === 'drain' ? 5 : 7)).toEqual([
      'shop/dying failed ERR_SERVICE_FAILED',
      ...(when === 'drain' ? ['shop drained', 'shop stopping'] : []),
      'shop/db stopping',
      'shop/db stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
    expect(report).toMatchObject({
      ok: false,
      trigger: { by: 'call' },
      errors: [{ code: 'ERR_SERVICE_FAILED', service: 'shop/dying', cause: { message: 'crash' } }],
    })
    expect(dying.starts).toBe(1)
    expect(db.alive).toBe(false)
  })

  test('T12 a crash while another stops is recorded and does not disturb it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const dying = plain('dying')
    const db = plain('db')
    const api = plain('api', { stop: 'waits' })
    shop.add(dying).add(db).add(api)
    await shop.start()
    const stop = shop.stop()
    const trace = recordTrace(shop)
    dying.die()
    await time.settle()
    expect(trace.take()).toEqual(['shop/dying failed ERR_SERVICE_FAILED'])
    expect(pings(db)).toBe('db')
    api.stop.succeed()
    await stop
    expect(trace.take()).toEqual([
      'shop/api stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
    expect(asked(dying)).toEqual(['start'])
  })

  test('T12 a crash in the same tick as a step is recorded once', async () => {
    const { shop } = shopUnderVirtualTime()
    const fakes: FakeService[] = ['a', 'b', 'c'].map(name =>
      fakeService(name, {
        unready: ({ fail }) => {
          if (name === 'b') fail(new Error('in the same tick'))
        },
      }),
    )
    for (const fake of fakes) shop.add(fake)
    await shop.start()
    const trace = recordTrace(shop)
    const report = await shop.stop()
    expect(linesOf(trace.lines, 'shop/b')).toEqual(['running (leaving)', 'failed ERR_SERVICE_FAILED'])
    expect(report.errors).toHaveLength(1)
    expect(fakes.map(asked)).toEqual([
      ['start', 'unready', 'drain', 'stop'],
      ['start', 'unready'],
      ['start', 'unready', 'drain', 'stop'],
    ])
  })

  test('T14 stop is not called on what never started, has ended, has failed or has not finished starting', async () => {
    const { shop } = shopUnderVirtualTime()
    const ended = plain('ended')
    const starting = plain('starting', { start: 'waits' })
    const never = plain('never')
    let migrated = 0
    shop
      .add(job('migrate', () => void migrated++))
      .add(ended)
      .add(starting)
      .add(never)
    const start = rejectionOf(shop.start())
    ended.end()
    const trace = recordTrace(shop)
    const report = await shop.stop()
    await start
    expect([ended, starting, never].map(asked)).toEqual([['start'], ['start'], []])
    expect(migrated).toBe(1)
    expect(outcomes(report)).toEqual({
      'shop/migrate': 'ended',
      'shop/ended': 'ended',
      'shop/starting': 'stopped',
      'shop/never': 'never started',
    })
    expect(trace.lines).toEqual([
      'shop/starting stopping',
      'shop stopping',
      'shop/never stopped',
      'shop/starting stopped',
      'shop stopped',
    ])
  })

  test('T14 a nested group that was never started is said to be stopped, with all that is in it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const deep = serviceGroup('deep', { clock: time }).add(db)
    const infra = serviceGroup('infra', { clock: time }).add(deep)
    shop.add(plain('failing', { start: 'throws' })).add(infra)
    const trace = recordTrace(shop)
    const own = recordTrace(deep)
    await rejectionOf(shop.start())
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/failing starting',
      'shop/failing failed ERR_START_FAILED',
      'shop stopping',
      'shop/infra/deep/db stopped',
      'shop/infra/deep stopped',
      'shop/infra stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
    expect(own.lines).toEqual(['deep/db stopped', 'deep stopped'])
    expect(own.completed).toBe(true)
    expect(outcomes(shop.report)).toEqual({
      'shop/failing': 'failed',
      'shop/infra': 'never started',
      'shop/infra/deep': 'never started',
      'shop/infra/deep/db': 'never started',
    })
    expect(db.starts).toBe(0)
  })

  test('T14 stop before start says the same of nested groups', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop.add(serviceGroup('infra', { clock: time }).add(plain('db')))
    const trace = recordTrace(shop)
    const report = await shop.stop()
    expect(trace.lines).toEqual(['shop/infra/db stopped', 'shop/infra stopped', 'shop stopped'])
    expect(report.ok).toBe(true)
  })
})

describe('adding late', () => {
  test('T13 adding during shutdown, and after it, is refused clearly', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { stop: 'waits' })
    shop.add(db)
    await shop.start()
    const late = plain('late')
    const stop = shop.stop()
    await time.settle()
    expect(() => shop.add(late)).toThrow(
      expect.objectContaining({
        code: 'ERR_GROUP_STOPPING',
        service: 'late',
        message: 'service "late": can\'t be added: group "shop" is shutting down; do this before it is stopped',
      }),
    )
    db.stop.succeed()
    await stop
    expect(() => shop.add(late)).toThrow(expect.objectContaining({ code: 'ERR_GROUP_STOPPED' }))
    expect(Object.keys(shop.status.services)).toEqual(['shop/db'])
    expect(late.starts).toBe(0)
  })

  test('T13 what is added at run time starts at once and stops first', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db')).add(plain('api'))
    await shop.start()
    const trace = recordTrace(shop)
    const late = plain('late')
    shop.add(late)
    expect(late.ping()).toBe('pong')
    await shop.stop()
    expect(trace.lines).toEqual([
      'shop/late added',
      'shop/late starting',
      'shop/late running',
      'shop running (leaving)',
      'shop/late running (leaving)',
      'shop/api running (leaving)',
      'shop/db running (leaving)',
      'shop stopping',
      'shop/late stopping',
      'shop/late stopped',
      'shop/api stopping',
      'shop/api stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop stopped',
    ])
  })

  test('T13 what is added while the others start comes after them', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 'waits' })
    const late = plain('late', { start: 'waits' })
    shop.add(db)
    const trace = recordTrace(shop)
    const start = shop.start()
    const started = watch(start)
    shop.add(late)
    expect(late.starts).toBe(0)
    db.start.succeed()
    await time.settle()
    expect([late.starts, started.now]).toEqual([1, 'pending'])
    late.start.succeed()
    await start
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/db starting',
      'shop/late added',
      'shop/db running',
      'shop/late starting',
      'shop/late running',
      'shop running',
    ])
  })

  test('T13 what is added at run time and fails to start brings the group down', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db)
    await shop.start()
    shop.add(plain('late', { start: 'throws' }))
    expect(await shop.stop()).toMatchObject({ ok: false, trigger: { by: 'failure', service: 'shop/late' } })
    expect(db.alive).toBe(false)
  })

  test('T13 a stop while something added at run time still starts takes it back first', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const late = plain('late', { start: 'hangs' })
    shop.add(db)
    await shop.start()
    shop.add(late)
    const trace = recordTrace(shop)
    const stop = shop.stop()
    await time.settle()
    expect(trace.take()).toEqual([
      'shop running (leaving)',
      'shop/late stopping',
      'shop/db running (leaving)',
      'shop stopping',
    ])
    expect(db.ping()).toBe('pong')
    late.start.succeed()
    await stop
    expect(trace.take()).toEqual(['shop/late stopped', 'shop/db stopping', 'shop/db stopped', 'shop stopped'])
  })

  test('T13 a nested group takes what is added at run time, and refuses it while the outer one is leaving', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 100 })
    const infra = serviceGroup('infra', { clock: time }).add(plain('db'))
    shop.add(infra)
    await shop.start()
    const trace = recordTrace(shop)
    infra.add(plain('cache'))
    expect(trace.take()).toEqual(['shop/infra/cache added', 'shop/infra/cache starting', 'shop/infra/cache running'])
    const stop = shop.stop()
    expect(() => infra.add(plain('late'))).toThrow(expect.objectContaining({ code: 'ERR_GROUP_STOPPING' }))
    await time.advance(100)
    await stop
    expect(trace.lines.slice(-6)).toEqual([
      'shop/infra/cache stopping',
      'shop/infra/cache stopped',
      'shop/infra/db stopping',
      'shop/infra/db stopped',
      'shop/infra stopped',
      'shop stopped',
    ])
  })
})

describe('why, and what is left', () => {
  const reasons: readonly [
    string,
    (shop: { stop(reason?: string | StopReason): unknown }, culprit: FakeService) => void,
    object,
  ][] = [
    ['a call', shop => shop.stop(), { by: 'call' }],
    ['a call with words', shop => shop.stop('deploy'), { by: 'call', message: 'deploy' }],
    ['a signal', shop => shop.stop({ by: 'signal', signal: 'SIGTERM' }), { by: 'signal', signal: 'SIGTERM' }],
    [
      'a failure',
      (_, culprit) => culprit.die(new Error('no route')),
      { by: 'failure', service: 'shop/culprit', error: { code: 'ERR_SERVICE_FAILED', cause: { message: 'no route' } } },
    ],
  ]

  test.each(reasons)('T15 %s reaches every hook, every state and the report', async (_, end, reason) => {
    const { time, shop } = shopUnderVirtualTime()
    const db = fakeService('db')
    const mailer = fakeService('mailer')
    const culprit = fakeService('culprit')
    shop
      .add(db)
      .add(serviceGroup('workers', { clock: time }).add(mailer))
      .add(culprit)
    await shop.start()
    const trace = recordTrace(shop)
    end(shop, culprit)
    const report = await shop.stop()
    expect(report.trigger).toMatchObject(reason)
    for (const fake of [db, mailer])
      expect(fake.asked.slice(1)).toMatchObject([
        { hook: 'unready', reason },
        { hook: 'drain', reason },
        { hook: 'stop', reason },
      ])
    for (const event of trace.events) {
      if (event.kind !== 'transition') continue
      const { state } = event
      if (state.phase === 'running') expect(state.leaving).toMatchObject(reason)
      if (state.phase === 'draining' || state.phase === 'stopping') expect(state.reason).toMatchObject(reason)
    }
  })

  test('T15 a failed start is the reason that the rollback gives', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db).add(plain('api', { start: 'throws' }))
    await rejectionOf(shop.start())
    expect(db.stop.reason).toMatchObject({ by: 'failure', service: 'shop/api', error: { code: 'ERR_START_FAILED' } })
    expect(shop.report.trigger).toEqual(db.stop.reason)
  })

  test('T15 when all have ended, that is the reason', async () => {
    const { shop } = shopUnderVirtualTime()
    const a = plain('a')
    const b = plain('b')
    const probes = plain('probes')
    shop.add(a).add(b).add(probes, { observer: true })
    await shop.start()
    const trace = recordTrace(shop)
    a.end()
    expect(probes.ping()).toBe('pong')
    b.end()
    expect(await shop.stop('too late')).toMatchObject({ ok: true, outcome: 'ended', trigger: { by: 'end' } })
    expect(trace.lines).toEqual([
      'shop/a stopped (ended)',
      'shop/b stopped (ended)',
      'shop running (leaving)',
      'shop stopping',
      'shop/probes stopping',
      'shop/probes stopped',
      'shop stopped (ended)',
    ])
    expect(probes.stop.reason).toEqual({ by: 'end' })
  })

  const alone: readonly (readonly [string, (time: VirtualTime) => Service])[] = [
    ['a service', clock => fakeService('db', { otherwise: 10, clock })],
    ['a service that returns at once', () => fakeService('db')],
    ['a task', () => task('db', ({ signal }) => new Promise(resolve => signal.addEventListener('abort', resolve)))],
    ['an Observable', () => fromObservable('db', NEVER)],
    ['a job that is cancelled', () => job('db', () => NEVER)],
    ['a group', clock => serviceGroup('db', { clock }).add(fakeService('a', { otherwise: 10, clock }))],
  ]
  test.each(alone)('T16 %s completes when it is gone, and listens to nobody', async (_, make) => {
    const time = virtualTime()
    const steps = new Subject<Shutdown>()
    const states: string[] = []
    make(time)
      .lifecycle(steps)
      .subscribe({ next: state => states.push(describeState(state)), complete: () => states.push('complete') })
    await time.advance(50)
    const reason: StopReason = { by: 'call' }
    for (const step of ['unready', 'drain', 'stop'] as const) {
      steps.next({ step, reason })
      await time.advance(50)
    }
    expect(states.slice(-3)).toEqual(['stopping', 'stopped', 'complete'])
    expect([steps.observed, time.timers]).toEqual([false, 0])
  })

  test.each(['stopped', 'failed', 'forced', 'abandoned', 'failed to start'])(
    'T16 no timer or listener of ours is left when it %s',
    async how => {
      const { time, shop } = shopUnderVirtualTime()
      const db = fakeService('db', {
        drain: 10,
        clock: time,
        stop: how === 'abandoned' ? 'hangs' : how === 'forced' ? 'waits' : 10,
      })
      const api = fakeService('api', { start: how === 'failed to start' ? 'rejects' : 10, clock: time })
      shop.add(serviceGroup('infra', { clock: time }).add(db)).add(api)
      const steps = new Subject<Shutdown>()
      const errors: unknown[] = []
      const life = shop.lifecycle(steps).subscribe({ error: error => errors.push(error) })
      await time.advance(100)
      db.alive && db.pending(1)
      if (how === 'failed') api.die()
      void shop.stop()
      await time.advance(100_000)
      const report = await shop.stop()
      expect(report.outcome).toBe(how === 'failed to start' ? 'failed' : how)
      expect(errors).toHaveLength(how.startsWith('failed') ? 1 : 0)
      expect(time.timers).toBe(0)
      // What has an abandoned child never completes; its listener leaves it.
      expect(life.closed).toBe(how !== 'abandoned')
      life.unsubscribe()
      expect(steps.observed).toBe(false)
    },
  )
})
