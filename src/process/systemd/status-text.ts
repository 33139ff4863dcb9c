import { describeReason, errorOf, isFinal, isReady, isServing, isStarting, reasonOf } from '../../core/state.ts'
import type { ServiceStatus } from '../../core/status/service-status.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { essence, firstLine } from '../../core/text/error-text.ts'
import { labelOf } from '../../core/text/state-text.ts'
import { visible } from '../../core/text/visible.ts'
import { wholeSeconds } from '../../core/units.ts'

/** Longest text, of a name and of a reason in it, in characters: `systemctl status` shows it on one line. */
const LONGEST = 240
const LONGEST_NAME = 40
const LONGEST_REASON = 120

/** How many services are named, at most. */
const MOST = 3

/**
 * A group in one line: `running: 5 of 5 ready`, `degraded: 4 of 5 ready, cache: no route`,
 * `draining: orders, 3 in flight, 4 s left`. Groups inside it do not count as services.
 *
 * @param now the wall clock's time, in milliseconds since the epoch
 */
export const statusText = (status: GroupStatus, now: number): string => {
  const words = wordsOf(status, now)
  return visible([headOf(status), words.join(', ')].filter(text => text !== '').join(': '), LONGEST)
}

/** The begin of the text. It tells when something is so new that it can't wait. */
export const headOf = ({ group: { state }, health, ready }: GroupStatus): string =>
  isServing(state) && (health !== 'pass' || !ready)
    ? 'degraded'
    : state.phase === 'drained'
      ? 'stopping'
      : labelOf(state)

const wordsOf = (status: GroupStatus, now: number): readonly string[] => {
  const { state } = status.group
  const services = servicesOf(status.list)
  switch (state.phase) {
    case 'starting': {
      const coming = services.filter(({ state }) => state.phase !== 'idle' && isStarting(state))
      return [count(services.filter(isUp), services, 'ready'), ...names(coming, status)]
    }
    case 'running':
      return state.leaving
        ? [describeReason(state.leaving), 'still serving', ...timeLeft(state.deadline, now)]
        : [count(services.filter(isUp), services, 'ready'), ...worst(status)]
    case 'draining': {
      const draining = services.filter(({ state }) => state.phase === 'draining')
      const pending = draining.reduce((sum, { state }) => sum + (('pending' in state && state.pending) || 0), 0)
      const inFlight = pending === 0 ? [] : [`${pending} in flight`]
      return [...names(draining, status), ...inFlight, ...timeLeft(state.deadline, now)]
    }
    case 'drained':
    case 'stopping': {
      const stopping = services.filter(({ state }) => state.phase === 'stopping')
      const gone = services.filter(({ state }) => isFinal(state))
      const deadline = state.phase === 'stopping' ? state.deadline : undefined
      return [...names(stopping, status), count(gone, services, 'stopped'), ...timeLeft(deadline, now)]
    }
    case 'failed':
      return worst(status)
    default:
      return []
  }
}

/** All services but groups, whose services are listed too. */
const servicesOf = (list: readonly ServiceStatus[]): readonly ServiceStatus[] => {
  const parents = new Set(list.map(({ path }) => path.slice(0, path.lastIndexOf('/'))))
  return list.filter(({ path }) => !parents.has(path))
}

const isUp = ({ state }: ServiceStatus): boolean =>
  isReady(state) && reasonOf(state) === undefined && !(state.phase === 'running' && state.health === 'fail')

const count = (some: readonly unknown[], all: readonly unknown[], what: string): string =>
  `${some.length} of ${all.length} ${what}`

const names = (services: readonly ServiceStatus[], { name }: GroupStatus): readonly string[] => [
  ...services.slice(0, MOST).map(({ path }) => shortName(path, name)),
  ...(services.length > MOST ? [`${services.length - MOST} more`] : []),
]

const shortName = (path: string, group: string): string => visible(path.slice(group.length + 1), LONGEST_NAME)

const timeLeft = (deadline: number | undefined, now: number): readonly string[] =>
  deadline === undefined ? [] : [`${wholeSeconds(deadline - now)} left`]

/** The worst service and what is wrong with it. */
const worst = (status: GroupStatus): readonly string[] => {
  const { reasons, name } = status
  const own = reasons.filter(({ path }) => path !== name)
  const reason = own.find(({ through }) => through === undefined) ?? own[0] ?? reasons[0]
  if (!reason) return []
  const state = status.byPath(reason.path)?.state
  const error = state && errorOf(state)
  const why = visible(error ? essence(error) : firstLine(reason.detail ?? reason.phase), LONGEST_REASON)
  return [reason.path === name ? why : `${shortName(reason.path, name)}: ${why}`]
}
