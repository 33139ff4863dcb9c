import { filter, merge, type Observable, Subject, Subscription } from 'rxjs'
import { messageOf } from '../core/errors.ts'
import type { ServiceGroup } from '../core/group/service-group.ts'
import { conduct } from '../core/shutdown.ts'
import type { StopReason } from '../core/state.ts'
import type { Report } from '../core/status/report.ts'
import { errorLine } from '../core/text/error-text.ts'
import { failureText } from '../core/text/failure-text.ts'
import { exitGraceOf } from './budget.ts'
import { EndRequests } from './end-requests.ts'
import { exitCodeOf } from './exit-code.ts'
import { tellUnstopped } from './exit-watch.ts'
import { brokenOutput$, tellOf } from './output.ts'
import { inKubernetes } from './platform.ts'
import { processEvent } from './process-events.ts'
import { tellReport } from './report-output.ts'
import { activeResources, closing, turn } from './resources.ts'
import { type RunOptions, type RunSettings, settingsOf } from './run-options.ts'
import { recordRun } from './run-recording.ts'
import { beginRun, type RunEnd } from './runs.ts'
import { writeTerminationLog } from './termination-log.ts'
import { inTestRunner } from './test-runner.ts'
import { tellPlatform } from './told.ts'
import { isEndOf, UncaughtErrors, uncaught$ } from './uncaught.ts'
import { startWatchdog } from './watchdog.ts'

/**
 * Runs a group as a process: starts it, waits for a signal, an uncaught error or its end, shuts it down, prints the
 * report and sets the exit code.
 *
 * The exit code is 0 when all ended gracefully. It is 1 when a service failed that is not optional, or when any service
 * timed out, was forced or abandoned. It is 128+n when a later signal forced the shutdown. A signal within 500 ms of
 * the first repeats that one. After a forced shutdown the process ends as soon as the report is out. After any other,
 * `run` names what still keeps the process alive after `exitGrace`, and ends it. A `watchdog` ends a process whose
 * event loop is blocked, which no signal and no deadline here can.
 *
 * Several groups may run in one process. A signal reaches all of them, the process ends after the last, and the worst
 * exit code counts. An exit code that the program has set itself stays. Inside a test runner (vitest, jest, mocha,
 * `node:test`) `run` touches neither the process nor its exit code.
 *
 * @returns the report. It never rejects once the group has begun to start.
 * @throws ServiceError (as a rejection) `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`; `ERR_ALREADY_STARTED` for a group
 * that runs, or that is part of another; `ERR_GROUP_STOPPED` for one that is over
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
  const settings = settingsOf(group, options)
  const { exitGrace, notify, clocks } = settings
  const handlers = new Subscription()
  let requests: EndRequests | undefined
  const endRun = beginRun()
  const endRecording = recordRun(group)
  const ends = (reason: StopReason): boolean => endsProcess(reason, exitGrace)
  const endTelling = notify ? tellPlatform(group, ends, clocks.shutdownTimeout + clocks.forceTimeout) : undefined
  try {
    handlers.add(brokenOutput$.subscribe())
    const unreported = processEvent('exit').subscribe(() => tellUnstopped(group, settings))
    handlers.add(unreported)
    const errors = new UncaughtErrors(group.name)
    const failed$ = new Subject<StopReason>()
    const uncaughtElsewhere$ = uncaught$.pipe(filter(error => !isEndOf(group.status, error)))
    handlers.add(uncaughtElsewhere$.subscribe(error => failed$.next({ by: 'uncaught', error: errors.add(error) })))
    requests = new EndRequests(settings.signals)
    if (settings.warning !== undefined) void tellOf(group.name, settings.warning)
    warnOfKubernetes(group, settings)

    await lead(group, settings, merge(requests.first$, failed$), requests.force$)
    await endTelling?.()
    const report = await reportOn(group, settings, errors)
    unreported.unsubscribe()
    endRecording(report)
    const end = endOf(report, settings, errors.total, requests.forcedBy)
    if (end.code !== 0) writeTerminationLog(settings.terminationLog, failureText(report))
    await endRun(end)
    handlers.unsubscribe()
    await requests.close(!inTestRunner())
    return report
  } catch (error) {
    // A failure of the group never comes here. This error is one of `run` itself, before the start or after the end.
    endRecording()
    await endTelling?.()
    handlers.unsubscribe()
    await requests?.close(false)
    await endRun()
    throw error
  }
}

/** Leads the group from its start to its end, with the watchdog beside it. */
const lead = async (
  group: ServiceGroup<string, never>,
  { clocks, watchdog, terminationLog }: RunSettings,
  begin$: Observable<StopReason>,
  force$: Observable<StopReason>,
): Promise<void> => {
  const { clock } = group.options
  const empty$ = new Subject<StopReason>()
  // Signal handlers do not keep a process alive, and services need not either.
  const keepAlive = setInterval(() => {}, 2 ** 31 - 1)
  const stopWatchdog = watchdog && watch(group, watchdog, terminationLog)
  try {
    await new Promise<void>(resolve => {
      conduct(
        group,
        { trigger$: merge(begin$, empty$), force$, ...clocks, clock },
        {
          next: state => {
            if (state.phase === 'running' && group.size === 0) empty$.next({ by: 'end' })
          },
          // The report tells the error.
          error: () => resolve(),
          complete: resolve,
        },
      )
    })
  } finally {
    clearInterval(keepAlive)
    await stopWatchdog?.()
  }
}

/** Where no thread can be made the group runs without a watchdog, and a line tells so. */
const watch = (...all: Parameters<typeof startWatchdog>): ReturnType<typeof startWatchdog> | undefined => {
  try {
    return startWatchdog(...all)
  } catch (error) {
    const [{ name }] = all
    const denied = (error as { code?: unknown }).code === 'ERR_ACCESS_DENIED'
    const remedy = denied ? '; allow threads with --allow-worker, or leave out watchdog' : ''
    void tellOf(name, `runs without a watchdog, whose thread can't be made: ${messageOf(error)}${remedy}`)
    return undefined
  }
}

/** Settles when the report is out. Errors that nobody caught meanwhile are told after it. */
const reportOn = async (
  group: ServiceGroup<string, never>,
  { report: option, exitGrace }: RunSettings,
  errors: UncaughtErrors,
): Promise<Report> => {
  await closing()
  const report = withProcess(group.report, errors, exitGrace)
  const told = errors.total
  await tellReport(report, option)
  await turn()
  if (errors.total === told) return report
  const late = errors.total - told
  const last = errors.list.at(-1)!
  await tellOf(group.name, `${late} more uncaught after the report, the last: ${errorLine(last)}`)
  return withProcess(group.report, errors, exitGrace)
}

/** Adds the knowledge of the process: errors that nobody caught, and the resources that keep it alive. */
const withProcess = (report: Report, uncaught: UncaughtErrors, exitGrace: number): Report => {
  const stray = uncaught.list
  const errors = report.trigger?.by === 'uncaught' ? [...stray, ...report.errors] : [...report.errors, ...stray]
  const keepsAlive = activeResources(!endsProcess(report.trigger, exitGrace))
  return { ...report, ok: report.ok && stray.length === 0, errors, keepsAlive }
}

const endOf = (
  report: Report,
  { exitGrace, grace }: RunSettings,
  uncaught: number,
  forcedBy: NodeJS.Signals | undefined,
): RunEnd => ({
  code: exitCodeOf(report, uncaught, forcedBy),
  grace: endsProcess(report.trigger, exitGrace) ? exitGraceOf(exitGrace, grace, report.stopTook ?? 0) : undefined,
  atOnce: forcedBy !== undefined || (report.outcome === 'abandoned' && exitGrace !== Infinity),
})

/** A program that called `stop()`, or whose services have all ended, goes on. Every other shutdown ends the process. */
const endsProcess = (trigger: StopReason | undefined, exitGrace: number): boolean =>
  exitGrace !== Infinity && (trigger?.by === 'end' ? trigger.service !== undefined : trigger?.by !== 'call')

const warnOfKubernetes = ({ name }: ServiceGroup<string, never>, { clocks }: RunSettings): void => {
  if (clocks.drainDelay({ by: 'signal', signal: 'SIGTERM' }) > 0 || !inKubernetes()) return
  const what = 'drainDelay is 0 inside Kubernetes, so requests may still be routed here after the listener has closed'
  void tellOf(name, `${what}; 5000 is a good start`)
}
