import { isFinal, reasonOf, type ServiceState } from './state.ts'

/** What is known of one service at one moment. Times are milliseconds since the epoch, `null` while not reached. */
export interface ServiceStatus {
  /** Where in the tree: `shop/workers/mailer`. */
  readonly path: string
  readonly state: ServiceState
  /** The services it said it depends on; left out when its place is given by the order of adding. */
  readonly dependsOn?: readonly string[]
  readonly observer?: true
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
})

/** What is known after one more state. */
export const advance = (before: ServiceStatus, state: ServiceState, seq: number, at: number): ServiceStatus => {
  const { phase } = state
  const moved = phase !== before.state.phase
  if (moved && phase === 'starting') return begun(before, state, seq, at)
  const { path, dependsOn, observer, drainTimedOut } = before
  const times = {
    path,
    state,
    seq,
    since: moved ? at : before.since,
    startedAt: before.startedAt,
    readyAt: moved && phase === 'running' ? at : before.readyAt,
    leftAt: before.leftAt ?? (reasonOf(state) ? at : null),
    drainingAt: moved && phase === 'draining' ? at : before.drainingAt,
    drainedAt: moved && phase === 'drained' ? at : before.drainedAt,
    stoppingAt: moved && phase === 'stopping' ? at : before.stoppingAt,
    endedAt: moved && isFinal(state) ? at : before.endedAt,
  }
  const timedOut = drainTimedOut ?? (phase === 'drained' && state.timedOut)
  if (!dependsOn && !observer && !timedOut) return times
  return {
    ...times,
    ...(dependsOn && { dependsOn }),
    ...(observer && { observer }),
    ...(timedOut && { drainTimedOut: true }),
  }
}

/** One that starts again has a new life: the times of the one before are not its own. */
const begun = (
  { path, dependsOn, observer }: ServiceStatus,
  state: ServiceState,
  seq: number,
  at: number,
): ServiceStatus => ({
  ...newcomer(path, seq, at),
  state,
  startedAt: at,
  ...(dependsOn && { dependsOn }),
  ...(observer && { observer }),
})
