import { dependencies, indexOf, inOrder, isObserver, NONE, type Order, type Placed, plan, reversed } from '../plan.ts'

/** How many removed services may keep their nodes before all are arranged anew; or half of all, if that is more. */
const MOST_FORGOTTEN = 64

type Lists = (readonly number[])[]

/**
 * The dependency graph of a group, in both directions. Each service is a node. A service that is added later comes
 * last, and costs as much as its own edges. A removed service keeps its node until all are arranged anew.
 */
export class Graph {
  #services: Placed[] = []
  #before: Lists = []
  #after: Lists = []
  #declared: Lists = []
  #dependents: Lists = []
  #frontier: number[] = []
  #observers: readonly number[] = NONE
  #sequence: readonly number[] | undefined
  #index = new Map<string, number>()
  readonly #forgotten = new Set<number>()

  /** For each node, the nodes it starts after. */
  get before(): Order {
    return this.#before
  }

  /** For each node, the nodes it stops after. */
  get after(): Order {
    return this.#after
  }

  /** For each node, the nodes it names in `dependsOn`. */
  get declared(): Order {
    return this.#declared
  }

  /** For each node, the nodes that name it in `dependsOn`: it drains after them. */
  get dependents(): Order {
    return this.#dependents
  }

  /** All nodes in an order of start. */
  get sequence(): readonly number[] {
    this.#sequence ??= plan(this.#services).sequence
    return this.#sequence
  }

  get hasForgotten(): boolean {
    return this.#forgotten.size > 0
  }

  isObserver(node: number): boolean {
    return isObserver(this.#services, node)
  }

  find(name: string): number | undefined {
    return this.#index.get(name)
  }

  /**
   * Gives services their places. Returns true when all other services keep their nodes. Otherwise forgotten services
   * have lost theirs, and the others move up.
   *
   * @throws ServiceError `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY`; nothing has changed then
   */
  add(services: readonly Placed[]): boolean {
    const [service] = services
    const isTidy = this.#forgotten.size <= Math.max(MOST_FORGOTTEN, this.#services.length / 2)
    if (service && services.length === 1 && isTidy && this.#comesLast(service)) {
      this.#append(service)
      return true
    }
    this.#arrange([...this.#services.filter((_, node) => !this.#forgotten.has(node)), ...services])
    return false
  }

  /** Frees the name of a removed service. The node stays for now, so that the others keep their order. */
  forget(node: number): void {
    this.#forgotten.add(node)
    this.#index.delete(this.#services[node]!.name)
  }

  /** Whether a service comes last: no service can have named it in `dependsOn` before it was there. */
  #comesLast({ name, observer, dependsOn }: Placed): boolean {
    return this.#services.length > 0 && !observer && !dependsOn?.includes(name)
  }

  #arrange(services: Placed[]): void {
    const { before, declared, sequence, frontier, observers } = plan(services)
    this.#services = services
    this.#forgotten.clear()
    this.#before = [...before]
    this.#declared = [...declared]
    this.#after = [...reversed(before)]
    this.#dependents = [...reversed(declared)]
    this.#frontier = [...frontier]
    this.#observers = observers
    this.#sequence = sequence
    this.#index = indexOf(services)
  }

  #append(service: Placed): void {
    const services = this.#services
    const declared = dependencies(service, services, this.#index)
    const node = services.length
    const named = inOrder(declared.filter(other => !isObserver(services, other)))
    const direct = service.dependsOn ? named : [...this.#frontier]
    const before = direct.length > 0 ? direct : this.#observers

    services.push(service)
    this.#index.set(service.name, node)
    this.#declared.push(declared)
    this.#before.push(before)
    this.#after.push(NONE)
    this.#dependents.push(NONE)
    for (const other of before) link(this.#after, other, node)
    for (const other of declared) link(this.#dependents, other, node)
    if (service.dependsOn) this.#frontier.push(node)
    else this.#frontier = [node]
    this.#sequence = undefined
  }
}

const link = (lists: Lists, from: number, to: number): void => {
  const known = lists[from]!
  if (known === NONE) lists[from] = [to]
  else (known as number[]).push(to)
}
