import { type Abortable, isAbortSignal } from '../abort.ts'
import { isError } from '../errors.ts'
import { isObjectLike, peek } from '../foreign.ts'
import type { StopReason } from '../state.ts'
import { stopReasonOf } from '../stop-reason.ts'

/** How a group is stopped. */
export interface StopOptions extends Abortable {
  /** Told to every stop hook and in the report. Of an error the message counts. */
  readonly reason?: string | Error | StopReason | undefined
  /** Forces all services at once. Default false. */
  readonly force?: boolean
  /** Forces the services that are left when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/** A stop that was asked for. */
export interface StopCall {
  readonly reason: StopReason
  readonly force: boolean
  readonly signal: AbortSignal | undefined
}

/**
 * The stop that a caller asks for by a reason, or by options. No value is refused: a stop that fails because of its
 * argument would leave all services running.
 */
export const stopCallOf = (given: unknown): StopCall => {
  if (!areOptions(given)) return { reason: stopReasonOf(given), force: false, signal: undefined }
  const signal = peek(given, 'signal')
  return {
    reason: stopReasonOf(peek(given, 'reason')),
    force: peek(given, 'force') === true,
    signal: isAbortSignal(signal) ? signal : undefined,
  }
}

/** An error may have such properties too, and a reason has a `by`. */
const areOptions = (given: unknown): boolean =>
  isObjectLike(given) &&
  !isError(given) &&
  peek(given, 'by') === undefined &&
  ['reason', 'force', 'signal'].some(option => peek(given, option) !== undefined)
