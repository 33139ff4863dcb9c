import { type ServiceError, serviceError } from '../errors.ts'
import type { Order } from '../plan.ts'
import { isLost } from '../state.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'

/** A member that can't start: the node at `root` can no longer come, and the member depends on it. */
export interface Loss {
  readonly node: number
  readonly root: number
  /** The loss of the dependency in between, unless it depends on the root itself. */
  readonly through: Loss | undefined
}

/** All members that wait for a node, directly or through others: the nearest first, each by its shortest path. */
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

/** A member that can't start any more, and why. */
export interface Lost {
  readonly member: Member
  readonly error: ServiceError
}

/** The members that can't start because this member is over, the nearest first. */
export const lostWith = ({ node, state, error }: Member, members: Members): readonly Lost[] => {
  const { dependents } = members.graph
  if (!isLost(state) || dependents[node]!.length === 0) return []
  const waits = (other: number): boolean => {
    const { begun, returning } = members.at(other)
    return !begun && !(returning && state.phase === 'stopped')
  }
  const nameOf = (other: number): string => members.at(other).name
  return losses(node, dependents, waits).map(loss => ({
    member: members.at(loss.node),
    error: dependencyFailed(loss, nameOf, error),
  }))
}

/**
 * The members that are not running yet, and what each of them waits for. A nested group is replaced by its members.
 *
 * @param path stands before each name: `workers/`
 */
export const explainStart = (members: Members, path = ''): string =>
  members.list
    .flatMap(({ state, name, entry }) => {
      const own = `"${path}${name}"`
      if (state.phase === 'waiting')
        return [`${own} waits for ${state.for.map(other => `"${path}${other}"`).join(' and ')}`]
      if (state.phase === 'starting') return [entry.inside?.explain(`${path}${name}/`) || `${own} is still starting`]
      if (state.phase === 'backoff') return [`${own} waits to be restarted: ${state.error.message}`]
      return state.phase === 'idle' ? [`${own} has not been started`] : []
    })
    .join('; ')

/** The most names of a path in an error. A longer path is told without its middle. */
const LONGEST_PATH = 7

/** `web -> api -> cache`. */
const pathOf = (loss: Loss, nameOf: (node: number) => string): string => {
  const names: string[] = []
  let next: Loss | undefined = loss
  for (; next && names.length < LONGEST_PATH; next = next.through) names.push(nameOf(next.node))
  if (next) names.push('...')
  return [...names, nameOf(loss.root)].join(' -> ')
}

/** The error of a member that can't start: the path to the dependency that can no longer come, and its error. */
export const dependencyFailed = (
  loss: Loss,
  nameOf: (node: number) => string,
  cause: ServiceError | undefined,
): ServiceError => {
  const name = nameOf(loss.node)
  const why = cause?.message ?? `"${nameOf(loss.root)}" was stopped; restart that one first`
  return serviceError(
    'ERR_DEPENDENCY_FAILED',
    name,
    `can't start (${pathOf(loss, nameOf)}): ${why}`,
    cause && { cause },
  )
}
