import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { admit, type RestartLimit } from '../../../src/core/behaviors/restart-limit.ts'

/** Which of these restarts are admitted, up to the first that is not. */
const admitted = (limit: RestartLimit, times: readonly number[]): readonly number[] => {
  let restarts: readonly number[] | undefined = []
  const passed: number[] = []
  for (const at of times) {
    restarts = admit(restarts, at, limit)
    if (!restarts) return passed
    passed.push(at)
  }
  return passed
}

describe('R4 at most N restarts within T', () => {
  test.each<[string, RestartLimit, readonly number[], number]>([
    ['none at all', { maxRestarts: 0, period: 1000 }, [0], 0],
    ['as many as allowed', { maxRestarts: 3, period: 1000 }, [0, 1, 2], 3],
    ['one too many', { maxRestarts: 3, period: 1000 }, [0, 1, 2, 3], 3],
    ['one too many in the last millisecond', { maxRestarts: 2, period: 1000 }, [0, 500, 999], 2],
    ['when the first no longer counts', { maxRestarts: 2, period: 1000 }, [0, 500, 1000, 1500, 2000], 5],
    ['the window slides: it is not counted anew each period', { maxRestarts: 2, period: 1000 }, [900, 950, 1010], 2],
    ['fractions of a second count', { maxRestarts: 1, period: 100 }, [0, 100, 200, 299.5], 3],
    ['together in one moment', { maxRestarts: 2, period: 1 }, [5, 5, 5], 2],
    ['a period without end', { maxRestarts: 2, period: Infinity }, [0, 1e9, 1e12], 2],
    ['no limit', { maxRestarts: Infinity, period: 1000 }, [0, 0, 0, 0, 0], 5],
  ])('%s', (_, limit, times, count) => expect(admitted(limit, times)).toEqual(times.slice(0, count)))
})

const anyTimes = fc.array(fc.nat(400), { maxLength: 60 }).map(times => times.toSorted((a, b) => a - b))

test('R4 it refuses exactly the first restart that makes a stretch of T hold more than N', () => {
  fc.assert(
    fc.property(anyTimes, fc.nat(6), fc.integer({ min: 1, max: 200 }), (times, maxRestarts, period) => {
      const tooMany = times.findIndex(
        (at, n) => times.slice(0, n + 1).filter(then => at - then < period).length > maxRestarts,
      )
      const expected = tooMany === -1 ? times : times.slice(0, tooMany)
      expect(admitted({ maxRestarts, period }, times)).toEqual(expected)
    }),
  )
})

test('R4 what it remembers never grows beyond the limit', () => {
  for (const limit of [
    { maxRestarts: 5, period: 1_000 },
    { maxRestarts: 5, period: 3 },
    { maxRestarts: Infinity, period: Infinity },
  ]) {
    let restarts: readonly number[] = []
    for (let at = 0; at < 10_000; at += 201) {
      restarts = admit(restarts, at, limit) ?? []
      expect(restarts.length).toBeLessThanOrEqual(5)
    }
  }
})
