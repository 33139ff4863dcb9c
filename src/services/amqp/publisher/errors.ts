import { messageOf, ServiceError } from '../../../core/errors.ts'
import type { Outgoing } from './outgoing.ts'

/** What is said to those who publish when a message is not published, or nobody knows. */
export interface PublishErrors {
  closed(): ServiceError
  bufferFull(held: number): ServiceError
  unroutable(message: Outgoing, exchange: string): ServiceError
  nacked(message: Outgoing, cause: unknown): ServiceError
  refused(message: Outgoing, cause: unknown): ServiceError
  unconfirmed(message: Outgoing): ServiceError
}

export const publishErrors = (service: string): PublishErrors => {
  const error = (code: ServiceError['code'], problem: string, cause?: unknown): ServiceError =>
    new ServiceError(code, service, `service "${service}" ${problem}`, cause === undefined ? {} : { cause })
  return {
    closed: () =>
      error('ERR_AMQP_CLOSED', 'publishes nothing while it is not running: not before its start, not after its stop'),
    bufferFull: held =>
      error(
        'ERR_AMQP_BUFFER_FULL',
        `holds ${held} messages that the broker has not confirmed, and takes no more (maxPending)`,
      ),
    unroutable: ({ key }, exchange) =>
      error(
        'ERR_AMQP_UNROUTABLE',
        exchange === ''
          ? `published a message to queue "${key}", which is not there`
          : `published a message with routing key "${key}" to exchange "${exchange}", which has no queue for it`,
      ),
    nacked: ({ key }, cause) =>
      error(
        'ERR_AMQP_NACKED',
        `published a message with routing key "${key}", and the broker could not take it (a full queue, for example)`,
        cause,
      ),
    refused: ({ key }, cause) =>
      error('ERR_AMQP_REFUSED', `can't publish a message with routing key "${key}": ${messageOf(cause)}`, cause),
    unconfirmed: ({ key, written }) =>
      written
        ? error(
            'ERR_AMQP_UNCONFIRMED',
            `ended before the broker confirmed a message with routing key "${key}": it may have it, or not`,
          )
        : error('ERR_AMQP_CLOSED', `ended before it could publish a message with routing key "${key}"`),
  }
}
