import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import { RESOLUTION, startGauge, type TickHistogram } from '../../src/process/loop-delay.ts'

/** A loop that is blocked when the test says so, and a histogram that is fed as node's is. */
const loop = () => {
  const recorded = createHistogram()
  const calls: string[] = []
  let now = 0
  let tickAt = RESOLUTION
  let before: number | undefined
  const tick = (): void => {
    // As node does: the first tick after a reset only sets the time.
    if (before !== undefined) recorded.record(Math.round((now - before) * 1e6))
    before = now
    tickAt = now + RESOLUTION
  }
  const histogram: TickHistogram = {
    get count() {
      return recorded.count
    },
    get mean() {
      return recorded.mean
    },
    get max() {
      return recorded.max
    },
    percentile: percent => recorded.percentile(percent),
    enable: () => calls.push('enable'),
    disable: () => calls.push('disable'),
    reset: () => {
      recorded.reset()
      before = undefined
    },
  }
  return {
    gauge: startGauge(histogram, () => now),
    calls,
    idle: (ms: number): void => {
      for (const end = now + ms; now < end; ) {
        now = Math.min(end, Math.max(now, tickAt))
        if (now >= tickAt) tick()
      }
    },
    blocked: (ms: number): void => {
      now += ms
      if (now >= tickAt) tick()
    },
  }
}

describe('a gauge', () => {
  test('reads nothing of an idle loop', () => {
    const { gauge, idle } = loop()
    for (let n = 0; n < 5; n++) {
      idle(1_003)
      expect(gauge.read()).toEqual({ p50: 0, p99: 0, max: 0 })
    }
  })

  test('reads how late the ticks were, and begins anew with each reading', () => {
    const { gauge, idle, blocked } = loop()
    idle(500)
    blocked(300)
    idle(200)
    expect(gauge.read()).toEqual({ p50: 0, p99: 290, max: 290 })
    idle(1_000)
    expect(gauge.read()).toEqual({ p50: 0, p99: 0, max: 0 })
  })

  test('of many ticks the longest is not the 99th percentile', () => {
    const { gauge, idle, blocked } = loop()
    idle(5_000)
    blocked(300)
    idle(5_000)
    const { p99, max } = gauge.read()
    expect([p99, max]).toEqual([0, 290])
  })

  test('sees a loop that is blocked again as soon as it has been read, whatever the histogram says', () => {
    const { gauge, blocked } = loop()
    for (let n = 0; n < 5; n++) {
      blocked(1_100)
      const { p50, p99, max } = gauge.read()
      expect([p50, p99, max]).toEqual([1_079, 1_079, 1_079])
    }
  })

  test('sees a block of half the time right after it has been read', () => {
    const { gauge, blocked, idle } = loop()
    gauge.read()
    blocked(500)
    idle(500)
    expect(gauge.read()).toEqual({ p50: 0, p99: expect.closeTo(480, -1), max: expect.closeTo(480, -1) })
  })

  test('that has just begun reads nothing', () => {
    expect(loop().gauge.read()).toEqual({ p50: 0, p99: 0, max: 0 })
  })

  test('starts the histogram once, and stops it at the end', () => {
    const { gauge, calls } = loop()
    gauge.read()
    expect(calls).toEqual(['enable'])
    gauge.stop()
    expect(calls).toEqual(['enable', 'disable'])
  })

  test('knows what node calls its own', () => {
    const histogram: TickHistogram = monitorEventLoopDelay({ resolution: RESOLUTION })
    for (const key of ['count', 'mean', 'max'] as const) expect(typeof histogram[key]).toBe('number')
    expect(typeof histogram.percentile(99)).toBe('number')
  })
})
