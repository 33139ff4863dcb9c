import { messageOf, type ServiceError } from '../../../core/errors.ts'
import { amqpError } from '../amqp-error.ts'
import type { BrokerSettings } from '../connection/broker.ts'
import { codeOf, connectError } from '../connection/errors.ts'
import { isRefusal } from '../exchange.ts'
import type { Settings } from './options.ts'

/** The error of declaring the queue or beginning to consume: the queue's fault, or the connection's. */
export const queueError = (
  { service, queue, declare }: Settings,
  broker: BrokerSettings,
  cause: unknown,
): ServiceError => {
  if (!isRefusal(cause)) return connectError(service, broker, cause)
  const { address } = broker
  const advice = declare === true ? `: ${messageOf(cause)}` : '; create it, or leave out `declare: false`'
  const problem =
    codeOf(cause) === 404
      ? `found no queue "${queue.name}" at ${address}${advice}`
      : `can't use queue "${queue.name}" at ${address}: ${messageOf(cause)}`
  return amqpError('ERR_AMQP_QUEUE', service, problem, cause)
}

/** Whether the broker has closed a channel because a message was not settled in time. */
export const isDeliveryTimeout = (error: Error | undefined): boolean =>
  error?.message.includes('delivery acknowledgement on channel') ?? false
