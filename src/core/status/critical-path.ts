import { type Order, plan, reversed } from '../plan.ts'
import { byParent, type ServiceStatus } from './service-status.ts'

/** The chains of services, by path, that decided how long a group took to start and to stop. */
export interface CriticalPaths {
  readonly start: readonly string[]
  readonly stop: readonly string[]
}

export const criticalPaths = (group: ServiceStatus, services: readonly ServiceStatus[]): CriticalPaths => {
  const tree = treeOf(services)
  return { start: criticalPath(group, tree, atStart), stop: criticalPath(group, tree, atStop) }
}

/** A walk through a group, at start or at stop: its order, and when each service began and finished. */
interface Walk {
  readonly order: (before: Order) => Order
  readonly began: (service: ServiceStatus) => number | null
  readonly finished: (service: ServiceStatus) => number | null
  /** When the whole group had finished. */
  readonly ended: (group: ServiceStatus) => number | null
}

const atStart: Walk = {
  order: before => before,
  began: s => s.startedAt,
  finished: s => (s.startedAt === null ? null : (s.readyAt ?? s.stoppingAt ?? s.endedAt)),
  ended: group => group.readyAt,
}

const atStop: Walk = {
  order: reversed,
  began: s => s.stoppingAt,
  finished: s => (s.stoppingAt === null ? null : s.endedAt),
  ended: group => group.endedAt,
}

interface Tree {
  readonly children: ReadonlyMap<string, readonly ServiceStatus[]>
  orderOf(parent: string, members: readonly ServiceStatus[]): Order
}

const treeOf = (services: readonly ServiceStatus[]): Tree => {
  const orders = new Map<string, Order>()
  const orderOf = (parent: string, members: readonly ServiceStatus[]): Order => {
    const known = orders.get(parent)
    if (known) return known
    const nameOf = (path: string): string => path.slice(parent.length + 1)
    const placed = members.map(({ path, dependsOn, observer }) => ({ name: nameOf(path), dependsOn, observer }))
    const { before } = plan(placed)
    orders.set(parent, before)
    return before
  }
  return { children: byParent(services), orderOf }
}

/** The path from the service that finished last, back through the services it waited for. Opens nested groups. */
const criticalPath = (parent: ServiceStatus, tree: Tree, walk: Walk): string[] => {
  const members = tree.children.get(parent.path)
  // A group that never began may have no valid order.
  if (!members || parent.startedAt === null) return []
  const order = walk.order(tree.orderOf(parent.path, members))
  const finished = members.map(walk.finished)
  const chain: ServiceStatus[] = []
  // A service that was restarted later came up later, and decided nothing.
  for (let node = latest(members.keys(), finished, walk.ended(parent) ?? Infinity); node !== undefined; ) {
    const member = members[node]!
    chain.push(member)
    node = latest(waitedFor(node, order, finished), finished, walk.began(member) ?? -Infinity)
  }
  return chain.reverse().flatMap(member => [member.path, ...criticalPath(member, tree, walk)])
}

type Finished = readonly (number | null)[]

/** The nodes before a node. Instead of a node that did not take part, the nodes before that one. */
const waitedFor = (node: number, order: Order, finished: Finished): Iterable<number> => {
  const direct = order[node]!
  if (!direct.some(earlier => finished[earlier] === null)) return direct
  const found = new Set(direct)
  for (const earlier of found) if (finished[earlier] === null) for (const other of order[earlier]!) found.add(other)
  return found
}

/** The node that finished last, but no later than a limit. */
const latest = (among: Iterable<number>, finished: Finished, limit: number): number | undefined => {
  let found: number | undefined
  let foundAt = -Infinity
  for (const node of among) {
    const at = finished[node]
    if (at === null || at === undefined || at <= foundAt || at > limit) continue
    found = node
    foundAt = at
  }
  return found
}
