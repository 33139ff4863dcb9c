import { run, type ServiceError, serviceGroup, task } from 'rx-service-group'
import { fakeService, recordTrace } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { asked, linesOf, outcomes, plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

describe('a failure while the group runs', () => {
  test('R1 late: the group goes down in reverse, naming the culprit', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = fakeService('db')
    const api = fakeService('api')
    const edge = fakeService('edge', { stop: 'waits' })
    shop.add(db).add(api).add(edge)
    await shop.start()
    await time.advance(60_000)
    const trace = recordTrace(shop)
    api.die(new Error('no route'))
    await time.settle()
    expect([db, api, edge].map(s => s.ping())).toEqual(['pong', 'no answer', 'no answer'])
    edge.stop.succeed()
    const report = await shop.stop('too late to matter')
    expect(trace.lines).toEqual([
      'shop/api failed ERR_SERVICE_FAILED',
      'shop running (leaving) fail "api failed"',
      'shop/edge running (leaving)',
      'shop/db running (leaving)',
      'shop/db draining',
      'shop/db drained',
      'shop/edge draining',
      'shop/edge drained',
      'shop stopping',
      'shop/edge stopping',
      'shop/edge stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
    expect(report).toMatchObject({
      ok: false,
      outcome: 'failed',
      trigger: { by: 'failure', service: 'shop/api', error: { cause: { message: 'no route' } } },
      errors: [{ code: 'ERR_SERVICE_FAILED', service: 'shop/api', message: 'service "api": failed: no route' }],
    })
    expect(shop.status.group.state).toMatchObject({
      phase: 'failed',
      error: {
        code: 'ERR_GROUP_FAILED',
        service: 'shop/api',
        cause: { service: 'api', cause: { message: 'no route' } },
      },
    })
    expect(asked(api)).toEqual(['start'])
    expect(time.timers).toBe(0)
  })

  test('R1 early: one that dies while others still start takes them with it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const api = plain('api', { start: 'waits' })
    const late = plain('late')
    shop.add(db).add(api).add(late)
    const trace = recordTrace(shop)
    const error = rejectionOf(shop.start())
    db.die()
    await time.settle()
    expect(await error).toMatchObject({
      code: 'ERR_GROUP_FAILED',
      service: 'shop/db',
      cause: { code: 'ERR_SERVICE_FAILED' },
    })
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/db starting',
      'shop/db running',
      'shop/api starting',
      'shop/db failed ERR_SERVICE_FAILED',
      'shop/api stopping',
      'shop stopping',
      'shop/late stopped',
      'shop/api stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
    expect([asked(db), asked(api), late.starts]).toEqual([['start'], ['start'], 0])
  })

  test('R1 at once: one that dies in the tick in which it came up', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    const late = plain('late')
    shop
      .add(db)
      .add(
        task('dying', () => {
          throw new Error('at once')
        }),
      )
      .add(late)
    const trace = recordTrace(shop)
    const error = (await rejectionOf(shop.start())) as ServiceError
    expect(error).toMatchObject({
      service: 'shop/dying',
      cause: { code: 'ERR_SERVICE_FAILED', cause: new Error('at once') },
    })
    expect(linesOf(trace.lines, 'shop/dying')).toEqual(['starting', 'running', 'failed ERR_SERVICE_FAILED'])
    expect([db.alive, late.starts]).toEqual([false, 0])
    expect(trace.lines.at(-1)).toBe('shop failed ERR_GROUP_FAILED')
  })

  test('R1 one that dies because another died is recorded after it', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = fakeService('db')
    const api = fakeService('api', { unready: () => db.die(new Error('second')) })
    const culprit = fakeService('culprit')
    shop.add(db).add(api).add(culprit)
    await shop.start()
    culprit.die(new Error('first'))
    const report = await shop.stop()
    expect(report.trigger).toMatchObject({ service: 'shop/culprit' })
    expect(report.errors.map(({ service, cause }) => [service, cause?.message])).toEqual([
      ['shop/culprit', 'first'],
      ['shop/db', 'second'],
    ])
    expect(outcomes(report)).toEqual({ 'shop/db': 'failed', 'shop/api': 'stopped', 'shop/culprit': 'failed' })
  })
})

describe('a group in a group', () => {
  test('R10 it starts as one unit, drains with everyone, and stops its children only at its own turn', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 10 })
    const clock = time
    const db = fakeService('db', { stop: 1, clock })
    const mailer = fakeService('mailer', { start: 5, drain: 20, stop: 3, clock })
    const printer = fakeService('printer', { start: 5, drain: 30, stop: 4, clock })
    const api = fakeService('api', { drain: 40, stop: 2, clock })
    // Its drain delay is for when it ends alone. Its shutdown timeout counts from its own turn.
    const workers = serviceGroup('workers', { clock, drainDelay: 7_000, shutdownTimeout: 8 }).add(mailer).add(printer)
    shop.add(db).add(workers).add(api)
    const trace = recordTrace(shop, { times: true })
    const own = recordTrace(workers)
    const start = shop.start()
    await time.advance(10)
    await start
    expect(trace.take()).toEqual([
      '0 shop starting',
      '0 shop/db starting',
      '0 shop/db running',
      '0 shop/workers starting',
      '0 shop/workers/mailer starting',
      '5 shop/workers/mailer running',
      '5 shop/workers/printer starting',
      '10 shop/workers/printer running',
      '10 shop/workers running',
      '10 shop/api starting',
      '10 shop/api running',
      '10 shop running',
    ])
    const stop = shop.stop()
    await time.advance(49)
    expect([db, mailer, printer, api].map(s => s.ping())).toEqual(['pong', 'pong', 'pong', 'pong'])
    await time.advance(3)
    expect([db, mailer, printer, api].map(s => s.ping())).toEqual(['pong', 'pong', 'no answer', 'no answer'])
    await time.advance(100)
    expect(trace.take()).toEqual([
      '10 shop running (leaving)',
      '10 shop/api running (leaving)',
      '10 shop/workers running (leaving)',
      '10 shop/workers/printer running (leaving)',
      '10 shop/workers/mailer running (leaving)',
      '10 shop/db running (leaving)',
      '20 shop/db draining',
      '20 shop/db drained',
      '20 shop/workers/mailer draining',
      '20 shop/workers/printer draining',
      '20 shop/workers draining',
      '20 shop/api draining',
      '20 shop draining',
      '40 shop/workers/mailer drained',
      '50 shop/workers/printer drained',
      '50 shop/workers drained',
      '60 shop/api drained',
      '60 shop drained',
      '60 shop stopping',
      '60 shop/api stopping',
      '62 shop/api stopped',
      '62 shop/workers stopping (deadline 70)',
      '62 shop/workers/printer stopping',
      '66 shop/workers/printer stopped',
      '66 shop/workers/mailer stopping',
      '69 shop/workers/mailer stopped',
      '69 shop/workers stopped',
      '69 shop/db stopping',
      '70 shop/db stopped',
      '70 shop stopped',
    ])
    expect(own.lines.slice(0, 2)).toEqual(['workers starting', 'workers/mailer starting'])
    expect(own.lines.at(-1)).toBe('workers stopped')
    expect((await stop).ok).toBe(true)
    expect(time.timers).toBe(0)
  })

  test('R10 a child that dies takes its group down first, in order, and then the outer one', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const first = plain('first', { stop: 'waits' })
    const second = plain('second')
    const third = plain('third', { stop: 'waits' })
    const api = plain('api')
    shop
      .add(db)
      .add(serviceGroup('workers', { clock: time }).add(first).add(second).add(third))
      .add(api)
    await shop.start()
    const trace = recordTrace(shop)
    second.die()
    await time.settle()
    expect(trace.take()).toEqual([
      'shop/workers/second failed ERR_SERVICE_FAILED',
      'shop/workers running (leaving) fail "second failed"',
      'shop/workers/third running (leaving)',
      'shop/workers/first running (leaving)',
      'shop running fail "workers: second failed"',
      'shop/workers stopping',
      'shop/workers/third stopping',
      'shop running fail "workers: stopping"',
    ])
    expect([db, first, api].map(s => s.ping())).toEqual(['pong', 'pong', 'pong'])
    expect(shop.status.ready).toBe(false)
    third.stop.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/workers/third stopped', 'shop/workers/first stopping'])
    first.stop.succeed()
    await time.settle()
    const report = await shop.stop()
    expect(trace.take()).toEqual([
      'shop/workers/first stopped',
      'shop/workers failed ERR_GROUP_FAILED',
      'shop running (leaving) fail "workers failed"',
      'shop/api running (leaving)',
      'shop/db running (leaving)',
      'shop stopping',
      'shop/api stopping',
      'shop/api stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop failed ERR_GROUP_FAILED',
    ])
    expect(report.trigger).toMatchObject({ by: 'failure', service: 'shop/workers/second' })
    expect(report.errors.map(({ service }) => service)).toEqual(['shop/workers/second'])
  })

  test('R10 a child that fails to start fails the whole, with the path in every error', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(
      serviceGroup('a', { clock: time })
        .add(db)
        .add(serviceGroup('b', { clock: time }).add(plain('c', { start: 'rejects' }))),
    )
    const error = (await rejectionOf(shop.start())) as ServiceError
    expect(error).toMatchObject({
      code: 'ERR_GROUP_FAILED',
      service: 'shop/a/b/c',
      cause: { service: 'a/b/c', cause: { service: 'b/c', cause: { code: 'ERR_START_FAILED', service: 'c' } } },
    })
    expect(error.message).toContain('service "c": start failed: c: start failed')
    expect(shop.report.trigger).toMatchObject({ service: 'shop/a/b/c' })
    expect(shop.report.errors).toMatchObject([{ service: 'shop/a/b/c', code: 'ERR_START_FAILED' }])
    expect(db.alive).toBe(false)
  })

  test('R10 what is still starting in it when the outer one is told to leave is cancelled, and all is gone in order', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 100 })
    const log: string[] = []
    const side = fakeService('side', { log })
    const first = fakeService('first', { log, drain: 'waits' })
    const second = fakeService('second', { log, start: 'waits' })
    const third = fakeService('third', { log })
    shop
      .add(side, { dependsOn: [] })
      .add(serviceGroup('workers', { clock: time, drainDelay: 7_000 }).add(first).add(second).add(third), {
        dependsOn: [],
      })
    const trace = recordTrace(shop)
    const error = rejectionOf(shop.start())
    trace.take()
    const stop = shop.stop()
    await time.settle()
    expect(trace.take()).toEqual([
      'shop/workers/second stopping',
      'shop/workers/first running (leaving)',
      'shop/workers/first draining',
      'shop/workers draining',
      'shop/side running (leaving)',
      'shop/side draining',
      'shop/side drained',
      'shop draining',
      'shop/workers/second stopped',
    ])
    expect([side.ping(), first.ping()]).toEqual(['pong', 'pong'])
    first.drain.succeed()
    expect(await stop).toMatchObject({ ok: true })
    expect(await error).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    expect(trace.take()).toEqual([
      'shop/workers/first drained',
      'shop/workers drained',
      'shop drained',
      'shop stopping',
      'shop/side stopping',
      'shop/side stopped',
      'shop/workers stopping',
      'shop/workers/third stopped',
      'shop/workers/first stopping',
      'shop/workers/first stopped',
      'shop/workers stopped',
      'shop stopped',
    ])
    expect(third.starts).toBe(0)
    expect(time.timers).toBe(0)
  })

  test('R10 a stop limit of its own forces what is in it, innermost named first, and the outer one goes on', async () => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 30 })
    const db = plain('db')
    const stuck = plain('stuck', { stop: 'hangs' })
    const before = plain('before', { stop: 'waits' })
    shop.add(db).add(serviceGroup('workers', { clock: time }).add(before).add(stuck), { stopTimeout: 50 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop()
    await time.advance(200)
    expect(await stop).toMatchObject({ ok: false, outcome: 'abandoned' })
    expect(trace.lines.slice(5)).toEqual([
      '0 shop stopping',
      '0 shop/workers stopping',
      '0 shop/workers/stuck stopping',
      '50 shop/workers/before stopping',
      '50 shop/workers/before stopped (forced)',
      '80 shop/workers/stuck stopped (abandoned) ERR_ABANDONED',
      '80 shop/workers stopped (abandoned) ERR_STOP_TIMEOUT',
      '80 shop/db stopping',
      '80 shop/db stopped',
      '80 shop stopped (abandoned)',
    ])
    stuck.stop.succeed()
    await time.advance(1_000)
    expect(trace.lines).toHaveLength(15)
    expect(time.timers).toBe(0)
  })

  test('R10 one that gives up a child on its own brings the outer one down, by name', async () => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 30 })
    const db = plain('db')
    const stuck = plain('stuck', { stop: 'hangs' })
    const workers = serviceGroup('workers', { clock: time, forceTimeout: 10 }).add(stuck, { stopTimeout: 20 })
    shop.add(db).add(workers)
    await shop.start()
    const inner = workers.stop('on its own')
    const innerState = watch(inner)
    await time.advance(30)
    expect(innerState.now).toBe('resolved')
    expect(db.alive).toBe(false)
    const report = await shop.stop()
    expect(report).toMatchObject({
      ok: false,
      outcome: 'abandoned',
      trigger: { by: 'failure', service: 'shop/workers' },
    })
  })

  test('R10 health inside is health outside, and comes back', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const mailer = plain('mailer')
    shop.add(plain('db')).add(serviceGroup('workers', { clock: time }).add(mailer))
    await shop.start()
    const seen: unknown[] = []
    shop.health$.subscribe(({ reasons, ...health }) => seen.push(health))
    mailer.setHealth('warn', 'slow')
    mailer.setHealth('fail', 'down')
    mailer.setHealth('pass')
    await shop.stop()
    expect(seen).toEqual([
      { health: 'pass', ready: true },
      { health: 'warn', ready: true, detail: 'workers: mailer: slow' },
      { health: 'fail', ready: false, detail: 'workers: mailer: down' },
      { health: 'pass', ready: true },
      { health: 'pass', ready: false },
    ])
  })
})

test('a group that was started already is not run: the error says what to do, and the group lives on', async () => {
  const listeners = process.listenerCount('SIGTERM')
  const shop = serviceGroup('shop').add(fakeService('db'))
  await shop.start()
  expect(await rejectionOf(run(shop))).toMatchObject({
    code: 'ERR_ALREADY_STARTED',
    message: 'group "shop": it is running already, and run() starts it; leave out start(), or call stop() yourself',
  })
  expect([shop.status.phase, process.listenerCount('SIGTERM')]).toEqual(['running', listeners])
  expect((await shop.stop()).ok).toBe(true)
})

test('a group that is over is not run again, and the error says so', async () => {
  const shop = serviceGroup('shop').add(fakeService('db'))
  await shop.stop()
  expect(await rejectionOf(run(shop))).toMatchObject({
    code: 'ERR_GROUP_STOPPED',
    message: 'group "shop": it has stopped, and can\'t be run again; make a new group',
  })
})

test('a group that has failed is not run again either', async () => {
  const shop = serviceGroup('shop').add(fakeService('db', { start: 'rejects' }))
  await shop.start().catch(() => {})
  expect(await rejectionOf(run(shop))).toMatchObject({
    code: 'ERR_GROUP_STOPPED',
    message: 'group "shop": it has failed, and can\'t be run again; make a new group',
  })
})

test('a nested group is not run: the error says so at once, and the outer group can be run', async () => {
  const listeners = process.listenerCount('SIGTERM')
  const inner = serviceGroup('inner').add(task('x', () => undefined))
  const shop = serviceGroup('shop').add(inner)
  expect(await rejectionOf(run(inner))).toMatchObject({
    code: 'ERR_ALREADY_STARTED',
    message: 'group "inner": can\'t be started: it is part of another group; start that group',
  })
  expect([inner.status.phase, process.listenerCount('SIGTERM')]).toEqual(['idle', listeners])
  expect(await run(shop, { report: false })).toMatchObject({ ok: true, outcome: 'ended' })
})

test.each<[object, string, string]>([
  [{ shutdownTimout: 5 }, 'ERR_INVALID_OPTION', 'unknown option shutdownTimout; did you mean shutdownTimeout?'],
  [{ drainDelay: '5s' }, 'ERR_INVALID_DURATION', 'drainDelay must be a number of milliseconds >= 0, got "5s"'],
  [{ exitGrace: -1 }, 'ERR_INVALID_DURATION', 'exitGrace must be a number of milliseconds >= 0, got -1'],
  [{ report: 'no' }, 'ERR_INVALID_OPTION', 'report must be a function or false, got "no"'],
  [
    { watchdog: { treshold: 5 } },
    'ERR_INVALID_OPTION',
    'unknown option watchdog.treshold; did you mean watchdog.threshold?',
  ],
  [
    { watchdog: { threshold: 0 } },
    'ERR_INVALID_DURATION',
    'watchdog.threshold must be a number of milliseconds > 0, got 0',
  ],
])('X5 run refuses %j, before anything starts', async (options, code, why) => {
  const db = fakeService('db')
  const shop = serviceGroup('shop').add(db)
  expect(await rejectionOf(run(shop, options))).toMatchObject({ code, message: `group "shop": ${why}` })
  expect([db.starts, shop.status.phase]).toEqual([0, 'idle'])
})
