import { defer, finalize, Subscription } from 'rxjs'
import { callable } from '../../../core/options.ts'
import { checkName, type Service, service } from '../../../core/service.ts'
import { consumption } from './consumption.ts'
import { type BodyOf, type Decode, decoder } from './decode.ts'
import { handlerWorker } from './handling.ts'
import { type AmqpConsumerOptions, type MessageHandler, settingsOf } from './options.ts'

/**
 * A RabbitMQ consumer as a service, on amqplib: the handler is called with the decoded body of each message, which is
 * acknowledged when the handler has ended well. One that fails is tried again after a delay and parked after the last
 * attempt, unless `onError` says otherwise.
 *
 * It is running once it consumes. A refused connection, a missing virtual host or a locked queue is tried again until
 * the start times out. A refused password, a certificate that is not trusted, or a missing queue fails the start at
 * once. When the connection, its channel or the consumer is lost later, health turns to `fail`, with the reason. It is
 * opened anew, after 50 ms at first and 600 ms at most, until health is `pass` again. Only logins that are refused for
 * 5 minutes then fail the service. Health is `warn` while messages that failed can't be set aside.
 *
 * Asked to drain, it takes no more messages, hands back what arrives all the same, and waits for its handlers. When
 * the drain time is over their signals fire; those that still run 250 ms later are given up, told as `abandoned` in
 * the state's `info`, and the broker delivers their messages again. It ends with its acks known to have arrived.
 *
 * The state's `info` tells `broker` and `queue`, what there is of its three levels (`connection`: `connected` or
 * `connecting`, `channel`: `open` or `closed`, `consumer`: `consuming`, `cancelled` by the broker, or `stopped`), and,
 * once a second at most, `inFlight`, `handled`, `lastProgress` (when the last one had been handled, in ISO 8601), and
 * of `failed`, `retried`, `parked`, `dropped`, `requeued`, `deadLettered` those that are not 0, with `lastFailure`.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_AMQP_URL`, `ERR_INVALID_OPTION` at the call. The start fails with
 * `ERR_AMQP_UNREACHABLE`, `ERR_AMQP_CREDENTIALS`, `ERR_AMQP_CERTIFICATE`, `ERR_AMQP_VHOST`, `ERR_AMQP_QUEUE`,
 * `ERR_AMQP_EXCHANGE`, `ERR_INVALID_OPTION` or `ERR_MISSING_PACKAGE`.
 * @example
 * ```ts
 * const orders = amqpConsumer(
 *   'orders',
 *   { url: 'amqp://localhost', queue: 'orders', prefetch: 50 },
 *   async (order: { id: number }, { attempt }) => console.log('order', order.id, 'attempt', attempt),
 * )
 * ```
 */
export const amqpConsumer = <const Name extends string, D extends Decode = 'json', T extends BodyOf<D> = BodyOf<D>>(
  name: Name,
  options: AmqpConsumerOptions<D>,
  handler: MessageHandler<T>,
): Service<Name> => {
  checkName(name)
  const settings = settingsOf(name, options)
  callable(name, 'handler', handler)
  const decode = decoder(name, settings.decode)
  const handle = handler as MessageHandler
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const life = new Subscription()
        const { hooks } = consumption(settings, life, onEnded => handlerWorker(handle, decode, onEnded))
        return service(name, hooks)
          .lifecycle(shutdown$)
          .pipe(finalize(() => life.unsubscribe()))
      }),
  }
}
