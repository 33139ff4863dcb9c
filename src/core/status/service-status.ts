import { isFinal, reasonOf, type ServiceState } from '../state.ts'

/**
 * One service at one moment. Times are milliseconds since the epoch, `null` while not reached. When the clock of the
 * machine is set the times move with it, so that their differences are durations.
 */
export interface ServiceStatus {
  /** Where in the tree: `shop/workers/mailer`. */
  readonly path: string
  readonly state: ServiceState
  /** The services it depends on. Left out when the order of adding gives its place. */
  readonly dependsOn?: readonly string[]
  readonly observer?: true
  /** The group can do without the service, or without the group that holds it. */
  readonly optional?: true
  /** The number of the last event of the service. */
  readonly seq: number
  /** The begin of the present phase. */
  readonly since: number
  readonly startedAt: number | null
  readonly readyAt: number | null
  /** The first moment at which it was leaving. */
  readonly leftAt: number | null
  readonly drainingAt: number | null
  readonly drainedAt: number | null
  readonly stoppingAt: number | null
  readonly endedAt: number | null
  /** How often the service was restarted. */
  readonly restarts: number
  /** An earlier incarnation has started, and the present one has not yet. */
  readonly livedBefore?: true
  readonly drainTimedOut?: true
}

export const newStatus = (path: string, seq: number, at: number): ServiceStatus => ({
  path,
  state: { phase: 'idle' },
  seq,
  since: at,
  startedAt: null,
  readyAt: null,
  leftAt: null,
  drainingAt: null,
  drainedAt: null,
  stoppingAt: null,
  endedAt: null,
  restarts: 0,
})

/** The path of the group that holds a service. The outermost group has the empty one. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** Since when the service is as it is called: leaving is told as a state of its own, and is no phase. */
export const sinceOf = ({ state, leftAt, since }: ServiceStatus): number =>
  (state.phase === 'running' && state.leaving && leftAt) || since

/** The services of each group, by the path of the group. */
export const byParent = (services: readonly ServiceStatus[]): ReadonlyMap<string, readonly ServiceStatus[]> => {
  const found = new Map<string, ServiceStatus[]>()
  for (const service of services) {
    const parent = parentOf(service.path)
    const known = found.get(parent)
    if (known) known.push(service)
    else found.set(parent, [service])
  }
  return found
}

/** The status at the begin of a new incarnation. Only the number of restarts counts on. */
export const renewed = (before: ServiceStatus, seq: number, at: number): ServiceStatus => ({
  ...newStatus(before.path, seq, at),
  restarts: before.restarts,
  ...(hasLived(before) && { livedBefore: true }),
})

const hasLived = ({ startedAt, livedBefore }: ServiceStatus): boolean => startedAt !== null || livedBefore === true

/** The status after one more state. A service that starts again is a new incarnation, with times of its own. */
export const advance = (before: ServiceStatus, state: ServiceState, seq: number, at: number): ServiceStatus => {
  const { phase } = state
  const moved = phase !== before.state.phase
  const startsAnew = moved && phase === 'starting'
  const { path, dependsOn, observer, optional } = before
  const livedBefore = !startsAnew && before.livedBefore
  const status = {
    path,
    state,
    seq,
    since: moved ? at : before.since,
    startedAt: startsAnew ? at : before.startedAt,
    readyAt: startsAnew ? null : moved && phase === 'running' ? at : before.readyAt,
    leftAt: startsAnew ? null : (before.leftAt ?? (reasonOf(state) ? at : null)),
    drainingAt: startsAnew ? null : moved && phase === 'draining' ? at : before.drainingAt,
    drainedAt: startsAnew ? null : moved && phase === 'drained' ? at : before.drainedAt,
    stoppingAt: startsAnew ? null : moved && phase === 'stopping' ? at : before.stoppingAt,
    endedAt: startsAnew ? null : moved && isFinal(state) ? at : before.endedAt,
    restarts: startsAnew && hasLived(before) ? before.restarts + 1 : before.restarts,
  }
  const drainTimedOut = !startsAnew && (before.drainTimedOut || (phase === 'drained' && state.timedOut === true))
  if (!dependsOn && !observer && !optional && !livedBefore && !drainTimedOut) return status
  return {
    ...status,
    ...(dependsOn && { dependsOn }),
    ...(observer && { observer }),
    ...(optional && { optional }),
    ...(livedBefore && { livedBefore }),
    ...(drainTimedOut && { drainTimedOut }),
  }
}

/** The status on a clock that was set by so many milliseconds. */
export const movedBy = (one: ServiceStatus, ms: number): ServiceStatus => {
  const moved = (at: number | null): number | null => (typeof at === 'number' ? at + ms : at)
  return {
    ...one,
    state: stateMovedBy(one.state, ms),
    since: one.since + ms,
    startedAt: moved(one.startedAt),
    readyAt: moved(one.readyAt),
    leftAt: moved(one.leftAt),
    drainingAt: moved(one.drainingAt),
    drainedAt: moved(one.drainedAt),
    stoppingAt: moved(one.stoppingAt),
    endedAt: moved(one.endedAt),
  }
}

const stateMovedBy = (state: ServiceState, ms: number): ServiceState => {
  if (state.phase === 'backoff') return { ...state, retryAt: state.retryAt + ms }
  if ('deadline' in state && state.deadline !== undefined) return { ...state, deadline: state.deadline + ms }
  if ('forcedAt' in state && state.forcedAt !== undefined) return { ...state, forcedAt: state.forcedAt + ms }
  return state
}
