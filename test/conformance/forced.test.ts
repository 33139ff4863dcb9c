import { type ServiceGroup, type StopOptions, serviceGroup, task } from 'rx-service-group'
import { recordTrace } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { asked, outcomes, plain, rejectionOf, shopUnderVirtualTime, uncaughtDuring, watch } from './setup.ts'

const stuck = { unready: 'returns', drain: 'hangs', stop: 'hangs', force: 'returns' } as const

describe('a stop that is forced', () => {
  test('T7 force: true forces all services at once, without unready, drain and stop before', async () => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 30, drainDelay: 1_000 })
    const [db, api] = [plain('db', stuck), plain('api', { ...stuck, force: 'absent' })]
    shop.add(db).add(api)
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stop = shop.stop({ reason: 'now', force: true })
    await time.advance(29)
    expect(trace.lines.slice(0, 3)).toEqual(['0 shop stopping', '0 shop/api stopping', '0 shop/db stopping'])
    await time.advance(1)
    const report = await stop
    expect(report).toMatchObject({ ok: false, outcome: 'abandoned', trigger: { by: 'call', message: 'now' } })
    expect(asked(db).slice(1)).toEqual(['stop', 'force'])
    expect(db.stop.signal?.aborted).toBe(true)
    expect(time.timers).toBe(0)
  })

  test('T7 a later call forces what is left of a graceful stop', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 50 })
    const db = plain('db', { stop: 'waits' })
    shop.add(db)
    await shop.start()
    const graceful = shop.stop('enough')
    await time.advance(10)
    expect(db.stop.calls).toBe(0)
    const forced = shop.stop({ force: true })
    expect(await graceful).toBe(await forced)
    expect(await forced).toMatchObject({ outcome: 'forced', trigger: { message: 'enough' } })
    expect([time.now(), time.timers]).toEqual([10, 0])
  })

  test('T9 a signal that is aborted forces what is left, and one that is aborted before forces at once', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [db, api] = [plain('db'), plain('api', { stop: 'waits' })]
    shop.add(db).add(api)
    await shop.start()
    const controller = new AbortController()
    const stop = shop.stop({ signal: controller.signal })
    await time.advance(20)
    expect([api.stop.signal?.aborted, db.ping()]).toEqual([false, 'pong'])
    controller.abort(new Error('too long'))
    expect(outcomes(await stop)).toEqual({ 'shop/db': 'forced', 'shop/api': 'forced' })
    expect(api.stop.reason).toEqual({ by: 'call' })

    const again = shopUnderVirtualTime()
    again.shop.add(plain('db', { stop: 'waits' }))
    await again.shop.start()
    const report = await again.shop.stop({ signal: AbortSignal.abort('gone') })
    expect(report).toMatchObject({ outcome: 'forced', trigger: { by: 'call' } })
  })

  test('T16 no listener of the signal is left', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db'))
    await shop.start()
    const { signal } = new AbortController()
    let listeners = 0
    const { addEventListener: add, removeEventListener: remove } = signal
    Object.assign(signal, {
      addEventListener: (...all: Parameters<typeof add>) => {
        listeners++
        add.apply(signal, all)
      },
      removeEventListener: (...all: Parameters<typeof remove>) => {
        listeners--
        remove.apply(signal, all)
      },
    })
    await shop.stop({ signal })
    await Promise.resolve()
    expect(listeners).toBe(0)
  })

  test('S12 before the start, during it and after the end', async () => {
    const before = shopUnderVirtualTime()
    const unborn = plain('db')
    before.shop.add(unborn)
    expect(await before.shop.stop({ force: true })).toMatchObject({ ok: true, outcome: 'never started' })
    expect(unborn.starts).toBe(0)

    const during = shopUnderVirtualTime({ forceTimeout: 5 })
    const db = plain('db', { start: 'waits' })
    during.shop.add(db)
    const start = rejectionOf(during.shop.start())
    expect(await during.shop.stop({ force: true })).toMatchObject({ outcome: 'forced' })
    expect([await start, db.start.signal?.aborted]).toMatchObject([{ code: 'ERR_GROUP_STOPPED' }, true])

    const after = await during.shop.stop({ force: true })
    expect(after).toBe(await during.shop.stop())
  })

  test('R10 a nested group is forced alone', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [mailer, api] = [plain('mailer', { stop: 'waits' }), plain('api')]
    const workers = serviceGroup('workers', { clock: time }).add(mailer)
    shop.add(workers).add(api)
    await shop.start()
    expect(await workers.stop({ force: true })).toMatchObject({ outcome: 'forced' })
    expect([mailer.alive, api.ping(), shop.status.phase]).toEqual([false, 'pong', 'running'])
  })

  test('X7 a task may force its own group, and await that', async () => {
    const { time, shop } = shopUnderVirtualTime()
    let outcome: string | undefined
    const main = task('main', async () => {
      await new Promise<void>(resolve => setImmediate(resolve))
      outcome = (await shop.stop({ force: true })).outcome
    })
    shop.add(plain('db', { stop: 'waits' })).add(main)
    await shop.start()
    await new Promise<void>(resolve => setImmediate(resolve))
    await shop.stop()
    expect([outcome, time.now()]).toEqual(['still there', 0])
  })

  test.each<[string, unknown, object]>([
    ['an object without an option of a stop is a reason', { focre: true }, { by: 'call', message: '{ focre: true }' }],
    [
      'an error is a reason, though it has a signal',
      Object.assign(new Error('x'), { signal: 'SIGTERM' }),
      { message: 'x' },
    ],
    ['a reason is a reason', { by: 'signal', signal: 'SIGTERM' }, { by: 'signal', signal: 'SIGTERM' }],
    ['a signal that is none is left out', { reason: 'r', signal: 'SIGTERM' }, { by: 'call', message: 'r' }],
    ['options without a reason', { signal: undefined, force: false }, { by: 'call' }],
    [
      'options that throw',
      {
        get reason() {
          throw new Error('no')
        },
        force: false,
      },
      { by: 'call' },
    ],
  ])('X3 %s, and the stop is graceful', async (_, how, trigger) => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db'))
    await shop.start()
    expect(await shop.stop(how as StopOptions)).toMatchObject({ ok: true, trigger })
  })
})

describe('a start with a signal', () => {
  const starting = (): { shop: ServiceGroup<'shop'>; start: Promise<void>; controller: AbortController } & {
    readonly [name in 'db' | 'api']: ReturnType<typeof plain>
  } => {
    const { shop } = shopUnderVirtualTime()
    const [db, api] = [plain('db'), plain('api', { start: 'waits' })]
    shop.add(db).add(api).add(plain('never'))
    const controller = new AbortController()
    return { shop, db, api, controller, start: shop.start({ signal: controller.signal }) }
  }

  test('S8 an abort stops what has started, in reverse, and rejects with the reason as cause', async () => {
    const { shop, db, api, start, controller } = starting()
    await Promise.resolve()
    const trace = recordTrace(shop)
    const again = shop.start()
    expect(again).toBe(start)
    const reason = new Error('deployment cancelled')
    controller.abort(reason)
    expect(await rejectionOf(start)).toMatchObject({
      code: 'ERR_GROUP_STOPPED',
      cause: reason,
      message:
        'group "shop": was stopped before it was running (stop(): deployment cancelled); make a new one, ' +
        "a stopped group can't be started",
    })
    expect((await rejectionOf(shop.ready)) as Error).toMatchObject({ code: 'ERR_GROUP_STOPPED', cause: reason })
    expect([db.alive, api.alive]).toEqual([false, false])
    expect(trace.lines.at(-1)).toBe('shop stopped')
    expect(shop.report).toMatchObject({ ok: true, trigger: { by: 'call', message: 'deployment cancelled' } })
  })

  test('S12 one that is aborted before starts nothing, and the group is over', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db)
    const reason = new Error('no')
    expect(await rejectionOf(shop.start({ signal: AbortSignal.abort(reason) }))).toMatchObject({
      code: 'ERR_GROUP_STOPPED',
      cause: reason,
    })
    expect([db.starts, shop.status.phase]).toEqual([0, 'stopped'])
    expect(await rejectionOf(shop.start())).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
  })

  test('S12 an abort once the group runs, or is stopping for another reason, has no effect', async () => {
    const running = starting()
    running.api.start.succeed()
    await running.start
    running.controller.abort()
    const late = AbortSignal.abort()
    await running.shop.start({ signal: late })
    expect(running.shop.status.phase).toBe('running')

    const { shop, start, api, controller } = starting()
    api.stop.will('returns')
    void shop.stop('enough')
    controller.abort()
    const error = (await rejectionOf(start)) as Error
    expect([error.cause, shop.report.trigger]).toEqual([undefined, { by: 'call', message: 'enough' }])
  })

  test('S6 an error of the rollback is kept', async () => {
    const { shop, db, start, controller } = starting()
    db.stop.will('rejects')
    controller.abort('no')
    expect(await rejectionOf(start)).toMatchObject({
      code: 'ERR_GROUP_STOPPED',
      cause: 'no',
      errors: [{ code: 'ERR_STOP_FAILED', service: 'db' }],
    })
    expect(shop.report.ok).toBe(false)
  })

  test('T16 nothing is left of the signal, and nothing is unhandled', async () => {
    const { start, api, controller } = starting()
    expect(
      await uncaughtDuring(async () => {
        api.start.succeed()
        await start
        controller.abort()
      }),
    ).toEqual([])
  })

  test('S12 a nested group is not stopped by it, since it can not be started', async () => {
    const { shop } = shopUnderVirtualTime()
    const inner = serviceGroup('inner').add(plain('x'))
    shop.add(inner)
    expect(await rejectionOf(inner.start({ signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ERR_ALREADY_STARTED',
    })
    expect(watch(shop.ready).now).toBe('pending')
    await shop.start()
    expect(inner.status.ready).toBe(true)
  })

  test('X5 an option that is unknown or no signal is refused, and the group is not started', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db'))
    expect(await rejectionOf(shop.start({ signal: 5 } as never))).toMatchObject({ code: 'ERR_INVALID_OPTION' })
    expect(await rejectionOf(shop.start({ timeout: 5 } as never))).toMatchObject({
      message: 'group "shop": unknown option timeout; known are signal',
    })
    expect(shop.status.phase).toBe('idle')
  })
})
