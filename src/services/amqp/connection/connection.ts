import { isRecord, known, must, refuse } from '../../../core/options.ts'
import { shared } from '../../../core/shared.ts'
import { type Line, makeLine } from './line.ts'
import { type AmqpConnectionOptions, CONNECTION_OPTIONS, connectionSettings } from './options.ts'

/** A connection to a broker that services share: give it to them as their `connection`. */
export interface AmqpConnection {
  /** Host and port of its brokers, for people. */
  readonly address: string
}

/** Two connections, because a broker that blocks publishers would stop the consumers beside them. */
export interface Lines {
  readonly consuming: Line
  readonly publishing: Line
}

const linesOfConnection = shared('lines.1', () => new WeakMap<AmqpConnection, Lines>())

/**
 * A connection to RabbitMQ that several services share. Underneath are up to two, one for those who consume and one for
 * those who publish, since a broker that is out of memory or disk stops answering whoever publishes.
 *
 * Nothing happens until a service that was given it starts: the first opens the connection, the last to stop closes it
 * and waits for that. When it is lost it is opened anew for all of them, after 50 ms at first and 600 ms at most.
 *
 * A login that is refused at the start of a service fails it at once. Later it is tried again for 5 minutes, with
 * pauses of up to 5 s: health is `fail`, and then the services fail with `ERR_AMQP_CREDENTIALS`.
 *
 * @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`, `ERR_MISSING_PACKAGE`
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 *
 * const connection = amqpConnection({
 *   url: ['amqp://rabbit-1', 'amqp://rabbit-2'],
 *   credentials: async () => ({ username: 'shop', password: await readFile('/run/secrets/amqp', 'utf8') }),
 *   heartbeat: 5_000,
 * })
 * const orders = amqpConsumer('orders', { connection, queue: 'orders' }, () => console.log('an order'))
 * const mails = amqpConsumer('mails', { connection, queue: 'mails' }, () => console.log('a mail'))
 * ```
 */
export const amqpConnection = (options: AmqpConnectionOptions): AmqpConnection => {
  const whose = { kind: 'amqpConnection', name: '' }
  must(whose, 'options', isRecord(options), 'an object', options)
  known(whose, options, CONNECTION_OPTIONS)
  const settings = connectionSettings(whose, options)
  const connection: AmqpConnection = Object.freeze({ address: settings.address })
  linesOfConnection().set(connection, { consuming: makeLine(settings), publishing: makeLine(settings) })
  return connection
}

/** The connection of a service: one that is shared (`connection`), or what it takes to have its own (`url`). */
export interface ConnectionChoice extends Partial<AmqpConnectionOptions> {
  /** A connection shared with other services, instead of `url` and what belongs to it. */
  readonly connection?: AmqpConnection
}

const OWN = CONNECTION_OPTIONS as readonly (keyof AmqpConnectionOptions)[]

/**
 * The lines a service was given, or those of its own.
 *
 * @throws ServiceError `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`
 */
export const linesOf = (service: string, options: ConnectionChoice): Lines & { readonly address: string } => {
  const { connection, url } = options
  if (connection === undefined) {
    if (url === undefined) return refuse(service, 'no broker is named; give its url, or a connection')
    const settings = connectionSettings(service, { ...options, url })
    return { address: settings.address, consuming: makeLine(settings), publishing: makeLine(settings) }
  }
  const both = OWN.find(option => options[option] !== undefined)
  if (both) return refuse(service, `give either a connection, which has its ${both} already, or a ${both} of its own`)
  const lines = linesOfConnection().get(connection)
  return lines ? { address: connection.address, ...lines } : refuse(service, 'connection must be an amqpConnection')
}
