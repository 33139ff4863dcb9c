import { concat, defer, EMPTY, merge, type Observable } from 'rxjs'
import { fromErrorInfo, ServiceError } from '../errors.ts'
import { isFinal, isReady, isSettled, type ServiceState, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import type { Entry } from './entry.ts'
import type { Member } from './member.ts'
import type { Restarting } from './restarting.ts'
import type { Roster } from './roster.ts'
import { restartedWith } from './strategy.ts'
import { isPassed } from './waiting.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** The life whose services come, go, and are restarted by hand. */
export interface Changing {
  isLeaving(): boolean
  /** Its members are being started, in order. */
  isStarting(): boolean
  /** Its members are being started, or told of one another. */
  isMoving(): boolean
  /** Nobody's place changes while this is done. */
  keepPlaces<T>(work: () => T): T
  enroll(entries: readonly Entry[]): void
  start(member: Member): Observable<never>
  /** Goes on until the group leaves. */
  meanwhile(work: Observable<never>): void
  forget(member: Member): void
}

/** What people change about a group while it lives. */
export class Changes {
  readonly #group: string
  readonly #roster: Roster
  readonly #waiting: WaitingRoom
  readonly #restarting: Restarting
  readonly #journal: Journal
  readonly #life: Changing
  /** On their way out, or gone. */
  readonly #removed = new Set<Member>()
  /** Their places are given up when nobody goes by them. */
  readonly #gone = new Set<Member>()

  constructor(
    group: string,
    roster: Roster,
    waiting: WaitingRoom,
    restarting: Restarting,
    journal: Journal,
    life: Changing,
  ) {
    this.#group = group
    this.#roster = roster
    this.#waiting = waiting
    this.#restarting = restarting
    this.#journal = journal
    this.#life = life
  }

  /** Takes one in; throws when it has no place, and then nothing has changed. */
  add(entry: Entry): void {
    this.#refuseOnItsWayOut(entry)
    this.#waiting.refuseLost(entry)
    this.#life.enroll([entry])
  }

  /** Starts one that was added, after those before it. */
  start(name: string): void {
    // Those that are being started in order come first; it is found after them.
    if (this.#life.isStarting()) return
    const member = this.#roster.find(name)
    // A listener may have removed it when it heard of it, or have brought the group down.
    if (!member || this.#removed.has(member) || this.#life.isLeaving()) return
    this.#waiting.show(member.node)
    if (isFinal(member.state)) return
    const { order, members } = this.#roster
    const before = order.before[member.node]!.map(node => members[node]!)
      .map(other => other.until(isPassed(other.entry)))
      .filter(wait => wait !== EMPTY)
    this.#life.meanwhile(
      concat(
        merge(...before),
        defer(() => this.#life.start(member)),
      ),
    )
  }

  /** Asks one alone to end, for good. Completes once it is gone, or given up. */
  end(name: string, reason: StopReason): Observable<never> {
    const member = this.#roster.find(name)
    // It is on its way already, and does not come back.
    if (!member || this.#removed.has(member) || member.leavesForGood) return EMPTY
    return member.end(reason)
  }

  /** One, or all that are restarted with it by hand. */
  concerned(name: string, restarted: boolean): readonly Member[] {
    const { order, members } = this.#roster
    const member = this.#roster.find(name)
    if (!member) return []
    return restarted ? [...restartedWith('by-hand', member.node, order)].map(node => members[node]!) : [member]
  }

  /**
   * Restarts one, and those that belong with it. Completes when they are there again.
   *
   * @throws ServiceError `ERR_UNKNOWN_SERVICE`, `ERR_GROUP_STOPPING`, `ERR_ABANDONED`,
   * `ERR_DEPENDENCY_FAILED` for one that would wait in vain; errors with what it failed with
   */
  restart(name: string): Observable<never> {
    const member = this.#find(name)
    this.#refuseIfLeaving(`restart "${name}"`)
    const { state } = member
    if (state.phase === 'stopped' && state.how === 'abandoned')
      throw new ServiceError('ERR_ABANDONED', name, `can't restart "${name}": it was abandoned, and may still run`)
    // On its way out for good, or about to be gone: it begins anew after that.
    if (member.leavesForGood || (isFinal(state) && !member.gone))
      return concat(
        member.until(() => member.gone),
        defer(() => this.restart(name)),
      )
    if (isFinal(state)) this.#waiting.refuseLost(member.entry)
    // Its turn is still before it: that is the incarnation that was asked for.
    const again =
      member.begun || member.returning
        ? this.#life.keepPlaces(() => this.#restarting.byHand(member, { by: 'call', message: `restart of ${name}` }))
        : member.until(isSettled)
    return concat(
      again,
      defer(() => {
        const { phase } = this.#outcome(member)
        if (phase === 'stopped' && !isReady(member.state)) throw stoppedEarly(name)
        if (!isSettled(member.state)) this.#refuseIfLeaving(`restart "${name}"`)
        return EMPTY
      }),
    )
  }

  /**
   * Stops one and forgets it. Completes when it is gone.
   *
   * @throws ServiceError `ERR_UNKNOWN_SERVICE`, `ERR_GROUP_STOPPING`, `ERR_SERVICE_IN_USE`; errors with what its stop failed with
   */
  remove(name: string): Observable<never> {
    const member = this.#find(name)
    this.#refuseIfLeaving(`remove "${name}"`)
    refuseIfInUse(
      name,
      this.#roster.members.filter(other => !this.#removed.has(other)).map(({ entry }) => entry),
    )
    this.#removed.add(member)
    const { order, members } = this.#roster
    // They are on their way out before it.
    const dependents = order.dependents[member.node]!.map(node => members[node]!)
    return concat(
      merge(...dependents.map(other => other.until(isFinal))),
      defer(() => member.end({ by: 'call', message: `removal of ${name}` })),
      defer(() => {
        if (this.#life.isLeaving()) return EMPTY
        const { state } = member
        // What is still there stays to be seen.
        if (state.phase === 'stopped' && state.how === 'abandoned') this.#removed.delete(member)
        else {
          this.#journal.remove(member.path)
          this.#life.forget(member)
          this.#gone.add(member)
          this.tidy()
        }
        this.#outcome(member)
        return EMPTY
      }),
    )
  }

  /** Its end is its own. */
  isRemoved(member: Member): boolean {
    return this.#removed.size > 0 && this.#removed.has(member)
  }

  /** It is not in the group any more. */
  isForgotten(member: Member): boolean {
    return this.#roster.members[member.node] !== member || (this.#gone.size > 0 && this.#gone.has(member))
  }

  /** Gives up the places of those that have gone, unless somebody goes by the places now. */
  tidy(): void {
    if (this.#gone.size === 0 || this.#life.isMoving() || this.#life.isLeaving() || this.#restarting.busy) return
    const others = this.#roster.members.filter(member => !this.#gone.has(member))
    const named = new Set(others.flatMap(({ entry }) => entry.dependsOn ?? []))
    const gone = new Set([...this.#gone].filter(({ entry }) => !named.has(entry.name)))
    for (const member of gone) {
      this.#gone.delete(member)
      this.#removed.delete(member)
    }
    this.#roster.sweep(gone)
  }

  /** What it has come to; throws what it failed with. */
  #outcome({ state, entry: { name } }: Member): ServiceState {
    if ('error' in state && state.error && isFinal(state)) throw fromErrorInfo(state.error)
    if (state.phase === 'stopped' && state.how === 'abandoned')
      throw new ServiceError('ERR_ABANDONED', name, `"${name}" was abandoned, and may still run`)
    return state
  }

  #find(name: string): Member {
    const member = this.#roster.find(name)
    if (member && !this.#removed.has(member)) return member
    throw unknownService(name, this.#group)
  }

  /** What is about to be forgotten can't be depended on. */
  #refuseOnItsWayOut({ name, dependsOn = [] }: Entry): void {
    for (const wanted of dependsOn) {
      const member = this.#roster.find(wanted)
      if (!member || !this.#removed.has(member)) continue
      const why = `"${name}" depends on "${wanted}", which is being removed from group "${this.#group}"`
      throw new ServiceError('ERR_UNKNOWN_DEPENDENCY', name, why)
    }
  }

  #refuseIfLeaving(what: string): void {
    if (!this.#life.isLeaving()) return
    throw new ServiceError('ERR_GROUP_STOPPING', this.#group, `can't ${what}: group "${this.#group}" is shutting down`)
  }
}

const stoppedEarly = (name: string): ServiceError =>
  new ServiceError('ERR_START_FAILED', name, `"${name}" was stopped before it was running again`)

export const unknownService = (name: string, group: string): ServiceError =>
  new ServiceError('ERR_UNKNOWN_SERVICE', name, `group "${group}" has no service "${name}"`)

/** What others name in `dependsOn` can't be taken from them. */
export const refuseIfInUse = (name: string, entries: readonly Entry[]): void => {
  const users = entries.filter(({ dependsOn }) => dependsOn?.includes(name)).map(entry => `"${entry.name}"`)
  if (users.length === 0) return
  const [verb, those] = users.length === 1 ? ['depends', 'that'] : ['depend', 'those']
  throw new ServiceError(
    'ERR_SERVICE_IN_USE',
    name,
    `can't remove "${name}": ${users.join(', ')} ${verb} on it; remove ${those} first`,
  )
}
