import type { ErrorInfo } from './errors.ts'
import { type Order, plan, reversed } from './plan.ts'
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
  const services = status.list
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
    criticalPath: {
      start: criticalPath(group, children, atStart),
      stop: criticalPath(group, children, atStop),
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

const NONE: ServiceReport['timedOut'] = []

const timeouts = ({ drainTimedOut }: ServiceStatus, error: ErrorInfo | undefined): ServiceReport['timedOut'] => [
  ...(error?.code === 'ERR_START_TIMEOUT' ? (['start'] as const) : []),
  ...(drainTimedOut ? (['drain'] as const) : []),
  ...(error?.code === 'ERR_STOP_TIMEOUT' || error?.cause?.code === 'ERR_STOP_TIMEOUT' ? (['stop'] as const) : []),
]

const describe = (status: ServiceStatus, begun: number | null, leftAt: number | null): ServiceReport => {
  const { path, state, startedAt, readyAt, drainingAt, drainedAt, stoppingAt, endedAt } = status
  const error = 'error' in state ? state.error : undefined
  const timedOut = error || status.drainTimedOut ? timeouts(status, error) : NONE
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

/** One way through a group: the order it goes by, when each one's turn came, and when it let the next have theirs. */
interface Way {
  readonly order: (before: Order) => Order
  readonly began: (service: ServiceStatus) => number | null
  readonly finished: (service: ServiceStatus) => number | null
}

const atStart: Way = {
  order: before => before,
  began: s => s.startedAt,
  finished: s => (s.startedAt === null ? null : (s.readyAt ?? s.stoppingAt ?? s.endedAt)),
}

const atStop: Way = {
  order: reversed,
  began: s => s.stoppingAt,
  finished: s => (s.stoppingAt === null ? null : s.endedAt),
}

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

/** From the one that finished last, back through those whose end it waited for; nested groups are opened. */
const criticalPath = (parent: ServiceStatus, children: Children, way: Way): string[] => {
  const members = children.get(parent.path)
  // What never began may not even have an order.
  if (!members || parent.startedAt === null) return []
  const nameOf = (path: string): string => path.slice(parent.path.length + 1)
  const { before } = plan(members.map(({ path, dependsOn, observer }) => ({ name: nameOf(path), dependsOn, observer })))
  const order = way.order(before)
  const finished = members.map(way.finished)
  const chain: ServiceStatus[] = []
  for (let node = latest(members.keys(), finished, Infinity); node !== undefined; ) {
    const member = members[node]!
    chain.push(member)
    node = latest(waitedFor(node, order, finished), finished, way.began(member) ?? -Infinity)
  }
  return chain.reverse().flatMap(member => [member.path, ...criticalPath(member, children, way)])
}

/** Those before a node, and behind one that took no time those before that. */
const waitedFor = (node: number, order: Order, finished: readonly (number | null)[]): ReadonlySet<number> => {
  const found = new Set(order[node])
  for (const earlier of found) if (finished[earlier] === null) for (const other of order[earlier]!) found.add(other)
  return found
}

/** Who finished last, but no later than a time. */
const latest = (
  among: Iterable<number>,
  finished: readonly (number | null | undefined)[],
  limit: number,
): number | undefined => {
  let found: number | undefined
  let foundAt = -Infinity
  for (const node of among) {
    const at = finished[node]
    if (at === null || at === undefined || at <= foundAt || at > limit) continue
    found = node
    foundAt = at
  }
  return found
}
