import type { Entry } from './entry.ts'
import { Arrangement } from './graph.ts'
import type { Member } from './member.ts'

/** Who is in a group, in one of its lives, and in what order. A member's node is its place in both. */
export class Roster {
  readonly #make: (entry: Entry, node: number) => Member
  readonly #order = new Arrangement()
  #members: Member[] = []

  constructor(make: (entry: Entry, node: number) => Member) {
    this.#make = make
  }

  get members(): readonly Member[] {
    return this.#members
  }

  get order(): Arrangement {
    return this.#order
  }

  find(name: string): Member | undefined {
    const node = this.#order.find(name)
    return node === undefined ? undefined : this.#members[node]
  }

  nameOf(node: number): string {
    return this.#members[node]!.entry.name
  }

  /** Those last to start come first. */
  fromTheEnd(): readonly Member[] {
    return this.#order.sequence.map(node => this.#members[node]!).reverse()
  }

  /** Gives each its place; throws when there is none, and then nothing has changed. */
  enroll(entries: readonly Entry[]): readonly Member[] {
    for (const { inside } of entries) inside?.check()
    this.#order.add(entries)
    const added = entries.map((entry, i) => this.#make(entry, this.#members.length + i))
    for (const member of added) this.#members.push(member)
    return added
  }

  /** Takes out all that have left. Whoever holds a node must let go of it before. */
  sweep(gone: ReadonlySet<Member>): void {
    this.#order.remove(node => gone.has(this.#members[node]!))
    this.#members = this.#members.filter(member => !gone.has(member))
    this.#members.forEach((member, node) => {
      member.node = node
    })
  }

  /** Who is not running yet, and for whom they wait. */
  explain(): string {
    const lines = this.#members.flatMap(({ state, entry }) => {
      const name = `"${entry.name}"`
      if (state.phase === 'waiting') return [`${name} waits for ${state.for.map(other => `"${other}"`).join(' and ')}`]
      if (state.phase === 'starting') return [`${name} is still starting`]
      if (state.phase === 'backoff') return [`${name} waits to be restarted: ${state.error.message}`]
      return state.phase === 'idle' ? [`${name} has not been started`] : []
    })
    return lines.join('; ')
  }
}
