import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import {
  asServiceError,
  combine,
  errorInfo,
  fromErrorInfo,
  isAbortEcho,
  messageOf,
  ServiceError,
} from '../../src/core/errors.ts'

const throwing = (): never => {
  throw new Error('not this')
}

/** An error with properties that throw when they are read. */
const hostile = (...keys: readonly string[]): Error => {
  const error = new Error('x')
  for (const key of keys) Object.defineProperty(error, key, { get: throwing, configurable: true })
  return error
}

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** Without stacks, which differ from place to place. */
const brief = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner) => (key === 'stack' ? undefined : inner)))

describe('a thrown thing as text', () => {
  class Quiet extends Error {
    override name = 'Quiet'
  }
  test.each<[string, unknown, string]>([
    ['an error gives its message', new Error('no route'), 'no route'],
    ['an error without a message gives its name', new Quiet(), 'Quiet'],
    ['a string is itself', 'no route', 'no route'],
    ['undefined is said', undefined, 'undefined, thrown instead of an Error'],
    ['a number is said', 42, '42'],
    ['a symbol is said', Symbol('x'), 'Symbol(x)'],
    [
      'an object is shown as it is inspected',
      { reason: 'x', toString: undefined },
      "{ reason: 'x', toString: undefined }",
    ],
    ['an object without a prototype is shown', Object.create(null), '[Object: null prototype] {}'],
    ['an object that has a message gives it', { message: 'no route', code: 'E' }, 'no route'],
    ['an error of another realm gives its message', runInNewContext('new RangeError("far")'), 'far'],
    ['a DOMException gives its message', new DOMException('aborted', 'AbortError'), 'aborted'],
    [
      'an AggregateError without a message gives those inside',
      new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]),
      '::1 refused; 127.0.0.1 refused',
    ],
    [
      'an AggregateError of many gives the first three',
      new AggregateError([1, 2, 3, 4, 5].map(n => new Error(`${n}`))),
      '1; 2; 3; and 2 more',
    ],
    ['an error whose message throws is named', hostile('message'), "Error whose message can't be read"],
    [
      'an error of which nothing can be read is said to be one',
      hostile('message', 'name'),
      "an error whose message can't be read",
    ],
    ['a revoked proxy is shown', revoked(), '<Revoked Proxy>'],
  ])('%s', (_, thrown, text) => expect(messageOf(thrown)).toBe(text))

  test('a very large value is cut', () => {
    const text = messageOf(Array.from({ length: 100 }, () => 'x'.repeat(100)))
    expect(text.length).toBeLessThan(1_100)
    expect(text).toMatch(/\.\.\. \d+ more characters$/)
  })
})

describe('a thrown thing as JSON', () => {
  test.each<[string, unknown, object]>([
    ['an error is its name and message', new RangeError('far'), { name: 'RangeError', message: 'far' }],
    [
      'a code is kept',
      Object.assign(new Error('in use'), { code: 'EADDRINUSE' }),
      { name: 'Error', message: 'in use', code: 'EADDRINUSE' },
    ],
    [
      'a code that is a number is kept as text',
      Object.assign(new Error('x'), { code: 14 }),
      { name: 'Error', message: 'x', code: '14' },
    ],
    [
      'the old number of a DOMException is no code',
      new DOMException('aborted', 'AbortError'),
      { name: 'AbortError', message: 'aborted' },
    ],
    [
      'an object that is no Error keeps message, code and status',
      { message: 'no route', code: 'E1', status: 503, more: 1 },
      { name: 'Error', message: 'no route', code: 'E1', status: 503 },
    ],
    [
      'an object with a code alone is shown whole',
      { code: 'E1' },
      { name: 'Error', message: "{ code: 'E1' }", code: 'E1' },
    ],
    ['what is no error has the name Error', 'no route', { name: 'Error', message: 'no route' }],
    ['undefined may be thrown', undefined, { name: 'Error', message: 'undefined, thrown instead of an Error' }],
    ['null may be thrown', null, { name: 'Error', message: 'null, thrown instead of an Error' }],
    [
      'an error of another realm keeps code and cause',
      runInNewContext('Object.assign(new RangeError("far", { cause: new TypeError("why") }), { code: "E2" })'),
      { name: 'RangeError', message: 'far', code: 'E2', cause: { name: 'TypeError', message: 'why' } },
    ],
    [
      'an error of which nothing but the message can be read',
      Object.assign(hostile('stack', 'cause', 'errors', 'code', 'service', 'name'), { message: 'half' }),
      { name: 'Error', message: 'half' },
    ],
    [
      'a list of errors that throws is left out',
      Object.assign(new Error('x'), { errors: new Proxy([], { get: throwing }) }),
      { name: 'Error', message: 'x' },
    ],
    [
      'causes are kept, what is no error among them too',
      new Error('a', { cause: new Error('b', { cause: 'c' }) }),
      { name: 'Error', message: 'a', cause: { name: 'Error', message: 'b', cause: { name: 'Error', message: 'c' } } },
    ],
    [
      'the errors of an AggregateError are kept in order',
      new AggregateError([new Error('a'), 'b'], 'both'),
      {
        name: 'AggregateError',
        message: 'both',
        errors: [
          { name: 'Error', message: 'a' },
          { name: 'Error', message: 'b' },
        ],
      },
    ],
    [
      'a ServiceError names its service',
      new ServiceError('ERR_STOP_FAILED', 'db', 'service "db": stop failed: no route', { cause: 'no route' }),
      {
        name: 'ServiceError',
        message: 'service "db": stop failed: no route',
        code: 'ERR_STOP_FAILED',
        service: 'db',
        cause: { name: 'Error', message: 'no route' },
      },
    ],
  ])('%s', (_, thrown, info) => {
    expect(brief(errorInfo(thrown))).toEqual(info)
    expect(plain(errorInfo(thrown))).toEqual(errorInfo(thrown))
  })

  test('of many errors that came together the first fifty are told, and the others counted', () => {
    const info = errorInfo(new AggregateError(Array.from({ length: 70 }, (_, n) => new Error(`${n}`), 'many')))
    expect(info.errors).toHaveLength(51)
    expect(info.errors?.at(-1)?.message).toBe('and 20 more errors')
  })

  test('an error made from it again tells the same', () => {
    const cause = Object.assign(new RangeError('far'), { code: 'E1', status: 503 })
    const info = errorInfo(new ServiceError('ERR_STOP_FAILED', 'db', 'no', { cause, errors: [cause, new Error('b')] }))
    const again = errorInfo(fromErrorInfo(info))
    expect([again.stack, again.cause?.stack]).toEqual([info.stack, info.cause?.stack])
    expect([again.name, again.cause?.name, again.cause?.code]).toEqual(['ServiceError', 'RangeError', 'E1'])
    expect(again.errors?.map(({ message }) => message)).toEqual(['far', 'b'])
  })

  test('the stack is kept', () => {
    const error = new Error('x')
    expect(errorInfo(error).stack).toBe(error.stack)
  })

  test('a circle of causes ends where it closes', () => {
    const a = new Error('a')
    a.cause = new Error('b', { cause: a })
    expect(brief(errorInfo(a))).toEqual({
      name: 'Error',
      message: 'a',
      cause: { name: 'Error', message: 'b', cause: { name: 'Error', message: 'a' } },
    })
  })

  test('causes are told eight deep', () => {
    const deep = Array.from({ length: 20 }).reduce<Error>(
      (cause, _, n) => new Error(`${n}`, { cause }),
      new Error('root'),
    )
    expect(JSON.stringify(errorInfo(deep)).match(/"stack"/g)).toHaveLength(9)
  })

  test('what several name as their cause is told once, so that failures of groups within groups stay short', () => {
    const group = (inner: Error): Error =>
      new ServiceError('ERR_GROUP_FAILED', 'g', 'failed', { cause: inner, errors: [inner, 'another'] })
    const info = errorInfo(group(group(group(group(new Error('root'))))))
    expect(JSON.stringify(info).match(/"stack"/g)).toHaveLength(5)
    expect(info.cause?.cause?.cause?.cause?.message).toBe('root')
    expect(info.errors?.map(({ message }) => message)).toEqual(['failed', 'another'])
  })
})

describe('wrapping', () => {
  test('a thrown thing becomes a ServiceError that says who did what', () => {
    const cause = new Error('no route')
    const error = asServiceError('ERR_START_FAILED', 'db', 'start failed', cause)
    expect(error).toBeInstanceOf(ServiceError)
    expect([error.name, error.code, error.service, error.message, error.cause, error.errors]).toEqual([
      'ServiceError',
      'ERR_START_FAILED',
      'db',
      'service "db": start failed: no route',
      cause,
      [],
    ])
  })

  test('a ServiceError passes unchanged, so that it keeps its code', () => {
    const error = new ServiceError('ERR_PORT_IN_USE', 'api', 'port 80 is taken')
    expect(asServiceError('ERR_START_FAILED', 'api', 'start failed', error)).toBe(error)
  })

  test('a cause that is undefined is a cause; one that was not given is none', () => {
    expect('cause' in new ServiceError('ERR_STOP_FAILED', 'db', 'x', { cause: undefined })).toBe(true)
    expect('cause' in new ServiceError('ERR_STOP_FAILED', 'db', 'x')).toBe(false)
  })
})

describe('an echo of an abort', () => {
  const reason = new Error('enough')
  const axios = Object.assign(new Error('canceled'), { name: 'CanceledError', code: 'ERR_CANCELED' })
  test.each<[string, unknown, boolean]>([
    ['the reason itself', reason, true],
    ['an AbortError', new DOMException('aborted', 'AbortError'), true],
    ['an AbortError of another realm', runInNewContext('Object.assign(new Error("x"), { name: "AbortError" })'), true],
    ['an error with the code of an abort', Object.assign(new Error('x'), { code: 'ABORT_ERR' }), true],
    ["axios' own", axios, true],
    ['one that wraps an abort as its cause', new Error('request failed', { cause: axios }), true],
    ['one that wraps the reason two deep', new Error('a', { cause: new Error('b', { cause: reason }) }), true],
    ['several that all are', new AggregateError([axios, reason]), true],
    ['several of which one is not', new AggregateError([axios, new Error('no route')]), false],
    ['a timeout', new DOMException('timed out', 'TimeoutError'), false],
    ['another error', new Error('no route'), false],
    ['nothing', undefined, false],
    ['one whose name throws', hostile('name', 'code', 'cause'), false],
  ])('%s', (_, error, echo) => expect(isAbortEcho(error, reason)).toBe(echo))

  test('a circle of causes is left', () => {
    const a = new Error('a')
    a.cause = a
    expect(isAbortEcho(a, reason)).toBe(false)
  })
})

describe('several as one', () => {
  const first = asServiceError('ERR_DRAIN_FAILED', 'db', 'drain failed', new Error('busy'))

  test('a single one stays itself', () => expect(combine(first, [])).toBe(first))

  test('of two, both are told, the first cause first', () => {
    const second = new Error('stuck')
    const both = combine(first, [second])
    expect(both.message).toBe('service "db": drain failed: busy (then: stuck)')
    expect([both.code, both.service, both.cause, both.errors]).toEqual([
      'ERR_DRAIN_FAILED',
      'db',
      first.cause,
      [first, second],
    ])
  })

  test('of more, the rest are counted, and none is lost', () => {
    const more = combine(first, ['a', 'b'])
    expect(more.message).toBe('service "db": drain failed: busy (then: 2 more errors)')
    expect(more.errors).toEqual([first, 'a', 'b'])
  })

  test('the cause of one that has none is itself', () => {
    const bare = new ServiceError('ERR_PORT_IN_USE', 'api', 'port 80 is taken')
    expect(combine(bare, ['a']).cause).toBe(bare)
  })
})
