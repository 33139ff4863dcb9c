import { SHUTDOWN_TIMEOUT } from '../core/defaults.ts'
import type { ServiceGroup } from '../core/group/service-group.ts'
import {
  duration,
  flag,
  group as groupNamed,
  known,
  must,
  namesOf,
  positive,
  refuse,
  type Whose,
} from '../core/options.ts'
import type { ShutdownClocks } from '../core/shutdown.ts'
import { isFinal } from '../core/state.ts'
import type { Report } from '../core/status/report.ts'
import { type Fitted, fit, type Grace } from './budget.ts'
import { platform } from './platform.ts'
import type { ReportOption } from './report-output.ts'
import { signalNames } from './signals.ts'
import { terminationLog } from './termination-log.ts'
import { inTestRunner } from './test-runner.ts'
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
   * How long the platform waits between asking the process to end and killing it. The shutdown is fitted in: drain,
   * stop and force get their shares, so that each service has its turn although one hangs. One line tells when not all
   * that was asked for fits in. A platform that is only recognised leaves a `shutdownTimeout` of yours as it is.
   * Default: what the variable `RX_SERVICE_GROUP_GRACE` says; else the default of the
   * platform, where the environment tells which it is (Kubernetes, Docker, Cloud Run, ECS, Fly.io, Heroku, Render, PM2,
   * Nomad, systemd); else `Infinity`: there is none.
   */
  readonly grace?: number
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
   * Tells the platform of the group's life where it listens: systemd (`READY=1`, `STATUS=`, `STOPPING=1`,
   * `WATCHDOG=1`), PM2 (`ready`), and the termination log of Kubernetes after an end that was not graceful. Default
   * `true`.
   */
  readonly notify?: boolean
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
  /** How long the platform waits, in milliseconds. `Infinity`: for as long as it takes, or nobody knows. */
  readonly grace: number
  /** A line that tells what does not fit into the grace period. */
  readonly warning: string | undefined
  readonly report: ReportOption
  readonly notify: boolean
  /** The file that tells Kubernetes why the container ended, if it is to be told. */
  readonly terminationLog: string | undefined
  readonly watchdog: Required<WatchdogOptions> | undefined
}

const EXIT_GRACE = 1_000

const OPTIONS = namesOf<RunOptions>({
  signals: true,
  drainDelay: true,
  shutdownTimeout: true,
  forceTimeout: true,
  grace: true,
  exitGrace: true,
  report: true,
  notify: true,
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
  flag(whose, 'notify', options.notify)
  const { notify = true } = options
  const clock = (option: 'drainDelay' | 'shutdownTimeout' | 'forceTimeout'): number =>
    duration(whose, option, options[option], group.options[option])
  const asked = {
    drainDelay: clock('drainDelay'),
    shutdownTimeout: clock('shutdownTimeout'),
    forceTimeout: clock('forceTimeout'),
  }
  const grace = graceOf(whose, options.grace)
  const isGiven = asked.shutdownTimeout !== SHUTDOWN_TIMEOUT
  const { warning, drainDelay, ...fitted }: Fitted = grace ? fit(grace, asked, isGiven) : asked
  return {
    signals: signalNames(whose, options.signals),
    clocks: {
      drainDelay: reason => (reason.by === 'signal' && reason.signal === 'SIGINT' && isAttended() ? 0 : drainDelay),
      shutdownTimeout: fitted.shutdownTimeout,
      forceTimeout: fitted.forceTimeout,
      shared: grace !== undefined && !(grace.platform && isGiven),
    },
    exitGrace: duration(whose, 'exitGrace', options.exitGrace, EXIT_GRACE),
    grace: grace?.ms ?? Infinity,
    warning,
    report,
    notify,
    terminationLog: notify && !inTestRunner() ? terminationLog() : undefined,
    watchdog: watchdogTimes(whose, options.watchdog),
  }
}

/** The variable by which an environment says its grace period, in milliseconds. */
const VARIABLE = 'RX_SERVICE_GROUP_GRACE'

/** The grace period of this process, if it has one. A test runner has none, wherever it runs. */
const graceOf = (whose: Whose, option: number | undefined): Grace | undefined => {
  const said = option === undefined ? fromVariable(whose) : positive(whose, 'grace', option)
  if (said !== undefined) return said === Infinity ? undefined : { ms: said }
  const known = inTestRunner() ? undefined : platform()
  return known && { ms: known.grace, platform: known }
}

const fromVariable = (whose: Whose): number | undefined => {
  const told = process.env[VARIABLE]
  if (told === undefined || told === '') return undefined
  const ms: unknown = Number.isNaN(Number(told)) ? told : Number(told)
  return positive(whose, VARIABLE, ms as number)
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
