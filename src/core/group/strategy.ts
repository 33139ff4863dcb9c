import { oneOf, type Whose } from '../options.ts'
import type { Order } from '../plan.ts'

/**
 * The services that are restarted together with one that failed (OTP's words):
 *
 * - `'one-for-one'`: no others
 * - `'rest-for-one'`: all that start after it, by the graph
 * - `'one-for-all'`: all
 */
export type Strategy = 'one-for-one' | 'rest-for-one' | 'one-for-all'

/** The parts of the graph that a strategy reads. */
export interface StrategyGraph {
  /** For each node, the nodes that start after it. */
  readonly after: Order
  /** For each node, the nodes that name it in `dependsOn`. */
  readonly dependents: Order
  isObserver(node: number): boolean
}

/** The nodes that go down and come up with a node, itself included: by a strategy, or by hand. */
export const restartedWith = (
  strategy: Strategy | 'by-hand',
  node: number,
  graph: StrategyGraph,
): ReadonlySet<number> => {
  if (strategy === 'one-for-one') return new Set([node])
  if (strategy === 'by-hand') return closure(node, one => graph.dependents[one]!)
  // An observer is restarted with other observers only.
  const alike = (other: number): boolean => graph.isObserver(other) === graph.isObserver(node)
  if (strategy === 'one-for-all') return new Set([...graph.after.keys()].filter(alike))
  return closure(node, one => graph.after[one]!.filter(alike))
}

const closure = (node: number, next: (node: number) => readonly number[]): ReadonlySet<number> => {
  const found = new Set([node])
  for (const one of found) for (const other of next(one)) found.add(other)
  return found
}

const STRATEGIES = ['one-for-one', 'rest-for-one', 'one-for-all'] as const satisfies Strategy[]

/** @throws ServiceError `ERR_INVALID_OPTION` */
export const strategyOf = (whose: Whose, strategy: Strategy = 'one-for-one'): Strategy => {
  oneOf(whose, 'strategy', STRATEGIES, strategy)
  return strategy
}
