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

/** What restarts need of the group. */
interface Restarting {
  /** Tells that a member that was over begins anew. */
  revive(member: Member): void
  /** Tells the dependencies that a member waits for. */
  tellWaiting(member: Member): void
}

/**
 * Who is restarted together with a member: when it has failed, by the group's strategy, and when it is restarted by
 * hand.
 */
export class Restarts {
  readonly set: RestartSet
  readonly #options: RestartsOptions
  readonly #members: Members
  readonly #group: Restarting
  /** When members were restarted, as far as the restart limit counts them. */
  #restarts: readonly number[] = []

  constructor(members: Members, options: RestartsOptions, group: Restarting) {
    this.#members = members
    this.#options = options
    this.#group = group
    this.set = new RestartSet(options.strategy, members)
  }

  /** Counts a restart that is due, unless it is one too many: then why. */
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
      gate: () => this.gate(member),
      admit: (at, cause) => this.admit(name, at, cause),
    })
  }

  /** For the restart behaviour of a member: completes when the next incarnation may begin. */
  gate(member: Member): Observable<never> {
    const { inbox } = this.#options
    return new Observable(out => {
      const open = (): void => out.complete()
      const note = (held: (() => void) | undefined): void =>
        inbox.take(() => {
          member.open = held
          if (held) this.#group.tellWaiting(member)
          this.set.look(member)
          this.#members.look(member)
        })
      note(open)
      return () => {
        if (member.open === open) note(undefined)
      }
    })
  }

  /** A member has failed and is restarted: so are those that belong with it. */
  gather(member: Member): void {
    member.gathers = false
    if (member.state.phase !== 'backoff') return
    const { error } = member.state
    // It went down by itself before its turn, and comes back by itself.
    if (member.wanted === 'down') member.wanted = 'up'
    const others = this.#belongingTo(member, this.#options.strategy).filter(other => other !== member)
    if (others.length === 0) return
    for (const other of others) if (hasEnded(other)) this.#group.revive(other)
    this.#join([member, ...others], { by: 'failure', service: member.path, error }, true)
  }

  /** Takes down a member, and those that belong with it, to begin them again. Returns all of them. */
  byHand(member: Member, reason: StopReason): readonly Member[] {
    const members = this.#belongingTo(member, 'by-hand')
    const isOver = isFinal(member.state)
    if (isOver) this.#reviveAll(member, new Set(members))
    if (isOver || !member.inSet) {
      if (member.alive) member.takeDown(reason)
      this.#join(members, reason, false)
    }
    return members
  }

  /** All that are restarted with a member by hand, itself included. */
  restartedByHandWith(member: Member): readonly Member[] {
    return this.#belongingTo(member, 'by-hand')
  }

  /** A member has come to a state. A failure that is restarted may take others along. */
  note(member: Member): void {
    const takesOthers = this.#options.strategy !== 'one-for-one'
    member.gathers = takesOthers && member.state.phase === 'backoff' && !member.isTakenDown
    this.set.look(member)
  }

  /** The group shuts down: what is down stays down. */
  clear(): void {
    for (const member of this.set.members) this.set.leave(member)
  }

  #belongingTo({ node }: Member, strategy: Strategy | 'by-hand'): readonly Member[] {
    return [...restartedWith(strategy, node, this.#members.graph)].map(this.#members.at)
  }

  /** @param sparing temporary members are stopped with the others, and do not come back */
  #join(members: readonly Member[], reason: StopReason, sparing: boolean): void {
    // The turn of a member that has not begun yet is still ahead.
    const joining = members.filter(member => member.begun || member.returning)
    for (const member of joining) {
      if (member.alive && !member.restartsItself) member.takeDown(reason)
      if (sparing && member.entry.temporary && !isFinal(member.state)) member.endForGood(reason)
      this.#members.goBack(member)
    }
    this.set.join(joining)
    this.#members.lookAtAll(this.set.members)
  }

  /** A member that is over, and those that could not start without it, unless they could not do so again. */
  #reviveAll(member: Member, those: ReadonlySet<Member>): void {
    const { graph, at } = this.#members
    const coming = new Set([member])
    if (those.size > 1)
      for (const node of graph.sequence) {
        const other = at(node)
        const isStillLost = (wanted: number): boolean => !coming.has(at(wanted)) && isLost(at(wanted).state)
        if (those.has(other) && couldNotStart(other) && !graph.declared[node]!.some(isStillLost)) coming.add(other)
      }
    for (const other of coming) this.#group.revive(other)
  }
}

/** It has done what it was for. Restarted with the others it does it again, unless it is temporary. */
const hasEnded = ({ state, entry, asked }: Member): boolean =>
  state.phase === 'stopped' && state.how === 'ended' && entry.temporary !== true && !asked

/** It failed only because what it depends on was not there. */
const couldNotStart = ({ state, asked }: Member): boolean =>
  state.phase === 'failed' && state.error.code === 'ERR_DEPENDENCY_FAILED' && !asked

/** The same Observable, subscribed to as part of a work. */
const inside = <T>(work: Work, source$: Observable<T>): Observable<T> =>
  new Observable(out => enter(work, () => source$.subscribe(out)))
