import type { ChannelModel, ConsumeMessage, Options, SocketOptions } from 'amqplib'
import { ServiceError } from '../../core/errors.ts'

/** Makes a connection, as amqplib's `connect` does. The signal, where it is honoured, destroys the socket. */
export type AmqpConnect = (
  url: string,
  options: SocketOptions & { readonly signal: AbortSignal },
) => PromiseLike<ChannelModel>

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
export interface AmqpConsumerOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps://`. Encode special characters in percent. */
  readonly url: string
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
  /** How long one attempt to connect and to begin consuming may take, in milliseconds. Default 5000. */
  readonly connectTimeout?: number
  /**
   * How often client and broker show that they live, in milliseconds, rounded up to whole seconds; two silent ones
   * end the connection. `Infinity` turns it off. Default: what the URL says (`?heartbeat=`, in seconds), or 10000.
   */
  readonly heartbeat?: number
  /**
   * Makes the connection. Default: `connect` of the package amqplib, loaded at the start. For a broker inside the
   * process, or for TLS particulars: `(url, options) => amqplib.connect(url, { ...options, ca })`.
   */
  readonly connect?: AmqpConnect
}

/** The options, checked and complete. */
export interface Settings {
  readonly service: string
  readonly url: string
  /** For people: no user, no password. */
  readonly address: string
  readonly vhost: string
  readonly user: string
  readonly queue: string
  /** `undefined` leaves the queue alone. */
  readonly declareWith: Options.AssertQueue | undefined
  readonly prefetch: number
  readonly onError: 'retry' | 'reject'
  readonly retryDelay: number
  readonly connectTimeout: number
  readonly connect: AmqpConnect
}

// setTimeout fires at once when asked for more.
const LONGEST_TIMER = 2 ** 31 - 1

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION` */
export const settingsOf = (service: string, options: AmqpConsumerOptions, defaultConnect: AmqpConnect): Settings => {
  const check = (option: string, good: boolean, wanted: string, given: unknown) => {
    if (!good)
      throw new ServiceError(
        'ERR_INVALID_OPTION',
        service,
        `service "${service}": ${option} must be ${wanted}, not ${typeof given === 'string' ? `"${given}"` : String(given)}`,
      )
  }
  const checkTime = (option: string, ms: number, least: number, orInfinity: boolean) =>
    check(
      option,
      typeof ms === 'number' && ms >= least && (ms <= LONGEST_TIMER || (orInfinity && ms === Infinity)),
      `milliseconds, at least ${least}${orInfinity ? ', or Infinity' : ''}`,
      ms,
    )

  check('options', typeof options === 'object' && options !== null, 'an object', options)
  const { prefetch = 10, onError = 'retry', retryDelay = 1000, connectTimeout = 5000, declare = true } = options
  const { heartbeat, connect = defaultConnect } = options
  const { name: queue, ...particulars } =
    typeof options.queue === 'object' && options.queue !== null ? options.queue : { name: options.queue }
  check('queue', typeof queue === 'string' && queue !== '', 'the name of a queue', queue)
  check('prefetch', Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65535, '1 to 65535', prefetch)
  check('onError', onError === 'retry' || onError === 'reject', '"retry" or "reject"', onError)
  check('connect', typeof connect === 'function', 'a function', connect)
  check('declare', typeof declare === 'boolean', 'true or false', declare)
  checkTime('retryDelay', retryDelay, 0, false)
  checkTime('connectTimeout', connectTimeout, 1, true)
  if (heartbeat !== undefined) checkTime('heartbeat', heartbeat, 1, true)

  const url = parseUrl(service, options.url)
  if (heartbeat !== undefined || !url.searchParams.has('heartbeat')) {
    // In AMQP: whole seconds in 16 bits, 0 for none.
    const seconds = heartbeat === Infinity ? 0 : Math.min(65535, Math.ceil((heartbeat ?? 10_000) / 1000))
    url.searchParams.set('heartbeat', String(seconds))
  }
  return {
    service,
    url: url.href,
    address: `${url.hostname}:${url.port || (url.protocol === 'amqps:' ? 5671 : 5672)}`,
    vhost: decode(url.pathname.slice(1)) || '/',
    user: decode(url.username) || 'guest',
    queue,
    declareWith: declare ? { durable: true, ...particulars } : undefined,
    prefetch,
    onError,
    retryDelay,
    connectTimeout,
    connect,
  }
}

// Only for messages: a URL that is oddly encoded may still be right.
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const parseUrl = (service: string, text: string): URL => {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'amqp:' || url.protocol === 'amqps:') && url.hostname !== '') return url
  // What stands before the last @ may be a password.
  const shown = typeof text === 'string' ? `"${text.replace(/\/\/.*@/, '//***@')}"` : String(text)
  throw new ServiceError(
    'ERR_AMQP_URL',
    service,
    `service "${service}": not an AMQP URL: ${shown}; give amqp://user:password@host:port/vhost, special characters in percent-encoding`,
  )
}
