import { describe, expect, test } from 'vitest'
import { makeReconnect } from '../../../src/services/common/reconnect.ts'

const waits = (random: number | undefined, ...lasted: readonly number[]): readonly number[] => {
  const reconnect = makeReconnect(undefined, random === undefined ? Math.random : () => random)
  return lasted.map(ms => reconnect.next(ms))
}

describe('the wait before a client connects again', () => {
  test('doubles from 50 ms to 600 ms, less up to half of that by chance', () => {
    expect(waits(0, 0, 0, 0, 0, 0, 0)).toEqual([50, 100, 200, 400, 600, 600])
    expect(waits(1, 0, 0, 0, 0, 0, 0)).toEqual([25, 50, 100, 200, 300, 300])
    for (const [n, wait] of waits(undefined, 0, 0, 0, 0, 0, 0).entries()) {
      expect(wait).toBeGreaterThanOrEqual([25, 50, 100, 200, 300, 300][n]!)
      expect(wait).toBeLessThanOrEqual([50, 100, 200, 400, 600, 600][n]!)
    }
  })

  test('stays the longest, however often it fails', () => {
    expect(waits(0, ...Array<number>(2_000).fill(0)).at(-1)).toBe(600)
  })

  test('is the first again after a connection that lasted for 10 s, and not before', () => {
    expect(waits(0, 0, 0, 0, 9_999, 10_000, 0)).toEqual([50, 100, 200, 400, 50, 100])
  })
})
