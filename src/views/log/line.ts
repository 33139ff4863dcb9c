import type { ErrorInfo } from '../../core/errors.ts'
import type { TransitionEvent } from '../../core/events.ts'
import { milliseconds, restarted } from '../../core/report-text.ts'
import { describeReason, type Info, type Phase, type ServiceState } from '../../core/state.ts'

/** How a phase is marked on a terminal; its name always stands beside it. */
export type Tone = 'good' | 'bad' | 'busy' | 'faint' | 'plain'

/** One transition, cut into the columns of a line. */
export interface Line {
  readonly time: string
  readonly path: string
  readonly phase: string
  readonly tone: Tone
  readonly detail: string
}

const TONES: Readonly<Record<Phase, Tone>> = {
  idle: 'faint',
  waiting: 'faint',
  starting: 'busy',
  running: 'good',
  draining: 'busy',
  drained: 'plain',
  stopping: 'busy',
  backoff: 'bad',
  stopped: 'faint',
  failed: 'bad',
}

/** What a transition alone does not tell. */
export interface Before {
  /** The particulars told before. */
  readonly told: Info | undefined
  /** How long it was in the phase that this one ends. */
  readonly took: number | undefined
  /** How often it has started again, when that is news. */
  readonly restarts: number
}

export const toLine = (event: TransitionEvent, { told, took, restarts }: Before): Line => {
  const { at, path, state } = event
  const again = restarts > 0 ? [restarted(restarts)] : []
  const details = [...particulars(state, took), ...again, ...newInfo(state.info, told)]
  return { time: clockTime(at), path, phase: labelOf(state), tone: toneOf(state), detail: details.join(', ') }
}

const labelOf = (state: ServiceState): string => {
  if (state.phase === 'running' && state.leaving) return 'leaving'
  return state.phase === 'stopped' && state.how !== 'stopped' ? state.how : state.phase
}

const toneOf = (state: ServiceState): Tone => {
  if (state.phase === 'running' && (state.leaving || state.health !== 'pass'))
    return state.health === 'fail' ? 'bad' : 'busy'
  if (state.phase === 'drained' && state.timedOut) return 'bad'
  if (state.phase === 'stopped' && (state.how === 'forced' || state.how === 'abandoned')) return 'bad'
  return TONES[state.phase]
}

const particulars = (state: ServiceState, took: number | undefined): readonly string[] => {
  switch (state.phase) {
    case 'waiting':
      return [`for ${state.for.join(', ')}`]
    case 'starting':
      return [...(state.attempt > 1 ? [`attempt ${state.attempt}`] : []), ...more(state.extended)]
    case 'running':
      return [
        ...(state.leaving ? [describeReason(state.leaving)] : after(took)),
        ...(state.health === 'pass' ? [] : [`${state.health}${state.detail === undefined ? '' : `: ${state.detail}`}`]),
      ]
    case 'draining':
    case 'stopping':
      return [...(state.pending === undefined ? [] : [`${state.pending} pending`]), ...more(state.extended)]
    case 'drained':
      return [...after(took), ...(state.timedOut ? ['its time ran out'] : [])]
    case 'stopped':
      return [...after(took), ...(state.error ? [state.error.message] : [])]
    case 'failed':
      return [why(state.error)]
    case 'backoff':
      return [`next try at ${clockTime(state.retryAt)}: ${state.error.message}`]
    case 'idle':
      return []
  }
}

/** A group fails because of a service, which has said why. */
const why = ({ code, service, message }: ErrorInfo): string =>
  code === 'ERR_GROUP_FAILED' ? `because of ${service}` : `${message}${code === undefined ? '' : ` [${code}]`}`

const after = (took: number | undefined): readonly string[] =>
  took === undefined ? [] : [`after ${milliseconds(took)}`]

const more = (extended: number | undefined): readonly string[] =>
  extended === undefined ? [] : [`${milliseconds(extended)} more`]

/** Particulars a reader has not seen yet. */
const newInfo = (info: Info | undefined, told: Info | undefined): readonly string[] =>
  Object.entries(info ?? {})
    .filter(([key, value]) => told?.[key] !== value)
    .map(([key, value]) => `${key} ${value}`)

const clockTime = (at: number): string => {
  const date = new Date(at)
  const two = (n: number): string => String(n).padStart(2, '0')
  const three = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${three}`
}
