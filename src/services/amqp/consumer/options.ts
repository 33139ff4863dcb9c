import type { ConsumeMessage, Options } from 'amqplib'
import { checksFor } from '../checks.ts'
import { type ConnectionChoice, type Lines, linesOf } from '../connection/connection.ts'

/** What a handler is given beside its message. */
export interface MessageContext {
  /**
   * Fires when the message can no longer be acknowledged: the time to drain is over, or the connection was lost. The
   * broker delivers it again. An Observable is unsubscribed then.
   */
  readonly signal: AbortSignal
}

/** Handles one message. It is acknowledged when what this returns has settled well: a promise, an Observable, or nothing. */
export type MessageHandler = (message: ConsumeMessage, context: MessageContext) => unknown

/** A queue with the particulars it is declared with: amqplib's, `durable: true` unless said otherwise. */
export interface QueueOptions extends Options.AssertQueue {
  readonly name: string
}

/** What a consumer consumes, and how. */
export interface AmqpConsumerOptions extends ConnectionChoice {
  /** The queue to consume: its name, or its name and what to declare it with. */
  readonly queue: string | QueueOptions
  /** Declare the queue. `false` leaves alone a queue that belongs to someone else; then it must exist. Default `true`. */
  readonly declare?: boolean
  /** How many messages are held, and so handled, at a time: 1 to 65535. Default 10. */
  readonly prefetch?: number
  /**
   * What becomes of a message whose handler fails. `'retry'`: it is handed back after `retryDelay`, and holds its place
   * among `prefetch` until then. `'reject'`: the queue dead-letters it, or drops it if it has nowhere to. Default
   * `'retry'`, which loses nothing.
   */
  readonly onError?: 'retry' | 'reject'
  /** How long a message whose handler failed is kept before it is handed back, in milliseconds. Default 1000. */
  readonly retryDelay?: number
}

/** The options, checked and complete. */
export interface Settings {
  readonly service: string
  readonly lines: Lines
  readonly address: string
  readonly queue: string
  /** `undefined` leaves the queue alone. */
  readonly declareWith: Options.AssertQueue | undefined
  readonly prefetch: number
  readonly onError: 'retry' | 'reject'
  readonly retryDelay: number
}

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION` */
export const settingsOf = (service: string, options: AmqpConsumerOptions): Settings => {
  const check = checksFor(`service "${service}"`, service)
  check('options', typeof options === 'object' && options !== null, 'an object', options)
  const { prefetch = 10, onError = 'retry', retryDelay = 1000, declare = true } = options
  const { name: queue, ...particulars } =
    typeof options.queue === 'object' && options.queue !== null ? options.queue : { name: options.queue }
  check('queue', typeof queue === 'string' && queue !== '', 'the name of a queue', queue)
  check('prefetch', Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65535, '1 to 65535', prefetch)
  check('onError', onError === 'retry' || onError === 'reject', '"retry" or "reject"', onError)
  check('declare', typeof declare === 'boolean', 'true or false', declare)
  check.time('retryDelay', retryDelay, 0)
  const { address, ...lines } = linesOf(service, options)
  return {
    service,
    lines,
    address,
    queue,
    declareWith: declare ? { durable: true, ...particulars } : undefined,
    prefetch,
    onError,
    retryDelay,
  }
}
