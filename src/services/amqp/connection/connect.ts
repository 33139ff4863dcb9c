import { optionalPackage } from '../../../core/optional-package.ts'
import type { Whose } from '../../../core/options.ts'
import loadAmqplib from './amqplib.cts'
import type { AmqpConnectOptions, AmqpModel } from './model.ts'
import { withWordsOfBroker } from './words-of-broker.ts'

/**
 * Makes a connection, as amqplib's `connect` does. The options hold the credentials, the name of the connection, what
 * `tls` says, and a signal, which destroys the socket where it is honoured.
 */
export type AmqpConnect = (url: string, options: AmqpConnectOptions) => PromiseLike<AmqpModel>

/** The other way out when amqplib is not installed. */
export const OTHERWISE = 'give a `connect`'

/**
 * The `connect` of the package amqplib. Only services without a `connect` of their own need that package.
 *
 * @throws ServiceError `ERR_MISSING_PACKAGE`
 */
export const connectWithAmqplib = (whose: Whose): AmqpConnect => {
  const { connect } = optionalPackage<typeof import('amqplib')>(whose, 'amqplib', loadAmqplib, OTHERWISE)
  return async (url, options) => {
    // Amqplib obeys a signal that fires, but not one that has fired.
    options.signal.throwIfAborted()
    return withWordsOfBroker(() => connect(url, options))
  }
}
