import type { ConsumeMessage, Options } from 'amqplib'
import type { HookResult } from '../../../core/hooks/hook-result.ts'
import { isRecord, known, must, namesOf, refuse, timerDuration } from '../../../core/options.ts'
import { type ConnectionChoice, type Lines, linesOf } from '../connection/connection.ts'
import { type AmqpConnectionOptions, CONNECTION_OPTIONS } from '../connection/options.ts'
import { type BindingOptions, checkBindings, checkExchanges, type ExchangeOptions } from '../exchange.ts'
import { checkEncode, type Encode } from '../publisher/encode.ts'
import type { PublishOptions } from '../publisher/options.ts'
import { checkDecode, type Decode } from './decode.ts'
import { checkOffset, type StreamOffset } from './offsets.ts'
import { longestDelay, type OnError, OUTCOMES, type RetryOptions, type RetrySettings, retrySettings } from './policy.ts'
import { type Queue, type QueueOptions, queueOf } from './queue.ts'

/** The context that a handler is given beside its message's body. */
export interface MessageContext {
  /**
   * The message as amqplib gives it: `content`, `fields`, `properties`; as it was first published, with the exchange,
   * the routing key and the headers of then, also when it is retried.
   */
  readonly message: ConsumeMessage
  /**
   * Which attempt this is. 1 is the first. It rises when the message is retried, and when the message comes back to its
   * queue without having been settled, as when a process dies. A stop that gives it back can raise it too: once at most
   * on a quorum queue, and each time on a quorum queue with a single active consumer.
   */
  readonly attempt: number
  /**
   * Fires when the message can no longer be acknowledged: the time to drain is over, or the connection was lost; the
   * broker delivers it again. It also fires when the handler takes longer than `handlerTimeout`. An Observable is
   * unsubscribed then.
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

/** Options of consuming, and of messages that fail. */
export interface AmqpSourceOptions<D extends Decode = Decode> extends ConnectionChoice {
  /** The queue to consume: its name, or its name and what to declare it with. */
  readonly queue: string | QueueOptions
  /**
   * Declare the queue, exchanges and bindings, again after each reconnect. `false` leaves alone what belongs to someone
   * else; then the queue must exist. `'bindings'`: the queue must exist, and only the bindings are made. Default
   * `true`.
   */
  readonly declare?: boolean | 'bindings'
  /** Exchanges to declare, before the queue. */
  readonly exchanges?: readonly ExchangeOptions[]
  /** Bindings of the queue. */
  readonly bindings?: readonly BindingOptions[]
  /** How many messages are held at a time: 1 to 65535. Default 10. */
  readonly prefetch?: number
  /**
   * How to consume: amqplib's `priority`, `exclusive`, `consumerTag`, `noAck` and `arguments`. A quorum queue of
   * RabbitMQ 3.10 takes no notice of `exclusive`; there the queue's `singleActiveConsumer` keeps others away.
   */
  readonly consume?: ConsumeOptions
  /**
   * Only for a queue of type `'stream'`: where to begin. After a reconnect it goes on behind the last message up to
   * which all were settled; a new process begins where this says. Default `'next'`.
   */
  readonly offset?: StreamOffset
  /**
   * The form that a message's content is turned into: `'json'`, `'text'` (UTF-8), `'buffer'` (the content as it is), or
   * a function. A body that can't be decoded goes the way of `onError`. Default `'json'`.
   */
  readonly decode?: D
  /** The encoding of replies: `'json'`, `'text'`, `'buffer'`, or a function of the body. Default `'json'`. */
  readonly encode?: Encode
  /**
   * The outcome of a message that fails, or a function that returns it. Default `'retry'`, and that a body that can't
   * be decoded is parked at once. It loses nothing.
   */
  readonly onError?: OnError
  /** How often, and after how long, a message that failed is tried again. */
  readonly retry?: RetryOptions
}

/** Options of a consumer. */
export interface AmqpConsumerOptions<D extends Decode = Decode> extends AmqpSourceOptions<D> {
  /** How many messages are handled at a time. Default: as many as are held (`prefetch`). */
  readonly concurrency?: number
  /**
   * How long a handler may take, in milliseconds. Then its signal fires, and the message has failed, with
   * `ERR_AMQP_HANDLER_TIMEOUT`, unless the handler ends well within 250 ms. Default `Infinity`.
   */
  readonly handlerTimeout?: number
}

/** How to consume, as with amqplib. */
export type ConsumeOptions = Readonly<
  Pick<Options.Consume, 'priority' | 'exclusive' | 'consumerTag' | 'noAck' | 'arguments'>
>

/** The options, checked and complete. */
export interface Settings {
  readonly service: string
  readonly lines: Lines
  readonly address: string
  readonly queue: Queue
  readonly declare: boolean | 'bindings'
  readonly consumeOptions: ConsumeOptions
  readonly offset: StreamOffset | undefined
  readonly exchanges: readonly ExchangeOptions[]
  readonly bindings: readonly BindingOptions[]
  readonly prefetch: number
  readonly concurrency: number
  readonly handlerTimeout: number
  readonly decode: Decode
  readonly encode: Encode
  readonly onError: OnError
  readonly retry: RetrySettings
}

const CONSUME_OPTIONS = namesOf<ConsumeOptions>({
  priority: true,
  exclusive: true,
  consumerTag: true,
  noAck: true,
  arguments: true,
})

const OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...namesOf<Omit<AmqpConsumerOptions, keyof AmqpConnectionOptions>>({
    connection: true,
    queue: true,
    declare: true,
    exchanges: true,
    bindings: true,
    prefetch: true,
    consume: true,
    offset: true,
    concurrency: true,
    handlerTimeout: true,
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
  const { prefetch = 10, onError = 'retry', declare = true, decode = 'json', encode = 'json' } = options
  const { exchanges = [], bindings = [], consume: consumeOptions = {}, offset, handlerTimeout = Infinity } = options
  const retry = retrySettings(service, options.retry)
  const queue = queueOf(service, options.queue, longestDelay(retry))
  const goodDeclare = typeof declare === 'boolean' || declare === 'bindings'
  must(service, 'declare', goodDeclare, 'true, false or "bindings"', declare)
  if (queue.isServerNamed && declare !== true) refuse(service, 'queue must have a name, unless it is declared')
  known(service, consumeOptions, CONSUME_OPTIONS, 'consume.')
  checkExchanges(service, 'exchanges', exchanges)
  checkBindings(service, 'bindings', bindings)
  must(service, 'prefetch', Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65535, '1 to 65535', prefetch)
  const { concurrency = prefetch } = options
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
  timerDuration(service, 'handlerTimeout', handlerTimeout, 1, true)
  if (queue.type === 'stream') checkStream(service, options)
  else if (offset !== undefined) refuse(service, 'offset is only for a queue of type "stream"')
  const { address, ...lines } = linesOf(service, options)
  return {
    service,
    lines,
    address,
    queue,
    declare,
    consumeOptions,
    offset: queue.type === 'stream' ? (offset ?? 'next') : undefined,
    exchanges,
    bindings,
    prefetch,
    concurrency,
    handlerTimeout,
    decode,
    encode,
    onError,
    retry,
  }
}

/** A stream gives no message away: all its consumers see all, and no message leaves it but by its age. */
const checkStream = (service: string, { offset, onError, consume }: AmqpConsumerOptions): void => {
  if (offset !== undefined) checkOffset(service, offset)
  if (onError === 'dead-letter')
    refuse(service, 'onError "dead-letter" is not for a stream, which has none; use "park"')
  if (consume?.noAck)
    refuse(service, 'consume.noAck is not for a stream, which sends only as fast as it is acknowledged')
}
