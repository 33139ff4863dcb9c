import type { Order } from '../plan.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'
import type { Strategy } from './strategy.ts'

/**
 * The members that go down together and come up together: after a failure, by the strategy, or restarted by hand. All
 * of them are down before the first comes up. A member that fails meanwhile joins them.
 */
export class RestartSet {
  readonly members: Set<Member> = new Set()
  /** How many members hold up the others. While there are any, no member of the set comes up. */
  goingDown = 0
  readonly #strategy: Strategy
  readonly #group: Members

  constructor(strategy: Strategy, group: Members) {
    this.#strategy = strategy
    this.#group = group
  }

  /** Adds members to the set. All go down, or stay down, before the first comes up. */
  join(members: Iterable<Member>): void {
    for (const member of members) {
      member.inSet = true
      this.members.add(member)
    }
    for (const member of this.members) {
      member.rests = false
      member.aheadInSet = this.#neighbours(this.#group.graph.after, member).length
      this.look(member)
    }
  }

  /** Notes that a member is down, and so are all after it in the set. The members before it may go down. */
  rest(member: Member): void {
    member.rests = true
    for (const other of this.#neighbours(this.#group.graph.before, member))
      if (--other.aheadInSet === 0) this.#group.look(other)
    this.look(member)
  }

  /** Checks again whether a member holds up the others. */
  look(member: Member): void {
    const holdsUp = member.inSet && (!member.rests || this.#isExpected(member))
    if (holdsUp === member.holdsUpSet) return
    member.holdsUpSet = holdsUp
    this.goingDown += holdsUp ? 1 : -1
    if (this.goingDown === 0) this.#group.lookAtAll(this.members)
  }

  leave(member: Member): void {
    if (!this.members.delete(member)) return
    member.inSet = false
    this.look(member)
  }

  /** Under `one-for-all` the members wait for a restart that one of them does by itself. */
  #isExpected(member: Member): boolean {
    return this.#strategy === 'one-for-all' && member.restartsItself && !member.held
  }

  #neighbours(order: Order, member: Member): readonly Member[] {
    return order[member.node]!.map(this.#group.at).filter(({ inSet }) => inSet)
  }
}
