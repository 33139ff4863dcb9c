import { type Order, plan, reversed } from '../plan.ts'
import type { ServiceStatus } from './service-status.ts'

/** The chains of services, by path, that decided how long a group took to start and to stop. */
export interface CriticalPaths {
  readonly start: readonly string[]
  readonly stop: readonly string[]
}

export const criticalPaths = (group: ServiceStatus, services: readonly ServiceStatus[]): CriticalPaths => {
  const tree = treeOf(services)
  return { start: criticalPath(group, tree, atStart), stop: criticalPath(group, tree, atStop) }
}

/** One way through a group: the order it goes by, when each one's turn came, and when it let the next have theirs. */
interface Way {
  readonly order: (before: Order) => Order
  readonly began: (service: ServiceStatus) => number | null
  readonly finished: (service: ServiceStatus) => number | null
  /** When the group had come to the end of it. */
  readonly ended: (group: ServiceStatus) => number | null
}

const atStart: Way = {
  order: before => before,
  began: s => s.startedAt,
  finished: s => (s.startedAt === null ? null : (s.readyAt ?? s.stoppingAt ?? s.endedAt)),
  ended: group => group.readyAt,
}

const atStop: Way = {
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
  const children = new Map<string, ServiceStatus[]>()
  for (const service of services) {
    const parent = service.path.slice(0, service.path.lastIndexOf('/'))
    const siblings = children.get(parent)
    if (siblings) siblings.push(service)
    else children.set(parent, [service])
  }
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
  return { children, orderOf }
}

/** From the one that finished last, back through those whose end it waited for; nested groups are opened. */
const criticalPath = (parent: ServiceStatus, tree: Tree, way: Way): string[] => {
  const members = tree.children.get(parent.path)
  // What never began may not even have an order.
  if (!members || parent.startedAt === null) return []
  const order = way.order(tree.orderOf(parent.path, members))
  const finished = members.map(way.finished)
  const chain: ServiceStatus[] = []
  // What was restarted later came up later, and decided nothing.
  for (let node = latest(members.keys(), finished, way.ended(parent) ?? Infinity); node !== undefined; ) {
    const member = members[node]!
    chain.push(member)
    node = latest(waitedFor(node, order, finished), finished, way.began(member) ?? -Infinity)
  }
  return chain.reverse().flatMap(member => [member.path, ...criticalPath(member, tree, way)])
}

type Finished = readonly (number | null)[]

/** Those before a node, and behind one that took no time those before that. */
const waitedFor = (node: number, order: Order, finished: Finished): Iterable<number> => {
  const direct = order[node]!
  if (!direct.some(earlier => finished[earlier] === null)) return direct
  const found = new Set(direct)
  for (const earlier of found) if (finished[earlier] === null) for (const other of order[earlier]!) found.add(other)
  return found
}

/** Who finished last, but no later than a time. */
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
