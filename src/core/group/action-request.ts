import { group, known, must, namesOf, oneOf } from '../options.ts'
import type { RequestOutcome, ToldRequest } from '../status/events.ts'
import type { GroupStatus } from '../status/status.ts'

/** A request from outside to act on a group or on a service of it, as the view that takes it tells the group. */
export interface ActionRequest {
  /** The action, such as `restart`. Leave it out when the request was refused unread. Told: 40 characters at most. */
  readonly action?: string | undefined
  /** The name or path of the service that it is for. Default: the group itself, also when no service has the name. */
  readonly service?: string | undefined
  /** The person or program that asks: an address, or a name. Told: 100 characters at most. */
  readonly by: string
  readonly outcome: RequestOutcome
  /** Why it was refused, for people. At most 300 characters are told. */
  readonly reason?: string | undefined
}

const OPTIONS = namesOf<ActionRequest>({ action: true, service: true, by: true, outcome: true, reason: true })

const MOST_TOLD = { action: 40, by: 100, reason: 300 } as const

const OUTCOMES: readonly RequestOutcome[] = ['accepted', 'refused']

/**
 * The particulars of the event that tells a request.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`
 */
export const toldRequest = (request: ActionRequest, status: GroupStatus): ToldRequest => {
  const whose = group(status.name)
  must(whose, 'request', request !== undefined, 'an object', request)
  known(whose, request, OPTIONS)
  const { action, service, by, outcome, reason } = request
  must(whose, 'by', typeof by === 'string', 'a string', by)
  oneOf(whose, 'outcome', OUTCOMES, outcome)
  for (const [name, value] of Object.entries({ action, service, reason }))
    must(whose, name, value === undefined || typeof value === 'string', 'a string', value)
  return {
    path: pathOf(service, status),
    ...(action !== undefined && { action: action.slice(0, MOST_TOLD.action) }),
    by: by.slice(0, MOST_TOLD.by),
    outcome,
    ...(reason !== undefined && { reason: reason.slice(0, MOST_TOLD.reason) }),
  }
}

const pathOf = (service: string | undefined, status: GroupStatus): string => {
  if (service === undefined) return status.name
  try {
    return status.pathOf(service) ?? status.name
  } catch {
    // The name is ambiguous.
    return status.name
  }
}
