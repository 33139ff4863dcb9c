import type { Clock } from '../../core/clock.ts'
import type { Service } from '../../core/service.ts'
import { milliseconds } from '../../core/units.ts'
import type { Delays, Gauge } from '../../process/loop-delay.ts'
import { type Limits, levelOf } from '../common/judge.ts'
import { type MonitorSettings, monitor } from '../common/monitor.ts'

/** A service whose health follows the delays that a gauge reads. */
export const monitorDelay = <const Name extends string>(
  name: Name,
  settings: MonitorSettings & Limits,
  startGauge: () => Gauge,
  clock: Clock,
): Service<Name> => {
  const of = (delays: Delays) => ({
    level: levelOf(delays.p99, settings),
    detail: `event loop delay: p99 ${milliseconds(delays.p99)}`,
    info: { ...delays },
  })
  return monitor(name, settings, startGauge, { of }, clock)
}
