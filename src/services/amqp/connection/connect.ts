import type { ChannelModel, SocketOptions } from 'amqplib'
import { withWordsOfBroker } from './words-of-broker.ts'

/**
 * Makes a connection, as amqplib's `connect` does. The options hold the credentials, the name of the connection, what
 * `tls` says, and a signal, which destroys the socket where it is honoured.
 */
export type AmqpConnect = (
  url: string,
  options: SocketOptions & { readonly signal: AbortSignal },
) => PromiseLike<ChannelModel>

// The package is needed only by a service that has no `connect` of its own.
export const connectWithAmqplib: AmqpConnect = async (url, options) => {
  const { connect } = await import('amqplib')
  // Amqplib obeys a signal that fires, but not one that has fired.
  options.signal.throwIfAborted()
  return withWordsOfBroker(() => connect(url, options))
}
