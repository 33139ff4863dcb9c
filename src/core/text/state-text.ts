import type { ErrorInfo } from '../errors.ts'
import {
  describeReason,
  isServing,
  type Phase,
  reasonOf,
  type ServiceState,
  type StateOf,
  wasForced,
} from '../state.ts'
import { essence } from './error-text.ts'
import type { Mark } from './paint.ts'

const TONES: Readonly<Record<Phase, Mark>> = {
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

/** A state in one word: its phase, `leaving` for a running service that was asked to end, or how the service ended. */
export const labelOf = (state: ServiceState): string => {
  if (state.phase === 'running' && state.leaving) return 'leaving'
  return state.phase === 'stopped' && state.how !== 'stopped' ? state.how : state.phase
}

/** The mark of a state where there is colour. */
export const toneOf = (state: ServiceState): Mark => {
  if (state.phase === 'running' && !(isServing(state) && state.health === 'pass'))
    return state.health === 'fail' ? 'bad' : 'busy'
  return wasForced(state) || (state.phase === 'drained' && state.timedOut) ? 'bad' : TONES[state.phase]
}

/** How the particulars of a state are put into words. */
export interface Wording {
  /** Default: the essence of the error. */
  readonly error?: (error: ErrorInfo) => string
  /** When a restart is due: `in 3 s`. Default: the number of the attempt is told instead. */
  readonly due?: (retryAt: number) => string
  /** How a deadline is told. Default: not at all. */
  readonly deadline?: (deadline: number) => string
  /** Which states tell the reason of their shutdown. Default: `running`, where the phase does not tell of it. */
  readonly reasons?: 'running' | 'all' | 'none'
}

/** The particulars of a state, each in a few words: `for db`, `attempt 2`, `3 pending`, `warn: slow disk`. */
export const particularsOf = (state: ServiceState, wording: Wording = {}): readonly string[] => [
  ...reasonWords(state, wording),
  ...ownWords(state, wording),
]

const reasonWords = (state: ServiceState, { reasons = 'running' }: Wording): readonly string[] => {
  const reason = reasonOf(state)
  const told = reason && (reasons === 'all' || (reasons === 'running' && state.phase === 'running'))
  return told ? [describeReason(reason)] : []
}

const ownWords = (state: ServiceState, { error: words = errorWords, due, deadline }: Wording): readonly string[] => {
  switch (state.phase) {
    case 'waiting':
      return [`for ${state.for.join(', ')}`]
    case 'starting':
      return [...(state.attempt > 1 ? [`attempt ${state.attempt}`] : []), ...deadlineWords(state.deadline, deadline)]
    case 'running':
      return healthWords(state)
    case 'draining':
    case 'stopping':
      return [...(state.pending ? [`${state.pending} pending`] : []), ...deadlineWords(state.deadline, deadline)]
    case 'drained':
      return state.timedOut ? ['drain timed out'] : []
    case 'backoff':
      return [
        `${due ? `tries again ${due(state.retryAt)}` : `attempt ${state.attempt} is next`}: ${words(state.error)}`,
      ]
    case 'stopped':
      return state.error ? [words(state.error)] : []
    case 'failed':
      // The member that the group failed because of tells the error itself.
      return [state.error.code === 'ERR_GROUP_FAILED' ? `because of ${state.error.service}` : words(state.error)]
    case 'idle':
      return []
  }
}

/** Health `pass` goes without saying; a detail never does. */
const healthWords = ({ health, detail }: StateOf<'running'>): readonly string[] =>
  health === 'pass' ? (detail ? [detail] : []) : [detail ? `${health}: ${detail}` : health]

const errorWords = (error: ErrorInfo): string => essence(error)

const deadlineWords = (at: number | undefined, words: Wording['deadline']): readonly string[] =>
  at === undefined || !words ? [] : [words(at)]
