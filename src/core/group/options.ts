import { restartLimitOf } from '../behaviors/restart-limit.ts'
import { type Clock, systemClock } from '../clock.ts'
import { DRAIN_DELAY, FORCE_TIMEOUT, GROUP_RESTARTS, SHUTDOWN_TIMEOUT, UNBOUNDED } from '../defaults.ts'
import { duration, group, known, must, namesOf } from '../options.ts'
import { type Strategy, strategyOf } from './strategy.ts'

/** The options of a whole group. Times are milliseconds; `Infinity` turns a clock off. */
export interface GroupOptions {
  /** How long the whole group may take to start. Default `Infinity`: each service has its own limit. */
  readonly startTimeout?: number
  /**
   * How long all services go on serving after readiness turned false, for load balancers to notice. Default 0. That of
   * a nested group counts when the group ends alone.
   */
  readonly drainDelay?: number
  /**
   * How long a whole shutdown may take, from its trigger, before the services that are left are forced. Default 25,000;
   * for a nested group `Infinity`. The one that a nested group was given counts from the trigger when that group ends
   * alone, and from its own turn to stop in a shutdown of the outer group.
   */
  readonly shutdownTimeout?: number
  /**
   * How long forced services may take to end before they are abandoned, also when one service alone is forced. Default
   * 1,000; for a nested group that of the outer group. In a shutdown of the whole the shorter of the two counts.
   */
  readonly forceTimeout?: number
  /**
   * The services that are restarted together with one that is restarted because it ended: `'one-for-one'`, no others;
   * `'rest-for-one'`, all that start after it; `'one-for-all'`, all. They go down in reverse and come up in order.
   * Default `'one-for-one'`.
   */
  readonly strategy?: Strategy
  /**
   * How many restarts of its services there may be within the `period`, all together; when one more is due that service
   * fails with `ERR_RESTART_LIMIT`. Default `Infinity`: each service has its own limit.
   */
  readonly maxRestarts?: number
  /** The length of the sliding window in which these restarts are counted. Default 600,000: ten minutes. */
  readonly period?: number
  /** The source of all time: an RxJS scheduler. Default: the system's clock. */
  readonly clock?: Clock
}

/**
 * The options of a group, checked, defaults filled in.
 *
 * @throws ServiceError `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
 */
export const groupOptionsOf = (name: string, options: GroupOptions): Required<GroupOptions> => {
  const whose = group(name)
  known(whose, options, OPTIONS)
  const { clock = systemClock } = options
  must(whose, 'clock', isClock(clock), 'an RxJS scheduler', clock)
  return {
    clock,
    startTimeout: duration(whose, 'startTimeout', options.startTimeout, UNBOUNDED.startTimeout),
    drainDelay: duration(whose, 'drainDelay', options.drainDelay, DRAIN_DELAY),
    shutdownTimeout: duration(whose, 'shutdownTimeout', options.shutdownTimeout, SHUTDOWN_TIMEOUT),
    forceTimeout: duration(whose, 'forceTimeout', options.forceTimeout, FORCE_TIMEOUT),
    strategy: strategyOf(whose, options.strategy),
    ...restartLimitOf(whose, options, GROUP_RESTARTS),
  }
}

const isClock = ({ now, schedule }: Partial<Clock>): boolean =>
  typeof now === 'function' && typeof schedule === 'function'

const OPTIONS = namesOf<GroupOptions>({
  startTimeout: true,
  drainDelay: true,
  shutdownTimeout: true,
  forceTimeout: true,
  strategy: true,
  maxRestarts: true,
  period: true,
  clock: true,
})
