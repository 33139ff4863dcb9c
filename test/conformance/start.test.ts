import { type Service, ServiceError, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { fakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { EMPTY, firstValueFrom, NEVER, Observable, throwError, timer } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { milliseconds } from '../../src/core/units.ts'
import { asked, plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

describe('starting in order', () => {
  test('S1 the next service starts after the one before is running; start() resolves once, after the last', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 'waits' })
    const cache = plain('cache', { start: 'waits' })
    const api = plain('api', { start: 'waits' })
    shop.add(db).add(cache).add(api)
    const trace = recordTrace(shop)
    const start = shop.start()
    const started = watch(start)

    expect(trace.take()).toEqual(['shop starting', 'shop/db starting'])
    await time.advance(1_000)
    expect(trace.take()).toEqual([])

    db.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/db running', 'shop/cache starting'])
    expect([db, cache, api].map(s => s.ping())).toEqual(['pong', 'no answer', 'no answer'])

    cache.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/cache running', 'shop/api starting'])
    expect(started.now).toBe('pending')

    api.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/api running', 'shop running'])
    expect(started.now).toBe('resolved')
    expect([db, cache, api].map(s => s.ping())).toEqual(['pong', 'pong', 'pong'])
    expect(shop.start()).toBe(start)
    expect([db, cache, api].map(s => s.starts)).toEqual([1, 1, 1])
    expect(trace.take()).toEqual([])
  })

  test.each([
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve()],
    ['an Observable', () => EMPTY],
    ['no hook', undefined],
  ])('S1 the trace is the same whether a start returns %s', async (_, start) => {
    const { shop } = shopUnderVirtualTime()
    for (const name of ['a', 'b', 'c']) shop.add(service(name, start ? { start } : {}))
    const trace = recordTrace(shop)
    await shop.start()
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/a starting',
      'shop/a running',
      'shop/b starting',
      'shop/b running',
      'shop/c starting',
      'shop/c running',
      'shop running',
    ])
  })
})

describe('starting along a graph', () => {
  test('S2 nothing starts before all it names are running; branches overlap; it takes as long as the longest path', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const clock = time
    shop
      .add(plain('db', { start: 10, clock }), { dependsOn: [] })
      .add(plain('cache', { start: 30, clock }), { dependsOn: [] })
      .add(plain('users', { start: 15, clock }), { dependsOn: ['db'] })
      .add(plain('api', { start: 20, clock }), { dependsOn: ['users', 'cache'] })
      .add(plain('mail', { start: 5, clock }), { dependsOn: ['db'] })
    const trace = recordTrace(shop, { times: true })
    const started = watch(shop.start())
    await time.advance(49)
    expect(started.now).toBe('pending')
    await time.advance(1)
    expect(started.now).toBe('resolved')
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/users waiting for db',
      '0 shop/api waiting for users, cache',
      '0 shop/mail waiting for db',
      '0 shop/db starting',
      '0 shop/cache starting',
      '10 shop/db running',
      '10 shop/users starting',
      '10 shop/mail starting',
      '15 shop/mail running',
      '25 shop/users running',
      '25 shop/api waiting for cache',
      '30 shop/cache running',
      '30 shop/api starting',
      '50 shop/api running',
      '50 shop running',
    ])
    expect(shop.report.criticalPath.start).toEqual(['shop/cache', 'shop/api'])
    expect(shop.report.startTook).toBe(50)
  })

  test('S2 a service can name one that is added after it', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('a'), { dependsOn: ['b'] }).add(plain('b'))
    const trace = recordTrace(shop)
    await shop.start()
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/a waiting for b',
      'shop/b starting',
      'shop/b running',
      'shop/a starting',
      'shop/a running',
      'shop running',
    ])
    const log = recordTrace(shop)
    await shop.stop()
    expect(log.lines.slice(-6)).toEqual([
      'shop stopping',
      'shop/a stopping',
      'shop/a stopped',
      'shop/b stopping',
      'shop/b stopped',
      'shop stopped',
    ])
  })

  test('S2 one that declares nothing comes after everything before it, and is waited for by what follows', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const fakes = ['a', 'b', 'c', 'd'].map(name => plain(name, { start: 'waits' }))
    const [a, b, c, d] = fakes as [(typeof fakes)[0], (typeof fakes)[0], (typeof fakes)[0], (typeof fakes)[0]]
    shop.add(a!, { dependsOn: [] }).add(b!, { dependsOn: [] }).add(c!).add(d!)
    void shop.start()
    const started = (): string =>
      fakes
        .filter(({ start }) => start.open)
        .map(({ name }) => name)
        .join()
    expect(started()).toBe('a,b')
    b!.start.succeed()
    await time.settle()
    expect(started()).toBe('a')
    a!.start.succeed()
    await time.settle()
    expect(started()).toBe('c')
    c!.start.succeed()
    await time.settle()
    expect(started()).toBe('d')
    d!.start.succeed()
    await time.settle()
    expect(shop.status.phase).toBe('running')
  })

  test('S3 dependencies are transitive through groups and empty aggregates', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 'waits' })
    const cache = plain('cache', { start: 'waits' })
    const infra = serviceGroup('infra', { clock: time }).add(db).add(cache)
    const ready = serviceGroup('ready', { clock: time })
    shop
      .add(plain('api'), { dependsOn: ['ready'] })
      .add(ready, { dependsOn: ['infra'] })
      .add(infra)
    const trace = recordTrace(shop)
    void shop.start()
    expect(trace.take()).toEqual([
      'shop starting',
      'shop/api waiting for ready',
      'shop/ready waiting for infra',
      'shop/infra starting',
      'shop/infra/db starting',
    ])
    db.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/infra/db running', 'shop/infra/cache starting'])
    cache.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual([
      'shop/infra/cache running',
      'shop/infra running',
      'shop/ready starting',
      'shop/ready running',
      'shop/api starting',
      'shop/api running',
      'shop running',
    ])
  })
})

describe('what is refused', () => {
  test.each([
    [
      'a cycle',
      'ERR_CIRCULAR_DEPENDENCY',
      /a -> c -> b -> a/,
      (): readonly (readonly [string, string[]])[] => [
        ['a', ['c']],
        ['b', ['a']],
        ['c', ['b']],
      ],
    ],
    ['a service that names itself', 'ERR_CIRCULAR_DEPENDENCY', /a -> a/, () => [['a', ['a']]] as const],
    [
      'an unknown name',
      'ERR_UNKNOWN_DEPENDENCY',
      /"b": dependsOn names "nobody".*it has: a, b/,
      () =>
        [
          ['a', []],
          ['b', ['nobody']],
        ] as const,
    ],
  ])('S4 %s is refused before anything starts', async (_, code, message, edges) => {
    const { shop } = shopUnderVirtualTime()
    const fakes = edges().map(([name, dependsOn]) => {
      const fake = plain(name)
      shop.add(fake, { dependsOn })
      return fake
    })
    const trace = recordTrace(shop)
    const error = await rejectionOf(shop.start())
    expect(error).toBeInstanceOf(ServiceError)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(fakes.map(({ starts }) => starts)).toEqual(fakes.map(() => 0))
    expect(trace.lines).toEqual([...fakes.map(({ name }) => `shop/${name} stopped`).reverse(), `shop failed ${code}`])
    expect(shop.report.services.every(({ outcome }) => outcome === 'never started')).toBe(true)
    expect(trace.completed).toBe(true)
    expect(await shop.stop()).toMatchObject({ ok: false, outcome: 'failed', errors: [{ code, service: 'shop' }] })
  })

  test('S4 a duplicate name is refused when it is added, and changes nothing', async () => {
    const { shop } = shopUnderVirtualTime()
    const first = plain('db')
    const second = plain('db')
    shop.add(first)
    expect(() => shop.add(second)).toThrow(
      expect.objectContaining({ code: 'ERR_DUPLICATE_NAME', service: 'db', message: expect.stringContaining('"db"') }),
    )
    await shop.start()
    expect([first.starts, second.starts]).toEqual([1, 0])
  })

  test('S4 an observer that waits for what it is to watch is refused with the path', async () => {
    const { shop } = shopUnderVirtualTime()
    const probes = plain('probes')
    shop.add(plain('db')).add(probes, { observer: true, dependsOn: ['db'] })
    expect(await rejectionOf(shop.start())).toMatchObject({
      code: 'ERR_CIRCULAR_DEPENDENCY',
      message: expect.stringContaining('probes -> db -> probes'),
    })
    expect(probes.starts).toBe(0)
  })

  test('S4 at run time a new service is refused with its cause, and the group goes on', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db)
    await shop.start()
    expect(() => shop.add(plain('api'), { dependsOn: ['nobody'] })).toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_DEPENDENCY' }),
    )
    expect(() => shop.add(plain('loop'), { dependsOn: ['loop'] })).toThrow(
      expect.objectContaining({ code: 'ERR_CIRCULAR_DEPENDENCY' }),
    )
    expect(db.ping()).toBe('pong')
    const api = plain('api')
    shop.add(api, { dependsOn: ['db'] })
    expect(api.ping()).toBe('pong')
    expect(Object.keys(shop.status.services)).toEqual(['shop/db', 'shop/api'])
  })

  test.each([
    ['', 'ERR_INVALID_NAME'],
    [' ', 'ERR_INVALID_NAME'],
    ['a/b', 'ERR_INVALID_NAME'],
  ])('S4 the name %o is refused', (name, code) => {
    const { shop } = shopUnderVirtualTime()
    expect(() => shop.add({ name, start: () => undefined })).toThrow(expect.objectContaining({ code }))
    expect(() => serviceGroup(name)).toThrow(expect.objectContaining({ code }))
    expect(() => service(name, {})).toThrow(expect.objectContaining({ code }))
  })

  test.each([Number.NaN, -1, '5' as unknown as number])('S4 the duration %o is refused', ms => {
    const refused = expect.objectContaining({ code: 'ERR_INVALID_DURATION' })
    const { shop } = shopUnderVirtualTime()
    for (const option of ['startTimeout', 'drainTimeout', 'stopTimeout'])
      expect(() => shop.add(plain('db'), { [option]: ms })).toThrow(refused)
    for (const option of ['startTimeout', 'drainDelay', 'shutdownTimeout', 'forceTimeout'])
      expect(() => serviceGroup('shop', { [option]: ms })).toThrow(refused)
  })

  test.each([undefined, null, 1, 'db', () => undefined, {}])('S4 %o is not a service', thing => {
    const { shop } = shopUnderVirtualTime()
    expect(() => shop.add(thing as Service)).toThrow(expect.objectContaining({ code: 'ERR_NOT_A_SERVICE' }))
  })
})

describe('a start that fails', () => {
  const ways = {
    'throws synchronously': fakeService('api', { otherwise: 'absent', start: 'throws' }),
    rejects: fakeService('api', { otherwise: 'absent', start: 'rejects' }),
    'gives an Observable error': fakeService('api', { otherwise: 'absent', start: 'rejects', returns: 'observable' }),
    'calls fail()': service('api', { start: ({ fail }) => fail(new Error('api: start failed')) }),
    'is a lifecycle that errors': {
      name: 'api',
      lifecycle: () => throwError(() => new Error('api: start failed')),
    },
    'is a lifecycle that throws': {
      name: 'api',
      lifecycle: () => {
        throw new Error('api: start failed')
      },
    },
  }

  test.each(Object.entries(ways))('S13 one that %s ends in the same state and the same error', async (_, failing) => {
    const { shop } = shopUnderVirtualTime()
    shop.add(failing)
    const error = (await rejectionOf(shop.start())) as ServiceError
    expect(error).toBeInstanceOf(ServiceError)
    expect(error).toMatchObject({
      code: 'ERR_GROUP_FAILED',
      service: 'shop/api',
      message: 'group "shop": start failed: service "api": start failed: api: start failed',
    })
    expect(error.cause).toBeInstanceOf(ServiceError)
    expect(error.cause).toMatchObject({
      code: 'ERR_START_FAILED',
      service: 'api',
      message: 'service "api": start failed: api: start failed',
      cause: new Error('api: start failed'),
    })
    expect(error.errors).toEqual([error.cause])
    expect(shop.status.services['shop/api']?.state).toMatchObject({
      phase: 'failed',
      error: { code: 'ERR_START_FAILED', service: 'api', cause: { message: 'api: start failed' } },
    })
  })

  test.each([
    ['throws', 'promise'],
    ['rejects', 'promise'],
    ['rejects', 'observable'],
  ] as const)('S5 those already started are stopped in reverse when a start %s (%s)', async (start, returns) => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { stop: 'waits' })
    const cache = plain('cache', { stop: 'waits' })
    const api = plain('api', { start, returns })
    const late = plain('late')
    shop.add(db).add(cache).add(api).add(late)
    const trace = recordTrace(shop)
    const start$ = shop.start()
    const started = watch(start$)
    await time.settle()
    expect(trace.take()).toEqual([
      'shop starting',
      'shop/db starting',
      'shop/db running',
      'shop/cache starting',
      'shop/cache running',
      'shop/api starting',
      'shop/api failed ERR_START_FAILED',
      'shop/cache running (leaving)',
      'shop/db running (leaving)',
      'shop stopping',
      'shop/late stopped',
      'shop/cache stopping',
    ])
    expect(db.ping()).toBe('pong')
    expect(started.now).toBe('pending')
    cache.stop.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/cache stopped', 'shop/db stopping'])
    db.stop.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/db stopped', 'shop failed ERR_GROUP_FAILED'])
    expect(await rejectionOf(start$)).toMatchObject({
      code: 'ERR_GROUP_FAILED',
      service: 'shop/api',
      cause: { service: 'api', cause: new Error('api: start failed') },
    })
    expect(asked(api)).toEqual(['start'])
    expect([late.starts, late.asked.length]).toEqual([0, 0])
    expect(trace.completed).toBe(true)
  })

  test('S5 a start that timed out and succeeds later all the same is stopped', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const api = plain('api', { start: 'hangs' })
    shop.add(db).add(api, { startTimeout: 100 })
    const trace = recordTrace(shop, { times: true })
    const start = shop.start()
    const started = watch(start)
    await time.advance(150)
    expect(started.now).toBe('pending')
    expect(db.ping()).toBe('pong')
    api.start.succeed()
    await time.settle()
    expect(trace.lines.slice(4)).toEqual([
      '100 shop/api stopping',
      '150 shop/api failed ERR_START_TIMEOUT',
      '150 shop/db running (leaving)',
      '150 shop stopping',
      '150 shop/db stopping',
      '150 shop/db stopped',
      '150 shop failed ERR_GROUP_FAILED',
    ])
    expect(asked(api)).toEqual(['start', 'stop'])
    expect(api.alive).toBe(false)
    expect(await rejectionOf(start)).toMatchObject({ cause: { code: 'ERR_START_TIMEOUT', service: 'api' } })
  })

  test('S6 rollback errors are added, the first cause first; they never stop the rollback', async () => {
    const { shop } = shopUnderVirtualTime()
    const fakes = [
      plain('a', { stop: 'rejects' }),
      plain('b', { stop: 'throws' }),
      plain('c', { stop: 'rejects', returns: 'observable' }),
      plain('d', { start: 'rejects' }),
    ]
    for (const fake of fakes) shop.add(fake)
    const error = (await rejectionOf(shop.start())) as ServiceError
    const codes = error.errors.map(e => [(e as ServiceError).service, (e as ServiceError).code])
    expect(codes).toEqual([
      ['d', 'ERR_START_FAILED'],
      ['c', 'ERR_STOP_FAILED'],
      ['b', 'ERR_STOP_FAILED'],
      ['a', 'ERR_STOP_FAILED'],
    ])
    expect(error.cause).toBe(error.errors[0])
    expect(error.message).toBe(
      'group "shop": start failed: service "d": start failed: d: start failed (then: ' +
        'service "c": stop failed: c: stop failed; service "b": stop failed: b: stop failed; ' +
        'service "a": stop failed: a: stop failed)',
    )
    expect(shop.report.errors.map(({ service }) => service)).toEqual(['shop/d', 'shop/c', 'shop/b', 'shop/a'])
    expect(fakes.map(asked)).toEqual([['start', 'stop'], ['start', 'stop'], ['start', 'stop'], ['start']])
  })

  test('S7 a start timeout rolls back with fresh stop budgets', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const clock = time
    shop
      .add(plain('db', { stop: 9_000, clock }), { stopTimeout: 9_500 })
      .add(plain('cache', { stop: 9_000, clock }), { stopTimeout: 9_500 })
      .add(plain('api', { start: 'waits' }))
    const trace = recordTrace(shop, { times: true })
    const error = rejectionOf(shop.start())
    await time.advance(60_000)
    expect(trace.lines.slice(5)).toEqual([
      '0 shop/api starting',
      '30000 shop/api stopping',
      '30000 shop/api failed ERR_START_TIMEOUT',
      '30000 shop/cache running (leaving)',
      '30000 shop/db running (leaving)',
      '30000 shop stopping',
      '30000 shop/cache stopping',
      '39000 shop/cache stopped',
      '39000 shop/db stopping',
      '48000 shop/db stopped',
      '48000 shop failed ERR_GROUP_FAILED',
    ])
    expect((await error) as ServiceError).toMatchObject({
      cause: {
        code: 'ERR_START_TIMEOUT',
        message: `service "api": start timed out after ${milliseconds(30_000)}`,
      },
    })
    expect(time.timers).toBe(0)
  })

  test('S7 a rollback has no drain delay, and its own force budget', async () => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 5_000, forceTimeout: 30 })
    const db = plain('db', { stop: 'hangs' })
    shop.add(db, { stopTimeout: 100 }).add(plain('api', { start: 'throws' }))
    const trace = recordTrace(shop, { times: true })
    const error = rejectionOf(shop.start())
    await time.advance(200)
    expect(await error).toMatchObject({ cause: { service: 'api' } })
    expect(trace.lines.slice(3)).toEqual([
      '0 shop/api starting',
      '0 shop/api failed ERR_START_FAILED',
      '0 shop/db running (leaving)',
      '0 shop stopping',
      '0 shop/db stopping',
      '130 shop/db stopped (abandoned) ERR_ABANDONED',
      '130 shop stopped (abandoned) ERR_GROUP_FAILED',
    ])
  })

  test('S7 a start that ignores its end is forced and abandoned; then the rollback goes on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const api = plain('api', { start: 'hangs' })
    shop.add(db).add(api, { startTimeout: 100, stopTimeout: 50 })
    const trace = recordTrace(shop, { times: true })
    const start = shop.start()
    const started = watch(start)
    await time.advance(1_149)
    expect(trace.take().slice(3)).toEqual(['0 shop/api starting', '100 shop/api stopping'])
    expect([db.ping(), started.now]).toEqual(['pong', 'pending'])
    await time.advance(1)
    expect(trace.take()).toEqual([
      '1150 shop/api stopped (abandoned) ERR_ABANDONED',
      '1150 shop/db running (leaving)',
      '1150 shop stopping',
      '1150 shop/db stopping',
      '1150 shop/db stopped',
      '1150 shop stopped (abandoned) ERR_GROUP_FAILED',
    ])
    expect(await rejectionOf(start)).toMatchObject({ cause: { code: 'ERR_START_TIMEOUT', service: 'api' } })
    expect(api.alive).toBe(true)
    api.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual([])
    expect(asked(api)).toEqual(['start'])
  })

  test('S9 a start deadline of the whole group lists who is not running and who waits for whom', async () => {
    const { time, shop } = shopUnderVirtualTime({ startTimeout: 50 })
    const db = plain('db')
    const cache = plain('cache', { start: 'waits' })
    shop
      .add(db)
      .add(cache)
      .add(plain('late'))
      .add(plain('api'), { dependsOn: ['db', 'cache'] })
      .add(plain('edge'), { dependsOn: ['api', 'cache'] })
    const trace = recordTrace(shop, { times: true })
    const error = rejectionOf(shop.start())
    await time.advance(100)
    expect(await error).toMatchObject({
      code: 'ERR_START_TIMEOUT',
      service: 'shop',
      message:
        'group "shop": start timed out after 50 ms; "cache" is still starting; "late" has not been started; ' +
        '"api" waits for "cache"; "edge" waits for "api" and "cache"',
    })
    expect(trace.lines.slice(5)).toEqual([
      '0 shop/api waiting for cache',
      '0 shop/cache starting',
      '50 shop/cache stopping',
      '50 shop/db running (leaving)',
      '50 shop stopping',
      '50 shop/late stopped',
      '50 shop/edge stopped',
      '50 shop/api stopped',
      '50 shop/cache stopped',
      '50 shop/db stopping',
      '50 shop/db stopped',
      '50 shop failed ERR_START_TIMEOUT',
    ])
    expect(db.alive).toBe(false)
    expect(time.timers).toBe(0)
  })

  test.each<[string, object]>([
    ['and then its stop timeout and the force budget run out', {}],
    ['also when another member fails to stop', { stop: () => Promise.reject(new Error('no')) }],
  ])(
    'S9 a start deadline of the whole group is what start() rejects with when a start ignores its signal, %s',
    async (_, hooks) => {
      const { time, shop } = shopUnderVirtualTime({ startTimeout: 50, forceTimeout: 30 })
      const deaf = service('deaf', { start: () => new Promise(() => undefined) })
      shop.add(service('db', hooks)).add(deaf, { stopTimeout: 100 })
      const start = shop.start()
      const started = watch(start)
      await time.advance(179)
      expect(started.now).toBe('pending')
      await time.advance(1)
      expect(started.now).toBe('rejected')
      const error = await rejectionOf(start)
      expect(error).toMatchObject({
        code: 'ERR_START_TIMEOUT',
        service: 'shop',
        message: expect.stringContaining('group "shop": start timed out after 50 ms; "deaf" is still starting'),
      })
      expect(await rejectionOf(shop.start())).toMatchObject({
        code: 'ERR_GROUP_STOPPED',
        cause: { code: 'ERR_START_TIMEOUT', message: (error as Error).message },
      })
      expect(shop.report.services.at(-1)).toMatchObject({ path: 'shop/deaf', outcome: 'abandoned' })
      expect(time.timers).toBe(0)
    },
  )

  test.each<[string, (shop: ServiceGroup<'shop'>) => unknown, object]>([
    ['a failure', () => undefined, { code: 'ERR_GROUP_FAILED', cause: { service: 'api', code: 'ERR_START_FAILED' } }],
    ['a stop', shop => shop.stop('enough'), { code: 'ERR_GROUP_STOPPED' }],
  ])(
    'S9 a start deadline that passes while the group is rolled back after %s changes nothing',
    async (_, act, error) => {
      const { time, shop } = shopUnderVirtualTime({ startTimeout: 50 })
      const api = plain('api', { start: 'waits' })
      shop.add(plain('db', { stop: 100, clock: time })).add(api)
      const start = shop.start()
      start.catch(() => {})
      await time.advance(40)
      if (act(shop) === undefined) api.start.fail(new Error('no route'))
      await time.advance(100)
      expect(await rejectionOf(start)).toMatchObject(error)
      expect(shop.report.errors.map(({ code }) => code)).not.toContain('ERR_START_TIMEOUT')
      expect(time.timers).toBe(0)
    },
  )

  test('S9 a start deadline of the whole group names the service that hangs inside a nested group', async () => {
    const { time, shop } = shopUnderVirtualTime({ startTimeout: 50 })
    const deep = serviceGroup('deep', { clock: time })
      .add(plain('mailer', { start: 'waits' }))
      .add(plain('printer'))
    shop.add(serviceGroup('workers', { clock: time }).add(deep)).add(plain('api'), { dependsOn: ['workers'] })
    const error = rejectionOf(shop.start())
    await time.advance(50)
    expect(await error).toMatchObject({
      code: 'ERR_START_TIMEOUT',
      message:
        'group "shop": start timed out after 50 ms; "workers/deep/mailer" is still starting; ' +
        '"workers/deep/printer" has not been started; "api" waits for "workers"',
    })
  })

  test('S9 the start deadline of a nested group names what is inside it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const workers = serviceGroup('workers', { clock: time })
      .add(plain('mailer', { start: 'waits' }))
      .add(plain('printer'), { dependsOn: ['mailer'] })
    shop.add(workers, { startTimeout: 50 })
    const error = rejectionOf(shop.start())
    await time.advance(50)
    expect(await error).toMatchObject({
      cause: {
        code: 'ERR_START_TIMEOUT',
        service: 'workers',
        message:
          'group "workers": start timed out after 50 ms; "mailer" is still starting; "printer" waits for "mailer"',
      },
    })
  })
})

describe('a start that is interrupted', () => {
  test('S8 what still starts is cancelled, or awaited and stopped; nothing runs after start() rejected', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const heeding = plain('heeding', { start: 'waits' })
    const stubborn = plain('stubborn', { start: 'hangs' })
    const started = plain('started')
    const dependent = plain('dependent')
    shop
      .add(started, { dependsOn: [] })
      .add(heeding, { dependsOn: [] })
      .add(stubborn, { dependsOn: [] })
      .add(dependent, { dependsOn: ['heeding', 'stubborn'] })
    const trace = recordTrace(shop)
    const start = shop.start()
    const state = watch(start)
    trace.take()
    const stop = shop.stop()
    await time.settle()
    expect(trace.take()).toEqual([
      'shop/stubborn stopping',
      'shop/heeding stopping',
      'shop/started running (leaving)',
      'shop stopping',
      'shop/started stopping',
      'shop/started stopped',
      'shop/dependent stopped',
      'shop/heeding stopped',
    ])
    expect([stubborn.alive, state.now]).toEqual([true, 'pending'])
    stubborn.start.succeed()
    await time.settle()
    expect(trace.take()).toEqual(['shop/stubborn stopped', 'shop stopped'])
    expect(await rejectionOf(start)).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    expect([started, heeding, stubborn].map(asked)).toEqual([['start', 'stop'], ['start'], ['start', 'stop']])
    expect([started, heeding, stubborn, dependent].map(s => s.alive)).toEqual([false, false, false, false])
    expect((await stop).ok).toBe(true)
    await time.advance(100_000)
    expect(trace.take()).toEqual([])
    expect(time.timers).toBe(0)
  })

  test('S8 a failure in a parallel start cancels its siblings and is the one that is named', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const a = plain('a', { start: 'waits' })
    const b = plain('b', { start: 'waits' })
    shop.add(a, { dependsOn: [] }).add(b, { dependsOn: [] })
    const error = rejectionOf(shop.start())
    b.start.fail(new Error('no route'))
    expect(await error).toMatchObject({ cause: { service: 'b', cause: new Error('no route') }, errors: [{}] })
    expect(asked(a)).toEqual(['start'])
    expect(a.alive).toBe(false)
    expect(time.timers).toBe(0)
  })

  test.each([0, 1, 2, 3])(
    'S11 stop after %i of 3 have started: nothing further starts, both promises settle',
    async n => {
      const { time, shop } = shopUnderVirtualTime()
      const fakes = ['a', 'b', 'c'].map(name => plain(name, { start: 'waits' }))
      for (const fake of fakes) shop.add(fake)
      const trace = recordTrace(shop)
      const start = shop.start()
      const started = n === 3 ? start : rejectionOf(start)
      for (let i = 0; i < n; i++) {
        fakes[i]!.start.succeed()
        await time.settle()
      }
      const report = await shop.stop()
      expect(report).toMatchObject({ ok: true, outcome: 'stopped', trigger: { by: 'call' } })
      expect(await started).toEqual(
        n === 3
          ? undefined
          : expect.objectContaining({
              code: 'ERR_GROUP_STOPPED',
              message: expect.stringMatching(/stop\(\) was called/),
            }),
      )
      expect(fakes.map(asked)).toEqual(fakes.map((_, i) => (i < n ? ['start', 'stop'] : i === n ? ['start'] : [])))
      const path = (i: number): string => `shop/${fakes[i]!.name}`
      const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
      expect(trace.lines).toEqual([
        'shop starting',
        ...upTo(n).flatMap(i => [`${path(i)} starting`, `${path(i)} running`]),
        ...(n < 3 ? [`${path(n)} starting`] : ['shop running', 'shop running (leaving)']),
        ...(n < 3 ? [`${path(n)} stopping`] : []),
        ...upTo(n)
          .reverse()
          .map(i => `${path(i)} running (leaving)`),
        'shop stopping',
        ...upTo(3)
          .slice(n + 1)
          .reverse()
          .map(i => `${path(i)} stopped`),
        ...(n < 3 ? [`${path(n)} stopped`] : []),
        ...upTo(n)
          .reverse()
          .flatMap(i => [`${path(i)} stopping`, `${path(i)} stopped`]),
        'shop stopped',
      ])
    },
  )

  // The stop takes effect once the synchronous part of the hook has returned: a hook that is done by then is running.
  test.each([
    ['returns', () => undefined, true],
    ['resolves', () => Promise.resolve(), false],
    ['completes', () => EMPTY, true],
  ])(
    'S11 stop() called inside a start hook that %s: it is stopped once, nothing further starts',
    async (_, result, isDone) => {
      const { shop } = shopUnderVirtualTime()
      const before = plain('before')
      const calling = plain('calling', {
        start: () => {
          void shop.stop('from inside')
          return result()
        },
      })
      const after = plain('after')
      shop.add(before).add(calling).add(after)
      const trace = recordTrace(shop)
      const error = await rejectionOf(shop.start())
      expect(error).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
      expect((await shop.stop()).trigger).toEqual({ by: 'call', message: 'from inside' })
      expect([before, calling, after].map(asked)).toEqual([['start', 'stop'], ['start', 'stop'], []])
      expect(trace.lines).toEqual([
        'shop starting',
        'shop/before starting',
        'shop/before running',
        'shop/calling starting',
        ...(isDone ? ['shop/calling running', 'shop/calling running (leaving)'] : ['shop/calling stopping']),
        'shop/before running (leaving)',
        'shop stopping',
        'shop/after stopped',
        ...(isDone ? ['shop/calling stopping'] : []),
        'shop/calling stopped',
        'shop/before stopping',
        'shop/before stopped',
        'shop stopped',
      ])
    },
  )

  test('S11 a stop that a listener calls when it hears of the first service reaches everything', async () => {
    const { shop } = shopUnderVirtualTime()
    const fakes = ['a', 'b', 'c'].map(name => plain(name))
    for (const fake of fakes) shop.add(fake)
    shop.status$.subscribe(status => {
      if (status.services['shop/a']?.state.phase === 'running') void shop.stop()
    })
    const trace = recordTrace(shop)
    expect(await rejectionOf(shop.start())).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    expect(fakes.map(asked)).toEqual([['start', 'stop'], [], []])
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/a starting',
      'shop/a running',
      'shop/a running (leaving)',
      'shop stopping',
      'shop/c stopped',
      'shop/b stopped',
      'shop/a stopping',
      'shop/a stopped',
      'shop stopped',
    ])
  })
})

describe('services made by hand', () => {
  const byHand = (time: VirtualTime, log: string[]): Service => ({
    name: 'hand',
    // It says nothing until it is running.
    lifecycle: () =>
      new Observable(out => {
        log.push('begun')
        out.add(timer(100, time).subscribe(() => out.next({ phase: 'running', health: 'pass' })))
        return () => log.push('left')
      }),
  })

  test('S1 a lifecycle that says only that it is running is started once, and waited for', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const log: string[] = []
    shop.add(byHand(time, log)).add(plain('api'))
    const trace = recordTrace(shop, { times: true })
    const start = shop.start()
    await time.advance(100)
    await start
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/hand starting',
      '100 shop/hand running',
      '100 shop/api starting',
      '100 shop/api running',
      '100 shop running',
    ])
    expect(log).toEqual(['begun'])
  })

  test('S7 a lifecycle that never says anything runs out of its start time', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const log: string[] = []
    shop.add(byHand(time, log), { startTimeout: 50, stopTimeout: 10 })
    const error = rejectionOf(shop.start())
    await time.advance(2_000)
    expect(await error).toMatchObject({ cause: { code: 'ERR_START_TIMEOUT', service: 'hand' } })
    expect(log).toEqual(['begun', 'left'])
    expect(time.timers).toBe(0)
  })

  test('S11 a lifecycle that has said nothing yet is told to stop, and not forgotten', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const steps: string[] = []
    shop.add({
      name: 'hand',
      lifecycle: shutdown$ =>
        new Observable(out =>
          shutdown$.subscribe(({ step }) => {
            steps.push(step)
            if (step === 'stop') out.complete()
          }),
        ),
    })
    const trace = recordTrace(shop)
    const error = rejectionOf(shop.start())
    const report = await shop.stop()
    expect(await error).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    expect(steps).toEqual(['unready', 'drain', 'stop'])
    expect(trace.lines).toEqual([
      'shop starting',
      'shop/hand starting',
      'shop stopping',
      'shop/hand stopped',
      'shop stopped',
    ])
    expect(report.ok).toBe(true)
    expect(time.timers).toBe(0)
  })

  test('S8 a nested group that is stopped by itself before it runs fails the start, and does not hang it', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const infra = serviceGroup('infra', { clock: time }).add(plain('db', { start: 'waits' }))
    const before = plain('before')
    shop.add(before).add(infra).add(plain('api'))
    const error = rejectionOf(shop.start())
    void infra.stop()
    expect(await error).toMatchObject({ cause: { code: 'ERR_START_FAILED', service: 'infra' } })
    expect(before.alive).toBe(false)
  })
})

describe('odd lives', () => {
  test('S12 stop before start: no service code runs; final; a later start rejects clearly', async () => {
    const { shop } = shopUnderVirtualTime()
    const fakes = [plain('a'), plain('b')]
    for (const fake of fakes) shop.add(fake)
    const trace = recordTrace(shop)
    const report = await shop.stop()
    expect(trace.lines).toEqual(['shop/b stopped', 'shop/a stopped', 'shop stopped'])
    expect(trace.completed).toBe(true)
    expect(report).toMatchObject({ ok: true, outcome: 'never started' })
    expect(await rejectionOf(shop.start())).toMatchObject({
      code: 'ERR_GROUP_STOPPED',
      message: expect.stringMatching(/can't be started/),
    })
    expect(fakes.map(asked)).toEqual([[], []])
    expect(trace.lines).toHaveLength(3)
    expect(await shop.stop()).toBe(report)
  })

  test('S12 start twice gives the same promise, and starts once', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 'waits' })
    shop.add(db)
    const first = shop.start()
    expect(shop.start()).toBe(first)
    db.start.succeed()
    await first
    expect(shop.start()).toBe(first)
    expect(db.starts).toBe(1)
    await shop.stop()
    expect(await rejectionOf(shop.start())).toMatchObject({
      code: 'ERR_GROUP_STOPPED',
      message: 'group "shop": was stopped (stop() was called); make a new one, a stopped group can\'t be started',
    })
    expect(db.starts).toBe(1)
  })

  test('S12 an empty group is running and healthy, and stops', async () => {
    const { shop } = shopUnderVirtualTime()
    const trace = recordTrace(shop)
    await shop.start()
    expect(shop.status).toMatchObject({ phase: 'running', health: 'pass', ready: true })
    expect(await shop.stop()).toMatchObject({ ok: true, outcome: 'stopped', services: [] })
    expect(trace.lines).toEqual([
      'shop starting',
      'shop running',
      'shop running (leaving)',
      'shop stopping',
      'shop stopped',
    ])
    expect(trace.completed).toBe(true)
  })

  test('S12 start() of a nested group is refused, and so is a second lifecycle', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db')
    const infra = serviceGroup('infra', { clock: time }).add(db)
    shop.add(infra)
    expect(await rejectionOf(infra.start())).toMatchObject({ code: 'ERR_ALREADY_STARTED', service: 'infra' })
    await shop.start()
    const error = await rejectionOf(firstValueFrom(infra.lifecycle(NEVER)))
    expect(error).toMatchObject({ code: 'ERR_ALREADY_STARTED', service: 'infra' })
    expect(db.ping()).toBe('pong')
    expect(db.starts).toBe(1)
  })
})
