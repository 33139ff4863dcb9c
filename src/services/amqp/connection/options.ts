import { isName, must, namesOf, refuse, timerDuration, type Whose } from '../../../core/options.ts'
import { type AmqpUrl, type BrokerSettings, brokersOf } from './broker.ts'
import { type AmqpConnect, connectWithAmqplib } from './connect.ts'
import type { CredentialsFunction } from './credentials.ts'
import { type AmqpTlsOptions, checkTls } from './tls.ts'

/** Where the broker is, and how to connect to it. */
export interface AmqpConnectionOptions {
  /**
   * `amqp://user:password@host:port/vhost`, or `amqps://`. Special characters are percent-encoded. The URLs of a list
   * are tried in turn, without a pause in between. When a connection is lost, the next URL is the first to be tried.
   */
  readonly url: AmqpUrl
  /**
   * Returns the username and password to log in with, instead of those in the URL. It is called before each attempt to
   * connect. Default: the credentials of the URL, or `guest`.
   */
  readonly credentials?: CredentialsFunction
  /**
   * The name of the connection, which the broker shows in its list of connections. Default: the path of the service
   * that opens it in its group, and the name of the host, such as `shop/orders@web-1`.
   */
  readonly connectionName?: string
  /** Certificates for `amqps://`, such as `{ ca: readFileSync('ca.pem') }`. Default: what Node trusts. */
  readonly tls?: AmqpTlsOptions
  /**
   * How long one attempt to connect may take, in milliseconds, with the call of `credentials`. Default 5000. Opening a
   * channel and declaring have a clock of their own: the broker has 10 s for each answer.
   */
  readonly connectTimeout?: number
  /**
   * How often client and broker show that they live, in milliseconds, rounded up to whole seconds; two silent ones
   * end the connection. `Infinity` turns it off. Default: what the URL says (`?heartbeat=`, in seconds), or 10000.
   */
  readonly heartbeat?: number
  /**
   * Makes the connection. Default: `connect` of the package amqplib. For a broker inside the
   * process, or another way to log in:
   * `(url, options) => amqplib.connect(url, { ...options, credentials: amqplib.credentials.external() })`.
   */
  readonly connect?: AmqpConnect
}

/** The names of these options. */
export const CONNECTION_OPTIONS: readonly string[] = namesOf<AmqpConnectionOptions>({
  url: true,
  credentials: true,
  connectionName: true,
  tls: true,
  connectTimeout: true,
  heartbeat: true,
  connect: true,
})

/** The options, checked and complete. */
export interface ConnectionSettings {
  /** At least one. */
  readonly brokers: readonly BrokerSettings[]
  /** All brokers, for people: no user, no password. */
  readonly address: string
  readonly credentials: CredentialsFunction | undefined
  readonly connectionName: string | undefined
  readonly tls: AmqpTlsOptions | undefined
  readonly connectTimeout: number
  readonly connect: AmqpConnect
}

/** @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`, `ERR_MISSING_PACKAGE` */
export const connectionSettings = (whose: Whose, options: AmqpConnectionOptions): ConnectionSettings => {
  const { credentials, connectionName, tls, connectTimeout = 5000, heartbeat, connect } = options
  functionOrNothing(whose, 'connect', connect)
  functionOrNothing(whose, 'credentials', credentials)
  if (connectionName !== undefined)
    must(whose, 'connectionName', isName(connectionName), 'a text that is not empty', connectionName)
  timerDuration(whose, 'connectTimeout', connectTimeout, 1, true)
  if (heartbeat !== undefined) timerDuration(whose, 'heartbeat', heartbeat, 1, true)
  const brokers = brokersOf(whose, options.url, heartbeat)
  checkTls(
    whose,
    tls,
    brokers.every(({ isSecure }) => isSecure),
  )
  const address = [...new Set(brokers.map(broker => broker.address))].join(', ')
  return {
    brokers,
    address,
    credentials,
    connectionName,
    tls,
    connectTimeout,
    connect: connect ?? connectWithAmqplib(whose),
  }
}

// The value is not shown: it may be a URL or hold a password.
const functionOrNothing = (whose: Whose, option: string, value: unknown): void => {
  if (value !== undefined && typeof value !== 'function')
    refuse(whose, `${option} must be a function, got ${typeof value === 'object' ? 'an object' : typeof value}`)
}
