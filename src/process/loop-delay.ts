import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** By how much the event loop was late, in whole milliseconds. */
export interface Delays {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Measures an event loop from when it is made until it is stopped. */
export interface Gauge {
  /** The delays that were measured since the last reading. */
  read(): Delays
  stop(): void
}

/** The source of a gauge, in nanoseconds: node's histogram of how far apart the ticks of a timer were. */
export interface TickHistogram {
  readonly count: number
  readonly mean: number
  readonly max: number
  percentile(percent: number): number
  enable(): unknown
  disable(): unknown
  reset(): void
}

/** How often node looks. It does so without running any JavaScript, and without keeping the process alive. */
export const RESOLUTION = 10

/** The time that an idle loop may lose at both ends of a sample, with the error of the histogram. */
const slack = (elapsed: number): number => 2 * RESOLUTION + elapsed / 1_000

/**
 * A gauge on node's histogram. That tells how far apart its ticks were, so an idle loop reads its resolution, which is
 * taken off. And it tells nothing of the time from a reset to the second tick after it: a loop that is blocked again as
 * soon as it has been read would seem idle for ever. So what no tick accounts for counts as one more, the longest.
 */
export const startGauge = (
  histogram: TickHistogram = monitorEventLoopDelay({ resolution: RESOLUTION }),
  now: () => number = () => performance.now(),
): Gauge => {
  histogram.enable()
  let since = now()
  return {
    read: () => {
      const { count } = histogram
      const elapsed = now() - since
      const accounted = count === 0 ? 0 : inMilliseconds(histogram.mean) * count
      const hidden = elapsed - accounted - slack(elapsed)
      const longest = Math.max(hidden, count === 0 ? 0 : inMilliseconds(histogram.max) - RESOLUTION)
      const at = (percent: number): number =>
        Math.ceil((count + 1) * (percent / 100)) > count
          ? longest
          : inMilliseconds(histogram.percentile(percent)) - RESOLUTION
      const delays = { p50: whole(at(50)), p99: whole(at(99)), max: whole(longest) }
      histogram.reset()
      since += elapsed
      return delays
    },
    stop: () => void histogram.disable(),
  }
}

const inMilliseconds = (nanoseconds: number): number => nanoseconds / 1e6

const whole = (ms: number): number => Math.max(0, Math.round(ms))
