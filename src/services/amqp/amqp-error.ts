import { type ServiceError, serviceError } from '../../core/errors.ts'

/** The codes of the errors of RabbitMQ services. */
export type AmqpErrorCode =
  | 'ERR_AMQP_URL'
  | 'ERR_AMQP_UNREACHABLE'
  | 'ERR_AMQP_CREDENTIALS'
  | 'ERR_AMQP_CERTIFICATE'
  | 'ERR_AMQP_VHOST'
  | 'ERR_AMQP_QUEUE'
  | 'ERR_AMQP_EXCHANGE'
  | 'ERR_AMQP_BODY'
  | 'ERR_AMQP_HANDLER_TIMEOUT'
  | 'ERR_AMQP_UNSETTLED'
  | 'ERR_AMQP_UNROUTABLE'
  | 'ERR_AMQP_NACKED'
  | 'ERR_AMQP_REFUSED'
  | 'ERR_AMQP_BUFFER_FULL'
  | 'ERR_AMQP_UNCONFIRMED'
  | 'ERR_AMQP_CLOSED'
  | 'ERR_AMQP_TIMEOUT'
  | 'ERR_AMQP_NOT_SENT'
  | 'ERR_AMQP_REPLY_LOST'
  | 'ERR_AMQP_NO_REPLY_TO'

/** An error of a RabbitMQ service, for people who want to know what to do. */
export const amqpError = (
  code: AmqpErrorCode | 'ERR_INVALID_OPTION',
  service: string,
  what: string,
  cause?: unknown,
): ServiceError => serviceError(code, service, what, cause === undefined ? {} : { cause })
