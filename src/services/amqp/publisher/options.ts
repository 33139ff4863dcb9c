import { randomUUID } from 'node:crypto'
import type { Options } from 'amqplib'
import { flag, isName, isRecord, known, must, namesOf } from '../../../core/options.ts'
import { type ConnectionChoice, type Lines, linesOf } from '../connection/connection.ts'
import { type AmqpConnectionOptions, CONNECTION_OPTIONS } from '../connection/options.ts'
import type { ExchangeOptions } from '../exchange.ts'
import type { Encode } from './encode.ts'

/** Where messages are published to, and how. */
export interface AmqpPublisherOptions<E extends Encode = Encode> extends ConnectionChoice {
  /**
   * The exchange to publish to: the name of one that is there, or its name and type with which it is declared, again
   * after each reconnect. Default: the broker's default exchange, where the routing key is the name of a queue.
   */
  readonly exchange?: string | ExchangeOptions
  /** Whether a message that reaches no queue is an error; `publish` can say it for one. Default `true`. */
  readonly mandatory?: boolean
  /**
   * How many messages are held at a time: those the broker has not confirmed yet, and those that wait for a connection.
   * One more is refused at once. Default 1000.
   */
  readonly maxPending?: number
  /**
   * What a body becomes: `'json'`, `'text'` (UTF-8), `'buffer'` (sent as it is), or what a function makes of it.
   * Default `'json'`.
   */
  readonly encode?: E
}

/**
 * What is said of one message: amqplib's. Unless said otherwise it is `persistent`, and has a `messageId` of its own, by
 * which a consumer can tell a duplicate.
 */
export type PublishOptions = Options.Publish

/** What is said of a message, completed by what is said of all. */
export const publishOptions =
  (mandatory: boolean, contentType: string | undefined) =>
  (given: PublishOptions | undefined): PublishOptions => {
    const messageId = given?.messageId ?? randomUUID()
    // All of one shape, which makes amqplib's work on them half as long: `undefined` is to it as if it were not there.
    const options = { persistent: true, mandatory, contentType, messageId } as PublishOptions
    if (!given) return options
    const { deliveryMode = 2 } = given
    // Amqplib looks at this one first.
    const persistent = given.persistent ?? (deliveryMode === 2 || deliveryMode === true)
    return { ...options, ...given, persistent, messageId }
  }

/** The options, checked and complete. */
export interface Settings {
  readonly service: string
  readonly lines: Lines
  readonly address: string
  /** `''` is the default exchange. */
  readonly exchange: string
  /** What it is declared with, if it is. */
  readonly declareWith: ExchangeOptions | undefined
  readonly mandatory: boolean
  readonly maxPending: number
  readonly encode: Encode
}

const OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...namesOf<Omit<AmqpPublisherOptions, keyof AmqpConnectionOptions>>({
    connection: true,
    exchange: true,
    mandatory: true,
    maxPending: true,
    encode: true,
  }),
]

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION` */
export const settingsOf = (service: string, options: AmqpPublisherOptions): Settings => {
  must(service, 'options', isRecord(options), 'an object', options)
  known(service, options, OPTIONS)
  const { exchange = '', mandatory = true, maxPending = 1000, encode = 'json' } = options
  const declareWith = isRecord(exchange) ? exchange : undefined
  const name = declareWith ? declareWith.name : exchange
  must(service, 'exchange', typeof name === 'string' && !(declareWith && name === ''), 'the name of an exchange', name)
  if (declareWith)
    must(service, 'exchange.type', isName(declareWith.type), 'a type, like "topic" or "fanout"', declareWith.type)
  flag(service, 'mandatory', mandatory)
  must(service, 'maxPending', Number.isInteger(maxPending) && maxPending >= 1, 'a whole number >= 1', maxPending)
  const goodEncode = typeof encode === 'function' || ['json', 'text', 'buffer'].includes(encode)
  must(service, 'encode', goodEncode, '"json", "text", "buffer" or a function', encode)
  const { address, ...lines } = linesOf(service, options)
  return { service, lines, address, exchange: String(name), declareWith, mandatory, maxPending, encode }
}
