import type { Entry } from './entry.ts'
import { errorInfo, fromErrorInfo, type ServiceError } from './errors.ts'
import type { Member } from './member.ts'
import type { Order } from './plan.ts'
import { dependencyFailed, isLost, isReady, type Loss, losses } from './waiting.ts'

export interface Door {
  /** Nobody starts any more. */
  isClosed(): boolean
  /** The group is about to fail: nobody else may start. */
  doom(): void
}

/** Where members wait for what they depend on: they are shown for whom, let go when it is ready, released when lost. */
export class WaitingRoom {
  readonly #entries: readonly Entry[]
  readonly #members: readonly Member[]
  readonly #door: Door
  #declared: Order = []
  #dependents: Order = []
  /** Whose turn has come while what they depend on is away: it may come back, or be lost. */
  readonly #held = new Set<Member>()

  constructor(entries: readonly Entry[], members: readonly Member[], door: Door) {
    this.#entries = entries
    this.#members = members
    this.#door = door
  }

  arrange(declared: Order, dependents: Order): void {
    this.#declared = declared
    this.#dependents = dependents
  }

  /** It is its turn: it starts as soon as all it depends on is ready, which mostly is now. */
  begin(member: Member): void {
    if (this.#isClear(member.node)) member.begin()
    else this.#held.add(member)
  }

  show(node: number): void {
    const member = this.#members[node]!
    if (this.#declared[node]!.length === 0 || member.begun || this.#door.isClosed()) return
    const open = this.#declared[node]!.filter(other => !isReady(this.#members[other]!.state))
    if (open.length === 0) return
    const names = open.map(this.#nameOf)
    const { state } = member
    const told = state.phase === 'waiting' && state.for.length === names.length
    if (!told || names.some((name, i) => name !== state.for[i])) member.say({ phase: 'waiting', for: names })
  }

  /** Tells those that wait for a member of its new state. Returns why the group fails when they are lost, if it does. */
  tell({ node, state }: Member, error: ServiceError | undefined): ServiceError | undefined {
    const dependents = this.#dependents[node]!
    if (dependents.length === 0 || this.#door.isClosed()) return undefined
    if (isLost(state)) return this.#release(losses(node, this.#dependents, this.#isWaiting), error)
    if (state.phase === 'starting' || state.phase === 'waiting') return undefined
    for (const dependent of dependents) {
      const member = this.#members[dependent]!
      if (!this.#held.has(member) || !this.#isClear(dependent)) this.show(dependent)
      else if (!this.#door.isClosed() && this.#held.delete(member)) member.begin()
    }
    return undefined
  }

  /** One that would wait in vain from the beginning is not taken in. */
  refuseLost(declared: Order, entries: readonly Entry[]): void {
    for (let node = this.#members.length; node < declared.length; node++)
      for (const root of declared[node]!) {
        const state = this.#members[root]?.state
        if (!state || !isLost(state)) continue
        const cause = state.phase === 'failed' ? fromErrorInfo(state.error) : undefined
        throw dependencyFailed({ node, root, through: undefined }, other => entries[other]!.name, cause)
      }
  }

  /** Fails all that wait in vain, at once; of those the group can't do without, the first is returned. */
  #release(lost: readonly Loss[], cause: ServiceError | undefined): ServiceError | undefined {
    if (lost.some(({ node }) => !this.#entries[node]!.optional)) this.#door.doom()
    let first: ServiceError | undefined
    for (const loss of lost) {
      // A listener may have asked the group to stop meanwhile.
      if (this.#door.isClosed()) break
      if (!this.#isWaiting(loss.node)) continue
      const { dismiss, optional } = this.#entries[loss.node]!
      const error = dependencyFailed(loss, this.#nameOf, cause)
      dismiss?.()
      this.#members[loss.node]!.say({ phase: 'failed', error: errorInfo(error) }, error)
      if (!optional) first ??= error
    }
    return first
  }

  #isClear(node: number): boolean {
    for (const other of this.#declared[node]!) if (!isReady(this.#members[other]!.state)) return false
    return true
  }

  readonly #isWaiting = (node: number): boolean => !this.#members[node]!.begun

  readonly #nameOf = (node: number): string => this.#entries[node]!.name
}
