import { describe, expect, test } from 'vitest'
import { asServiceError, combine, errorInfo, messageOf, ServiceError } from '../../src/core/errors.ts'

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
    ['undefined is said', undefined, 'undefined'],
    ['a number is said', 42, '42'],
    ['a symbol is said', Symbol('x'), 'Symbol(x)'],
    ['an object is never an exception', { toString: undefined }, '[object Object]'],
    ['an object without a prototype is never an exception', Object.create(null), '[object Object]'],
  ])('%s', (_, thrown, text) => expect(messageOf(thrown)).toBe(text))
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
      'a code that is no string is left out',
      Object.assign(new Error('x'), { code: 7 }),
      { name: 'Error', message: 'x' },
    ],
    ['what is no error has the name Error', 'no route', { name: 'Error', message: 'no route' }],
    ['undefined may be thrown', undefined, { name: 'Error', message: 'undefined' }],
    ['null may be thrown', null, { name: 'Error', message: 'null' }],
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
      new ServiceError('ERR_STOP_FAILED', 'db', 'service "db" failed to stop: no route', { cause: 'no route' }),
      {
        name: 'ServiceError',
        message: 'service "db" failed to stop: no route',
        code: 'ERR_STOP_FAILED',
        service: 'db',
        cause: { name: 'Error', message: 'no route' },
      },
    ],
  ])('%s', (_, thrown, info) => {
    expect(brief(errorInfo(thrown))).toEqual(info)
    expect(plain(errorInfo(thrown))).toEqual(errorInfo(thrown))
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
    const error = asServiceError('ERR_START_FAILED', 'db', 'failed to start', cause)
    expect(error).toBeInstanceOf(ServiceError)
    expect([error.name, error.code, error.service, error.message, error.cause, error.errors]).toEqual([
      'ServiceError',
      'ERR_START_FAILED',
      'db',
      'service "db" failed to start: no route',
      cause,
      [],
    ])
  })

  test('a ServiceError passes unchanged, so that it keeps its code', () => {
    const error = new ServiceError('ERR_PORT_IN_USE', 'api', 'port 80 is taken')
    expect(asServiceError('ERR_START_FAILED', 'api', 'failed to start', error)).toBe(error)
  })

  test('a cause that is undefined is a cause; one that was not given is none', () => {
    expect('cause' in new ServiceError('ERR_STOP_FAILED', 'db', 'x', { cause: undefined })).toBe(true)
    expect('cause' in new ServiceError('ERR_STOP_FAILED', 'db', 'x')).toBe(false)
  })
})

describe('several as one', () => {
  const first = asServiceError('ERR_DRAIN_FAILED', 'db', 'failed to drain', new Error('busy'))

  test('a single one stays itself', () => expect(combine(first, [])).toBe(first))

  test('of two, both are told, the first cause first', () => {
    const second = new Error('stuck')
    const both = combine(first, [second])
    expect(both.message).toBe('service "db" failed to drain: busy (then: stuck)')
    expect([both.code, both.service, both.cause, both.errors]).toEqual([
      'ERR_DRAIN_FAILED',
      'db',
      first.cause,
      [first, second],
    ])
  })

  test('of more, the rest are counted, and none is lost', () => {
    const more = combine(first, ['a', 'b'])
    expect(more.message).toBe('service "db" failed to drain: busy (then: 2 more errors)')
    expect(more.errors).toEqual([first, 'a', 'b'])
  })

  test('the cause of one that has none is itself', () => {
    const bare = new ServiceError('ERR_PORT_IN_USE', 'api', 'port 80 is taken')
    expect(combine(bare, ['a']).cause).toBe(bare)
  })
})
