import type { ServiceError } from '../../../core/errors.ts'
import { milliseconds } from '../../../core/units.ts'
import { type AmqpErrorCode, amqpError } from '../amqp-error.ts'
import { type PublishErrors, publishErrors } from '../publisher/errors.ts'
import type { Outgoing } from '../publisher/outgoing.ts'

/** The errors of requests. A request that was never sent has a code of its own, because it is safe to send it again. */
export interface RequestErrors extends PublishErrors {
  /** No reply came in time. */
  late(request: Outgoing, timeout: number): ServiceError
  /** The channel of a request is gone, and its reply with it. */
  lost(request: Outgoing, cause: unknown): ServiceError
  /** The service ended. */
  ended(request: Outgoing): ServiceError
}

export const requestErrors = (service: string): RequestErrors => {
  const error = (code: AmqpErrorCode, what: string, cause?: unknown): ServiceError =>
    amqpError(code, service, what, cause)
  const unsent = (what: string) =>
    error('ERR_AMQP_NOT_SENT', `${what}; it was never sent, so that it may be sent again`)
  const named = ({ key }: Outgoing) => `a request with routing key "${key}"`
  return {
    ...publishErrors(service),
    closed: () => error('ERR_AMQP_CLOSED', 'it is not running; send requests after its start and before its stop'),
    bufferFull: held =>
      error(
        'ERR_AMQP_BUFFER_FULL',
        `${held} requests wait for their replies, which is its maxPending; send them slower, or raise maxPending`,
      ),
    unroutable: ({ key }, exchange) =>
      error(
        'ERR_AMQP_UNROUTABLE',
        `${
          exchange === ''
            ? `sent a request to queue "${key}", which is not there`
            : `sent a request with routing key "${key}" to exchange "${exchange}", which has no queue for it`
        }; start the service that replies first`,
      ),
    late: (request, timeout) =>
      request.written
        ? error(
            'ERR_AMQP_TIMEOUT',
            `got no reply within ${milliseconds(timeout)} to ${named(request)}: it may have been done, or not`,
          )
        : unsent(`could not send ${named(request)} within ${milliseconds(timeout)}: the broker was away or blocked`),
    lost: (request, cause) =>
      error(
        'ERR_AMQP_REPLY_LOST',
        `lost its channel before the reply to ${named(request)} came: it may have been done, or not`,
        cause,
      ),
    ended: request =>
      request.written
        ? error(
            'ERR_AMQP_REPLY_LOST',
            `ended before the reply to ${named(request)} came: it may have been done, or not`,
          )
        : unsent(`ended before it could send ${named(request)}`),
  }
}
