import { errorInfo, fromErrorInfo, type ServiceError } from '../errors.ts'
import { isFinal, isLost, isReady, type ServiceState } from '../state.ts'
import type { Entry } from './entry.ts'
import type { Member } from './member.ts'
import type { Roster } from './roster.ts'
import { dependencyFailed, type Loss, losses } from './waiting.ts'

export interface Door {
  /** Nobody starts any more. */
  isClosed(): boolean
  /** The group is about to fail: nobody else may start. */
  doom(): void
}

/** Where members wait for what they depend on: they are shown for whom, let go when it is ready, released when lost. */
export class WaitingRoom {
  readonly #roster: Roster
  readonly #door: Door
  /** Whose turn has come while what they depend on is away: it may come back, or be lost. */
  readonly #held = new Set<Member>()

  constructor(roster: Roster, door: Door) {
    this.#roster = roster
    this.#door = door
  }

  /** It is its turn: it starts as soon as all it depends on is ready, which mostly is now. */
  begin(member: Member): void {
    this.#held.add(member)
    if (this.#isClear(member.node)) this.#letGo(member)
  }

  /** It is not its turn any more. */
  withdraw(member: Member): void {
    this.#held.delete(member)
  }

  show(node: number): void {
    const member = this.#roster.members[node]!
    if (this.#roster.order.declared[node]!.length === 0 || member.begun || this.#door.isClosed()) return
    const open = this.#roster.order.declared[node]!.filter(other => this.#holdsUp(member, other))
    if (open.length === 0) return
    const names = open.map(this.#nameOf)
    const { state } = member
    const told = state.phase === 'waiting' && state.for.length === names.length
    if (!told || names.some((name, i) => name !== state.for[i])) member.say({ phase: 'waiting', for: names })
  }

  /** Tells those that wait for a member of its new state. Returns why the group fails when they are lost, if it does. */
  tell({ node, state }: Member, error: ServiceError | undefined): ServiceError | undefined {
    const dependents = this.#roster.order.dependents[node]!
    if (dependents.length === 0 || this.#door.isClosed()) return undefined
    if (isLost(state)) {
      const lost = losses(node, this.#roster.order.dependents, other => this.#waitsInVain(other, state))
      const failure = this.#release(lost, error)
      if (failure) return failure
    }
    if (state.phase === 'starting' || state.phase === 'waiting') return undefined
    for (const dependent of dependents) {
      const member = this.#roster.members[dependent]!
      if (!this.#held.has(member) || !this.#isClear(dependent)) this.show(dependent)
      else if (!this.#door.isClosed()) this.#letGo(member)
    }
    return undefined
  }

  /** One that would wait in vain from the beginning is not taken in. */
  refuseLost({ name, dependsOn = [] }: Entry): void {
    for (const wanted of dependsOn) {
      const state = this.#roster.find(wanted)?.state
      if (!state || !isLost(state)) continue
      const cause = state.phase === 'failed' ? fromErrorInfo(state.error) : undefined
      throw dependencyFailed({ node: 0, root: 1, through: undefined }, node => (node === 0 ? name : wanted), cause)
    }
  }

  /** Fails all that wait in vain, at once; of those the group can't do without, the first is returned. */
  #release(lost: readonly Loss[], cause: ServiceError | undefined): ServiceError | undefined {
    if (lost.some(({ node }) => !this.#roster.members[node]!.entry.optional)) this.#door.doom()
    let first: ServiceError | undefined
    for (const loss of lost) {
      // A listener may have asked the group to stop meanwhile.
      if (this.#door.isClosed()) break
      const member = this.#roster.members[loss.node]!
      if (member.begun) continue
      const error = dependencyFailed(loss, this.#nameOf, cause)
      member.dismiss({ phase: 'failed', error: errorInfo(error) }, error)
      if (!member.entry.optional) first ??= error
    }
    return first
  }

  /** One that has been told to end, or was lost, while it waited does not begin. */
  #letGo(member: Member): void {
    if (this.#held.delete(member) && !member.begun) member.begin()
  }

  #isClear(node: number): boolean {
    const member = this.#roster.members[node]!
    return !this.#roster.order.declared[node]!.some(other => this.#holdsUp(member, other))
  }

  /** One that comes back does without what is over for good, as it has done until it was taken down. */
  #holdsUp({ returning }: Member, other: number): boolean {
    const { state } = this.#roster.members[other]!
    return !isReady(state) && !(returning && isFinal(state))
  }

  /** One that comes back only when it failed: what was stopped has been stopped on purpose. */
  #waitsInVain(node: number, { phase }: ServiceState): boolean {
    const { begun, returning } = this.#roster.members[node]!
    return !begun && !(returning && phase === 'stopped')
  }

  readonly #nameOf = (node: number): string => this.#roster.nameOf(node)
}
