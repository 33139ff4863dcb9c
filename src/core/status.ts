import type { GroupEvent, SnapshotEvent } from './events.ts'
import { type Health, isFinal, type Phase, type ServiceState, type StopReason } from './state.ts'
import { VersionedMap } from './versioned-map.ts'

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

/**
 * A group at one moment. It is a value: whoever keeps one keeps what was true then. `services` is made when it is
 * first read, so that a status per transition stays cheap however many services there are.
 */
export class GroupStatus {
  readonly seq: number
  readonly at: number
  /** The group's own lifecycle. */
  readonly group: ServiceStatus
  /** What asked the group to end, once something has. */
  readonly trigger: StopReason | undefined
  readonly #health: Health
  readonly #services: VersionedMap<ServiceStatus>
  #copy: Readonly<Record<string, ServiceStatus>> | undefined

  private constructor(
    seq: number,
    at: number,
    group: ServiceStatus,
    health: Health,
    trigger: StopReason | undefined,
    services: VersionedMap<ServiceStatus>,
  ) {
    this.seq = seq
    this.at = at
    this.group = group
    this.trigger = trigger
    this.#health = health
    this.#services = services
  }

  get name(): string {
    return this.group.path
  }

  get phase(): Phase {
    return this.group.state.phase
  }

  /** The worst of the group's services; a group that failed has `fail`. */
  get health(): Health {
    return this.#health
  }

  /** Whether the group should be sent work: running, not leaving, and not failing. */
  get ready(): boolean {
    const { state } = this.group
    return state.phase === 'running' && state.leaving === undefined && state.health !== 'fail'
  }

  /** Every service by its path, in the order added. */
  get services(): Readonly<Record<string, ServiceStatus>> {
    this.#copy ??= Object.freeze(Object.fromEntries(this.#services.toMap()))
    return this.#copy
  }

  /** Every service, in the order added. */
  get list(): readonly ServiceStatus[] {
    return this.#services.values()
  }

  toJSON(): object {
    const { seq, at, name, phase, health, ready, trigger, group, services } = this
    return { seq, at, name, phase, health, ready, trigger, group, services }
  }

  /** The status after one more event. */
  static fold(status: GroupStatus | undefined, event: GroupEvent): GroupStatus {
    if (event.kind === 'snapshot') return GroupStatus.#fromSnapshot(event)
    if (!status) throw new TypeError('the first event of a stream is a snapshot')
    const { seq, at } = event
    if (event.kind === 'added') {
      const { path, dependsOn, observer } = event
      const added = { ...newcomer(path, seq, at), ...(dependsOn && { dependsOn }), ...(observer && { observer }) }
      return new GroupStatus(seq, at, status.group, status.#health, status.trigger, status.#services.set(path, added))
    }
    const { path, state } = event
    if (path === status.group.path) {
      const health = state.phase === 'running' ? state.health : state.phase === 'failed' ? 'fail' : status.#health
      const group = advance(status.group, state, seq, at)
      return new GroupStatus(seq, at, group, health, status.trigger ?? reasonOf(state), status.#services)
    }
    const before = status.#services.get(path)
    if (!before) throw new TypeError(`an event of "${path}", which was never added`)
    const services = status.#services.set(path, advance(before, state, seq, at), before)
    return new GroupStatus(seq, at, status.group, status.#health, status.trigger, services)
  }

  static #fromSnapshot({ seq, at, group, services }: SnapshotEvent): GroupStatus {
    const { state } = group
    const health = state.phase === 'running' ? state.health : state.phase === 'failed' ? 'fail' : 'pass'
    const entries = services.map(service => [service.path, service] as const)
    return new GroupStatus(seq, at, group, health, reasonOf(state), VersionedMap.of(entries))
  }
}

/**
 * The one reducer: the status after an event. The first event is a snapshot. It folds a stream that was recorded, or
 * comes from another process, to the same status as here.
 *
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * group.events$.pipe(scan(foldStatus, undefined)).subscribe(status => console.log(status?.phase))
 * await group.start()
 * ```
 */
export const foldStatus: (status: GroupStatus | undefined, event: GroupEvent) => GroupStatus = GroupStatus.fold

/** Why a service in this state is ending, if it is. */
export const reasonOf = (state: ServiceState): StopReason | undefined =>
  state.phase === 'running'
    ? state.leaving
    : state.phase === 'draining' || state.phase === 'stopping'
      ? state.reason
      : undefined

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

const advance = (before: ServiceStatus, state: ServiceState, seq: number, at: number): ServiceStatus => {
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
