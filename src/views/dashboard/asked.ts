import { isName, isRecord, show } from '../../core/options.ts'
import { ACTIONS, type Asked } from '../common/act.ts'
import { badRequest } from '../common/refused.ts'

const FIELDS = ['action', 'service']

/**
 * Reads the action out of the body of a request. `stop` without a service is `stop-group`, which it was called before.
 *
 * @throws Refused when a field is unknown, missing or wrong
 */
export const askedIn = (body: unknown): Asked => {
  if (!isRecord(body) || Array.isArray(body)) throw badRequest('give an object: {"action":"restart","service":"db"}')
  const unknown = Object.keys(body).find(field => !FIELDS.includes(field))
  if (unknown !== undefined) throw badRequest(`unknown field ${show(unknown)}; known are action and service`)
  const { action, service } = body as { readonly action?: unknown; readonly service?: unknown }
  const known = ACTIONS.find(one => one === action)
  if (known === undefined)
    throw badRequest(`action must be ${ACTIONS.map(one => `"${one}"`).join(', ')}, got ${show(action)}`)
  const hasService = Object.hasOwn(body, 'service')
  if (known === 'stop-group' || (known === 'stop' && !hasService)) {
    if (hasService) throw badRequest('stop-group is for the whole group; leave out service, or ask for "stop"')
    return { action: 'stop-group' }
  }
  if (!isName(service)) throw badRequest(`service must be the name or path of a service, got ${show(service)}`)
  return { action: known, service }
}
