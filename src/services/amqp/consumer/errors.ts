import { messageOf, ServiceError } from '../../../core/errors.ts'
import { codeOf, connectError } from '../connection/errors.ts'
import type { ConnectionSettings } from '../connection/options.ts'
import type { Settings } from './options.ts'

// Refused, not found, locked by another connection, declared with other particulars.
const QUEUE_REPLIES: readonly unknown[] = [403, 404, 405, 406]

/** What went wrong while declaring the queue or beginning to consume: the queue's fault, or the connection's. */
export const queueError = (
  { service, queue, declareWith }: Settings,
  connection: ConnectionSettings,
  cause: unknown,
): ServiceError => {
  if (!QUEUE_REPLIES.includes(codeOf(cause))) return connectError(service, connection, cause)
  const { address } = connection
  const problem =
    codeOf(cause) !== 404
      ? `can't use queue "${queue}" at ${address}: ${messageOf(cause)}`
      : `found no queue "${queue}" at ${address}${declareWith ? `: ${messageOf(cause)}` : '; create it, or leave out `declare: false`'}`
  return new ServiceError('ERR_AMQP_QUEUE', service, `service "${service}" ${problem}`, { cause })
}
