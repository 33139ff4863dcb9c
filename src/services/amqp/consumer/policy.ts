import type { ConsumeMessage } from 'amqplib'
import { ServiceError } from '../../../core/errors.ts'
import { known, must, namesOf, timerDuration } from '../../../core/options.ts'

/**
 * The outcome of a message that failed.
 *
 * - `'retry'`: it comes again after a delay, out of the queue's way meanwhile, and is parked after the last attempt
 * - `'park'`: it is set aside in the queue `<queue>.parked`, with headers that tell why
 * - `'dead-letter'`: the broker does with it what it was told for this queue: gives it to the dead-letter exchange, or
 *   drops it if there is none
 * - `'requeue'`: it goes back to the queue after `initialDelay`, without being counted
 * - `'drop'`: it is acknowledged, and gone
 */
export type MessageOutcome = 'retry' | 'park' | 'dead-letter' | 'requeue' | 'drop'

export const OUTCOMES: readonly MessageOutcome[] = ['retry', 'park', 'dead-letter', 'requeue', 'drop']

/** An outcome for all, or a function that says it for each; one that throws says `'retry'`. */
export type OnError =
  | MessageOutcome
  | ((error: unknown, failed: { readonly message: ConsumeMessage; readonly attempt: number }) => MessageOutcome)

/** How often, and after how long, a message that failed is tried again. */
export interface RetryOptions {
  /** How many attempts there are in all, the first included; then it is parked. `Infinity`: no end. Default 5. */
  readonly limit?: number
  /** Before the second attempt, in milliseconds. Default 1000. */
  readonly initialDelay?: number
  /** Each further wait is so many times longer. Default 2. */
  readonly factor?: number
  /** The longest wait, in milliseconds. Default 60000. */
  readonly maxDelay?: number
}

export type RetrySettings = Readonly<Required<RetryOptions>>

const OPTIONS = namesOf<RetryOptions>({ limit: true, initialDelay: true, factor: true, maxDelay: true })

export const retrySettings = (service: string, options: RetryOptions | undefined): RetrySettings => {
  known(service, options, OPTIONS, 'retry.')
  const { limit = 5, initialDelay = 1000, factor = 2, maxDelay = Math.max(60_000, initialDelay) } = options ?? {}
  const goodLimit = limit === Infinity || (Number.isInteger(limit) && limit >= 1)
  must(service, 'retry.limit', goodLimit, 'a whole number >= 1, or Infinity', limit)
  timerDuration(service, 'retry.initialDelay', initialDelay, 1)
  timerDuration(service, 'retry.maxDelay', maxDelay, initialDelay)
  const goodFactor = typeof factor === 'number' && factor >= 1 && factor < Infinity
  must(service, 'retry.factor', goodFactor, 'a number >= 1', factor)
  return { limit, initialDelay, factor, maxDelay }
}

/** How long a message waits after so many attempts, in whole milliseconds: a delay queue is named after it. */
export const delayAfter = (attempt: number, { initialDelay, factor, maxDelay }: RetrySettings): number =>
  Math.round(Math.min(maxDelay, initialDelay * factor ** (attempt - 1)))

/** The longest of these waits. */
export const longestDelay = (retry: RetrySettings): number => delayAfter(Math.min(retry.limit, 10_000), retry)

/** The outcome for a message that failed with this error at this attempt: never `'retry'` after the last. */
export const decide = (
  onError: OnError,
  { limit }: RetrySettings,
  error: unknown,
  message: ConsumeMessage,
  attempt: number,
): MessageOutcome => {
  const outcome = typeof onError === 'function' ? ask(onError, error, message, attempt) : onError
  if (outcome !== 'retry') return outcome
  // Another attempt makes no better body of it, unless someone says so who has looked at it.
  const isHopeless = typeof onError !== 'function' && error instanceof ServiceError && error.code === 'ERR_AMQP_BODY'
  return isHopeless || attempt >= limit ? 'park' : 'retry'
}

const ask = (
  onError: Exclude<OnError, MessageOutcome>,
  error: unknown,
  message: ConsumeMessage,
  attempt: number,
): MessageOutcome => {
  try {
    const outcome = onError(error, { message, attempt })
    return OUTCOMES.includes(outcome) ? outcome : 'retry'
  } catch {
    return 'retry'
  }
}
