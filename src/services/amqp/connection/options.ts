import type { ChannelModel, SocketOptions } from 'amqplib'
import { callable, isName, namesOf, refuse, timerDuration, type Whose } from '../../../core/options.ts'
import type { AmqpErrorCode } from '../amqp-error.ts'

/** Makes a connection, as amqplib's `connect` does. The signal, where it is honoured, destroys the socket. */
export type AmqpConnect = (
  url: string,
  options: SocketOptions & { readonly signal: AbortSignal },
) => PromiseLike<ChannelModel>

/** Where the broker is, and how to connect to it. */
export interface AmqpConnectionOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps://`. Encode special characters in percent. */
  readonly url: string
  /** How long one attempt to connect may take, or to open a channel and begin, in milliseconds. Default 5000. */
  readonly connectTimeout?: number
  /**
   * How often client and broker show that they live, in milliseconds, rounded up to whole seconds; two silent ones
   * end the connection. `Infinity` turns it off. Default: what the URL says (`?heartbeat=`, in seconds), or 10000.
   */
  readonly heartbeat?: number
  /**
   * Makes the connection. Default: `connect` of the package amqplib, loaded when it is needed. For a broker inside the
   * process, or for TLS particulars: `(url, options) => amqplib.connect(url, { ...options, ca })`.
   */
  readonly connect?: AmqpConnect
}

/** The names of these options. */
export const CONNECTION_OPTIONS: readonly string[] = namesOf<AmqpConnectionOptions>({
  url: true,
  connectTimeout: true,
  heartbeat: true,
  connect: true,
})

/** The options, checked and complete. */
export interface ConnectionSettings {
  readonly url: string
  /** For people: no user, no password. */
  readonly address: string
  readonly vhost: string
  readonly user: string
  readonly connectTimeout: number
  readonly connect: AmqpConnect
}

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION` */
export const connectionSettings = (
  whose: Whose,
  { url: text, connectTimeout = 5000, heartbeat, connect = connectWithAmqplib }: AmqpConnectionOptions,
): ConnectionSettings => {
  callable(whose, 'connect', connect)
  timerDuration(whose, 'connectTimeout', connectTimeout, 1, true)
  if (heartbeat !== undefined) timerDuration(whose, 'heartbeat', heartbeat, 1, true)

  const url = parseUrl(whose, text)
  if (heartbeat !== undefined || !url.searchParams.has('heartbeat')) {
    // In AMQP: whole seconds in 16 bits, 0 for none.
    const seconds = heartbeat === Infinity ? 0 : Math.min(65535, Math.ceil((heartbeat ?? 10_000) / 1000))
    url.searchParams.set('heartbeat', String(seconds))
  }
  return {
    url: url.href,
    address: `${url.hostname}:${url.port || (url.protocol === 'amqps:' ? 5671 : 5672)}`,
    vhost: decode(url.pathname.slice(1)) || '/',
    user: decode(url.username) || 'guest',
    connectTimeout,
    connect,
  }
}

// Only who uses the default needs the package.
const connectWithAmqplib: AmqpConnect = async (url, options) => {
  const { connect } = await import('amqplib')
  // It heeds a signal that fires, but not one that has fired.
  options.signal.throwIfAborted()
  return connect(url, options)
}

// Only for messages: a URL that is oddly encoded may still be right.
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const parseUrl = (whose: Whose, text: string): URL => {
  const url = isName(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'amqp:' || url.protocol === 'amqps:') && url.hostname !== '') return url
  // What stands before the last @ may be a password.
  const shown = typeof text === 'string' ? `"${text.replace(/\/\/.*@/, '//***@')}"` : String(text)
  const what = `not an AMQP URL: ${shown}; give amqp://user:password@host:port/vhost, special characters in percent-encoding`
  return refuse(whose, what, 'ERR_AMQP_URL' satisfies AmqpErrorCode)
}
