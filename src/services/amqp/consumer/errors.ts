import { messageOf, ServiceError } from '../../../core/errors.ts'
import { codeOf, connectError } from '../connection/errors.ts'
import type { ConnectionSettings } from '../connection/options.ts'
import type { Settings } from './options.ts'

// Refused, not found, locked by another connection, declared with other particulars.
const REPLIES: readonly unknown[] = [403, 404, 405, 406]

/** What went wrong while declaring the queue or beginning to consume: the queue's fault, or the connection's. */
export const queueError = (
  { service, queue, declare }: Settings,
  connection: ConnectionSettings,
  cause: unknown,
): ServiceError => {
  if (!REPLIES.includes(codeOf(cause))) return connectError(service, connection, cause)
  const { address } = connection
  const problem =
    codeOf(cause) !== 404
      ? `can't use queue "${queue}" at ${address}: ${messageOf(cause)}`
      : `found no queue "${queue}" at ${address}${declare ? `: ${messageOf(cause)}` : '; create it, or leave out `declare: false`'}`
  return new ServiceError('ERR_AMQP_QUEUE', service, `service "${service}" ${problem}`, { cause })
}

/** What went wrong with an exchange, as it was declared or bound to; what is not its fault stays as it is. */
export const exchangeError = ({ service, address }: Settings, exchange: string, cause: unknown): unknown =>
  REPLIES.includes(codeOf(cause))
    ? new ServiceError(
        'ERR_AMQP_EXCHANGE',
        service,
        `service "${service}" can't use exchange "${exchange}" at ${address}: ${messageOf(cause)}`,
        { cause },
      )
    : cause
