import { type ServiceError, serviceError } from './errors.ts'

/** The particulars of a service that decide its place in the order. */
export interface Placed {
  readonly name: string
  /** The services it starts after and stops before. When left out: all services added before it. */
  readonly dependsOn?: readonly string[] | undefined
  /** The service starts before and stops after all that are not observers. */
  readonly observer?: boolean | undefined
}

/** For each node, the nodes that come before it. */
export type Order = readonly (readonly number[])[]

export const NONE: readonly number[] = Object.freeze([])

export interface Plan {
  /** For each node, the nodes it waits for at start. Reversed: the nodes it waits for at stop. */
  readonly before: Order
  /** For each node, the nodes it names in `dependsOn`. Reversed: the order of draining. */
  readonly declared: Order
  /** All nodes, each after the nodes that come before it. */
  readonly sequence: readonly number[]
  /** The last nodes: a further service without `dependsOn` waits for these. */
  readonly frontier: readonly number[]
  /** The last observers: all services that are not observers come after them. */
  readonly observers: readonly number[]
}

export const reversed = (order: Order): Order => {
  const after: (number[] | undefined)[] = new Array(order.length).fill(undefined)
  order.forEach((nodes, node) => {
    for (const before of nodes) {
      const known = after[before]
      if (known) known.push(node)
      else after[before] = [node]
    }
  })
  return after.map(nodes => nodes ?? NONE)
}

/**
 * The order of a group. A service without `dependsOn` comes after all services added before it, except those that
 * depend on it. A service with `dependsOn` comes after the services it names, and no others.
 *
 * @throws ServiceError `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY` with the path
 */
export const plan = (services: readonly Placed[]): Plan => {
  const declared = resolve(services)
  const before = declared.map((nodes, node) =>
    nodes.length === 0
      ? NONE
      : inOrder(nodes.filter(other => isObserver(services, other) === isObserver(services, node))),
  )
  chain(services, before, node => isObserver(services, node), declared)
  const frontier = chain(services, before, node => !isObserver(services, node), declared)
  const last = putObserversFirst(services, before)
  return { before, declared, sequence: sequence(services, before), frontier, observers: last }
}

/** By place, so that services that depend on each other in no way keep the order in which they were added. */
export const inOrder = (nodes: readonly number[]): readonly number[] => nodes.toSorted((a, b) => a - b)

export const isObserver = (services: readonly Placed[], node: number): boolean => services[node]!.observer === true

const resolve = (services: readonly Placed[]): Order => {
  // Most groups are a plain list, where no name has to be found.
  if (!services.some(({ dependsOn }) => dependsOn && dependsOn.length > 0)) return services.map(() => NONE)
  const index = indexOf(services)
  return services.map(service => dependencies(service, services, index))
}

/** The index of each service by its name. */
export const indexOf = (services: readonly Placed[]): Map<string, number> =>
  new Map(services.map(({ name }, node) => [name, node]))

/**
 * The indexes of the services that a service names.
 *
 * @throws ServiceError `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY`
 */
export const dependencies = (
  { name, dependsOn, observer }: Placed,
  services: readonly Placed[],
  index: ReadonlyMap<string, number>,
): readonly number[] =>
  !dependsOn
    ? NONE
    : [...new Set(dependsOn)].map(wanted => {
        const found = index.get(wanted)
        if (found === undefined)
          throw serviceError(
            'ERR_UNKNOWN_DEPENDENCY',
            name,
            `dependsOn names "${wanted}", which is not in the group; it has: ${services.map(s => s.name).join(', ')}`,
          )
        if (observer && !isObserver(services, found))
          throw circular([name, wanted, name], 'an observer starts before all others')
        return found
      })

/**
 * Puts services without `dependsOn` after all that were added before them. Returns the frontier, which covers them all.
 */
const chain = (
  services: readonly Placed[],
  before: (readonly number[])[],
  included: (node: number) => boolean,
  declared: Order,
): readonly number[] => {
  const forward = declared.some((nodes, node) => nodes.some(wanted => wanted > node))
  const after = forward ? reversed(before).map(nodes => [...nodes]) : undefined
  let frontier: number[] = []
  for (let node = 0; node < services.length; node++) {
    if (!included(node)) continue
    if (services[node]!.dependsOn) {
      frontier.push(node)
      continue
    }
    const later = after && nodesBehind(node, after)
    if (!later || later.size === 0) {
      before[node] = frontier
      frontier = [node]
    } else {
      const earlier = services.map((_, other) => other).filter(other => other < node && included(other))
      before[node] = earlier.filter(other => !later.has(other))
      frontier = [...frontier.filter(other => later.has(other)), node]
    }
    if (after) for (const other of before[node]!) after[other]!.push(node)
  }
  return frontier
}

/** All nodes that come after a node, by the edges known so far. */
const nodesBehind = (node: number, after: Order): ReadonlySet<number> => {
  const found = new Set<number>()
  const open = [node]
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const behind of after[next]!)
      if (!found.has(behind)) {
        found.add(behind)
        open.push(behind)
      }
  return found
}

/** Puts the observers before all others. Returns the last observers. */
const putObserversFirst = (services: readonly Placed[], before: (readonly number[])[]): readonly number[] => {
  const observers = services.map((_, node) => node).filter(node => isObserver(services, node))
  if (observers.length === 0) return NONE
  const followed = new Set(observers.flatMap(node => before[node]!))
  const last = observers.filter(node => !followed.has(node))
  for (let node = 0; node < services.length; node++)
    if (!isObserver(services, node) && before[node]!.length === 0) before[node] = last
  return last
}

const sequence = (services: readonly Placed[], before: Order): readonly number[] => {
  const after = reversed(before)
  const open = before.map(nodes => nodes.length)
  const placed = open.flatMap((count, node) => (count === 0 ? [node] : []))
  for (let i = 0; i < placed.length; i++)
    for (const node of after[placed[i]!]!) if (--open[node]! === 0) placed.push(node)
  if (placed.length < services.length) throw circular(cycle(services, before, new Set(placed)))
  return placed
}

const cycle = (services: readonly Placed[], before: Order, placed: ReadonlySet<number>): readonly string[] => {
  const path: number[] = []
  let node = services.findIndex((_, candidate) => !placed.has(candidate))
  while (!path.includes(node)) {
    path.push(node)
    node = before[node]!.find(next => !placed.has(next))!
  }
  return [...path.slice(path.indexOf(node)), node].map(n => services[n]!.name)
}

const circular = (path: readonly string[], why = 'each waits for the next'): ServiceError =>
  serviceError(
    'ERR_CIRCULAR_DEPENDENCY',
    path[0]!,
    `circular dependency: ${path.join(' -> ')} (${why}); take one of these out of dependsOn`,
  )
