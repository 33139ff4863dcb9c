import type { Order } from '../plan.ts'
import type { Work } from '../work.ts'
import type { Entry } from './entry.ts'
import { Graph } from './graph.ts'
import type { Member } from './member.ts'

/** The direction in which a group goes through its members. `start` follows the graph, the others go against it. */
export type Direction = 'start' | 'drain' | 'stop'

/** The members of a group, their places in the graph, which have passed, and which to look at. */
export class Members {
  readonly graph: Graph = new Graph()
  /** How many members have not passed in the present direction. */
  open = 0
  #list: Member[] = []
  #direction: Direction = 'start'
  readonly #make: (entry: Entry, node: number) => Member
  readonly #onWork: () => void
  /** The queue of members to look at, and how many of it have been looked at. */
  #toLookAt: Member[] = []
  #lookedAt = 0

  constructor(make: (entry: Entry, node: number) => Member, onWork: () => void) {
    this.#make = make
    this.#onWork = onWork
  }

  get list(): readonly Member[] {
    return this.graph.hasForgotten ? this.#list.filter(({ isForgotten }) => !isForgotten) : this.#list
  }

  readonly at = (node: number): Member => this.#list[node]!

  find(name: string): Member | undefined {
    const node = this.graph.find(name)
    return node === undefined ? undefined : this.#list[node]
  }

  /** Whether a work is a member of this group. */
  has(work: Work): boolean {
    const { node } = work as Partial<Member>
    return node !== undefined && this.#list[node] === work
  }

  /** All members, the last to start first. */
  reversed(): readonly Member[] {
    return this.graph.sequence.map(this.at).reverse()
  }

  /**
   * Makes members of services, and gives each its place.
   *
   * @throws ServiceError when one has no place; nothing has changed then
   */
  enroll(entries: readonly Entry[]): readonly Member[] {
    for (const { inside } of entries) inside?.check()
    const comeLast = this.graph.add(entries)
    if (!comeLast) {
      this.#list = this.#list.filter(({ isForgotten }) => !isForgotten)
      this.#list.forEach((member, node) => {
        member.node = node
      })
    }
    const known = this.#list.length
    const added = entries.map((one, i) => this.#make(one, known + i))
    this.#list.push(...added)
    if (comeLast) this.open++
    else this.open = this.#list.filter(({ passed }) => !passed).length
    for (const member of comeLast ? added : this.#list) member.ahead = this.#countAhead(member)
    return added
  }

  /** Forgets a member. The node stays, so that the others keep their order. */
  forget(member: Member): void {
    member.isForgotten = true
    this.graph.forget(member.node)
  }

  /** Changes the direction. No member has passed in it yet. */
  turn(direction: Direction): void {
    this.#direction = direction
    const from = this.#from
    for (const member of this.#list) {
      member.passed = false
      member.ahead = from[member.node]!.length
    }
    this.open = this.#list.length
  }

  /** Notes that a member has passed, and queues the members whose turn comes by that. */
  pass(member: Member): void {
    member.passed = true
    this.open--
    for (const node of this.#to[member.node]!) if (--this.at(node).ahead === 0) this.look(this.at(node))
  }

  /** Notes that a member has not passed any more. Members after it that have not passed wait for it again. */
  goBack(member: Member): void {
    if (!member.passed) return
    member.passed = false
    this.open++
    for (const node of this.#to[member.node]!) this.at(node).ahead++
  }

  look(member: Member): void {
    if (member.isListed) return
    member.isListed = true
    this.#toLookAt.push(member)
    this.#onWork()
  }

  lookAtAll(members: Iterable<Member>): void {
    for (const member of members) this.look(member)
  }

  /** Queues the members whose turn it is in the present direction. */
  lookAtFirst(): void {
    this.lookAtAll(this.#list.filter(({ ahead }) => ahead === 0))
  }

  /** The next member to look at, if there is one. */
  next(): Member | undefined {
    const member = this.#toLookAt[this.#lookedAt]
    if (!member) return undefined
    this.#lookedAt++
    member.isListed = false
    if (this.#lookedAt === this.#toLookAt.length) {
      this.#toLookAt = []
      this.#lookedAt = 0
    }
    return member
  }

  /** For each node, the nodes ahead of it in the present direction. */
  get #from(): Order {
    const { before, after, dependents } = this.graph
    return this.#direction === 'start' ? before : this.#direction === 'drain' ? dependents : after
  }

  /** For each node, the nodes after it in the present direction. */
  get #to(): Order {
    const { before, after, declared } = this.graph
    return this.#direction === 'start' ? after : this.#direction === 'drain' ? declared : before
  }

  #countAhead({ node }: Member): number {
    return this.#from[node]!.reduce((count, other) => count + Number(!this.at(other).passed), 0)
  }
}
