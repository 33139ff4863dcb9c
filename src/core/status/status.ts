import { type Health, isServing, isUnready, type Phase, reasonOf, type StopReason } from '../state.ts'
import type { AddedEvent, GroupEvent, SnapshotEvent } from './events.ts'
import { findService } from './find-service.ts'
import { isAnotherReason, reasonsOf, type Unready } from './reasons.ts'
import { advance, movedBy, newStatus, parentOf, renewed, type ServiceStatus } from './service-status.ts'
import { VersionedMap } from './versioned-map.ts'

/**
 * A group at one moment. It is a value: a status that is kept never changes. `services` is made when it is first read,
 * so that a status per transition stays cheap with any number of services.
 */
export interface GroupStatus {
  readonly seq: number
  readonly at: number
  /** The group's own lifecycle. */
  readonly group: ServiceStatus
  /** The first reason that the group was asked to end for, if it was. */
  readonly trigger: StopReason | undefined
  readonly name: string
  readonly phase: Phase
  /** The worst health of the group's services. A group that failed has `fail`. */
  readonly health: Health
  /** Whether the group accepts work: it runs, is not leaving, does not fail, and all services it needs are up. */
  readonly ready: boolean
  /**
   * Why the group is not ready, or not well: which service, and through which others. The worst comes first. Empty when
   * all is well, never empty when the group is not ready. Made when it is first read.
   */
  readonly reasons: readonly Unready[]
  /** Every service by its path, in the order added. */
  readonly services: Readonly<Record<string, ServiceStatus>>
  /** Every service, in the order added. */
  readonly list: readonly ServiceStatus[]
  /**
   * One service, if the group has it: by its path (`shop/workers/mailer`, `workers/mailer`), or by its name where that
   * is unambiguous (`mailer`). A service of the group itself comes before services inside nested groups. The path of
   * the group gives the status of the group. Cheaper than `services`.
   *
   * @throws ServiceError `ERR_AMBIGUOUS_NAME` when several nested groups have a service of the name
   */
  service(name: string): ServiceStatus | undefined
  /** One service by its whole path. @internal */
  byPath(path: string): ServiceStatus | undefined
  /** The path of the service that a name means. @internal */
  pathOf(name: string): string | undefined
  toJSON(): object
}

/** A status as it is folded here. Other copies of this library have other private members. */
class FoldedStatus implements GroupStatus {
  readonly seq: number
  readonly at: number
  readonly group: ServiceStatus
  readonly trigger: StopReason | undefined
  readonly #health: Health
  readonly #services: VersionedMap<ServiceStatus>
  /** The number of services that the group needs and that are not up. */
  readonly #missing: number
  /** The number of the last event after which a reason that the group does not tell is another one. */
  readonly #reasonsSeq: number
  #reasons: readonly Unready[] | undefined
  #copy: Readonly<Record<string, ServiceStatus>> | undefined

  private constructor(
    seq: number,
    at: number,
    group: ServiceStatus,
    health: Health,
    trigger: StopReason | undefined,
    services: VersionedMap<ServiceStatus>,
    missing: number,
    reasonsSeq = 0,
  ) {
    this.#missing = missing
    this.#reasonsSeq = reasonsSeq
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

  get health(): Health {
    return this.#health
  }

  get ready(): boolean {
    const { state } = this.group
    return isServing(state) && state.health !== 'fail' && this.#missing === 0
  }

  get reasons(): readonly Unready[] {
    this.#reasons ??= Object.freeze(reasonsOf(this.group, this.list))
    return this.#reasons
  }

  get services(): Readonly<Record<string, ServiceStatus>> {
    this.#copy ??= Object.freeze(Object.fromEntries(this.#services.toMap()))
    return this.#copy
  }

  service(name: string): ServiceStatus | undefined {
    const known = this.byPath(name)
    if (known) return known
    const path = this.pathOf(name)
    return path === undefined ? undefined : this.byPath(path)
  }

  byPath(path: string): ServiceStatus | undefined {
    return path === this.group.path ? this.group : this.#services.get(path)
  }

  pathOf(name: string): string | undefined {
    const services = this.#services
    return findService(name, this.group.path, {
      has: path => services.get(path) !== undefined,
      all: () => services.keys(),
    })
  }

  get list(): readonly ServiceStatus[] {
    return this.#services.values()
  }

  toJSON(): object {
    const { seq, at, name, phase, health, ready, trigger, group, services } = this
    return { seq, at, name, phase, health, ready, trigger, group, services }
  }

  /** The status after one more event. */
  static fold(known: GroupStatus | undefined, event: GroupEvent): FoldedStatus {
    if (event.kind === 'snapshot') return FoldedStatus.#fromSnapshot(event)
    if (!known) throw new TypeError('the first event of a stream is a snapshot')
    const status = FoldedStatus.onClockOf(known, event)
    const { seq, at } = event
    if (event.kind === 'added') return status.#with(seq, at, event)
    if (event.kind === 'removed') return status.#without(seq, at, event.path)
    if (event.kind !== 'transition') return status.#at(seq, at)
    const { path, state } = event
    if (path === status.group.path) {
      const health = state.phase === 'running' ? state.health : state.phase === 'failed' ? 'fail' : status.#health
      const group = advance(status.group, state, seq, at)
      return new FoldedStatus(
        seq,
        at,
        group,
        health,
        // A group that starts again has not been asked to end.
        state.phase === 'starting' ? undefined : (status.trigger ?? reasonOf(state)),
        status.#services,
        status.#missing,
        status.#reasonsSeq,
      )
    }
    const before = status.#services.get(path)
    if (!before) throw new TypeError(`an event of "${path}", which was never added`)
    const now = advance(before, state, seq, at)
    const services = status.#services.set(path, now, before)
    const missing = Number(isMissing(now)) - Number(isMissing(before))
    const { group, trigger } = status
    const reasonsSeq = isAnotherReason(before, now, group) ? seq : status.#reasonsSeq
    return new FoldedStatus(seq, at, group, status.#health, trigger, services, status.#missing + missing, reasonsSeq)
  }

  /** The status before an event, with its times as the clock of that event shows them. @internal */
  static onClockOf(known: GroupStatus, event: GroupEvent): FoldedStatus {
    const status = FoldedStatus.#of(known)
    const ms = event.kind === 'snapshot' ? undefined : event.clockSet
    if (ms === undefined) return status
    const { seq, at, group, trigger } = status
    const services = status.list.map(one => [one.path, movedBy(one, ms)] as const)
    const moved = VersionedMap.of(services)
    return new FoldedStatus(
      seq,
      at + ms,
      movedBy(group, ms),
      status.#health,
      trigger,
      moved,
      status.#missing,
      status.#reasonsSeq,
    )
  }

  /** Whether a reason is another one than in an earlier status, and the group does not tell so itself. @internal */
  static haveReasonsChanged(before: GroupStatus, status: GroupStatus): boolean {
    return FoldedStatus.#of(before).#reasonsSeq !== FoldedStatus.#of(status).#reasonsSeq
  }

  /** The status after an event that changes no state, such as a failed piece of work. */
  #at(seq: number, at: number): FoldedStatus {
    const { group, trigger } = this
    return new FoldedStatus(seq, at, group, this.#health, trigger, this.#services, this.#missing, this.#reasonsSeq)
  }

  /** The status after a service has joined, or begins a new incarnation. */
  #with(seq: number, at: number, event: AddedEvent): FoldedStatus {
    const { path, dependsOn, observer } = event
    const { group, trigger } = this
    if (path === group.path)
      return new FoldedStatus(seq, at, renewed(group, seq, at), 'pass', undefined, this.#services, this.#missing, 0)
    const before = this.#services.get(path)
    const outer = this.#services.get(parentOf(path))
    const optional = event.optional ?? outer?.optional
    const idle = before ? renewed(before, seq, at) : newStatus(path, seq, at)
    const added =
      dependsOn || observer || optional
        ? { ...idle, ...(dependsOn && { dependsOn }), ...(observer && { observer }), ...(optional && { optional }) }
        : idle
    const missing = Number(isMissing(added)) - Number(before !== undefined && isMissing(before))
    const services = this.#services.set(path, added, before)
    return new FoldedStatus(seq, at, group, this.#health, trigger, services, this.#missing + missing, this.#reasonsSeq)
  }

  /** The status after a service was removed, with all services inside it. */
  #without(seq: number, at: number, path: string): FoldedStatus {
    let services = this.#services
    let missing = this.#missing
    const inside = `${path}/`
    for (const key of this.#services.keys()) {
      const before = key === path || key.startsWith(inside) ? services.get(key) : undefined
      if (!before) continue
      missing -= Number(isMissing(before))
      services = services.without(key)
    }
    return new FoldedStatus(seq, at, this.group, this.#health, this.trigger, services, missing, this.#reasonsSeq)
  }

  /** A status of another copy of this library has private members of another class. */
  static #of(status: GroupStatus): FoldedStatus {
    return #services in status ? (status as FoldedStatus) : FoldedStatus.#fromSnapshot(snapshotOf(status))
  }

  static #fromSnapshot({ seq, at, group, health, trigger, services }: SnapshotEvent): FoldedStatus {
    const entries = services.map(service => [service.path, service] as const)
    const missing = services.filter(isMissing).length
    return new FoldedStatus(seq, at, group, health, trigger, VersionedMap.of(entries), missing)
  }
}

/** The group needs the service, and it is not up: it is coming, leaving, or failed before it was up. */
const isMissing = ({ optional, state, readyAt }: ServiceStatus): boolean =>
  !optional && (isUnready(state) || (state.phase === 'failed' && readyAt === null))

/**
 * The reducer of events: the status after one more event. The first event is a snapshot. A stream that was recorded, or
 * comes from another process, folds to the same status as here.
 *
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * group.events$.pipe(scan(foldStatus, undefined)).subscribe(status => console.log(status?.phase))
 * await group.start()
 * ```
 */
export const foldStatus: (status: GroupStatus | undefined, event: GroupEvent) => GroupStatus = FoldedStatus.fold

/** The status before an event, with its times as the clock of that event shows them. */
export const onClockOf: (status: GroupStatus, event: GroupEvent) => GroupStatus = FoldedStatus.onClockOf

/** The event that folds to a status. */
export const snapshotOf = ({ seq, at, group, health, trigger, list }: GroupStatus): SnapshotEvent => ({
  kind: 'snapshot',
  seq,
  at,
  group,
  health,
  ...(trigger && { trigger }),
  services: list,
})

/** Whether a reason is another one than in an earlier status, and the group does not tell so itself. */
export const haveReasonsChanged: (before: GroupStatus, status: GroupStatus) => boolean = FoldedStatus.haveReasonsChanged
