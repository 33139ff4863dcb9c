import { Observable } from 'rxjs'
import { restart, restartedTooOften } from '../behaviors/restart.ts'
import { admit, type RestartLimit } from '../behaviors/restart-limit.ts'
import type { Clock } from '../clock.ts'
import type { ServiceError } from '../errors.ts'
import type { Service } from '../service.ts'
import { isFinal, isLost, type StopReason } from '../state.ts'
import { enter, type Work } from '../work.ts'
import type { Inbox } from './inbox.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'
import { RestartSet } from './restart-set.ts'
import { restartedWith, type Strategy } from './strategy.ts'

export interface RestartsOptions extends RestartLimit {
  readonly name: string
  readonly strategy: Strategy
  readonly inbox: Inbox
  readonly clock: Clock
}

/** The parts of the group that restarts use. */
interface Restarting {
  /** Tells that a member that was over begins anew. */
  revive(member: Member): void
  /** Tells the dependencies that a member waits for. */
  tellWaiting(member: Member): void
}

/** The members that are restarted together: after a failure, by the group's strategy, or by hand. */
export class Restarts {
  readonly set: RestartSet
  readonly #options: RestartsOptions
  readonly #members: Members
  readonly #group: Restarting
  /** The times of the restarts that count for the restart limit. */
  #restarts: readonly number[] = []

  constructor(members: Members, options: RestartsOptions, group: Restarting) {
    this.#members = members
    this.#options = options
    this.#group = group
    this.set = new RestartSet(options.strategy, members)
  }

  /** Counts a restart that is due. Returns the error when it exceeds the restart limit. */
  admit(name: string, at: number, cause: Error): ServiceError | undefined {
    const { name: group } = this.#options
    const restarts = admit(this.#restarts, at, this.#options)
    if (!restarts) return restartedTooOften(name, this.#options, `group "${group}"`, cause)
    this.#restarts = restarts
    return undefined
  }

  /** Puts the restart behaviour around a member's service, if the member was added with one. */
  supervise(member: Member): void {
    const { name, service, restart: rules } = member.entry
    if (!rules) return
    // Each incarnation is part of the member's work, whatever caused the restart.
    const placed: Service = { name, lifecycle: shutdown$ => inside(member, service.lifecycle(shutdown$)) }
    member.service = restart(placed, rules, this.#options.clock, {
      mayBegin: () => this.mayBegin(member),
      admit: (at, cause) => this.admit(name, at, cause),
    })
  }

  /** Completes when the next incarnation of a member may begin. Its restart behaviour waits for this. */
  mayBegin(member: Member): Observable<never> {
    const { inbox } = this.#options
    return new Observable(out => {
      const release = (): void => out.complete()
      const hold = (onRelease: (() => void) | undefined): void =>
        inbox.take(() => {
          member.onRelease = onRelease
          if (onRelease) this.#group.tellWaiting(member)
          this.set.look(member)
          this.#members.look(member)
        })
      hold(release)
      return () => {
        if (member.onRelease === release) hold(undefined)
      }
    })
  }

  /** Restarts the members that the strategy restarts with one that failed. */
  restartOthers(member: Member): void {
    member.restartsOthers = false
    if (member.state.phase !== 'backoff') return
    const { error } = member.state
    // The member failed before its turn to go down. Its own restart behaviour begins it again.
    if (member.wanted === 'down') member.wanted = 'up'
    const others = this.#belongingTo(member, this.#options.strategy).filter(other => other !== member)
    if (others.length === 0) return
    for (const other of others) if (hasEnded(other)) this.#group.revive(other)
    this.#join([member, ...others], { by: 'failure', service: member.path, error }, true)
  }

  /** Takes down a member, and perhaps its dependents, to begin them again. Returns all of them. */
  byHand(member: Member, reason: StopReason, dependents: boolean): readonly Member[] {
    const members = this.goingByHand(member, dependents)
    const isOver = isFinal(member.state)
    if (isOver) this.#reviveAll(member, new Set(members))
    // A member of the set goes down already, or is down. Members that depend on it may still have to join.
    const joining = isOver || !member.inSet ? members : members.filter(({ inSet }) => !inSet)
    if (member.alive && !member.inSet) member.takeDown(reason)
    if (joining.length > 0) this.#join(joining, reason, false)
    return members
  }

  /** All members that go down with a member by hand, itself included. */
  goingByHand(member: Member, dependents: boolean): readonly Member[] {
    return dependents ? this.#belongingTo(member, 'by-hand') : [member]
  }

  /** Notes a state of a member. A failure that is restarted may restart others. */
  note(member: Member): void {
    const takesOthers = this.#options.strategy !== 'one-for-one'
    member.restartsOthers = takesOthers && member.state.phase === 'backoff' && !member.isTakenDown
    this.set.look(member)
  }

  /** Dissolves the set, because the group shuts down: members that are down stay down. */
  clear(): void {
    for (const member of this.set.members) this.set.leave(member)
  }

  #belongingTo({ node }: Member, strategy: Strategy | 'by-hand'): readonly Member[] {
    return [...restartedWith(strategy, node, this.#members.graph)].map(this.#members.at)
  }

  /** @param endsTemporary whether temporary members go down with the others for good */
  #join(members: readonly Member[], reason: StopReason, endsTemporary: boolean): void {
    // A member that has not begun does so at its turn anyway.
    const joining = members.filter(member => member.begun || member.returning)
    for (const member of joining) {
      if (member.alive && !member.restartsItself) member.takeDown(reason)
      if (endsTemporary && member.entry.temporary && !isFinal(member.state)) member.endForGood(reason)
      this.#members.goBack(member)
    }
    this.set.join(joining)
    this.#members.lookAtAll(this.set.members)
  }

  /** Revives a member that is over, the members that could not start without it, and those stopped by hand with it. */
  #reviveAll(member: Member, those: ReadonlySet<Member>): void {
    const { graph, at } = this.#members
    const coming = new Set([member])
    if (those.size > 1)
      for (const node of graph.sequence) {
        const other = at(node)
        const isStillLost = (wanted: number): boolean => !coming.has(at(wanted)) && isLost(at(wanted).state)
        const mayCome = couldNotStart(other) || other.stoppedWith === member
        if (those.has(other) && mayCome && !graph.declared[node]!.some(isStillLost)) coming.add(other)
      }
    for (const other of coming) this.#group.revive(other)
  }
}

/** Whether a member has ended well. Restarted with the others it begins anew, unless it is temporary. */
const hasEnded = ({ state, entry, asked }: Member): boolean =>
  state.phase === 'stopped' && state.how === 'ended' && entry.temporary !== true && !asked

/** Whether a member failed only because a dependency could not come. */
const couldNotStart = ({ state, asked }: Member): boolean =>
  state.phase === 'failed' && state.error.code === 'ERR_DEPENDENCY_FAILED' && !asked

/** The same Observable, subscribed to as part of a work. */
const inside = <T>(work: Work, source$: Observable<T>): Observable<T> =>
  new Observable(out => enter(work, () => source$.subscribe(out)))
