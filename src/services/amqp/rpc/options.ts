import { flag, isRecord, known, must, namesOf, positive } from '../../../core/options.ts'
import type { ConnectionChoice } from '../connection/connection.ts'
import { type AmqpConnectionOptions, CONNECTION_OPTIONS } from '../connection/options.ts'
import { checkDecode, type Decode } from '../consumer/decode.ts'
import type { ExchangeOptions } from '../exchange.ts'
import type { Encode } from '../publisher/encode.ts'
import { PUBLISH_OPTIONS, type PublishOptions, publishingSettings, type Settings } from '../publisher/options.ts'

/** Where requests go, and what they and their replies look like. */
export interface AmqpRpcOptions<E extends Encode = Encode, D extends Decode = Decode> extends ConnectionChoice {
  /**
   * The exchange that requests are published to: its name, or what it is declared with. Default: the default exchange
   * of the broker, where the routing key is the name of a queue.
   */
  readonly exchange?: string | ExchangeOptions
  /** Further exchanges to declare. */
  readonly exchanges?: readonly ExchangeOptions[]
  /**
   * The longest wait for a reply, in milliseconds; `request` can say it for one. `Infinity`: no limit. Default 10000.
   */
  readonly timeout?: number
  /** How many requests may wait for their replies at a time. One more is refused at once. Default 1000. */
  readonly maxPending?: number
  /**
   * The form that the body of a request is sent in: `'json'`, `'text'`, `'buffer'`, or a function. Default `'json'`.
   */
  readonly encode?: E
  /**
   * The form that the content of a reply is turned into: `'json'`, `'text'`, `'buffer'`, or a function. Default
   * `'json'`.
   */
  readonly decode?: D
}

/**
 * Options of one request: those of amqplib, a timeout and a signal. Unless said otherwise a request is not
 * `persistent`, and its `expiration` is its timeout: nobody waits for it any longer. A queue with a dead-letter
 * exchange gives it what has expired.
 */
export interface RequestOptions extends Omit<PublishOptions, 'mandatory' | 'replyTo' | 'correlationId'> {
  /** The longest wait for the reply, in milliseconds. Default: the `timeout` of the service. */
  readonly timeout?: number
  /** Ends the wait: the request rejects with the reason of the signal. A reply that comes later is dropped. */
  readonly signal?: AbortSignal
}

/** The options, checked and complete. */
export interface RpcSettings extends Settings {
  readonly timeout: number
  readonly decode: Decode
}

const OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...namesOf<Omit<AmqpRpcOptions, keyof AmqpConnectionOptions>>({
    connection: true,
    exchange: true,
    exchanges: true,
    timeout: true,
    maxPending: true,
    encode: true,
    decode: true,
  }),
]

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION` */
export const settingsOf = (service: string, options: AmqpRpcOptions): RpcSettings => {
  must(service, 'options', isRecord(options), 'an object', options)
  known(service, options, OPTIONS)
  const { timeout = 10_000, decode = 'json' } = options
  positive(service, 'timeout', timeout)
  checkDecode(service, decode)
  return { ...publishingSettings(service, options), timeout, decode }
}

/** These are the client's own. */
const OWN: readonly string[] = ['mandatory', 'replyTo', 'correlationId']
const REQUEST_OPTIONS = [...PUBLISH_OPTIONS.filter(name => !OWN.includes(name)), 'timeout', 'signal']

/** @throws ServiceError `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION` */
export const checkRequest = (service: string, options: RequestOptions): void => {
  known(service, options, REQUEST_OPTIONS)
  const { timeout, signal, persistent } = options
  if (timeout !== undefined) positive(service, 'timeout', timeout)
  flag(service, 'persistent', persistent)
  must(service, 'signal', signal === undefined || isSignal(signal), 'an AbortSignal', signal)
}

// By its shape, since it may come from another realm.
const isSignal = (value: unknown): boolean =>
  isRecord(value) && typeof (value as AbortSignal).aborted === 'boolean' && 'addEventListener' in value
