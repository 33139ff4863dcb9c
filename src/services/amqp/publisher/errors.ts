import { messageOf, type ServiceError } from '../../../core/errors.ts'
import { type AmqpErrorCode, amqpError } from '../amqp-error.ts'
import type { Outgoing } from './outgoing.ts'

/** Errors for the publisher of a message that is not published, or may not be. */
export interface PublishErrors {
  closed(): ServiceError
  bufferFull(held: number): ServiceError
  unroutable(message: Outgoing, exchange: string): ServiceError
  nacked(message: Outgoing, cause: unknown): ServiceError
  refused(message: Outgoing, cause: unknown): ServiceError
  unconfirmed(message: Outgoing): ServiceError
}

export const publishErrors = (service: string): PublishErrors => {
  const error = (code: AmqpErrorCode, what: string, cause?: unknown): ServiceError =>
    amqpError(code, service, what, cause)
  return {
    closed: () => error('ERR_AMQP_CLOSED', 'it is not running; publish after its start and before its stop'),
    bufferFull: held =>
      error(
        'ERR_AMQP_BUFFER_FULL',
        `${held} messages wait for the broker, which is its maxPending; publish slower, or raise maxPending`,
      ),
    unroutable: ({ key }, exchange) =>
      error(
        'ERR_AMQP_UNROUTABLE',
        exchange === ''
          ? `published a message to queue "${key}", which is not there; declare it first, or set mandatory: false`
          : `published a message with routing key "${key}" to exchange "${exchange}", which has no queue for it; bind one, or set mandatory: false`,
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
