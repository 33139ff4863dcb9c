import { dependencies, indexOf, isObserver, NONE, type Order, type Placed, plan, reversed } from '../plan.ts'

type Lists = (readonly number[])[]

/**
 * The plan of a group, there and back, that goes on while services come and go. One that comes later is put behind
 * those that are there, at the cost of its own edges; after one has left, all is planned again when it is next asked for.
 */
export class Arrangement {
  #services: Placed[] = []
  #before: Lists = []
  #after: Lists = []
  #declared: Lists = []
  #dependents: Lists = []
  #frontier: number[] = []
  #observers: readonly number[] = NONE
  #sequence: readonly number[] | undefined
  #index: Map<string, number> | undefined
  #stale = false

  /** Whom each waits for at start. */
  get before(): Order {
    this.#refresh()
    return this.#before
  }

  /** Whom each waits for at stop. */
  get after(): Order {
    this.#refresh()
    return this.#after
  }

  /** Whom each names in `dependsOn`. */
  get declared(): Order {
    this.#refresh()
    return this.#declared
  }

  /** Who names each: whom it waits for at drain. */
  get dependents(): Order {
    this.#refresh()
    return this.#dependents
  }

  /** All, each after those before it. */
  get sequence(): readonly number[] {
    this.#refresh()
    this.#sequence ??= plan(this.#services).sequence
    return this.#sequence
  }

  isObserver(node: number): boolean {
    return isObserver(this.#services, node)
  }

  find(name: string): number | undefined {
    this.#index ??= indexOf(this.#services)
    return this.#index.get(name)
  }

  /**
   * Gives each its place; when there is none, nothing has changed.
   *
   * @throws ServiceError `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY`
   */
  add(services: readonly Placed[]): void {
    this.#refresh()
    const [service] = services
    if (service && services.length === 1 && this.#services.length > 0 && comesLast(service)) this.#append(service)
    else this.#arrange([...this.#services, ...services])
  }

  /** Takes some out; those behind them move up. */
  remove(isGone: (node: number) => boolean): void {
    this.#services = this.#services.filter((_, node) => !isGone(node))
    this.#index = undefined
    this.#stale = true
  }

  #refresh(): void {
    if (this.#stale) this.#arrange(this.#services)
  }

  #arrange(services: Placed[]): void {
    const { before, declared, sequence, frontier, observers } = plan(services)
    this.#services = services
    this.#before = [...before]
    this.#declared = [...declared]
    this.#after = [...reversed(before)]
    this.#dependents = [...reversed(declared)]
    this.#frontier = [...frontier]
    this.#observers = observers
    this.#sequence = sequence
    this.#index = undefined
    this.#stale = false
  }

  /** Nobody can have asked to come after one that was not there: it comes last. */
  #append(service: Placed): void {
    const services = this.#services
    this.#index ??= indexOf(services)
    const declared = dependencies(service, services, this.#index)
    const node = services.length
    const named = declared.filter(other => !isObserver(services, other))
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

const comesLast = ({ name, dependsOn, observer }: Placed): boolean => !observer && !dependsOn?.includes(name)

const link = (lists: Lists, from: number, to: number): void => {
  const known = lists[from]!
  if (known === NONE) lists[from] = [to]
  else (known as number[]).push(to)
}
