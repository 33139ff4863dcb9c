import { peek } from './foreign.ts'
import { known, must, namesOf, type Whose } from './options.ts'

/** Options of a call that can be cancelled. */
export interface Abortable {
  /** Gives the call up when it is aborted. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Calls the listener when a signal is aborted: at once, if it is aborted already.
 *
 * @returns removes the listener
 */
export const onAbort = (signal: AbortSignal | undefined, listener: (signal: AbortSignal) => void): (() => void) => {
  if (!signal) return () => undefined
  const abort = (): void => listener(signal)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return () => signal.removeEventListener('abort', abort)
}

/** Whether a value is an `AbortSignal`, also one of another realm or of a library. */
export const isAbortSignal = (value: unknown): value is AbortSignal =>
  typeof peek(value, 'aborted') === 'boolean' && typeof peek(value, 'addEventListener') === 'function'

/**
 * The signal among the options of a call, checked.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`
 */
export const signalOf = (whose: Whose, options: Abortable = {}): AbortSignal | undefined => {
  known(whose, options, OPTIONS)
  const { signal } = options
  must(whose, 'signal', signal === undefined || isAbortSignal(signal), 'an AbortSignal', signal)
  return signal
}

const OPTIONS = namesOf<Abortable>({ signal: true })
