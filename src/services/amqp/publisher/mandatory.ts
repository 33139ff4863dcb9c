import type { ExchangeOptions } from '../exchange.ts'
import type { PublishOptions } from './options.ts'

/** The names of direct replies begin so: no queue, but a consumer on one channel of the client. */
const REPLY_TO = 'amq.rabbitmq.reply-to.'

/** The type of exchange that keeps a message for the time its header `x-delay` says, in ms. It needs a plugin. */
const DELAYED = 'x-delayed-message'

/** The longest delay that the plugin applies, in milliseconds. */
const LONGEST_DELAY = 4_294_967_295

const isReplyTo = (key: unknown): boolean => typeof key === 'string' && key.startsWith(REPLY_TO)

/** Whether a message for the default exchange is a direct reply, or one of its copies is. */
const isDirectReply = (key: string, options: PublishOptions | undefined): boolean =>
  isReplyTo(key) || (options !== undefined && [options.CC, options.BCC].flat().some(isReplyTo))

const isDelayed = (headers: Readonly<Record<string, unknown>> | undefined): boolean => {
  const delay = Number(headers?.['x-delay'])
  return delay >= 1 && delay <= LONGEST_DELAY
}

/**
 * Whether the broker would return a mandatory message as unroutable although it delivers it: a direct reply, and a
 * message that a delayed-message exchange keeps for later. An exchange of unknown type counts as such an exchange when
 * the message has an `x-delay`, because no other type of exchange knows this header.
 */
export const returnsDelivered =
  (exchange: string, declared: readonly ExchangeOptions[]) =>
  (key: string, options: PublishOptions | undefined): boolean => {
    if (exchange === '') return isDirectReply(key, options)
    if (options?.headers === undefined) return false
    const { type = DELAYED } = declared.find(({ name }) => name === exchange) ?? {}
    return type === DELAYED && isDelayed(options.headers)
  }
