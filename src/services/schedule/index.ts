import { defer } from 'rxjs'
import { type Clock, systemClock } from '../../core/clock.ts'
import { callable, known, namesOf, oneOf } from '../../core/options.ts'
import { checkName, hooked, type Service } from '../../core/service.ts'
import type { Tick } from './run-tick.ts'
import { type Overlap, ticking } from './ticking.ts'
import { timetable } from './timetable.ts'

export type { Tick, TickContext } from './run-tick.ts'
export type { Overlap } from './ticking.ts'

/** How a schedule is run. */
export interface ScheduleOptions {
  /** The time zone of the pattern, `'Europe/Berlin'`. Default: that of the process. */
  readonly timezone?: string
  /**
   * The fate of a run that is due while the last one still runs; a Kubernetes CronJob's Forbid, Replace and Allow.
   * `'skip'`: it is left out, and counted. `'replace'`: the signal of the one that runs fires, and when that is gone
   * the new one begins. `'allow'`: they run side by side. Default `'skip'`.
   */
  readonly overlap?: Overlap
  /** The one source of time, as given to the group: for tests. Default: the system's clock. */
  readonly clock?: Clock
}

const OPTIONS = namesOf<ScheduleOptions>({ timezone: true, overlap: true, clock: true })

const OVERLAPS: readonly string[] = ['skip', 'replace', 'allow'] satisfies Overlap[]

/**
 * A schedule as a service: it runs a tick whenever a cron pattern says so. The patterns are croner's: five fields, six
 * with seconds in front, seven with the year behind, `@daily`, or a date in ISO 8601 or a `Date` for a single run.
 *
 * It takes no new run from *drain* on (in *unready* it goes on), and waits for the one under way (`pending`). When the
 * drain time is over the signal of that fires, and its end is awaited for the stop time. One that has nothing left to
 * run has ended. Runs that came due while the event loop was blocked are one run.
 *
 * Runs are due by the clock on the wall, looked at each second; the waiting is not. What a clock that is set forth
 * passes over is one run. When it is set back, what has run does not run again, unless the schedule would stand still
 * for longer than its own pace: one for each minute goes on with the next minute of the new time.
 *
 * A run that fails turns health to `warn` with its message, until one ends well: the next run is its retry, so the
 * service lives on. The state's `info` tells `nextRun` and `lastRun` as ISO 8601, `lastOutcome` (`'ok'`, `'failed'`,
 * `'aborted'`), and once it has happened `lastFailure` and how many were `skipped`: one piece of news a run.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE`
 * @example
 * ```ts
 * import { schedule } from 'rx-service-group/schedule'
 *
 * const nightly = schedule('nightly', '0 3 * * *', async ({ signal }) => console.log('cleaning up', signal.aborted), {
 *   timezone: 'Europe/Berlin',
 * })
 * ```
 */
export const schedule = <const Name extends string>(
  name: Name,
  pattern: string | Date,
  tick: Tick,
  options: ScheduleOptions = {},
): Service<Name> => {
  checkName(name)
  known(name, options, OPTIONS)
  const { timezone, overlap = 'skip', clock = systemClock } = options
  callable(name, 'tick', tick)
  oneOf(name, 'overlap', OVERLAPS, overlap)
  const settings = { timetable: timetable(name, pattern, timezone), overlap, clock }
  return {
    name,
    lifecycle: shutdown$ => defer(() => hooked(name, ticking(tick, settings)).lifecycle(shutdown$)),
  }
}
