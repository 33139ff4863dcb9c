import { describe, expect, test } from 'vitest'
import { backoff } from '../../../src/services/amqp/backoff.ts'

describe('backoff', () => {
  test.for([
    [0, 100],
    [1, 200],
    [2, 400],
    [3, 800],
    [4, 1000],
    [2000, 1000],
  ] as const)('attempt %i waits %i ms, or down to half of that', ([attempt, longest]) => {
    expect(backoff(attempt, 0)).toBe(longest)
    expect(backoff(attempt, 1)).toBe(longest / 2)
    for (let n = 0; n < 100; n++) {
      expect(backoff(attempt)).toBeGreaterThanOrEqual(longest / 2)
      expect(backoff(attempt)).toBeLessThanOrEqual(longest)
    }
  })
})
