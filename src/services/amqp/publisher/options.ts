import { randomUUID } from 'node:crypto'
import type { Options } from 'amqplib'
import { count, flag, isRecord, known, must, namesOf } from '../../../core/options.ts'
import { type ConnectionChoice, type Lines, linesOf } from '../connection/connection.ts'
import { type AmqpConnectionOptions, CONNECTION_OPTIONS } from '../connection/options.ts'
import { checkExchange, checkExchanges, type ExchangeOptions } from '../exchange.ts'
import { checkEncode, contentTypeOf, type Encode } from './encode.ts'
import { returnsDelivered } from './mandatory.ts'

/** Where messages are published to, and how. */
export interface AmqpPublisherOptions<E extends Encode = Encode> extends ConnectionChoice {
  /**
   * The exchange to publish to: the name of one that is there, or its name and type with which it is declared, again
   * after each reconnect. Default: the broker's default exchange, where the routing key is the name of a queue.
   */
  readonly exchange?: string | ExchangeOptions
  /** Further exchanges to declare, such as those that get their messages from `exchange` through their `bindings`. */
  readonly exchanges?: readonly ExchangeOptions[]
  /**
   * Whether a message that reaches no queue is an error; `publish` can say it for one. Default `true`. Not for messages
   * that the broker returns although it delivers them: direct replies (routing key `amq.rabbitmq.reply-to...`, default
   * exchange), and messages with an `x-delay` for an exchange of type `x-delayed-message`, or of unknown type.
   */
  readonly mandatory?: boolean
  /**
   * How many messages are held at a time: those the broker has not confirmed yet, and those that wait for a connection.
   * One more is refused at once. Default 1000.
   */
  readonly maxPending?: number
  /**
   * The form that a body is sent in: `'json'`, `'text'` (UTF-8), `'buffer'` (sent as it is), or what a function makes
   * of it. Default `'json'`.
   */
  readonly encode?: E
}

/**
 * The options of one message, as with amqplib. Defaults: `persistent: true`, and a `messageId` of its own, by which a
 * consumer can recognise a duplicate.
 */
export type PublishOptions = Options.Publish

/** The names of the options of one message. */
export const PUBLISH_OPTIONS: readonly string[] = namesOf<PublishOptions>({
  expiration: true,
  userId: true,
  CC: true,
  mandatory: true,
  persistent: true,
  deliveryMode: true,
  BCC: true,
  contentType: true,
  contentEncoding: true,
  headers: true,
  priority: true,
  correlationId: true,
  replyTo: true,
  messageId: true,
  timestamp: true,
  type: true,
  appId: true,
})

/** How the options of one message are completed by those of all. */
export type CompleteOptions = (key: string, given: PublishOptions | undefined) => PublishOptions

/**
 * Completes the options of one message by those of all.
 *
 * @throws ServiceError (each call of what it returns) `ERR_INVALID_OPTION`
 */
export const publishOptions = (
  settings: Pick<Settings, 'service' | 'exchange' | 'exchanges' | 'mandatory' | 'encode'>,
): CompleteOptions => {
  const { service, exchange, exchanges, encode } = settings
  const contentType = contentTypeOf(encode)
  const isReturned = returnsDelivered(exchange, exchanges)
  return (key, given) => {
    const messageId = given?.messageId ?? randomUUID()
    const mandatory = (given?.mandatory ?? settings.mandatory) && !isReturned(key, given)
    // All of one shape, which makes amqplib's work on them half as long: `undefined` is to it as if it were not there.
    const options = { persistent: true, mandatory, contentType, messageId } as PublishOptions
    if (!given) return options
    known(service, given, PUBLISH_OPTIONS)
    const { deliveryMode = 2 } = given
    // Amqplib looks at this one first.
    const persistent = given.persistent ?? (deliveryMode === 2 || deliveryMode === true)
    return { ...options, ...given, mandatory, persistent, messageId }
  }
}

/** The options, checked and complete. */
export interface Settings {
  readonly service: string
  readonly lines: Lines
  readonly address: string
  /** `''` is the default exchange. */
  readonly exchange: string
  /** The exchanges to declare. */
  readonly exchanges: readonly ExchangeOptions[]
  readonly mandatory: boolean
  readonly maxPending: number
  readonly encode: Encode
}

const OPTIONS = [
  ...CONNECTION_OPTIONS,
  ...namesOf<Omit<AmqpPublisherOptions, keyof AmqpConnectionOptions>>({
    connection: true,
    exchange: true,
    exchanges: true,
    mandatory: true,
    maxPending: true,
    encode: true,
  }),
]

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION` */
export const settingsOf = (service: string, options: AmqpPublisherOptions): Settings => {
  must(service, 'options', isRecord(options), 'an object', options)
  known(service, options, OPTIONS)
  return publishingSettings(service, options)
}

/**
 * The settings of a service that publishes, whatever it is.
 *
 * @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`
 */
export const publishingSettings = (service: string, options: AmqpPublisherOptions): Settings => {
  const { mandatory = true, encode = 'json' } = options
  flag(service, 'mandatory', mandatory)
  checkEncode(service, encode)
  const maxPending = count(service, 'maxPending', options.maxPending, 1000)
  const { address, ...lines } = linesOf(service, options)
  return { service, lines, address, ...exchangesOf(service, options), mandatory, maxPending, encode }
}

/** The exchange to publish to, and all exchanges to declare. */
const exchangesOf = (
  service: string,
  { exchange = '', exchanges = [] }: AmqpPublisherOptions,
): Pick<Settings, 'exchange' | 'exchanges'> => {
  checkExchanges(service, 'exchanges', exchanges)
  if (!isRecord(exchange)) {
    must(service, 'exchange', typeof exchange === 'string', 'the name of an exchange', exchange)
    return { exchange, exchanges }
  }
  checkExchange(service, 'exchange', exchange)
  return { exchange: exchange.name, exchanges: [exchange, ...exchanges] }
}
