import { isCount } from '../figures.ts'
import { type Info, isBusy, isFinal, reasonOf, type ServiceState } from '../state.ts'
import type {
  AddedEvent,
  FailureEvent,
  GroupEvent,
  RequestEvent,
  SnapshotEvent,
  TransitionEvent,
} from '../status/events.ts'
import { advance, movedBy, newStatus, renewed, type ServiceStatus } from '../status/service-status.ts'
import { milliseconds, preciseTimeOfDay, restarted } from '../units.ts'
import { errorLine } from './error-text.ts'
import { padEnd, widthOf } from './fit.ts'
import { type Mark, withoutColor } from './paint.ts'
import { labelOf, particularsOf, toneOf } from './state-text.ts'
import { visible } from './visible.ts'

/**
 * Writes lines for people: give it every event of a group, and it returns a line, or nothing, for each. A line has
 * the first 200 characters of the path, and 2,000 of the particulars. What is cut off shows.
 */
export const transitionLines = (
  paint: (mark: Mark, text: string) => string = withoutColor,
): ((event: GroupEvent) => string | undefined) => {
  const partsOf = lineParts()
  let width = 0
  const widen = (path: string): void => {
    width = Math.min(WIDEST_PATH, Math.max(width, widthOf(visible(path, LONGEST_PATH))))
  }
  return event => {
    if (event.kind === 'snapshot') for (const { path } of [event.group, ...event.services]) widen(path)
    else if (event.kind === 'added') widen(event.path)
    const line = partsOf(event)
    return line && layOut(line, width, paint)
  }
}

/** As `transitionLines`, with the parts of each line for its writer to lay out. */
export const lineParts = (): ((event: GroupEvent) => Line | undefined) => {
  const seen = new Map<string, ServiceStatus>()
  const told = new Map<string, Info | undefined>()

  const onSnapshot = ({ group: own, services }: SnapshotEvent): void => {
    for (const service of [own, ...services]) seen.set(service.path, service)
  }
  const onAdded = ({ path, seq, at }: AddedEvent): void => {
    const known = seen.get(path)
    seen.set(path, known ? renewed(known, seq, at) : newStatus(path, seq, at))
    told.delete(path)
  }
  const forget = (gone: string): void => {
    for (const path of [...seen.keys()])
      if (path === gone || path.startsWith(`${gone}/`)) {
        seen.delete(path)
        told.delete(path)
      }
  }
  const onTransition = (event: TransitionEvent): Line | undefined => {
    const { path, state, seq, at } = event
    const before = seen.get(path)!
    const now = advance(before, state, seq, at)
    seen.set(path, now)
    const moved = before.state.phase !== state.phase
    if ((!moved && isNoise(state, path)) || isFiguresOnly(before.state, state)) return undefined
    const took = moved && isBusy(before.state) ? at - before.since : undefined
    const restarts = moved && state.phase === 'running' ? now.restarts : 0
    const left = moved ? undefined : timeLeft(before.state, state, at)
    const line = toLine(event, { told: told.get(path), took, restarts, left })
    told.set(path, toldInfo(state))
    return line
  }
  const setClock = (ms: number): void => {
    for (const [path, one] of seen) seen.set(path, movedBy(one, ms))
  }
  return event => {
    if (event.kind !== 'snapshot' && event.clockSet !== undefined) setClock(event.clockSet)
    if (event.kind === 'transition') return onTransition(event)
    if (event.kind === 'failure') return failureLine(event)
    if (event.kind === 'request') return requestLine(event)
    if (event.kind === 'snapshot') onSnapshot(event)
    else if (event.kind === 'added') onAdded(event)
    else if (event.kind === 'removed') forget(event.path)
    return undefined
  }
}

/** News within a phase that need no line: of a start, of a leaving group for each service, and of zero pending. */
const isNoise = (state: ServiceState, path: string): boolean =>
  state.phase === 'starting' ||
  (state.phase === 'running' && state.leaving !== undefined && path.includes('/')) ||
  ((state.phase === 'draining' || state.phase === 'stopping') && state.pending === 0)

/** News of counts and moments only, which change all the time. They are for dashboards. */
export const isFiguresOnly = (before: ServiceState, now: ServiceState): boolean => {
  if (before.phase !== now.phase) return false
  const isOld = ([key, value]: readonly [string, unknown]): boolean => before.info?.[key] === value
  if (before.phase === 'running' && now.phase === 'running')
    return (
      before.health === now.health &&
      before.detail === now.detail &&
      before.leaving === now.leaving &&
      Object.entries(now.info ?? {}).every(one => isOld(one) || typeof one[1] === 'number' || isMoment(one[1]))
    )
  return (
    (now.phase === 'draining' || now.phase === 'stopping') &&
    pendingOf(before) === now.pending &&
    deadlineOf(before) === now.deadline &&
    Object.entries(toldInfo(now)).every(one => isOld(one) || isMoment(one[1]))
  )
}

const isMoment = (value: unknown): boolean => typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)

const pendingOf = (state: ServiceState): number | undefined => ('pending' in state ? state.pending : undefined)

const deadlineOf = (state: ServiceState): number | undefined => ('deadline' in state ? state.deadline : undefined)

/** How long until a deadline that was moved within a phase, in milliseconds. */
const timeLeft = (before: ServiceState, state: ServiceState, at: number): number | undefined => {
  const deadline = deadlineOf(state)
  return deadline === undefined || deadline === deadlineOf(before) ? undefined : deadline - at
}

/** The length of the longest label, `abandoned`. */
const PHASE_WIDTH = 9

/** Longest path in a line, in characters, and the widest for whose sake all other lines are aligned, in columns. */
const [LONGEST_PATH, WIDEST_PATH] = [200, 60]

const layOut = (
  { time, path, phase, tone, detail }: Line,
  width: number,
  paint: (mark: Mark, text: string) => string,
): string =>
  [paint('faint', time), padEnd(path, width), paint(tone, phase.padEnd(PHASE_WIDTH)), detail].join('  ').trimEnd()

/** The columns of a line. */
export interface Line {
  readonly time: string
  readonly path: string
  readonly phase: string
  readonly tone: Mark
  readonly detail: string
}

/** Knowledge from earlier events. */
interface Before {
  /** The particulars of the last line. */
  readonly told: Info | undefined
  /** The length of the phase that ends, in milliseconds. */
  readonly took: number | undefined
  /** The number of restarts, if the line should tell it. */
  readonly restarts: number
  /** How long from now to a deadline that was moved. */
  readonly left: number | undefined
}

const failureLine = ({ at, path, what, error, omitted }: FailureEvent): Line => ({
  time: preciseTimeOfDay(at),
  path: visible(path, LONGEST_PATH),
  phase: 'failure',
  tone: 'bad',
  detail: visible(failureText(what, errorLine(error), omitted)),
})

/** A failed piece of work in words: `message of queue "orders": no route (12 more were left out before it)`. */
export const failureText = (what: string, error: string, omitted?: number): string =>
  `${what}: ${error}${moreBefore(omitted)}`

const requestLine = (event: RequestEvent): Line => ({
  time: preciseTimeOfDay(event.at),
  path: visible(event.path),
  phase: 'request',
  tone: event.outcome === 'refused' ? 'busy' : 'plain',
  detail: visible(requestText(event)),
})

/** A request in words: `restart by 10.0.0.7: refused: the token is wrong (12 more before it)`. */
export const requestText = ({ action, by, outcome, reason, omitted }: RequestEvent): string => {
  const why = reason === undefined ? '' : `: ${reason}`
  return `${action ?? 'unknown action'} by ${by}: ${outcome}${why}${moreBefore(omitted)}`
}

const moreBefore = (omitted = 0): string => (omitted > 0 ? ` (${omitted} more before it)` : '')

const toLine = (event: TransitionEvent, { told, took, restarts, left }: Before): Line => {
  const { at, path, state } = event
  const again = restarts > 0 ? [restarted(restarts)] : []
  const details = [
    ...tookOf(state, took),
    ...particularsOf(state, {
      error: errorLine,
      due: dueAt,
      ...(left !== undefined && { deadline: () => inTime(left) }),
    }),
    ...again,
    ...newInfo(toldInfo(state), told),
  ]
  return {
    time: preciseTimeOfDay(at),
    path: visible(path, LONGEST_PATH),
    phase: labelOf(state),
    tone: toneOf(state),
    detail: visible(details.join(', ')),
  }
}

/** The phases whose line tells how long the phase before took. */
const TELLS_TOOK: ReadonlySet<string> = new Set(['running', 'drained', 'stopped'])

const tookOf = (state: ServiceState, took: number | undefined): readonly string[] =>
  took === undefined || !TELLS_TOOK.has(state.phase) || reasonOf(state) ? [] : [`after ${milliseconds(took)}`]

const dueAt = (retryAt: number): string => `at ${preciseTimeOfDay(retryAt)}`

const inTime = (left: number): string => `deadline in ${milliseconds(left)}`

/** The particulars for a line. In a shutdown counts would be in every line, and `pending` tells what is in flight. */
const toldInfo = (state: ServiceState): Info => {
  const tellsCounts = state.phase === 'running' || isFinal(state)
  return Object.fromEntries(
    Object.entries(state.info ?? {}).filter(([key]) => key !== 'inFlight' && (tellsCounts || !isCount(key))),
  )
}

/** The particulars that a reader has not seen yet. */
const newInfo = (info: Info, told: Info | undefined): readonly string[] =>
  Object.entries(info)
    .filter(([key, value]) => told?.[key] !== value)
    .map(([key, value]) => `${key} ${value}`)
