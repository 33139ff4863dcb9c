import type { ErrorInfo } from './errors.ts'
import { plan, reversed } from './plan.ts'
import type { Ending, Info, StopReason } from './state.ts'
import type { GroupStatus, ServiceStatus } from './status.ts'

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
  /** Which of its deadlines ran out. */
  readonly timedOut: readonly ('start' | 'drain' | 'stop')[]
  readonly error?: ErrorInfo
  readonly info?: Info
}

/** What happened to a group. Plain JSON. */
export interface Report {
  readonly group: string
  /** True when all ended gracefully: nothing failed, ran out of time, was forced or abandoned. */
  readonly ok: boolean
  /** Who or what asked it to end. */
  readonly trigger?: StopReason
  readonly outcome: Outcome
  readonly startTook: number | null
  readonly stopTook: number | null
  /** In the order they were started; those never started come last. */
  readonly services: readonly ServiceReport[]
  /** All errors, first cause first; each names its service by path. */
  readonly errors: readonly (ErrorInfo & { readonly service: string })[]
  /** The chain of services that decided how long it took. */
  readonly criticalPath: { readonly start: readonly string[]; readonly stop: readonly string[] }
  /** What still keeps the process alive; only the process shell knows. */
  readonly keepsAlive?: readonly string[]
}

/** What happened, read off a status. */
export const reportOf = (status: GroupStatus): Report => {
  const services = Object.values(status.services)
  const { group, trigger } = status
  const { leftAt } = group
  const children = childrenOf(services)
  const reports = services
    .toSorted((a, b) => (a.startedAt ?? Infinity) - (b.startedAt ?? Infinity) || 0)
    .map(service => describe(service, group.startedAt, leftAt))
  const errors = [group, ...services]
    .flatMap(({ path, seq, state }) =>
      'error' in state && state.error ? [{ seq, error: { ...state.error, service: path } }] : [],
    )
    .filter(({ error }) => error.code !== 'ERR_GROUP_FAILED')
    .sort((a, b) => a.seq - b.seq)
    .map(({ error }) => error)
  const outcome = outcomeOf(group)
  const graceful = (o: Outcome): boolean => o === 'ended' || o === 'stopped' || o === 'never started'
  return {
    group: group.path,
    ok: graceful(outcome) && reports.every(r => graceful(r.outcome) && r.timedOut.length === 0),
    ...(trigger && { trigger }),
    outcome,
    startTook: between(group.startedAt, group.readyAt),
    stopTook: between(leftAt, group.endedAt),
    services: reports,
    errors,
    criticalPath:
      group.startedAt === null
        ? { start: [], stop: [] }
        : {
            start: criticalPath(group.path, children, s => s.readyAt ?? s.endedAt, false),
            stop: criticalPath(group.path, children, s => (s.stoppingAt === null ? null : s.endedAt), true),
          },
  }
}

const between = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : to - from

const outcomeOf = ({ state, startedAt }: ServiceStatus): Outcome => {
  if (state.phase === 'failed') return 'failed'
  if (state.phase !== 'stopped') return 'still there'
  return startedAt === null ? 'never started' : state.how
}

const describe = (status: ServiceStatus, begun: number | null, leftAt: number | null): ServiceReport => {
  const { path, state, startedAt, readyAt, drainingAt, drainedAt, stoppingAt, endedAt } = status
  const error = 'error' in state ? state.error : undefined
  // What is abandoned names the deadline that ran out before as its cause.
  const codes = [error?.code, error?.cause?.code]
  const timedOut = [
    ...(codes.includes('ERR_START_TIMEOUT') ? (['start'] as const) : []),
    ...(status.drainTimedOut ? (['drain'] as const) : []),
    ...(codes.includes('ERR_STOP_TIMEOUT') ? (['stop'] as const) : []),
  ]
  return {
    path,
    outcome: outcomeOf(status),
    startedAfter: between(begun, startedAt),
    startTook: between(startedAt, readyAt ?? stoppingAt ?? endedAt),
    drainTook: between(drainingAt, drainedAt ?? stoppingAt ?? endedAt),
    stoppedAfter: between(leftAt, stoppingAt),
    stopTook: between(stoppingAt, endedAt),
    timedOut,
    ...(error && { error }),
    ...(state.info && { info: state.info }),
  }
}

type FinishedAt = (service: ServiceStatus) => number | null
type Children = ReadonlyMap<string, readonly ServiceStatus[]>

const childrenOf = (services: readonly ServiceStatus[]): Children => {
  const children = new Map<string, ServiceStatus[]>()
  for (const service of services) {
    const parent = service.path.slice(0, service.path.lastIndexOf('/'))
    const siblings = children.get(parent)
    if (siblings) siblings.push(service)
    else children.set(parent, [service])
  }
  return children
}

/** From the one that finished last, back through those it waited for; nested groups are opened. */
const criticalPath = (parent: string, children: Children, finishedAt: FinishedAt, backwards: boolean): string[] => {
  const members = children.get(parent)
  if (!members) return []
  const nameOf = (path: string): string => path.slice(parent.length + 1)
  const { before } = plan(members.map(({ path, dependsOn, observer }) => ({ name: nameOf(path), dependsOn, observer })))
  const order = backwards ? reversed(before) : before
  const chain: string[] = []
  for (let node = latest(members, finishedAt); node !== undefined; node = latest(members, finishedAt, order[node]))
    chain.push(members[node]!.path)
  return chain.reverse().flatMap(path => [path, ...criticalPath(path, children, finishedAt, backwards)])
}

const latest = (
  members: readonly ServiceStatus[],
  finishedAt: FinishedAt,
  among: Iterable<number> = members.keys(),
): number | undefined => {
  let found: number | undefined
  let foundAt = -Infinity
  for (const node of among) {
    const at = finishedAt(members[node]!)
    if (at === null || at <= foundAt) continue
    found = node
    foundAt = at
  }
  return found
}
