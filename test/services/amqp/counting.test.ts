import type { Info } from 'rx-service-group'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { makeCounts } from '../../../src/services/amqp/consumer/counts.ts'

describe('the numbers of a consumer', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }))
  afterEach(() => void vi.useRealTimers())

  const counting = () => {
    let inFlight = 0
    const told: (readonly [at: number, info: Info])[] = []
    const counts = makeCounts(
      () => inFlight,
      info => told.push([Date.now(), info]),
    )
    const begin = () => {
      inFlight++
      counts.changed()
    }
    const end = () => {
      inFlight--
      counts.handled++
      counts.changed()
    }
    return { counts, told, begin, end }
  }

  test('are told at once, then once a second at most, and not while nothing changes', () => {
    const { counts, told, begin, end } = counting()
    begin()
    for (let n = 0; n < 150; n++) {
      vi.advanceTimersByTime(10)
      end()
      begin()
    }
    vi.advanceTimersByTime(100_000)
    expect(told).toEqual([
      [0, { inFlight: 1, handled: 0 }],
      [1000, { inFlight: 1, handled: 99, lastProgress: '1970-01-01T00:00:01.000Z' }],
      [2000, { inFlight: 1, handled: 150, lastProgress: '1970-01-01T00:00:02.000Z' }],
    ])
    expect(vi.getTimerCount()).toBe(0)

    counts.failed++
    counts.lastFailure = 'no'
    counts.changed()
    expect(told.at(-1)).toEqual([101_500, { inFlight: 1, handled: 150, failed: 1, lastFailure: 'no' }])
  })

  test('are told exactly at the end, and never after it', () => {
    const { counts, told, begin, end } = counting()
    begin()
    end()
    counts.flush()
    counts.flush()
    counts.stop()
    begin()
    expect(told.map(([, info]) => info)).toEqual([
      { inFlight: 1, handled: 0 },
      { inFlight: 0, handled: 1, lastProgress: '1970-01-01T00:00:00.000Z' },
    ])
    expect(vi.getTimerCount()).toBe(0)
  })
})
