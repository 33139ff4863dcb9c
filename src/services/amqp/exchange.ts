import type { Channel, Options } from 'amqplib'
import { messageOf } from '../../core/errors.ts'
import { amqpError } from './amqp-error.ts'
import { codeOf } from './connection/errors.ts'
import { mustBeFinite } from './connection/unsendable.ts'

/** An exchange with the particulars it is declared with: amqplib's, `durable: true` unless said otherwise. */
export interface ExchangeOptions extends Options.AssertExchange {
  readonly name: string
  readonly type: 'direct' | 'topic' | 'fanout' | 'headers' | (string & {})
}

// Refused, not found, locked by another connection, declared with other particulars.
const REPLIES: readonly unknown[] = [403, 404, 405, 406]

/** Whether it is the broker's answer to a request, rather than trouble on the way there. */
export const isRefusal = (cause: unknown): boolean => REPLIES.includes(codeOf(cause))

/** Who uses an exchange, for messages. */
interface User {
  readonly service: string
  readonly address: string
}

/** Asks something about an exchange. What is wrong with it is said by `ERR_AMQP_EXCHANGE`; what is not its fault stays as it is. */
export const withExchange = async (
  { service, address }: User,
  exchange: string,
  request: () => PromiseLike<unknown>,
): Promise<void> => {
  try {
    await request()
  } catch (cause) {
    if (!isRefusal(cause)) throw cause
    const what = `can't use exchange "${exchange}" at ${address}: ${messageOf(cause)}`
    throw amqpError('ERR_AMQP_EXCHANGE', service, what, cause)
  }
}

export const declareExchange = async (
  user: User,
  channel: Channel,
  { name, type, ...options }: ExchangeOptions,
): Promise<void> => {
  mustBeFinite(user.service, `exchange "${name}"`, options)
  await withExchange(user, name, () => channel.assertExchange(name, type, options))
}
