import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { after } from '../../src/core/clock.ts'
import { ServiceError } from '../../src/core/errors.ts'
import { duration } from '../../src/core/options.ts'

describe('after some time', () => {
  test.each<[string, number, number | undefined]>([
    ['it calls back then', 100, 100],
    ['zero is the next turn', 0, 0],
    ['Infinity is never', Infinity, undefined],
    ['what timers of the platform can hold is kept', 2 ** 31 - 1, 2 ** 31 - 1],
    ['what they would turn into at once is waited for in parts', 2 ** 31, 2 ** 31],
    ['so is what takes many parts', 1e11, 1e11],
  ])('%s', (_, ms, expected) => {
    const clock = new VirtualTimeScheduler()
    clock.maxFrames = Infinity
    let at: number | undefined
    const timer = after(clock, ms, () => {
      at = clock.now()
    })
    expect(at).toBeUndefined()
    expect(timer === undefined).toBe(expected === undefined)
    clock.flush()
    expect(at).toBe(expected)
  })

  test('it can be called off', () => {
    const clock = new VirtualTimeScheduler()
    let called = false
    after(clock, 10, () => {
      called = true
    })?.unsubscribe()
    clock.flush()
    expect(called).toBe(false)
  })
})

describe('a duration', () => {
  test.each<[unknown, number]>([
    [undefined, 7],
    [0, 0],
    [0.5, 0.5],
    [30_000, 30_000],
    [Infinity, Infinity],
  ])('%s is taken as %s', (value, expected) => expect(duration('db', 'stopTimeout', value as number, 7)).toBe(expected))

  test.each<[unknown, string]>([
    [NaN, 'NaN'],
    [-1, '-1'],
    [-Infinity, '-Infinity'],
    ['10s', '"10s"'],
    [null, 'null'],
    [Symbol('x'), 'Symbol(x)'],
  ])('%s is refused, naming service, option and value', (value, said) => {
    expect(() => duration('db', 'stopTimeout', value as number, 7)).toThrow(
      new ServiceError(
        'ERR_INVALID_DURATION',
        'db',
        `service "db": stopTimeout must be a number of milliseconds >= 0, got ${said}`,
      ),
    )
  })
})
