import type { ErrorInfo } from '../errors.ts'
import { type Ending, errorOf, type Info, type ServiceState, type StopReason } from '../state.ts'
import { type CriticalPaths, criticalPaths } from './critical-path.ts'
import type { ServiceStatus } from './service-status.ts'
import type { GroupStatus } from './status.ts'

/** How a service ended; `running` and so on while it has not. */
export type Outcome = Ending | 'failed' | 'never started' | 'still there'

/** What happened to one service. Durations in milliseconds, `null` for what did not take place. */
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
  /** How often it was started again; the times above are those of its last life. */
  readonly restarts: number
  /** Which of its deadlines ran out. */
  readonly timedOut: readonly ('start' | 'drain' | 'stop')[]
  /** It was not up when it was asked to end: `error` tells what had failed. */
  readonly down?: true
  /** Its group can do without it. */
  readonly optional?: true
  readonly error?: ErrorInfo
  readonly info?: Info
}

/** What happened to a group. Plain JSON. */
export interface Report {
  readonly group: string
  /** True when all ended gracefully: nothing failed or was down when asked to end, ran out of time, was forced or
   * abandoned. In the report that `stop()` gives a caller inside the group: when that holds so far. */
  readonly ok: boolean
  /** Who or what asked it to end. */
  readonly trigger?: StopReason
  readonly outcome: Outcome
  readonly startTook: number | null
  readonly stopTook: number | null
  /** In the order they were started; those never started come last. */
  readonly services: readonly ServiceReport[]
  /** All errors, first cause first; each names its service by path. `count`: so many equal ones came, if more than one. */
  readonly errors: readonly (ErrorInfo & { readonly service: string; readonly count?: number })[]
  /** The chain of services that decided how long it took. */
  readonly criticalPath: CriticalPaths
  /** What still keeps the process alive; only the process shell knows. */
  readonly keepsAlive?: readonly string[]
}

/**
 * What happened, read off a status, also off one that was folded from a recording. The longer parts are made when they
 * are first read: most people read `ok`.
 *
 * @param soFar whether a service that is still there is well enough for `ok`. Default false.
 * @example
 * ```ts
 * const recording: string[] = []
 * const group = serviceGroup('shop').add(service('db', {}))
 * group.events$.subscribe(event => recording.push(JSON.stringify(event)))
 * await group.start()
 * await group.stop('enough')
 * const status = recording.map(line => JSON.parse(line)).reduce((before, event) => foldStatus(before, event), undefined)
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

/** First cause first. What a group says of its services they have said themselves. */
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
  // What waited in vain has an error, but never lived to fail.
  if (state.phase === 'failed')
    return startedAt === null && state.error.code === 'ERR_DEPENDENCY_FAILED' ? 'never started' : 'failed'
  if (state.phase !== 'stopped') return 'still there'
  return startedAt === null ? 'never started' : state.how
}

const NONE: ServiceReport['timedOut'] = []

/** What is abandoned names the deadline that ran out before as its cause. */
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
  return {
    path,
    outcome: outcomeOf(status),
    startedAfter: between(begun, startedAt),
    startTook: between(startedAt, readyAt ?? stoppingAt ?? endedAt),
    drainTook: between(drainingAt, drainedAt ?? stoppingAt ?? endedAt),
    // One that went by itself before had no turn of its own.
    stoppedAfter: leftAt !== null && stoppingAt !== null && stoppingAt < leftAt ? null : between(leftAt, stoppingAt),
    stopTook: between(stoppingAt, endedAt),
    restarts,
    timedOut,
    ...(state.phase === 'stopped' && state.down && { down: true }),
    ...(status.optional && { optional: true }),
    ...(error && { error }),
    ...(state.info && { info: state.info }),
  }
}
