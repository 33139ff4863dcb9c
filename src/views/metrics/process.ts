import { startGauge } from '../../process/loop-delay.ts'
import type { Define, PromClient } from './instruments.ts'

/**
 * The figures of this process, once in a registry, however many groups there are. Only the event-loop delay is measured
 * between two scrapes, by Node itself and without keeping the process alive. Returns what ends that.
 */
export const defineProcess = (client: PromClient, define: Define): (() => void) => {
  define(
    definition =>
      new client.Counter({
        ...definition,
        collect() {
          const { user, system } = process.cpuUsage()
          this.reset()
          this.inc((user + system) / 1e6)
        },
      }),
    'process_cpu_seconds_total',
    'CPU time that the process has used.',
  )
  const memory = (name: string, help: string, read: () => number) =>
    define(
      definition =>
        new client.Gauge({
          ...definition,
          collect() {
            this.set(read())
          },
        }),
      name,
      help,
    )
  memory('process_resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss())
  memory('process_heap_used_bytes', 'Memory that JavaScript objects use.', () => process.memoryUsage().heapUsed)
  define(
    definition =>
      new client.Gauge({
        ...definition,
        collect() {
          const { p50, p99, max } = gauge.read()
          this.set({ quantile: '0.5' }, p50 / 1_000)
          this.set({ quantile: '0.99' }, p99 / 1_000)
          this.set({ quantile: '1' }, max / 1_000)
        },
      }),
    'process_event_loop_delay_seconds',
    'How late the event loop was since the last scrape.',
    'quantile',
  )
  const gauge = startGauge()
  return () => gauge.stop()
}
