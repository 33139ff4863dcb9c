import type { ServiceGroup } from '../core/group/service-group.ts'
import { duration, group as groupNamed, known, must, namesOf, refuse } from '../core/options.ts'
import type { ShutdownClocks } from '../core/shutdown.ts'
import { isFinal } from '../core/state.ts'
import type { Report } from '../core/status/report.ts'
import type { ReportOption } from './report-output.ts'
import { signalNames } from './signals.ts'
import { type WatchdogOptions, watchdogTimes } from './watchdog.ts'

/** How a group runs as a process. Times are milliseconds; `Infinity` turns a clock off. */
export interface RunOptions {
  /**
   * The signals that end the group. A signal 500 ms or more after the first forces. Default `SIGTERM`, `SIGINT`,
   * `SIGHUP` (the terminal was closed) and, on Windows, `SIGBREAK`. An empty list: none.
   */
  readonly signals?: readonly NodeJS.Signals[]
  /**
   * How long all services serve on after the shutdown began, whatever began it. Skipped when a person presses Ctrl-C:
   * SIGINT with a terminal as standard input. Default: the group's, which is 0.
   */
  readonly drainDelay?: number
  /** How long the whole shutdown may take, whatever began it. Default: the group's, which is 25,000. */
  readonly shutdownTimeout?: number
  /** How long forced services may take to end before they are abandoned. Default: the group's, which is 1,000. */
  readonly forceTimeout?: number
  /**
   * How long the process has to exit by itself after a shutdown that it did not begin by `stop()`. Then `run` names
   * what still keeps it alive, and ends it. 0: at once. `Infinity`: never. Default 1,000.
   */
  readonly exitGrace?: number
  /**
   * Gets the report. `run` waits for its promise, 5 s at most. When the callback fails the report is printed.
   * Default: print the report to stderr. `false`: no report.
   */
  readonly report?: ((report: Report) => unknown) | false
  /**
   * Watches the event loop from a thread of its own. When the loop is blocked, the watchdog prints the last states and
   * sends SIGTERM. When the loop is not free in time, it kills the process. Default `false`; `true`: a `threshold` of
   * 5,000, `killAfter` 10,000. It does nothing while a debugger can attach. Where no thread can be made the group runs
   * without a watchdog, and a line tells so.
   */
  readonly watchdog?: boolean | WatchdogOptions
}

export interface RunSettings {
  readonly signals: readonly NodeJS.Signals[]
  readonly clocks: ShutdownClocks
  readonly exitGrace: number
  readonly report: ReportOption
  readonly watchdog: Required<WatchdogOptions> | undefined
}

const EXIT_GRACE = 1_000

const OPTIONS = namesOf<RunOptions>({
  signals: true,
  drainDelay: true,
  shutdownTimeout: true,
  forceTimeout: true,
  exitGrace: true,
  report: true,
  watchdog: true,
})

/** The options of a run, checked, defaults filled in. */
export const settingsOf = (group: ServiceGroup<string, never>, options: RunOptions): RunSettings => {
  const { name } = group
  const whose = groupNamed(name)
  known(whose, options, OPTIONS)
  refuseBegun(group)
  const { report } = options
  must(whose, 'report', !report || typeof report === 'function', 'a function or false', report)
  const clock = (option: 'drainDelay' | 'shutdownTimeout' | 'forceTimeout'): number =>
    duration(whose, option, options[option], group.options[option])
  const drainDelay = clock('drainDelay')
  return {
    signals: signalNames(whose, options.signals),
    clocks: {
      drainDelay: reason => (reason.by === 'signal' && reason.signal === 'SIGINT' && isAttended() ? 0 : drainDelay),
      shutdownTimeout: clock('shutdownTimeout'),
      forceTimeout: clock('forceTimeout'),
    },
    exitGrace: duration(whose, 'exitGrace', options.exitGrace, EXIT_GRACE),
    report,
    watchdog: watchdogTimes(whose, options.watchdog),
  }
}

/** A person waits at the terminal. PM2, Nomad and Fly.io send SIGINT too, without one. */
const isAttended = (): boolean => process.stdin.isTTY === true

const refuseBegun = ({ name, status }: ServiceGroup<string, never>): void => {
  const { state } = status.group
  if (state.phase === 'idle') return
  const whose = groupNamed(name)
  if (isFinal(state))
    refuse(whose, `it has ${state.phase}, and can't be run again; make a new group`, 'ERR_GROUP_STOPPED')
  const what = `it is ${state.phase} already, and run() starts it; leave out start(), or call stop() yourself`
  refuse(whose, what, 'ERR_ALREADY_STARTED')
}
