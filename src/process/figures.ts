import { systemClock, wallTime } from '../core/clock.ts'
import type { ProcessFigures } from '../core/figures.ts'
import { type Delays, startGauge } from './loop-delay.ts'

/** Measures this process until it is stopped. */
export interface ProcessMeter {
  /** The figures of now, and those since the last reading. */
  read(): ProcessFigures & { readonly delays: Delays; readonly cpuSeconds: number }
  stop(): void
}

/** Starts to measure this process. It needs no timer of JavaScript, and does not keep the process alive. */
export const measureProcess = (): ProcessMeter => {
  const gauge = startGauge()
  let since = performance.now()
  let used = process.cpuUsage()
  return {
    read: () => {
      const now = performance.now()
      const { user, system } = process.cpuUsage()
      const { rss: memory, heapUsed: heap } = process.memoryUsage()
      // Microseconds of work in so many milliseconds.
      const busy = user + system - used.user - used.system
      const cpu = now > since ? Math.round(busy / (now - since)) / 10 : 0
      since = now
      used = { user, system }
      const delays = gauge.read()
      const cpuSeconds = (user + system) / 1e6
      return { at: wallTime(systemClock), cpu, memory, heap, delay: delays.p99, delays, cpuSeconds }
    },
    stop: () => gauge.stop(),
  }
}
