import type { ErrorInfo } from '../errors.ts'
import { type Ending, errorOf, type Info, type ServiceState, type StopReason } from '../state.ts'
import { type CriticalPaths, criticalPaths } from './critical-path.ts'
import type { ServiceStatus } from './service-status.ts'
import type { GroupStatus } from './status.ts'

/** How a service ended. `still there`: it has not. */
export type Outcome = Ending | 'failed' | 'never started' | 'still there'

/** The history of one service. Durations are milliseconds, or `null` for a stage that did not take place. */
export interface ServiceReport {
  readonly path: string
  readonly outcome: Outcome
  /** From the start of the group to the start of this service. */
  readonly startedAfter: number | null
  readonly startTook: number | null
  readonly drainTook: number | null
  /** From the shutdown's trigger to this service's own turn. */
  readonly stoppedAfter: number | null
  readonly stopTook: number | null
  /** How often it was restarted. The durations above are those of its last incarnation. */
  readonly restarts: number
  /** The timeouts of the service that ran out. */
  readonly timedOut: readonly ('start' | 'drain' | 'stop')[]
  /** The service was not up when it was asked to end. `error` tells its failure. */
  readonly down?: true
  /** The service was down because it waited for its next start, in `backoff`. */
  readonly inBackoff?: true
  /** The group can do without the service. */
  readonly optional?: true
  readonly error?: ErrorInfo
  readonly info?: Info
}

/** The history of a group. Plain JSON. */
export interface Report {
  readonly group: string
  /**
   * Whether all ended gracefully: no service failed, was down when asked to end, timed out, was forced or abandoned. In
   * the report that `stop()` gives a caller inside the group: whether that holds so far.
   */
  readonly ok: boolean
  /** The reason that the group was asked to end for. */
  readonly trigger?: StopReason
  readonly outcome: Outcome
  readonly startTook: number | null
  readonly stopTook: number | null
  /** The services in the order of their starts. Services that were never started come last. */
  readonly services: readonly ServiceReport[]
  /**
   * All errors, the first cause first. Each names its service by path. `count`: the number of equal errors, from 2 on.
   */
  readonly errors: readonly (ErrorInfo & { readonly service: string; readonly count?: number })[]
  /** The chains of services that decided how long the start and the stop took. */
  readonly criticalPath: CriticalPaths
  /** The resources that still keep the process alive. Only `run` tells them. */
  readonly keepsAlive?: readonly string[]
}

/**
 * The report of a group, made from its status, also from a status that was folded from a recording. The longer parts
 * are made when they are first read, since most callers read `ok`.
 *
 * @param soFar a service that is still there does not count against `ok`. Default false.
 * @example
 * ```ts
 * const recording: string[] = []
 * const group = serviceGroup('shop').add(service('db', {}))
 * group.events$.subscribe(event => recording.push(JSON.stringify(event)))
 * await group.start()
 * await group.stop('enough')
 * const events = recording.map(line => JSON.parse(line))
 * const status = events.reduce((before, event) => foldStatus(before, event), undefined)
 * console.log(reportOf(status).trigger) // { by: 'call', message: 'enough' }
 * ```
 */
export const reportOf = (status: GroupStatus, soFar = false): Report => {
  const { group, trigger, list } = status
  const services = once(() =>
    list
      .toSorted((a, b) => (a.startedAt ?? Infinity) - (b.startedAt ?? Infinity) || 0)
      .map(service => describe(service, group.startedAt, group.leftAt)),
  )
  const errors = once(() => errorsOf([group, ...list]))
  const criticalPath = once(() => criticalPaths(group, list))
  return {
    group: group.path,
    ok: isGraceful(group, soFar) && list.every(service => isGraceful(service, soFar)),
    ...(trigger && { trigger }),
    outcome: outcomeOf(group),
    startTook: between(group.startedAt, group.readyAt),
    stopTook: between(group.leftAt, group.endedAt),
    get services() {
      return services()
    },
    get errors() {
      return errors()
    },
    get criticalPath() {
      return criticalPath()
    },
  }
}

const once = <T extends object>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

const isGraceful = (status: ServiceStatus, soFar: boolean): boolean => {
  const { state } = status
  if (state.phase === 'failed' || (state.phase === 'stopped' && state.down)) return false
  const outcome = outcomeOf(status)
  const isThere = soFar && outcome === 'still there'
  return (
    (isThere || outcome === 'ended' || outcome === 'stopped' || outcome === 'never started') && !status.drainTimedOut
  )
}

/** All errors, the first cause first. The error of a group only repeats those of its services. */
const errorsOf = (all: readonly ServiceStatus[]): Report['errors'] =>
  all
    .flatMap(({ path, seq, state }) => {
      const error = errorOrDown(state)
      return error ? [{ seq, error: { ...error, service: path } }] : []
    })
    .filter(({ error }) => error.code !== 'ERR_GROUP_FAILED')
    .sort((a, b) => a.seq - b.seq)
    .map(({ error }) => error)

const errorOrDown = (state: ServiceState): ErrorInfo | undefined =>
  errorOf(state) ?? (state.phase === 'stopped' ? state.down : undefined)

const between = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : to - from

const outcomeOf = ({ state, startedAt }: ServiceStatus): Outcome => {
  // A service whose dependency failed has an error, but never started.
  if (state.phase === 'failed')
    return startedAt === null && state.error.code === 'ERR_DEPENDENCY_FAILED' ? 'never started' : 'failed'
  if (state.phase !== 'stopped') return 'still there'
  return startedAt === null ? 'never started' : state.how
}

const NONE: ServiceReport['timedOut'] = []

/** The error of an abandoned service has the timeout before it as its cause. */
const timeouts = ({ drainTimedOut }: ServiceStatus, error: ErrorInfo | undefined): ServiceReport['timedOut'] => {
  const codes = [error?.code, error?.cause?.code]
  return [
    ...(codes.includes('ERR_START_TIMEOUT') ? (['start'] as const) : []),
    ...(drainTimedOut ? (['drain'] as const) : []),
    ...(codes.includes('ERR_STOP_TIMEOUT') ? (['stop'] as const) : []),
  ]
}

const describe = (status: ServiceStatus, begun: number | null, leftAt: number | null): ServiceReport => {
  const { path, state, startedAt, readyAt, drainingAt, drainedAt, stoppingAt, endedAt, restarts } = status
  const error = errorOrDown(state)
  const timedOut = (error && startedAt !== null) || status.drainTimedOut ? timeouts(status, error) : NONE
  // A service in backoff is over at once. One that starts again is cancelled, and stops.
  const hadNoTurn = stoppingAt === null || (leftAt !== null && stoppingAt < leftAt)
  return {
    path,
    outcome: outcomeOf(status),
    startedAfter: between(begun, startedAt),
    startTook: between(startedAt, readyAt ?? stoppingAt ?? endedAt),
    drainTook: between(drainingAt, drainedAt ?? stoppingAt ?? endedAt),
    // A service that stopped before the shutdown had no turn in it.
    stoppedAfter: hadNoTurn ? null : between(leftAt, stoppingAt),
    stopTook: between(stoppingAt, endedAt),
    restarts,
    timedOut,
    ...(state.phase === 'stopped' && state.down && { down: true, ...(hadNoTurn && { inBackoff: true }) }),
    ...(status.optional && { optional: true }),
    ...(error && { error }),
    ...(state.info && { info: state.info }),
  }
}
