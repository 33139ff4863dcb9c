import { fromErrorInfo, ServiceError } from '../errors.ts'
import { closest, show } from '../options.ts'
import { describeReason, type Ending, errorOf, type ServiceState } from '../state.ts'
import type { Report } from '../status/report.ts'
import type { GroupStatus } from '../status/status.ts'
import type { Shutdown } from '../steps.ts'

/** The ending of a group whose members are all over: the worst of theirs. */
export const endingOf = (states: readonly ServiceState[], shutdown: Shutdown | undefined): Ending => {
  const any = (how: Ending): boolean => states.some(state => state.phase === 'stopped' && state.how === how)
  if (any('abandoned')) return 'abandoned'
  if (shutdown?.step === 'force' || any('forced')) return 'forced'
  return shutdown?.reason.by === 'end' ? 'ended' : 'stopped'
}

/** The error of a group that failed. The first error is the cause. */
export const groupFailure = (name: string, ran: boolean, errors: readonly ServiceError[]): ServiceError => {
  const [first, ...rest] = errors as readonly [ServiceError, ...ServiceError[]]
  const more = rest.length > 0 ? ` (then: ${rest.map(error => error.message).join('; ')})` : ''
  const message = `group "${name}": ${ran ? '' : 'start '}failed: ${first.message}${more}`
  return new ServiceError('ERR_GROUP_FAILED', `${name}/${first.service}`, message, { cause: first, errors })
}

/** The error of a group whose report is not `ok`. */
export const stopFailure = ({ group, errors, services }: Report): ServiceError => {
  const all = errors.map(fromErrorInfo)
  const ungraceful = services
    .filter(({ outcome, timedOut }) => timedOut.length > 0 || (outcome !== 'stopped' && outcome !== 'ended'))
    .map(
      ({ path, outcome, timedOut }) =>
        `${path} ${timedOut.length > 0 ? `ran out of its ${timedOut[0]} time` : outcome}`,
    )
  const told = all.length > 0 ? all.map(({ message }) => message) : ungraceful
  return new ServiceError('ERR_GROUP_FAILED', group, `group "${group}": did not stop gracefully: ${told.join('; ')}`, {
    ...(all.length > 0 && { cause: all[0] }),
    errors: all,
  })
}

/** The error of a group that can't be started now. */
export const alreadyStarted = (group: string, why: string): ServiceError =>
  new ServiceError('ERR_ALREADY_STARTED', group, `group "${group}": can't be started: ${why}`)

/** The error of a group that was stopped before it ran, or is to start although it is over. */
export const groupOver = (
  { name, trigger, group: { state, readyAt } }: GroupStatus,
  options: { readonly cause?: unknown; readonly errors?: readonly unknown[] } = {},
): ServiceError => {
  const why = trigger ? ` (${describeReason(trigger)})` : ''
  const early = state.phase === 'stopped' && readyAt === null ? ' before it was running' : ''
  const [ended, kind] = state.phase === 'failed' ? ['has failed', 'failed'] : [`was stopped${early}`, 'stopped']
  const message = `group "${name}": ${ended}${why}; make a new one, a ${kind} group can't be started`
  return new ServiceError('ERR_GROUP_STOPPED', name, message, options)
}

/**
 * The error of a group that has ended before it ran or was ready.
 *
 * @param failure the failure of the group, if it is at hand
 * @param aborted the signal of `start()` that was aborted, if that has stopped the group
 */
export const endOf = (
  status: GroupStatus,
  failure: ServiceError | undefined,
  aborted: AbortSignal | undefined,
): ServiceError => {
  const error = errorOf(status.group.state)
  if (error?.code === 'ERR_START_TIMEOUT') return failure?.code === error.code ? failure : fromErrorInfo(error)
  if (aborted) return groupOver(status, { cause: aborted.reason, errors: failure?.errors ?? [] })
  return failure ?? (error ? fromErrorInfo(error) : groupOver(status))
}

/** The error of a group that would hold itself. */
export const holdsItself = (outer: string, inner: string, path: readonly string[]): ServiceError => {
  const why = `can't add group "${inner}": it would hold itself (${[...path, inner].join('/')}); leave one of these out`
  return new ServiceError('ERR_CIRCULAR_DEPENDENCY', inner, `group "${outer}": ${why}`)
}

/** The error of a group that is in another group already. */
export const isHeld = (outer: string, inner: string, holder: string): ServiceError => {
  const why = `can't add group "${inner}": it is in group "${holder}" already; remove it there, or make another one`
  return new ServiceError('ERR_SERVICE_IN_USE', inner, `group "${outer}": ${why}`)
}

/** How many names an error lists, at most. */
const MOST_NAMES = 10

/** The error of a name that no service has. It gives the name that was most likely meant, or else the known ones. */
export const unknownService = (name: string, { name: group, list }: GroupStatus): ServiceError => {
  const paths = list.map(({ path }) => path.slice(group.length + 1))
  const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
  const near = closest(name, paths) ?? closest(name, paths.map(lastOf))
  const more = paths.length > MOST_NAMES ? `, and ${paths.length - MOST_NAMES} more` : ''
  const known = paths.length > 0 ? `known are ${paths.slice(0, MOST_NAMES).join(', ')}${more}` : 'add it first'
  const hint = near === undefined ? known : `did you mean ${show(near)}?`
  return new ServiceError('ERR_UNKNOWN_SERVICE', name, `group "${group}": has no service ${show(name)}; ${hint}`)
}
