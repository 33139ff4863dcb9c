import {
  describeReason,
  errorOf,
  type Health,
  hasEnded,
  isServing,
  reasonOf,
  type ServiceState,
} from '../../core/state.ts'
import { sinceOf } from '../../core/status/service-status.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { labelOf } from '../../core/text/state-text.ts'
import { seenJson } from '../../core/unseen.ts'

/** How much is told. */
export interface Extent {
  /** Every service. */
  readonly verbose: boolean
  /** Texts of services and of errors. */
  readonly details: boolean
}

/** A verdict on a group as `application/health+json`: bare when all is well, else with the reasons as notes. */
export const healthJson = (status: GroupStatus, verdict: Health, { verbose, details }: Extent): string => {
  const notes = verdict === 'pass' ? [] : notesOf(status, details)
  const told = { status: verdict, ...(notes.length > 0 && { notes }) }
  const json = verbose ? JSON.stringify({ ...told, checks: checksOf(status, details) }, null, 2) : JSON.stringify(told)
  return `${seenJson(json)}\n`
}

/** `shop/api: waiting, through shop/db`. */
const notesOf = (status: GroupStatus, details: boolean): readonly string[] =>
  status.reasons.map(({ path, through }) => {
    const { state } = status.service(path)!
    const word = isServing(state) ? state.health : labelOf(state)
    const detail = details ? detailOf(state) : undefined
    return `${path}: ${word}${through ? `, through ${through.join(', ')}` : ''}${detail === undefined ? '' : ` (${detail})`}`
  })

/** The group and every service, each as it is by itself: what that means for the group is the verdict. */
const checksOf = (status: GroupStatus, details: boolean): object => {
  const through = new Map(status.reasons.map(reason => [reason.path, reason.through]))
  return Object.fromEntries(
    [status.group, ...status.list].map(service => {
      const { path, state } = service
      const health = healthOf(state)
      const output = details && health !== 'pass' ? detailOf(state) : undefined
      const others = through.get(path)
      const check = {
        componentType: 'component',
        observedValue: labelOf(state),
        status: health,
        time: new Date(sinceOf(service)).toISOString(),
        ...(output !== undefined && { output }),
        ...(others && { through: others }),
      }
      return [path, [check]]
    }),
  )
}

/** A service that is not there is no better than one that fails; one that has done its work is well. */
const healthOf = (state: ServiceState): Health => {
  if (isServing(state)) return state.health
  return hasEnded(state) ? 'pass' : 'fail'
}

const detailOf = (state: ServiceState): string | undefined => {
  const reason = reasonOf(state)
  return reason ? describeReason(reason) : (errorOf(state)?.message ?? ('detail' in state ? state.detail : undefined))
}
