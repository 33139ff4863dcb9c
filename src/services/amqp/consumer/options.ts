import type { ConsumeMessage, Options } from 'amqplib'
import type { HookResult } from '../../../core/hooks/hook-result.ts'
import { flag, isName, isRecord, known, must, namesOf } from '../../../core/options.ts'
import { type ConnectionChoice, type Lines, linesOf } from '../connection/connection.ts'
import { type AmqpConnectionOptions, CONNECTION_OPTIONS } from '../connection/options.ts'
import { type BindingOptions, checkBindings, checkExchanges, type ExchangeOptions } from '../exchange.ts'
import { checkEncode, type Encode } from '../publisher/encode.ts'
import type { PublishOptions } from '../publisher/options.ts'
import { checkDecode, type Decode } from './decode.ts'
import { type OnError, OUTCOMES, type RetryOptions, type RetrySettings, retrySettings } from './policy.ts'

/** What a handler is given beside its message's body. */
export interface MessageContext {
  /** The message as amqplib gives it: `content`, `fields`, `properties`. */
  readonly message: ConsumeMessage
  /** Which attempt this is: 1 is the first, and more when it was retried. */
  readonly attempt: number
  /**
   * Fires when the message can no longer be acknowledged: the time to drain is over, or the connection was lost. The
   * broker delivers it again. An Observable is unsubscribed then.
   */
  readonly signal: AbortSignal
  /**
   * Replies to a request: publishes the body, as `encode` says, to the `replyTo` of the message, with its
   * `correlationId`. Settles when the broker has the reply; while the broker is away or blocked it waits. Return it or
   * await it, so that the message is acknowledged after that. A client that is gone is no error: a direct reply is not
   * stored, and the broker drops it. For a reply queue that must be there, say `mandatory: true`.
   *
   * @throws ServiceError (as a rejection) `ERR_AMQP_NO_REPLY_TO` the message is no request; `ERR_AMQP_BODY` the body
   * can't be encoded; `ERR_INVALID_OPTION` an option is unknown; `ERR_AMQP_REFUSED` something is wrong with the reply;
   * `ERR_AMQP_NACKED`, `ERR_AMQP_UNROUTABLE` the reply queue can't take it, or is not there; `ERR_AMQP_CLOSED`,
   * `ERR_AMQP_UNCONFIRMED` the consumer ended before.
   */
  readonly reply: (body: unknown, options?: PublishOptions) => Promise<void>
}

/** Handles one message. It is acknowledged when what this returns has come to its end well; see `HookResult`. */
export type MessageHandler<T = unknown> = (body: T, context: MessageContext) => HookResult

/** A queue with the particulars it is declared with: amqplib's, `durable: true` unless said otherwise. */
export interface QueueOptions extends Options.AssertQueue {
  readonly name: string
  /** Default: what the virtual host says, which is `'classic'` unless it was changed. */
  readonly type?: 'classic' | 'quorum'
}

/** What is consumed, and what becomes of messages that fail. */
export interface AmqpSourceOptions<D extends Decode = Decode> extends ConnectionChoice {
  /** The queue to consume: its name, or its name and what to declare it with. */
  readonly queue: string | QueueOptions
  /**
   * Declare the queue, exchanges and bindings, again after each reconnect. `false` leaves alone what belongs to someone
   * else; then the queue must exist. Default `true`.
   */
  readonly declare?: boolean
  /** Exchanges to declare, before the queue. */
  readonly exchanges?: readonly ExchangeOptions[]
  /** Bindings of the queue. */
  readonly bindings?: readonly BindingOptions[]
  /** How many messages are held at a time: 1 to 65535. Default 10. */
  readonly prefetch?: number
  /**
   * What is made of a message's content: `'json'`, `'text'` (UTF-8), `'buffer'` (the content as it is), or a function.
   * A body that can't be decoded goes the way of `onError`. Default `'json'`.
   */
  readonly decode?: D
  /** What the body of a reply becomes: `'json'`, `'text'`, `'buffer'`, or what a function says. Default `'json'`. */
  readonly encode?: Encode
  /**
   * What becomes of a message that fails, or a function that says so. Default `'retry'`, and that a body that can't be
   * decoded is parked at once. It loses nothing.
   */
  readonly onError?: OnError
  /** How often, and after how long, a message that failed is tried again. */
  readonly retry?: RetryOptions
}

/** What a consumer consumes, and how. */
export interface AmqpConsumerOptions<D extends Decode = Decode> extends AmqpSourceOptions<D> {
  /** How many messages are handled at a time. Default: as many as are held (`prefetch`). */
  readonly concurrency?: number
}

/** The options, checked and complete. */
export interface Settings {
  readonly service: string
  readonly lines: Lines
  readonly address: string
  readonly queue: string
  readonly queueOptions: Omit<QueueOptions, 'name'>
  readonly declare: boolean
  readonly exchanges: readonly ExchangeOptions[]
  readonly bindings: readonly BindingOptions[]
  readonly prefetch: number
  readonly concurrency: number
  readonly decode: Decode
  readonly encode: Encode
  readonly onError: OnError
  readonly retry: RetrySettings
}

const OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...namesOf<Omit<AmqpConsumerOptions, keyof AmqpConnectionOptions>>({
    connection: true,
    queue: true,
    declare: true,
    exchanges: true,
    bindings: true,
    prefetch: true,
    concurrency: true,
    decode: true,
    encode: true,
    onError: true,
    retry: true,
  }),
]

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION` */
export const settingsOf = (service: string, options: AmqpConsumerOptions): Settings => {
  must(service, 'options', isRecord(options), 'an object', options)
  known(service, options, OPTIONS)
  const { prefetch = 10, concurrency = Infinity, onError = 'retry', declare = true } = options
  const { exchanges = [], bindings = [], decode = 'json', encode = 'json' } = options
  const { name: queue, ...queueOptions } = isRecord(options.queue) ? options.queue : { name: options.queue }
  must(service, 'queue', isName(queue), 'the name of a queue', queue)
  flag(service, 'declare', declare)
  checkExchanges(service, 'exchanges', exchanges)
  checkBindings(service, 'bindings', bindings)
  must(service, 'prefetch', Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65535, '1 to 65535', prefetch)
  const goodConcurrency = concurrency === Infinity || (Number.isInteger(concurrency) && concurrency >= 1)
  must(service, 'concurrency', goodConcurrency, 'a whole number >= 1', concurrency)
  checkDecode(service, decode)
  checkEncode(service, encode)
  const goodOutcome = typeof onError === 'function' || OUTCOMES.includes(onError)
  must(
    service,
    'onError',
    goodOutcome,
    `one of ${OUTCOMES.map(outcome => `"${outcome}"`).join(', ')}, or a function`,
    onError,
  )
  const retry = retrySettings(service, options.retry)
  const { address, ...lines } = linesOf(service, options)
  return {
    service,
    lines,
    address,
    queue,
    queueOptions,
    declare,
    exchanges,
    bindings,
    prefetch,
    concurrency,
    decode,
    encode,
    onError,
    retry,
  }
}
