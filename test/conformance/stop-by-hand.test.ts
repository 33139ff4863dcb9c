import { job, type ServiceContext, service, serviceGroup, task } from 'rx-service-group'
import { type FakeService, recordTrace } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { expectTheSameWhenReplayed, record } from './recording.ts'
import { plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

const permanent = { policy: 'permanent', jitter: 0, initialDelay: 100, factor: 1 } as const

/** Web depends on api, and that on db. Nothing depends on mail. */
const scene = () => {
  const { time, shop } = shopUnderVirtualTime()
  const [db, api, web, mail] = ['db', 'api', 'web', 'mail'].map(name => plain(name, { clock: time })) as [
    FakeService<'db'>,
    FakeService<'api'>,
    FakeService<'web'>,
    FakeService<'mail'>,
  ]
  const group = shop
    .add(db, { restart: permanent })
    .add(api, { dependsOn: ['db'], restart: permanent })
    .add(web, { dependsOn: ['api'] })
    .add(mail, { dependsOn: [] })
  return { time, shop: group, db, api, web, mail }
}

const ofServices = (lines: readonly string[]): readonly string[] =>
  lines.filter(line => !/shop (running|warn)/.test(line))

describe('a service that is stopped by hand', () => {
  test('R14 goes down after all that depend on it, stays in the status, and the group goes on', async () => {
    const { time, shop, db, api, web, mail } = scene()
    await shop.start()
    const recordings = record(shop)
    const trace = recordTrace(shop, { times: true })
    web.stop.will(10)
    api.stop.will(20)
    const stopped = watch(shop.service('db').stop('the disk is full'))
    await time.advance(29)
    expect([stopped.now, db.ping(), web.alive]).toEqual(['pending', 'pong', false])
    await time.advance(1)
    expect(stopped.now).toBe('resolved')
    expect(ofServices(trace.lines)).toEqual([
      '0 shop/web stopping',
      '10 shop/web stopped',
      '10 shop/api stopping',
      '30 shop/api stopped',
      '30 shop/db stopping',
      '30 shop/db stopped',
    ])
    expect([db, api, web].map(({ stop }) => stop.reason)).toEqual(
      Array(3).fill({ by: 'call', message: 'the disk is full' }),
    )
    expect([mail.ping(), shop.status.phase, shop.status.health, shop.status.ready]).toEqual([
      'pong',
      'running',
      'pass',
      true,
    ])
    // No restart policy begins it again.
    await time.advance(10_000)
    expect([db.starts, api.starts, web.starts, time.timers]).toEqual([1, 1, 1, 0])
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: true, outcome: 'stopped' })
    expectTheSameWhenReplayed(recordings)
  })

  test('R14 a restart begins it anew, in order, with those that were stopped with it', async () => {
    const { shop, db, api, web } = scene()
    await shop.start()
    const handle = shop.service('db')
    await handle.stop()
    const trace = recordTrace(shop)
    await handle.restart()
    expect(ofServices(trace.lines).filter(line => !/waiting|added/.test(line))).toEqual([
      'shop/db starting',
      'shop/db running',
      'shop/api starting',
      'shop/api running',
      'shop/web starting',
      'shop/web running',
    ])
    expect([db.starts, api.starts, web.starts, shop.status.ready]).toEqual([2, 2, 2, true])
    // All is as before: a failure is restarted, and a shutdown stops all.
    db.die()
    expect(shop.status.service('db')?.state.phase).toBe('backoff')
    expect(await shop.stop()).toMatchObject({ outcome: 'stopped' })
  })

  test('R14 one that was stopped before, for itself, does not come with its dependency', async () => {
    const { shop, db, api, web } = scene()
    await shop.start()
    await shop.service('web').stop()
    await shop.service('db').stop()
    await shop.service('db').restart()
    expect([db.ping(), api.ping(), web.ping()]).toEqual(['pong', 'pong', 'no answer'])
    await shop.restart('web')
    expect(web.ping()).toBe('pong')
  })

  test('R14 it can come alone, and its dependents can not come without it', async () => {
    const { shop, db, api, web } = scene()
    await shop.start()
    await shop.service('db').stop()
    expect(await rejectionOf(shop.restart('api'))).toMatchObject({
      code: 'ERR_DEPENDENCY_FAILED',
      message: 'service "api": can\'t start (api -> db): "db" was stopped; restart that one first',
    })
    expect(() => shop.add(plain('late'), { dependsOn: ['db'] })).toThrow(
      expect.objectContaining({ code: 'ERR_DEPENDENCY_FAILED' }),
    )
    await shop.service('db').restart({ dependents: false })
    expect([db.ping(), api.ping()]).toEqual(['pong', 'no answer'])
    await shop.restart('api')
    expect([api.ping(), web.ping()]).toEqual(['pong', 'no answer'])
  })

  test('R14 a dependent is not restarted while its dependency is going down', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.stop.will(20)
    const stopped = shop.service('db').stop()
    const error = rejectionOf(shop.restart('api'))
    await time.advance(20)
    await stopped
    expect(await error).toMatchObject({ code: 'ERR_DEPENDENCY_FAILED' })
  })

  test('R14 twice, and again when it is gone, is one stop', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.stop.will(20)
    const handle = shop.service('db')
    const both = [watch(handle.stop()), watch(handle.stop())]
    await time.advance(20)
    expect(both.map(({ now }) => now)).toEqual(['resolved', 'resolved'])
    await handle.stop()
    expect(db.stop.calls).toBe(1)
  })

  test('R14 a group whose services were all stopped by hand goes on, and ends when the others have ended after a removal', async () => {
    const { shop } = shopUnderVirtualTime()
    const [a, b] = [plain('a'), plain('b')]
    shop.add(a).add(b, { onEnd: 'stop-group' })
    await shop.start()
    await shop.service('a').stop()
    await shop.service('b').stop()
    expect([shop.status.phase, shop.status.health]).toEqual(['running', 'pass'])
    await shop.restart('a')
    a.end()
    expect(shop.status.phase).toBe('running')
    await shop.remove('b')
    expect(shop.report).toMatchObject({ outcome: 'ended', trigger: { by: 'end' } })
  })

  test.each(['fail', 'restart', 'stop-group'] as const)('R14 onEnd: %s does not apply', async onEnd => {
    const { time, shop } = shopUnderVirtualTime()
    let begun = 0
    const main = task('main', ({ signal }) => {
      begun++
      return new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    })
    shop.add(plain('db')).add(main, { onEnd })
    await shop.start()
    await shop.service('main').stop()
    await time.advance(60_000)
    expect([shop.status.phase, shop.status.health, begun]).toEqual(['running', 'pass', 1])
    await shop.service('main').restart()
    expect([shop.status.ready, begun]).toEqual([true, 2])
  })

  test('T4 an error of its stop is told, and the group goes on', async () => {
    const { shop, db } = scene()
    await shop.start()
    db.stop.will('rejects')
    expect(await rejectionOf(shop.service('db').stop())).toMatchObject({ code: 'ERR_STOP_FAILED', service: 'db' })
    expect([shop.status.phase, shop.service('db').state.phase]).toEqual(['running', 'failed'])
    db.stop.will('returns')
    await shop.restart('db')
    expect(db.starts).toBe(2)
  })

  test('T5 one that does not end in its force budget is abandoned, and not begun anew', async () => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 5 })
    shop.add(plain('db')).add(plain('stuck', { stop: 'hangs' }), { stopTimeout: 20 })
    await shop.start()
    const error = rejectionOf(shop.service('stuck').stop())
    await time.advance(25)
    expect(await error).toMatchObject({ code: 'ERR_ABANDONED' })
    expect(shop.status.phase).toBe('running')
    expect(await rejectionOf(shop.restart('stuck'))).toMatchObject({ code: 'ERR_ABANDONED' })
  })
})

describe('the moment of the call', () => {
  test('R14 before the start and between incarnations it is refused; after the end it is done', async () => {
    const { shop } = scene()
    const handle = shop.service('db')
    expect(await rejectionOf(handle.stop())).toMatchObject({
      code: 'ERR_NOT_STARTED',
      message: 'service "db": can\'t be stopped: group "shop" has not been started; call start() first',
    })
    await shop.start()
    await shop.stop()
    await handle.stop()
    expect(await rejectionOf(handle.restart())).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
  })

  test('S11 during the start: what has not begun never begins, and the start goes on without it', async () => {
    const { time, shop, db, api, web, mail } = scene()
    db.start.will(50)
    mail.start.will(60)
    const started = watch(shop.start())
    await time.advance(10)
    await shop.service('api').stop()
    expect([api, web].map(({ starts }) => starts)).toEqual([0, 0])
    await time.advance(50)
    expect([started.now, shop.status.ready, db.ping()]).toEqual(['resolved', true, 'pong'])
    await shop.service('api').restart()
    expect([api.ping(), web.ping()]).toEqual(['pong', 'pong'])
  })

  test('S11 one that is starting is stopped once, and the group becomes running', async () => {
    const { time, shop, db } = scene()
    db.start.will('waits')
    const started = watch(shop.start())
    await shop.service('db').stop()
    await time.settle()
    expect([started.now, shop.status.phase, db.stop.calls]).toEqual(['resolved', 'running', 0])
  })

  test('R7 one in backoff stops at once', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.die()
    await shop.service('db').stop()
    await time.advance(1_000)
    expect([db.starts, shop.service('db').state.phase, time.timers]).toEqual([1, 'stopped', 0])
  })

  test('R8 one that goes down to be restarted stays down', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.stop.will(20)
    const again = rejectionOf(shop.restart('db'))
    const stopped = shop.service('db').stop()
    await time.advance(20)
    await stopped
    expect([db.starts, await again]).toMatchObject([1, { code: 'ERR_START_FAILED' }])
  })

  test('T8 during the shutdown it resolves when the service is gone, and changes nothing', async () => {
    const { time, shop, db } = scene()
    await shop.start()
    db.stop.will(20)
    const report = shop.stop()
    const stopped = watch(shop.service('db').stop())
    await time.advance(19)
    expect(stopped.now).toBe('pending')
    await time.advance(1)
    expect([stopped.now, await report]).toMatchObject(['resolved', { ok: true }])
  })

  test('T2 a shutdown meanwhile waits for it', async () => {
    const { time, shop, web, db } = scene()
    await shop.start()
    web.stop.will(20)
    const stopped = watch(shop.service('db').stop())
    const report = shop.stop()
    await time.advance(20)
    expect([stopped.now, (await report).ok, db.stop.calls]).toEqual(['resolved', true, 1])
  })

  test('R14 a job that has ended stays ended, and its dependency can be stopped after those behind it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [db, api] = [plain('db'), plain('api', { stop: 20, clock: time })]
    shop
      .add(db)
      .add(
        job('migrate', () => undefined),
        { dependsOn: ['db'] },
      )
      .add(api, { dependsOn: ['migrate'] })
    await shop.start()
    const stopped = shop.service('db').stop()
    await time.advance(19)
    expect(db.ping()).toBe('pong')
    await time.advance(1)
    await stopped
    expect(shop.service('migrate').state).toMatchObject({ how: 'ended' })
  })
})

describe('in nested groups', () => {
  test('R10 a nested group is stopped as a unit, and begins anew as one', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [mailer, printer, api] = [plain('mailer'), plain('printer'), plain('api')]
    const workers = serviceGroup('workers', { clock: time }).add(mailer).add(printer)
    shop
      .add(plain('db'))
      .add(workers)
      .add(api, { dependsOn: ['workers'] })
    await shop.start()
    const trace = recordTrace(shop)
    await shop.service('workers').stop('enough')
    expect(ofServices(trace.lines).filter(line => !/workers running|leaving/.test(line))).toEqual([
      'shop/api stopping',
      'shop/api stopped',
      'shop/workers stopping',
      'shop/workers/printer stopping',
      'shop/workers/printer stopped',
      'shop/workers/mailer stopping',
      'shop/workers/mailer stopped',
      'shop/workers stopped',
    ])
    await shop.service('workers').restart()
    expect([mailer.starts, printer.starts, api.starts, workers.status.ready]).toEqual([2, 2, 2, true])
  })

  test('R10 a service inside is stopped inside, and a restart of its group begins it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const mailer = plain('mailer')
    const workers = serviceGroup('workers', { clock: time }).add(mailer)
    shop.add(plain('db')).add(workers)
    await shop.start()
    await shop.service('mailer').stop()
    expect([mailer.alive, workers.status.phase, shop.status.phase]).toEqual([false, 'running', 'running'])
    await shop.restart('workers')
    expect([mailer.starts, mailer.ping()]).toEqual([2, 'pong'])
  })
})

describe('from inside', () => {
  test('X7 a service that stops itself, from a task or from its stop hook, does not wait for itself', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const got: string[] = []
    let context: ServiceContext | undefined
    const self = task('self', async ctx => {
      context = ctx
      await new Promise<void>(resolve => setImmediate(resolve))
      await shop.service('self').stop('done')
      got.push('self')
    })
    const other = service('other', {
      stop: async () => {
        await shop.service('other').stop()
        got.push('other')
      },
    })
    shop.add(plain('db')).add(self).add(other)
    await shop.start()
    await new Promise<void>(resolve => setImmediate(resolve))
    await shop.service('self').stop()
    await shop.service('other').stop()
    expect([got, context?.signal.aborted, time.now()]).toEqual([['self', 'other'], true, 0])
    expect([shop.service('self').state.phase, shop.service('other').state.phase]).toEqual(['stopped', 'stopped'])
  })

  test('X7 a dependent may stop what it depends on, and goes down with it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    let isDone = false
    const api = task('api', async () => {
      await new Promise<void>(resolve => setImmediate(resolve))
      await shop.service('db').stop()
      isDone = true
    })
    shop.add(db).add(api, { dependsOn: ['db'] })
    await shop.start()
    await new Promise<void>(resolve => setImmediate(resolve))
    await shop.service('db').stop()
    expect([isDone, db.alive, shop.status.phase, time.now()]).toEqual([true, false, 'running', 0])
  })
})
