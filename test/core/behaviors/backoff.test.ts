import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Backoff, backoff } from '../../../src/core/behaviors/backoff.ts'

const rules: Backoff = { initialDelay: 500, factor: 2, maxDelay: 30_000, jitter: 0, resetAfter: 30_000 }

/** The delays before so many attempts in a row, none of which ever runs. */
const delays = (given: Partial<Backoff>, count: number, random = 0): readonly number[] =>
  Array.from({ length: count }, (_, n) => backoff({ ...rules, ...given }, n + 1, 0, random).delay)

describe('R3 how long each attempt waits', () => {
  test.each<[string, Partial<Backoff>, readonly number[]]>([
    ['twice as long each time, up to the cap', {}, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]],
    ['a factor of 1 waits evenly', { factor: 1 }, [500, 500, 500]],
    ['a factor can be a fraction', { initialDelay: 100, factor: 1.5 }, [100, 150, 225, 338, 507]],
    ['the cap holds for the first as well', { initialDelay: 500, maxDelay: 200 }, [200, 200]],
    ['no delay stays none', { initialDelay: 0, factor: 10 }, [0, 0, 0, 0]],
  ])('%s', (_, given, expected) => expect(delays(given, expected.length)).toEqual(expected))

  test.each<[number, number, readonly number[]]>([
    [0.5, 0, [500, 1000, 2000]],
    [0.5, 1, [250, 500, 1000]],
    [0.5, 0.5, [375, 750, 1500]],
    [1, 1, [0, 0, 0]],
    [0, 1, [500, 1000, 2000]],
  ])('jitter %d, when chance says %d', (jitter, random, expected) =>
    expect(delays({ jitter }, 3, random)).toEqual(expected),
  )

  test('after very many attempts, and without a cap, it is still a moment that a Date can hold', () => {
    expect(new Date(Date.now() + backoff({ ...rules, maxDelay: Infinity }, 1e6, 0, 0).delay).getTime()).not.toBeNaN()
    expect(delays({ initialDelay: 3e9, maxDelay: Infinity }, 2)).toEqual([3e9, 6e9])
    expect(backoff({ ...rules, initialDelay: 0, maxDelay: Infinity }, 1e6, 0, 0).delay).toBe(0)
  })
})

test.each([
  [1, 0, 2, 500],
  [4, 0, 5, 4000],
  [4, 29_999, 5, 4000],
  [4, 30_000, 2, 500],
  [9, 1e9, 2, 500],
])('R3 attempt %d that ran for %d ms is followed by attempt %d after %d ms', (attempt, ranFor, next, delay) =>
  expect(backoff(rules, attempt, ranFor, 0)).toEqual({ attempt: next, delay }),
)

test('R3 a reset after Infinity never comes', () =>
  expect(backoff({ ...rules, resetAfter: Infinity }, 3, 1e12, 0)).toEqual({ attempt: 4, delay: 2000 }))

const anyBackoff = fc.record({
  initialDelay: fc.nat(100_000),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  maxDelay: fc.nat(1_000_000),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  resetAfter: fc.nat(1_000_000),
})
const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })

describe('R3 whatever the numbers', () => {
  test('jitter takes off no more than its part, and never adds', () => {
    fc.assert(
      fc.property(anyBackoff, fc.integer({ min: 1, max: 100_000 }), chance, (given, attempt, random) => {
        const whole = backoff({ ...given, jitter: 0 }, attempt, 0, 0).delay
        const { delay } = backoff(given, attempt, 0, random)
        expect(delay).toBeLessThanOrEqual(Math.min(whole, given.maxDelay))
        expect(delay).toBeGreaterThanOrEqual(Math.floor(whole * (1 - given.jitter)) - 1)
        expect(Number.isInteger(delay)).toBe(true)
      }),
    )
  })

  test('without jitter no wait is shorter than the one before', () => {
    fc.assert(
      fc.property(anyBackoff, fc.integer({ min: 1, max: 1_000 }), (given, attempt) => {
        const even = { ...given, jitter: 0 }
        expect(backoff(even, attempt + 1, 0, 0).delay).toBeGreaterThanOrEqual(backoff(even, attempt, 0, 0).delay)
      }),
    )
  })
})
