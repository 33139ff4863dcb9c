import { describe, expect, test } from 'vitest'
import { beforeCut, bounded, boundedTexts } from '../../src/core/bounded.ts'
import { errorInfo, fromErrorInfo, messageOf, ServiceError } from '../../src/core/errors.ts'

const bytes = (text: string): number => Buffer.byteLength(text)

describe('a bounded text', () => {
  test.each<[string, string, string]>([
    ['a short one is itself', 'no route', 'no route'],
    ['one of just so many bytes is itself', 'x'.repeat(100), 'x'.repeat(100)],
    ['a longer one says how much is left out', 'x'.repeat(101), `${'x'.repeat(76)}… 25 B more`],
    ['what is left out is told in bytes, not in characters', 'é'.repeat(5_000), `${'é'.repeat(38)}… 10 kB more`],
    ['no pair of surrogates is cut', `${'x'.repeat(75)}😀${'x'.repeat(100)}`, `${'x'.repeat(75)}… 104 B more`],
    ['no accent is cut off', `${'x'.repeat(75)}e\u0301${'x'.repeat(100)}`, `${'x'.repeat(75)}… 103 B more`],
    ['no emoji of several is cut', `${'x'.repeat(70)}👩‍👩‍👧‍👦${'x'.repeat(100)}`, `${'x'.repeat(70)}… 125 B more`],
    ['a tower of marks is left out', `${'x'.repeat(70)}e${'\u0301'.repeat(1_000)}`, `${'x'.repeat(70)}… 2 kB more`],
    ['the upper part of a very high tower of marks is left out', `e${'\u0301'.repeat(300)}`.repeat(2), '… 1 kB more'],
  ])('%s', (_, text, expected) => expect(bounded(text, 100)).toBe(expected))

  test('has never more bytes than it may, whatever it is made of', () => {
    for (const unit of ['a', 'é', '数', '😀', 'e\u0301', '\ud800', '👩‍👩‍👧‍👦'])
      for (let length = 20; length < 80; length++)
        expect(bytes(bounded(unit.repeat(length), 100))).toBeLessThanOrEqual(100)
  })

  test('is told without the mark of its cut', () => {
    expect(beforeCut(bounded('x'.repeat(1_000), 100))).toBe('x'.repeat(76))
    expect(beforeCut('nothing was cut')).toBe('nothing was cut')
  })

  test('texts inside an object are bounded, and an object without long ones stays the same', () => {
    const short = { a: 'x', n: 1, none: null }
    expect(boundedTexts(short)).toBe(short)
    expect(bytes(boundedTexts({ a: 'x'.repeat(1e6), n: 1 }).a)).toBeLessThanOrEqual(2_000)
  })
})

describe('an error as plain JSON is bounded in bytes', () => {
  const long = (text: string): string => text.repeat(1e6 / text.length)
  const chain = (depth: number): Error => new Error(long('line\n'), depth === 0 ? {} : { cause: chain(depth - 1) })
  const tree = (depth: number): Error =>
    new AggregateError(depth === 0 ? [] : Array.from({ length: 60 }, () => tree(depth - 1)), long('x'))
  const cyclic = new Error(long('数据库'))
  cyclic.cause = new AggregateError([cyclic, new Error('x', { cause: cyclic })], long('y'))

  test.each<[string, () => unknown]>([
    ['a long message', () => new Error(long('x'))],
    ['a long message, thrown by itself', () => long('x')],
    ['wide characters', () => new Error(long('数'))],
    ['a long name and code', () => Object.assign(new Error('x'), { name: long('n'), code: long('c') })],
    ['a long service', () => new ServiceError('ERR_START_FAILED', long('s'), 'x')],
    ['a long stack', () => Object.assign(new Error('x'), { stack: long('    at f (/app/a.js:1:1)\n') })],
    ['causes of causes', () => chain(20)],
    ['many errors that came together', () => tree(1)],
    ['errors in errors in errors', () => tree(2)],
    ['an error that is its own cause', () => cyclic],
    ['an error from a recording', () => fromErrorInfo({ name: 'E', message: long('m'), stack: long('s') })],
  ])('%s', (_, make) => {
    const info = errorInfo(make())
    expect(bytes(JSON.stringify(info))).toBeLessThan(24_000)
    expect(bytes(info.message)).toBeLessThanOrEqual(3_000)
    expect(bytes(messageOf(make()))).toBeLessThanOrEqual(2_000)
  })

  test('a long message leaves the places of the stack', () => {
    const { stack, message } = errorInfo(new Error(long('every line of what the driver says\n')))
    expect(message).toMatch(/… 997 kB more$/)
    expect(stack).toMatch(/^Error: every line(?:.|\n)*\n\s+at .*bounded\.test\.ts/)
  })

  test('of many errors the stacks go before the messages', () => {
    const { errors = [] } = errorInfo(new AggregateError(Array.from({ length: 70 }, (_, n) => new Error(`no ${n}`))))
    expect(errors.map(({ message }) => message).slice(-2)).toEqual(['no 49', 'and 20 more errors'])
    expect(errors[0]!.stack).toBeDefined()
  })
})
