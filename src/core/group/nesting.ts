import { peek } from '../foreign.ts'
import type { StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import type { Entries } from './entries.ts'
import type { Entry, Inside } from './entry.ts'
import { holdsItself, isHeld } from './group-errors.ts'
import type { Inbox } from './inbox.ts'
import type { Requests } from './requests.ts'

/** A group as the groups around it and inside it see it. */
export interface Nestable {
  readonly name: string
  readonly entries: Entries
  readonly requests: Requests
  readonly nesting: Nesting
  readonly journal: Journal
  /** The inbox of the present incarnation. All groups inside share it. */
  inbox(): Inbox
  /** The force budget of members that end in this group, in milliseconds. */
  forceTimeout(): number
  /** Whether the group shuts down. */
  leaving(): boolean
}

/**
 * The key of what an outer group needs of a nested group, which may be of another copy of this library. Its number
 * changes with `Inside` and `Nestable`. A group with another number is a service like any other.
 */
export const INSIDE: unique symbol = Symbol.for('rx-service-group.inside.1')

/** The access that an outer group has to a service, if that is a group. */
export const insideOf = (service: object): Inside | undefined => peek(service, INSIDE) as Inside | undefined

/** Where a group is: in which other group, if it is in one. */
export class Nesting {
  readonly #group: string
  #outer: { readonly group: Nestable; readonly entry: Entry } | undefined

  constructor(group: string) {
    this.#group = group
  }

  /** The group was added to another one. */
  enter(group: Nestable, entry: Entry): void {
    this.#outer = { group, entry }
  }

  /** The group was added to another one, and may have been removed there since. */
  get wasAdded(): boolean {
    return this.#outer !== undefined
  }

  /** The outer group, as long as this group is in it. */
  get holder(): Nestable | undefined {
    if (!this.#outer) return undefined
    const { group, entry } = this.#outer
    return group.entries.get(entry.name) === entry ? group : undefined
  }

  /** How many groups are around this group. */
  get depth(): number {
    const { holder } = this
    return holder ? holder.nesting.depth + 1 : 0
  }

  /** @throws ServiceError when a group can't be added to this one */
  admit(nested: Nestable): void {
    const path = [this.#group]
    if (nested.nesting === this) throw holdsItself(this.#group, nested.name, path)
    for (let group = this.holder; group; group = group.nesting.holder) {
      path.unshift(group.name)
      if (group.nesting === nested.nesting) throw holdsItself(this.#group, nested.name, path)
    }
    const { holder } = nested.nesting
    if (holder) throw isHeld(this.#group, nested.name, holder.name)
  }

  /** Asks the outer group to end this group. Returns false when the outer group is not live. */
  endByHolder(reason: StopReason): boolean {
    if (!this.#outer) return false
    const { group, entry } = this.#outer
    return group.requests.end(entry.name, reason)
  }
}
