import { ServiceError } from '../errors.ts'
import type { Order } from '../plan.ts'
import { isRestarting, isSettled, type ServiceState } from '../state.ts'
import type { Entry } from './entry.ts'

/**
 * Settled, or tried again after a failure by a group that can do without it: what merely comes after it does not wait
 * until it has come up.
 */
export const isPassed =
  ({ optional }: Entry) =>
  (state: ServiceState): boolean =>
    isSettled(state) || (optional === true && isRestarting(state))

/** One that waits in vain: for whom, and for the sake of which one that can no longer come. */
export interface Loss {
  readonly node: number
  readonly root: number
  /** The loss of the one it waits for, unless that is the root itself. */
  readonly through: Loss | undefined
}

/** All that wait for a node, directly or through others that wait: the nearest first, each by its shortest way. */
export const losses = (root: number, dependents: Order, isWaiting: (node: number) => boolean): readonly Loss[] => {
  const found: Loss[] = []
  const seen = new Set<number>()
  const reach = (from: number, through: Loss | undefined): void => {
    for (const node of dependents[from]!) {
      if (seen.has(node) || !isWaiting(node)) continue
      seen.add(node)
      found.push({ node, root, through })
    }
  }
  reach(root, undefined)
  for (let i = 0; i < found.length; i++) reach(found[i]!.node, found[i])
  return found
}

/** As many are named on the way to the root; a longer way is told without its middle. */
const LONGEST_WAY = 7

/** `web -> api -> cache`. */
const wayOf = (loss: Loss, nameOf: (node: number) => string): string => {
  const names: string[] = []
  let next: Loss | undefined = loss
  for (; next && names.length < LONGEST_WAY; next = next.through) names.push(nameOf(next.node))
  if (next) names.push('...')
  return [...names, nameOf(loss.root)].join(' -> ')
}

/** Why one that waits in vain fails: the way to what can no longer come, and what became of that. */
export const dependencyFailed = (
  loss: Loss,
  nameOf: (node: number) => string,
  cause: ServiceError | undefined,
): ServiceError => {
  const name = nameOf(loss.node)
  const why = cause?.message ?? `"${nameOf(loss.root)}" was stopped`
  const message = `service "${name}" can't start (${wayOf(loss, nameOf)}): ${why}`
  return new ServiceError('ERR_DEPENDENCY_FAILED', name, message, cause && { cause })
}
