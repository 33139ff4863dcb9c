import { Subject, Subscription } from 'rxjs'
import { duration } from '../core/clock.ts'
import { errorInfo, ServiceError } from '../core/errors.ts'
import type { ServiceGroup } from '../core/group.ts'
import { paintFor } from '../core/paint.ts'
import type { Report } from '../core/report.ts'
import { formatReport } from '../core/report-text.ts'
import { conduct } from '../core/shutdown.ts'
import { isFinal, type StopReason } from '../core/state.ts'
import { signals, TERMINATION } from './signals.ts'
import { uncaught$ } from './uncaught.ts'
import { startWatchdog, type WatchdogOptions, watchdogTimes } from './watchdog.ts'

/** How a group runs as a process. Times are milliseconds; `Infinity` turns a clock off. */
export interface RunOptions {
  /** Which signals end it; a second one forces. Default `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly NodeJS.Signals[]
  /** How long everything goes on serving after the signal. Skipped on SIGINT. Default: the group's, which is 0. */
  readonly drainDelay?: number
  /** How long the whole shutdown may take from the signal. Default: the group's, which is 25,000. */
  readonly shutdownTimeout?: number
  /** How long what is forced may take to let go. Default: the group's, which is 1,000. */
  readonly forceTimeout?: number
  /** What to do with the report. Default: print it to stderr. `false`: nothing. */
  readonly report?: ((report: Report) => void) | false
  /**
   * Watches for an event loop that is blocked, from a thread of its own: prints the last states, sends SIGTERM, and kills
   * the process when the loop does not come back in time. Default `false`; `true`: a `threshold` of 5,000, `killAfter`
   * 10,000. It stands by while a debugger can attach.
   */
  readonly watchdog?: boolean | WatchdogOptions
}

/** After a shutdown, the process has this long to exit by itself before it is ended. */
const EXIT_GRACE = 1_000

/**
 * Runs a group as a process: starts it, waits for a signal, an uncaught error or its end, takes it down, prints the
 * report and sets the exit code: 0 when all ended gracefully, 1 when anything failed, ran out of time, was forced or
 * abandoned, 128+n when a second signal forced it. What still keeps the process alive a second after a shutdown is
 * named and ended. A `watchdog` ends a process whose event loop is blocked, which no signal or deadline here can.
 *
 * @returns the report; it never rejects once the group has begun to start.
 * @throws ServiceError (as a rejection) `ERR_INVALID_DURATION`, `ERR_ALREADY_STARTED`
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(task('hello', () => console.log('hello')))
 * const report = await run(group, { drainDelay: 5_000 })
 * console.log(report.outcome) // ended
 * ```
 * @example
 * With a watchdog for a blocked event loop:
 * ```ts
 * const group = serviceGroup('shop').add(task('hello', () => console.log('hello')))
 * await run(group, { watchdog: { threshold: 2_000, killAfter: 5_000 } })
 * ```
 */
export const run = async (group: ServiceGroup<string, never>, options: RunOptions = {}): Promise<Report> => {
  const { clock } = group.options
  refuseStarted(group)
  const drainDelay = duration(group.name, 'drainDelay', options.drainDelay, group.options.drainDelay)
  const shutdownTimeout = duration(
    group.name,
    'shutdownTimeout',
    options.shutdownTimeout,
    group.options.shutdownTimeout,
  )
  const forceTimeout = duration(group.name, 'forceTimeout', options.forceTimeout, group.options.forceTimeout)

  const times = watchdogTimes(group.name, options.watchdog)

  const trigger$ = new Subject<StopReason>()
  const force$ = new Subject<StopReason>()
  const handlers = new Subscription()
  // Signal handlers alone don't keep a process alive, and services need not either.
  const waiting = setInterval(() => {}, 2 ** 31 - 1)
  handlers.add(() => clearInterval(waiting))
  const uncaught: unknown[] = []
  let signalled = 0
  let forcedBy: NodeJS.Signals | undefined

  handlers.add(
    signals(...(options.signals ?? TERMINATION)).subscribe(signal => {
      const reason = { by: 'signal', signal } as const
      if (signalled++ === 0) return trigger$.next(reason)
      forcedBy ??= signal
      force$.next(reason)
    }),
  )
  handlers.add(
    uncaught$.subscribe(error => {
      uncaught.push(error)
      trigger$.next({ by: 'uncaught', error: errorInfo(error) })
    }),
  )
  if (drainDelay === 0 && process.env['KUBERNETES_SERVICE_HOST'])
    process.stderr.write(
      `${group.name}: drainDelay is 0 inside Kubernetes, so requests may still be routed here after the listener has closed; 5000 is a good start\n`,
    )

  const stopWatchdog = times && startWatchdog(group, times)
  await new Promise<void>(resolve => {
    conduct(group, {
      trigger$,
      force$,
      drainDelay: reason => (reason.by === 'signal' && reason.signal === 'SIGINT' ? 0 : drainDelay),
      shutdownTimeout,
      forceTimeout,
      clock,
    }).subscribe({
      next: state => {
        if (state.phase === 'running' && group.size === 0) trigger$.next({ by: 'end' })
      },
      error: () => resolve(),
      complete: resolve,
    })
  })
  handlers.unsubscribe()
  await stopWatchdog?.()
  // Handles that were just closed take a few turns to be gone.
  for (let turn = 0; turn < 5 && activeResources().length > 0; turn++) await new Promise(r => setImmediate(r))

  const report = withProcess(group.report, uncaught)
  print(report, options.report)
  const code = forcedBy ? 128 + signalNumber(forcedBy) : report.ok ? 0 : 1
  process.exitCode = code
  if (report.outcome === 'abandoned') process.exit(code)
  if (isShutdown(report.trigger)) exitSoon(code)
  return report
}

const refuseStarted = ({ name, status }: ServiceGroup<string, never>): void => {
  const { state } = status.group
  if (state.phase === 'idle' || isFinal(state)) return
  throw new ServiceError(
    'ERR_ALREADY_STARTED',
    name,
    `can't run group "${name}": it is ${state.phase} already. run() starts it: leave out start(), or call stop() yourself`,
  )
}

/** Others than one's own call, or that all have ended: nobody else will see to it that the process goes. */
const isShutdown = (trigger: StopReason | undefined): boolean =>
  trigger?.by === 'end' ? trigger.service !== undefined : trigger?.by !== 'call'

/** Adds what only the process knows: errors nobody caught, and what keeps it alive. */
const withProcess = (report: Report, uncaught: readonly unknown[]): Report => {
  const stray = uncaught.map(error => ({ ...errorInfo(error), service: report.group }))
  const errors = report.trigger?.by === 'uncaught' ? [...stray, ...report.errors] : [...report.errors, ...stray]
  return { ...report, ok: report.ok && stray.length === 0, errors, keepsAlive: activeResources() }
}

/** The standard streams, and what this very turn of the event loop is made of, keep no process alive. */
const HARMLESS = new Set(['TTYWrap', 'PipeWrap', 'Immediate', 'TickObject', 'SignalWrap', 'FSReqCallback'])

const activeResources = (): readonly string[] => {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo())
    if (!HARMLESS.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} x${count}`))
}

const print = (report: Report, how: RunOptions['report']): void => {
  if (how === false) return
  if (how) how(report)
  else process.stderr.write(formatReport(report, paintFor(process.stderr, process.env)))
}

const signalNumber = (signal: NodeJS.Signals): number => process.getBuiltinModule('node:os').constants.signals[signal]

const exitSoon = (code: number): void => {
  setTimeout(() => {
    process.stderr.write(`still alive after ${EXIT_GRACE} ms because of ${activeResources().join(', ')}; exiting\n`)
    process.exit(code)
  }, EXIT_GRACE).unref()
}
