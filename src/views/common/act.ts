import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ErrorCode, ServiceError, serviceError } from '../../core/errors.ts'
import type { ActionRequest } from '../../core/group/action-request.ts'
import { isFinal, reasonOf, type ServiceState } from '../../core/state.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { labelOf } from '../../core/text/state-text.ts'
import { Refused } from './refused.ts'

/** The actions that can be asked for. */
export const ACTIONS = ['start', 'stop', 'restart', 'stop-group'] as const

/** The request of a person who watches a group. */
export type Asked =
  | { readonly action: 'start' | 'stop' | 'restart'; readonly service: string }
  | { readonly action: 'stop-group'; readonly service?: undefined }

/** The actions that people may ask of a group while they watch it. A group has all of these. */
export interface GroupActions {
  restart(name: string): Promise<void>
  stop(reason: string): Promise<unknown>
  /** One service. Without this none can be stopped by itself. */
  service?(name: string): { stop(reason: string): Promise<void> }
  /** Is told every request. */
  recordRequest?(request: ActionRequest): void
}

/** Whether something can be asked of it. A recording has nothing that could be done to it. */
export const canAct = <Watched extends Partial<GroupActions>>(group: Watched): group is Watched & GroupActions =>
  group.restart !== undefined && group.stop !== undefined

/**
 * Does what is asked for. Whether a service comes up or goes down is seen in the events.
 *
 * @param view where it is asked for: `dashboard`
 * @param accepted called once it is clear that this can be done
 * @throws Refused when it can't
 */
export const act = async (
  asked: Asked,
  group: GroupActions,
  status: GroupStatus | undefined,
  view: string,
  accepted: () => void,
): Promise<void> => {
  const reason = `asked for on the ${view}`
  if (asked.action === 'stop-group') {
    if (status && isEnding(status)) throw new Refused(409, 'ERR_GROUP_STOPPING', 'the group is shutting down, or over')
    accepted()
    return void group.stop(reason)
  }
  if (asked.action === 'stop' && !group.service)
    throw new Refused(409, 'ERR_READ_ONLY', 'no service can be stopped by itself here')
  const done = async (): Promise<void> => {
    const refusal = status && needless(asked, status)
    if (refusal) throw refusal
    await (asked.action === 'stop' ? group.service?.(asked.service).stop(reason) : group.restart(asked.service))
  }
  const refusal = await refusalOf(done())
  if (refusal) throw refusal
  accepted()
}

const isEnding = ({ group: { state } }: GroupStatus): boolean => isFinal(state) || reasonOf(state) !== undefined

/** The refusal of what makes no sense: a service that is up can't be started, and one that is over can't be stopped. */
export const needless = (
  { action, service }: Asked & { readonly service: string },
  status: GroupStatus,
): ServiceError | undefined => {
  const state = status.service(service)?.state
  if (action === 'restart' || !state) return undefined
  const cannot = (what: string, code: ErrorCode): ServiceError =>
    serviceError(code, service, `can't be ${action === 'stop' ? 'stopped' : 'started'}: ${what}`)
  if (isEnding(status)) return cannot(`group "${status.name}" is shutting down, or over`, 'ERR_GROUP_STOPPING')
  if (action === 'start' && isUp(state))
    return cannot(`it is ${labelOf(state)}; ask for "restart"`, 'ERR_ALREADY_STARTED')
  return action === 'stop' && isFinal(state) ? cannot(`it is ${labelOf(state)}`, 'ERR_NOT_STARTED') : undefined
}

const isUp = ({ phase }: ServiceState): boolean => phase === 'waiting' || phase === 'starting' || phase === 'running'

const REFUSALS: readonly string[] = [
  'ERR_UNKNOWN_SERVICE',
  'ERR_AMBIGUOUS_NAME',
  'ERR_NOT_STARTED',
  'ERR_ALREADY_STARTED',
  'ERR_DEPENDENCY_FAILED',
  'ERR_GROUP_STOPPING',
  'ERR_GROUP_STOPPED',
  'ERR_ABANDONED',
] satisfies readonly ServiceError['code'][]

/** An action that can't be done is refused at once. All else is told by the events, also when it fails later. */
const refusalOf = async (done: Promise<void>): Promise<Refused | undefined> => {
  const error = await Promise.race([done.catch((error: unknown) => error), nextTurn()])
  if (!(error instanceof ServiceError) || !REFUSALS.includes(error.code)) return undefined
  return new Refused(error.code === 'ERR_UNKNOWN_SERVICE' ? 404 : 409, error.code, error.message)
}
