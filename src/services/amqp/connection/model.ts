import type { ConnectionOptions } from 'node:tls'
import type { Channel, ConfirmChannel } from 'amqplib'

/**
 * The options of amqplib's `connect`. Not all versions of amqplib have types for them.
 */
export interface AmqpConnectOptions extends ConnectionOptions {
  /** Fires when the connection is not wanted any more; the socket is then destroyed. */
  readonly signal: AbortSignal
  readonly noDelay?: boolean
  /** In milliseconds: how long the broker may be silent while the connection is opened. */
  readonly timeout?: number
  /** `connection_name` among them. */
  readonly clientProperties?: Record<string, unknown>
  /** A login. Default: that of the URL. */
  readonly credentials?: { readonly mechanism: string; readonly response: () => Buffer }
}

/** A connection: what is used of amqplib's `ChannelModel`, which has this shape in all versions of amqplib. */
export interface AmqpModel {
  /** The broker's description of itself. A broker inside the process gives none. */
  readonly connection?: { readonly serverProperties?: unknown }
  createChannel(): PromiseLike<Channel>
  createConfirmChannel(): PromiseLike<ConfirmChannel>
  close(): PromiseLike<void>
  // biome-ignore lint/suspicious/noExplicitAny: each event has details of its own
  on(event: string, listener: (...details: any[]) => void): unknown
  /** Gives the broker a new password. Early versions of amqplib can't. */
  updateSecret?(secret: Buffer, reason: string): PromiseLike<void>
}
