import { type ErrorCode, fromErrorInfo, type ServiceError, serviceError } from '../errors.ts'
import { isFinal, isLost } from '../state.ts'
import { dependencyFailed } from './dependencies.ts'
import type { Entry } from './entry.ts'
import type { GroupLifecycle } from './group-lifecycle.ts'
import type { Member } from './member.ts'

/** The requests for one service, as an error names them. */
export type Wanted = 'added' | 'restarted' | 'removed' | 'stopped'

/** The error of a request that can't be granted. */
export const cannotBe = (wanted: Wanted, name: string, why: string, code: ErrorCode): ServiceError =>
  serviceError(code, name, `can't be ${wanted}: ${why}`)

export const refuseIfLeaving = (wanted: Wanted, name: string, { leaving }: GroupLifecycle, group: string): void => {
  if (leaving) throw isLeaving(wanted, name, group)
}

export const isLeaving = (wanted: Wanted, name: string, group: string): ServiceError =>
  cannotBe(wanted, name, `group "${group}" is shutting down; do this before it is stopped`, 'ERR_GROUP_STOPPING')

export const notStarted = (wanted: Wanted, name: string, group: string): ServiceError =>
  cannotBe(wanted, name, `group "${group}" has not been started; call start() first`, 'ERR_NOT_STARTED')

/** A service that is being removed can't be depended on. */
export const refuseRemoved = ({ name, dependsOn = [] }: Entry, { members }: GroupLifecycle, group: string): void => {
  const wanted = dependsOn.find(other => members.find(other)?.removed)
  if (wanted === undefined) return
  const why = `it depends on "${wanted}", which is being removed from group "${group}"; take it out of dependsOn`
  throw cannotBe('added', name, why, 'ERR_UNKNOWN_DEPENDENCY')
}

/** A service whose dependency is over, or is being stopped by hand, could never start. */
export const refuseLost = ({ name, dependsOn = [] }: Entry, { members }: GroupLifecycle): void => {
  for (const wanted of dependsOn) {
    const member = members.find(wanted)
    if (!member || !(isLost(member.state) || member.stoppedWith)) continue
    const { state } = member
    const cause = state.phase === 'failed' ? fromErrorInfo(state.error) : undefined
    throw dependencyFailed({ node: 0, root: 1, through: undefined }, node => (node === 0 ? name : wanted), cause)
  }
}

/** A service can't be removed while others name it in `dependsOn`. */
export const refuseIfInUse = (name: string, dependents: readonly string[]): void => {
  if (dependents.length === 0) return
  const [verb, those] = dependents.length === 1 ? ['depends', 'that'] : ['depend', 'those']
  const why = `${dependents.map(dependent => `"${dependent}"`).join(', ')} ${verb} on it; remove ${those} first`
  throw cannotBe('removed', name, why, 'ERR_SERVICE_IN_USE')
}

export const ABANDONED = 'was abandoned, and may still run; restart the process'

/** Throws the error that a member failed with, or that it was abandoned. */
export const throwItsError = ({ state, name }: Member): void => {
  if ('error' in state && state.error && isFinal(state)) throw fromErrorInfo(state.error)
  if (state.phase === 'stopped' && state.how === 'abandoned') throw serviceError('ERR_ABANDONED', name, ABANDONED)
}
