import { isName, isRecord, refuse, type Whose } from '../../../core/options.ts'
import type { AmqpErrorCode } from '../amqp-error.ts'
import { addressOf, redacted } from './address.ts'
import type { AmqpCredentials } from './credentials.ts'

/** A broker, and how to log in there. */
export interface BrokerSettings {
  /** For people: no user, no password. */
  readonly address: string
  readonly vhost: string
  readonly user: string
  /** The URL begins with `amqps://`. */
  readonly isSecure: boolean
  /** The credentials of the URL. */
  readonly credentials: AmqpCredentials
  /** The URL to connect with. */
  urlFor(credentials: AmqpCredentials): string
}

/** A URL, or a list of URLs that are tried in turn. */
export type AmqpUrl = string | URL | readonly (string | URL)[]

/**
 * The brokers behind the option `url`.
 *
 * @throws ServiceError `ERR_AMQP_URL`
 */
export const brokersOf = (whose: Whose, urls: AmqpUrl, heartbeat: number | undefined): readonly BrokerSettings[] => {
  const list: readonly unknown[] = Array.isArray(urls) ? urls : [urls]
  if (list.length === 0) refuse(whose, 'url must have at least one URL, got an empty list', NO_URL)
  return list.map(url => brokerOf(parseUrl(whose, url), heartbeat))
}

const brokerOf = (url: URL, heartbeat: number | undefined): BrokerSettings => {
  if (heartbeat !== undefined || !url.searchParams.has('heartbeat')) {
    // In AMQP: whole seconds in 16 bits, 0 for none.
    const seconds = heartbeat === Infinity ? 0 : Math.min(65535, Math.ceil((heartbeat ?? 10_000) / 1000))
    url.searchParams.set('heartbeat', String(seconds))
  }
  const credentials =
    url.username === '' && url.password === ''
      ? { username: 'guest', password: 'guest' }
      : { username: decode(url.username), password: decode(url.password) }
  return {
    address: addressOf(url),
    vhost: decode(url.pathname.slice(1)) || '/',
    user: credentials.username,
    isSecure: url.protocol === 'amqps:',
    credentials,
    urlFor: given => {
      if (given === credentials) return url.href
      const other = new URL(url)
      other.username = encodeURIComponent(given.username)
      other.password = encodeURIComponent(given.password)
      return other.href
    },
  }
}

const NO_URL: AmqpErrorCode = 'ERR_AMQP_URL'
const WANTED = 'give amqp://user:password@host:port/vhost, special characters in percent-encoding'

const parseUrl = (whose: Whose, given: unknown): URL => {
  const text = given instanceof URL ? given.href : given
  if (!isName(text)) {
    const shown = isRecord(text) ? 'an object' : text === '' ? 'an empty string' : typeof text
    return refuse(whose, `not an AMQP URL: ${shown}; ${WANTED}`, NO_URL)
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isAmqp = url?.protocol === 'amqp:' || url?.protocol === 'amqps:'
  if (url && isAmqp && url.hostname !== '' && !endsInItsPassword(url)) return url
  return refuse(whose, `not an AMQP URL: ${redacted(text)}; ${WANTED}`, NO_URL)
}

/** A slash, `?` or `#` in a password ends the host: the rest of the password, and the host, are taken for a path. */
const endsInItsPassword = ({ username, password, pathname, search, hash }: URL): boolean =>
  username === '' && password === '' && `${pathname}${search}${hash}`.includes('@')

/** Decodes percent-encoding. A percent sign that encodes nothing stands for itself, as it does in amqplib. */
const decode = (text: string): string =>
  text.replace(/(?:%[\da-f]{2})+/gi, encoded => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      return encoded
    }
  })
