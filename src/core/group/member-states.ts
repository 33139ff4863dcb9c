import { errorInfo, type ServiceError } from '../errors.ts'
import { isAbandoned, isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { type MemberFacts, waitsDownFor, waitsFor } from './decide.ts'
import type { Facts } from './group-facts.ts'
import type { Told } from './incarnation.ts'
import { lookAgain } from './inside-calls.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'
import type { Restarts } from './restarts.ts'

/** The states of a group's members. A new state changes the facts, is told to listeners, and concerns other members. */
export class MemberStates {
  readonly #journal: Journal
  readonly #facts: Facts
  readonly #members: Members
  readonly #restarts: Restarts
  readonly #leave: (reason: StopReason) => void

  /** @param leave shuts the group down */
  constructor(journal: Journal, facts: Facts, restarts: Restarts, leave: (reason: StopReason) => void) {
    this.#journal = journal
    this.#facts = facts
    this.#members = facts.members
    this.#restarts = restarts
    this.#leave = leave
  }

  /** An incarnation of a member tells something. */
  hear(told: Told): void {
    const { member } = told
    if (told.kind === 'state') return this.#note(member, told.state, told.error)
    if (told.kind === 'news') {
      member.state = told.state
      return this.#record(member)
    }
    if (told.kind === 'failure') {
      const { what, error, omitted } = told
      return this.#journal.fail(member.path, { what, error, ...(omitted !== undefined && { omitted }) })
    }
    if (told.kind === 'down') {
      member.rewind()
      if (member.inSet) this.#tellWaiting(member, waitsDownFor(member, this.#facts))
    }
    this.#restarts.set.look(member)
    this.#members.look(member)
  }

  /** Tells the dependencies that a member waits for, if they have changed. */
  tellWaiting(member: Member): void {
    if (this.#facts.leaving || (member.begun && !member.held)) return
    const open = waitsFor(member, this.#facts)
    const told = member.state.phase === 'waiting' ? member.state.for : []
    if (open.length !== told.length || open.some(({ name }, i) => name !== told[i])) this.#tellWaiting(member, open)
  }

  /** A member that has not begun never begins, and nothing inside it does. */
  dismiss(member: Member, error?: ServiceError): void {
    if (member.begun) return
    member.entry.inside?.dismiss()
    if (error) this.#note(member, { phase: 'failed', error: errorInfo(error) }, error)
    else this.#note(member, { phase: 'stopped', how: 'stopped' })
  }

  /** A member that was over begins anew. */
  revive(member: Member): void {
    this.#facts.revive(member)
    this.#journal.together(() => {
      this.#journal.add(member.path, member.entry)
      member.entry.inside?.renew()
    })
  }

  /** A removed member is gone. */
  forget(member: Member): void {
    // An abandoned member may still run, so it stays in the status.
    if (isAbandoned(member.state)) return this.#facts.markRemoved(member, false)
    this.#journal.remove(member.path)
    this.#facts.forget(member)
  }

  /** The group is left: a member that has not ended is abandoned. */
  abandon(member: Member): void {
    if (isFinal(member.state)) return
    if (!member.begun) member.entry.inside?.dismiss()
    member.note({ phase: 'stopped', how: member.begun ? 'abandoned' : 'stopped' }, undefined)
    this.#record(member)
  }

  /**
   * A member has a new state. First the facts change, then listeners are told, then the members concerned are queued.
   */
  #note(member: Member, state: ServiceState, error?: ServiceError): void {
    const { lost, reason } = this.#facts.note(member, state, error)
    if (reason) this.#leave(reason)
    this.#restarts.note(member)
    const { leaving } = this.#facts
    this.#record(member)
    for (const other of lost) {
      // A listener has stopped the group in the meantime.
      if (this.#facts.leaving && !leaving) break
      this.dismiss(other.member, other.error)
    }
    this.#members.look(member)
    const { dependents } = this.#members.graph
    for (const node of dependents[member.node]!) this.#dependencyChanged(this.#members.at(node), state)
    if (!isFinal(state) || !member.asked || this.#facts.step !== undefined) return
    // A member that ends alone does so after the members that depend on it and end too.
    this.#members.lookAtAll(this.#members.list.filter(one => one.asked && !isFinal(one.state)))
  }

  #dependencyChanged(member: Member, { phase }: ServiceState): void {
    // A member whose turn has not come is looked at when it comes.
    if (member.passed || member.ahead === 0) this.#members.look(member)
    if (phase !== 'starting' && phase !== 'waiting' && !member.held) this.tellWaiting(member)
  }

  #tellWaiting(member: Member, others: readonly MemberFacts[]): void {
    if (others.length > 0) this.#note(member, { phase: 'waiting', for: others.map(({ name }) => name) })
  }

  #record({ path, state, entry: { inside } }: Member): void {
    lookAgain()
    if (!inside) return this.#journal.record(path, state)
    // A listener of the outer group must find the nested group in this state too.
    this.#journal.together(() => {
      this.#journal.record(path, state)
      inside.tell(state)
    })
  }
}
