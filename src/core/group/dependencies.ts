import { type ServiceError, serviceError } from '../errors.ts'
import type { Order } from '../plan.ts'
import { isLost } from '../state.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'

/** A member that can't start: which one it waits for can no longer come, and through which others it does. */
export interface Loss {
  readonly node: number
  readonly root: number
  /** The loss of the dependency in between, unless it depends on the root itself. */
  readonly through: Loss | undefined
}

/** All members that wait for a node, directly or through others that wait: the nearest first, by their shortest way. */
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

/** The members that can't start because another is over, the nearest first. */
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

/** The members that are not running yet, and what each of them waits for. */
export const explainStart = (members: Members): string =>
  members.list
    .flatMap(({ state, name }) => {
      if (state.phase === 'waiting')
        return [`"${name}" waits for ${state.for.map(other => `"${other}"`).join(' and ')}`]
      if (state.phase === 'starting') return [`"${name}" is still starting`]
      if (state.phase === 'backoff') return [`"${name}" waits to be restarted: ${state.error.message}`]
      return state.phase === 'idle' ? [`"${name}" has not been started`] : []
    })
    .join('; ')

/** How many names a way is told with; a longer one is told without its middle. */
const LONGEST_WAY = 7

/** `web -> api -> cache`. */
const wayOf = (loss: Loss, nameOf: (node: number) => string): string => {
  const names: string[] = []
  let next: Loss | undefined = loss
  for (; next && names.length < LONGEST_WAY; next = next.through) names.push(nameOf(next.node))
  if (next) names.push('...')
  return [...names, nameOf(loss.root)].join(' -> ')
}

/** Why a member can't start: the way to the dependency that can no longer come, and what became of that one. */
export const dependencyFailed = (
  loss: Loss,
  nameOf: (node: number) => string,
  cause: ServiceError | undefined,
): ServiceError => {
  const name = nameOf(loss.node)
  const why = cause?.message ?? `"${nameOf(loss.root)}" was stopped`
  return serviceError('ERR_DEPENDENCY_FAILED', name, `can't start (${wayOf(loss, nameOf)}): ${why}`, cause && { cause })
}
