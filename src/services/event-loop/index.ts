import { systemClock } from '../../core/clock.ts'
import { count, known, namesOf, positive } from '../../core/options.ts'
import { checkName, type Service } from '../../core/service.ts'
import { startGauge } from '../../process/loop-delay.ts'
import { monitorDelay } from './monitor.ts'

/** When the event loop of this process is not well. Times are milliseconds. */
export interface EventLoopDelayOptions {
  /** How often it is judged, by what happened since the last time. Default 1,000. */
  readonly interval?: number
  /** A delay from which on health is `warn`, at the 99th percentile; `Infinity`: never. Default 100. */
  readonly warn?: number
  /** A delay from which on health is `fail`, so that the group is not ready; `Infinity`: never. Default 1,000. */
  readonly fail?: number
  /** How many samples in a row it takes to change the health, for the worse and for the better. Default 3. */
  readonly threshold?: number
}

const OPTIONS = namesOf<EventLoopDelayOptions>({ interval: true, warn: true, fail: true, threshold: true })

/**
 * A service that is as well as the event loop of this process: how late timers and input are, because something else
 * runs. Add it as an observer: it is there from first to last, and does not hold up the end of a group whose tasks
 * are over.
 *
 * It looks at the 99th percentile, as most dashboards do. A mean hides what hurts: one block of half a second leaves a
 * mean of 20 ms. Of the hundred ticks in a second the 99th percentile is about the longest; in a sample of ten seconds
 * one block is too rare for it. The percentiles are in `info` as `p50`, `p99` and `max`, told with the first sample and
 * when one crosses a limit, not each second: for graphs there are metrics. An idle loop reads 0, to the nearest
 * millisecond or so. It can only tell when the loop turns; for one that does not there is the `watchdog` of `run()`.
 *
 * @param name Default `'event-loop'`.
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * import { eventLoopDelay } from 'rx-service-group/event-loop'
 *
 * const group = serviceGroup('shop').add(eventLoopDelay('event-loop', { warn: 50, fail: 500 }), { observer: true })
 * ```
 */
export const eventLoopDelay = <const Name extends string = 'event-loop'>(
  name: Name = 'event-loop' as Name,
  options: EventLoopDelayOptions = {},
): Service<Name> => {
  checkName(name)
  known(name, options, OPTIONS)
  const { interval = 1_000, warn = 100, fail = 1_000 } = options
  const settings = {
    interval: positive(name, 'interval', interval),
    warn: positive(name, 'warn', warn),
    fail: positive(name, 'fail', fail),
    threshold: count(name, 'threshold', options.threshold, 3),
  }
  return monitorDelay(name, settings, startGauge, systemClock)
}
