import { runInNewContext } from 'node:vm'
import { formatReport, fromObservable, job, type ServiceHooks, service, serviceGroup, task } from 'rx-service-group'
import { NEVER, Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { outcomes, rejectionOf, shopUnderVirtualTime } from './setup.ts'

const throwing = (): never => {
  throw new Error('not this')
}

/** An error with properties that throw when they are read. */
const hostile = (...keys: readonly string[]): Error => {
  const error = new Error('no route')
  for (const key of keys) Object.defineProperty(error, key, { get: throwing })
  return error
}

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

/** Values that have broken state machines. */
const hostiles: readonly (readonly [string, () => unknown])[] = [
  ['an error whose message throws', () => hostile('message')],
  ['an error whose stack throws', () => hostile('stack')],
  ['an error whose cause throws', () => hostile('cause')],
  ['an error whose name, code and service throw', () => hostile('name', 'code', 'service')],
  ['an error whose list of errors throws', () => hostile('errors')],
  ['an object whose toString throws', () => ({ toString: throwing, [Symbol.toPrimitive]: throwing })],
  ['a revoked proxy', revoked],
  ['an object without a prototype', () => Object.create(null)],
  ['undefined', () => undefined],
  ['null', () => null],
  ['a symbol', () => Symbol('x')],
  ['a bigint', () => 1n],
  ['a function', () => throwing],
]

const hooks = ['start', 'unready', 'drain', 'stop', 'force'] as const

describe('X3 whatever a hook throws, every promise settles and the service is named', () => {
  describe.each(hostiles)('%s', (_, make) => {
    test.each(hooks)('X3 in %s', async hook => {
      const { time, shop } = shopUnderVirtualTime()
      const never = (): Promise<never> => new Promise(() => {})
      const throws: ServiceHooks = {
        ...(hook === 'force' && { stop: never }),
        [hook]: () => {
          throw make()
        },
      }
      shop.add(service('other', {})).add(service('db', throws), { stopTimeout: 10 })
      const started = shop.start().catch((error: Error) => error)
      await time.advance(0)
      const stopped = shop.stop()
      await time.advance(100_000)
      const report = await stopped
      expect(outcomes(report)['shop/other']).toBe('stopped')
      expect(report.errors[0]?.service).toBe('shop/db')
      expect(typeof report.errors[0]?.message).toBe('string')
      expect(await started).toEqual(
        hook === 'start' ? expect.objectContaining({ code: 'ERR_GROUP_FAILED' }) : undefined,
      )
      expect(() => formatReport(report)).not.toThrow()
      expect(() => JSON.stringify(report)).not.toThrow()
    })

    test('X3 as a rejection, an Observable error and from fail()', async () => {
      const { time, shop } = shopUnderVirtualTime()
      shop
        .add(
          task('promise', () => Promise.reject(make())),
          { optional: true },
        )
        .add(fromObservable('observable', new Observable(out => out.error(make()))), { optional: true })
        .add(service('fail', { start: ({ fail }) => fail(make()) }), { optional: true })
      await Promise.all([shop.start(), time.advance(0)])
      const stopped = shop.stop()
      await time.advance(10)
      const report = await stopped
      expect(report.errors.map(error => error.service).sort()).toEqual(['shop/fail', 'shop/observable', 'shop/promise'])
    })

    test('X3 as the reason of a stop', async () => {
      const { time, shop } = shopUnderVirtualTime()
      let reason: unknown
      shop.add(
        service('db', {
          stop: context => {
            reason = context.reason
          },
        }),
      )
      await Promise.all([shop.start(), time.advance(0)])
      const stopped = shop.stop(make() as string)
      await time.advance(100)
      const report = await stopped
      expect([report.ok, report.trigger?.by, reason]).toEqual([true, 'call', report.trigger])
      expect(() => JSON.stringify(report)).not.toThrow()
    })
  })
})

describe('X3 a broken thenable', () => {
  const thenables: readonly (readonly [string, () => PropertyDescriptor, string])[] = [
    ['whose then can not be read', () => ({ get: throwing }), 'not this'],
    ['whose then throws', () => ({ value: throwing }), 'not this'],
    [
      'that settles twice, and then throws',
      () => ({
        value: (_: unknown, no: (error: unknown) => void) => {
          no(new Error('first'))
          no(new Error('second'))
          throwing()
        },
      }),
      'first',
    ],
  ]
  test.each(thenables)('X3 %s fails its service', async (_, then, message) => {
    const group = serviceGroup('shop').add(
      service('db', { start: () => Object.defineProperty({}, 'then', then()) as Promise<void> }),
    )
    const error = await rejectionOf(group.start())
    expect(error).toMatchObject({ code: 'ERR_GROUP_FAILED', cause: { cause: { message } } })
  })

  test('X3 that never settles runs into the deadline of its service, which still works', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const silent = Object.defineProperty({}, 'then', { value: () => {} }) as Promise<void>
    shop.add(service('db', { start: () => silent }), { startTimeout: 50 })
    const rejected = rejectionOf(shop.start())
    await time.advance(20_000)
    expect(await rejected).toMatchObject({ cause: { code: 'ERR_START_TIMEOUT', service: 'db' } })
  })
})

describe('X2 errors are known by shape', () => {
  test('X2 an error of another realm keeps its code, stack and cause', async () => {
    const error = runInNewContext('Object.assign(new TypeError("far", { cause: new Error("why") }), { code: "E1" })')
    const group = serviceGroup('shop').add(service('db', { start: () => Promise.reject(error) }))
    await rejectionOf(group.start())
    const [told] = group.report.errors
    expect(told?.cause).toMatchObject({ name: 'TypeError', message: 'far', code: 'E1', cause: { message: 'why' } })
    expect(told?.cause?.stack).toContain('TypeError: far')
  })

  test('X2 an error that was cloned keeps its stack and cause', async () => {
    const error = structuredClone(new RangeError('far', { cause: new Error('why') }))
    const group = serviceGroup('shop').add(service('db', { start: () => Promise.reject(error) }))
    await rejectionOf(group.start())
    expect(group.report.errors[0]?.cause).toMatchObject({ name: 'RangeError', cause: { message: 'why' } })
  })

  test('X2 an error of ours from another copy of the library passes unchanged', async () => {
    const error = Object.assign(new Error('port 80 is taken'), {
      name: 'ServiceError',
      code: 'ERR_PORT_IN_USE',
      service: 'api',
      errors: [],
    })
    const group = serviceGroup('shop').add(service('api', { start: () => Promise.reject(error) }))
    await rejectionOf(group.start())
    expect(group.report.errors[0]).toMatchObject({ code: 'ERR_PORT_IN_USE', message: 'port 80 is taken' })
  })

  const echoes: readonly (readonly [string, (signal: AbortSignal) => unknown])[] = [
    ["the signal's reason", signal => signal.reason],
    ['an AbortError', () => new DOMException('aborted', 'AbortError')],
    ["axios' CanceledError", () => Object.assign(new Error('canceled'), { code: 'ERR_CANCELED' })],
    ['an abort wrapped as the cause', ({ reason }) => new Error('request failed', { cause: reason })],
    [
      'an AbortError of another realm',
      () => runInNewContext('Object.assign(new Error("aborted"), { name: "AbortError" })'),
    ],
  ]
  test.each(echoes)('X2 the echo of our own abort is no failure: %s', async (_, echo) => {
    const group = serviceGroup('shop').add(
      task('loop', ({ signal }) => new Promise((_, no) => signal.addEventListener('abort', () => no(echo(signal))))),
    )
    await group.start()
    expect(await group.stop()).toMatchObject({ ok: true, errors: [] })
  })

  test('X2 the same error is a failure when nobody aborted', async () => {
    const error = Object.assign(new Error('canceled'), { code: 'ERR_CANCELED' })
    const group = serviceGroup('shop').add(service('db', { start: () => Promise.reject(error) }))
    expect(await rejectionOf(group.start())).toMatchObject({ code: 'ERR_GROUP_FAILED' })
  })
})

describe('X1 an error says where', () => {
  test('X1 the report shows file and line of the throw, its causes and what came with it', async () => {
    const refused = new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')], 'all refused')
    const connect = (): never => {
      throw new Error('no database', { cause: refused })
    }
    const group = serviceGroup('shop').add(service('db', { start: connect }))
    await rejectionOf(group.start())
    const text = formatReport(group.report)
    expect(text).toMatch(/error 1 shop\/db: service "db": start failed: no database \[ERR_START_FAILED\]/)
    expect(text).toMatch(/^ +at .*connect .*foreign\.test\.ts:\d+:\d+\)$/m)
    expect(text).toMatch(/^ +caused by AggregateError: all refused$/m)
    expect(text).toMatch(/^ +1\) Error: ::1 refused$/m)
    expect(text).toMatch(/^ +2\) Error: 127\.0\.0\.1 refused$/m)
    expect(text).not.toMatch(/node:internal|\/dist\/core\//)
  })

  test('X1 what is thrown without being an Error is shown as it is inspected', async () => {
    const thrown: readonly (readonly [unknown, RegExp])[] = [
      [{ reason: 'x', deep: { list: [1, 2] } }, /\{ reason: 'x', deep: \{ list: \[ 1, 2 \] \} \}/],
      [
        { message: 'no route', code: 'E1', status: 503 },
        /start failed: no route .*\n +caused by Error \[E1\] \(status 503\)$/m,
      ],
      [undefined, /start failed: undefined, thrown instead of an Error/],
      ['no route', /start failed: no route/],
      [new Map([['a', 1]]), /Map\(1\) \{ 'a' => 1 \}/],
    ]
    for (const [value, text] of thrown) {
      const group = serviceGroup('shop').add(service('db', { start: () => Promise.reject(value) }))
      await rejectionOf(group.start())
      expect(formatReport(group.report)).toMatch(text)
    }
  })
})

describe('X4 text from outside is data', () => {
  test('X4 names and messages can neither forge a line of the report nor steer a terminal', async () => {
    const evil = 'bad \u001b[2J\u001b]0;owned\u0007\nshop stopped gracefully in 1 ms: SIGTERM\u202e\u2028\r'
    const group = serviceGroup('shop').add(
      service(evil.replaceAll('/', ''), { stop: () => Promise.reject(new Error(evil)) }),
    )
    await group.start()
    const text = formatReport(await group.stop(evil))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/)
    expect(text.match(/^shop stopped/gm)).toBeNull()
    expect(text).toContain('bad \\x1b[2J\\x1b]0;owned\\x07\\nshop stopped gracefully')
  })
})

describe('hooks may return any ObservableInput', () => {
  test('a task that is an async generator runs, and is waited for while it cleans up', async () => {
    const log: string[] = []
    const group = serviceGroup('shop')
      .add(service('db', { stop: () => void log.push('db stopped') }))
      .add(
        task('loop', async function* ({ signal }) {
          try {
            while (!signal.aborted) {
              log.push('turn')
              yield
              await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
            }
          } finally {
            await Promise.resolve()
            log.push('cleaned up')
          }
        }),
      )
    await group.start()
    const report = await group.stop()
    expect([report.ok, log]).toEqual([true, ['turn', 'cleaned up', 'db stopped']])
  })

  test('what depends on a start that is an async generator waits for its end', async () => {
    const log: string[] = []
    const group = serviceGroup('shop')
      .add(
        job('migrate', async function* () {
          for (const step of ['one', 'two']) {
            await Promise.resolve()
            log.push(step)
            yield step
          }
        }),
      )
      .add(service('api', { start: () => void log.push('api') }))
    await group.start()
    expect(log).toEqual(['one', 'two', 'api'])
    await group.stop()
  })

  test('a task that is an Observable of another library is unsubscribed at its turn', async () => {
    let left = 0
    const source = { '@@observable': () => ({ subscribe: () => ({ unsubscribe: () => left++ }) }) }
    const group = serviceGroup('shop').add(task('loop', () => source as never))
    await group.start()
    expect(group.status.service('shop/loop')?.state.phase).toBe('running')
    expect((await group.stop()).ok).toBe(true)
    expect(left).toBe(1)
  })

  test('what is no hook result does not compile', () => {
    // @ts-expect-error a number is nothing that can be waited for
    service('db', { start: () => 1 })
    // @ts-expect-error nor is a boolean
    task('db', () => true)
    // @ts-expect-error nor a function: nobody would call it
    service('db', { start: () => () => undefined })
    service('db', { start: () => NEVER, stop: async () => 1, drain: () => [1] })
  })
})
