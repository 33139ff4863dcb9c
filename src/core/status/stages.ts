import type { ErrorInfo } from '../errors.ts'
import type { ServiceState, StateOf } from '../state.ts'
import type { ServiceStatus } from './service-status.ts'

/** A part of an incarnation that takes time, and may go wrong. */
export type Stage = 'start' | 'drain' | 'stop'

/**
 * The outcome of a stage. `timeout`: its own timeout ran out. `cancelled`: the service was asked to end while it
 * started.
 * `forced`: the timeout of the whole shutdown ran out, or a second signal came. `abandoned`: the service did not end in
 * its force budget.
 */
export type StageOutcome = 'ok' | 'failed' | 'timeout' | 'cancelled' | 'forced' | 'abandoned'

/** The end of a stage. */
export interface StageEnd {
  readonly stage: Stage
  readonly outcome: StageOutcome
  /** The error of the stage, if it was told. */
  readonly error?: ErrorInfo
}

export const stageOutcomes: readonly StageOutcome[] = ['ok', 'failed', 'timeout', 'cancelled', 'forced', 'abandoned']

/** The stage that a state ends, if it ends one. The stage began at `since` of the status before. */
export const stageEnded = ({ path, state: before }: ServiceStatus, state: ServiceState): StageEnd | undefined => {
  if (before.phase === state.phase) return undefined
  if (before.phase === 'starting')
    return { stage: 'start', ...endOfStart(path.slice(path.lastIndexOf('/') + 1), state) }
  if (before.phase === 'draining') return { stage: 'drain', ...endOfDrain(state) }
  if (before.phase === 'stopping') return { stage: 'stop', ...endOfStop(before, state) }
  return undefined
}

type End = Omit<StageEnd, 'stage'>

const endOfStart = (name: string, state: ServiceState): End => {
  if (state.phase === 'failed' || state.phase === 'backoff') return wrong(state.error, 'ERR_START_TIMEOUT')
  if (state.phase === 'draining' || state.phase === 'stopping') {
    const { reason } = state
    // A failure of another service cancels the start. Its own failure only has not been told as its end yet.
    const own = reason.by === 'failure' && (reason.service === name || reason.service.startsWith(`${name}/`))
    return own ? wrong(reason.error, reason.service === name ? 'ERR_START_TIMEOUT' : undefined) : CANCELLED
  }
  return state.phase === 'stopped' && state.how !== 'ended' ? CANCELLED : OK
}

const endOfDrain = (state: ServiceState): End => {
  if (state.phase === 'drained') return state.timedOut ? { outcome: 'timeout' } : OK
  if (state.phase === 'failed') return wrong(state.error)
  return state.phase === 'stopped' ? endOf(state) : { outcome: 'forced' }
}

const endOfStop = ({ reason }: StateOf<'stopping'>, state: ServiceState): End => {
  if (state.phase === 'stopped') return endOf(state)
  if (state.phase !== 'failed' && state.phase !== 'backoff') return OK
  const cause = causeOf(state.error)
  // The service was stopped because of this error, and the stop went well.
  const known = reason.by === 'failure' && reason.error.code === cause.code && reason.error.message === cause.message
  return known ? OK : wrong(state.error, 'ERR_STOP_TIMEOUT')
}

const endOf = ({ how, error }: StateOf<'stopped'>): End => {
  if (how === 'abandoned') return { outcome: 'abandoned', ...(error && { error }) }
  if (error) return wrong(error, 'ERR_STOP_TIMEOUT')
  return how === 'forced' ? { outcome: 'forced' } : OK
}

const wrong = (error: ErrorInfo, timeout?: string): End => ({
  outcome: timeout !== undefined && causeOf(error).code === timeout ? 'timeout' : 'failed',
  error,
})

/** The error behind the restart limit: the cause of it. */
const causeOf = (error: ErrorInfo): ErrorInfo =>
  error.code === 'ERR_RESTART_LIMIT' && error.cause ? error.cause : error

const OK: End = { outcome: 'ok' }
const CANCELLED: End = { outcome: 'cancelled' }
