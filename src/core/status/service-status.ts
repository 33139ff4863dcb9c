import { isFinal, reasonOf, type ServiceState } from '../state.ts'

/**
 * The knowledge of one service at one moment. Times are milliseconds since the epoch, `null` while not reached. When
 * the clock of the machine is set they move with it: their differences are durations.
 */
export interface ServiceStatus {
  /** Where in the tree: `shop/workers/mailer`. */
  readonly path: string
  readonly state: ServiceState
  /** The services it said it depends on; left out when its place is given by the order of adding. */
  readonly dependsOn?: readonly string[]
  readonly observer?: true
  /** The group can do without it, or without the group it is in. */
  readonly optional?: true
  /** The number of its last event. */
  readonly seq: number
  /** When it came to its phase. */
  readonly since: number
  readonly startedAt: number | null
  readonly readyAt: number | null
  /** When it first said that it is leaving. */
  readonly leftAt: number | null
  readonly drainingAt: number | null
  readonly drainedAt: number | null
  readonly stoppingAt: number | null
  readonly endedAt: number | null
  /** How often it has started again. */
  readonly restarts: number
  /** It has lived before, and has been taken in anew without having started again. */
  readonly livedBefore?: true
  readonly drainTimedOut?: true
}

export const newcomer = (path: string, seq: number, at: number): ServiceStatus => ({
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

/** One that is known is taken in anew: a new life, of which only the number counts on from the one before. */
export const again = (before: ServiceStatus, seq: number, at: number): ServiceStatus => ({
  ...newcomer(before.path, seq, at),
  restarts: before.restarts,
  ...(hasLived(before) && { livedBefore: true }),
})

const hasLived = ({ startedAt, livedBefore }: ServiceStatus): boolean => startedAt !== null || livedBefore === true

/** What is known after one more state. One that starts again has a new life: the times before are not its own. */
export const advance = (before: ServiceStatus, state: ServiceState, seq: number, at: number): ServiceStatus => {
  const { phase } = state
  const moved = phase !== before.state.phase
  const reborn = moved && phase === 'starting'
  const { path, dependsOn, observer, optional } = before
  const livedBefore = !reborn && before.livedBefore
  const status = {
    path,
    state,
    seq,
    since: moved ? at : before.since,
    startedAt: reborn ? at : before.startedAt,
    readyAt: reborn ? null : moved && phase === 'running' ? at : before.readyAt,
    leftAt: reborn ? null : (before.leftAt ?? (reasonOf(state) ? at : null)),
    drainingAt: reborn ? null : moved && phase === 'draining' ? at : before.drainingAt,
    drainedAt: reborn ? null : moved && phase === 'drained' ? at : before.drainedAt,
    stoppingAt: reborn ? null : moved && phase === 'stopping' ? at : before.stoppingAt,
    endedAt: reborn ? null : moved && isFinal(state) ? at : before.endedAt,
    restarts: reborn && hasLived(before) ? before.restarts + 1 : before.restarts,
  }
  const drainTimedOut = !reborn && (before.drainTimedOut || (phase === 'drained' && state.timedOut === true))
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

/** The same on a clock that was set by so many milliseconds. */
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
