import type { Placing } from './scene.ts'

/** Written anew, so that it does not share the errors of the plan that it is to check. */
export interface Order {
  /** All that start before a service and stop after it. */
  readonly before: (name: string) => ReadonlySet<string>
  /** All that start after a service and stop before it. */
  readonly after: (name: string) => ReadonlySet<string>
  /** All that depend on a service, directly or through others. */
  readonly dependents: (name: string) => ReadonlySet<string>
}

type Edges = Map<string, Set<string>>

const known = new WeakMap<readonly Placing[], Order>()

/** The same list has the same order, in however many plays. */
export const orderOf = (placings: readonly Placing[]): Order => {
  const order = known.get(placings) ?? arrange(placings)
  known.set(placings, order)
  return order
}

const arrange = (placings: readonly Placing[]): Order => {
  const edges = (): Edges => new Map(placings.map(({ name }) => [name, new Set<string>()]))
  const [before, after, dependents] = [edges(), edges(), edges()]
  const link = (first: string, second: string): void => {
    before.get(second)!.add(first)
    after.get(first)!.add(second)
  }
  for (const { name, dependsOn } of placings)
    for (const wanted of dependsOn ?? []) {
      if (!before.has(wanted)) continue
      link(wanted, name)
      dependents.get(wanted)!.add(name)
    }
  placings.forEach(({ name, dependsOn, observer }, at) => {
    if (!observer) for (const other of placings) if (other.observer) link(other.name, name)
    if (dependsOn) return
    const behind = reach(after, name)
    for (const other of placings.slice(0, at))
      if (other.observer === observer && !behind.has(other.name)) link(other.name, name)
  })
  return {
    before: name => reach(before, name),
    after: name => reach(after, name),
    dependents: name => reach(dependents, name),
  }
}

const reach = (edges: Edges, name: string): ReadonlySet<string> => {
  const found = new Set(edges.get(name))
  for (const one of found) for (const next of edges.get(one) ?? []) found.add(next)
  return found
}
