import { defer, finalize, Subscription } from 'rxjs'
import { callable } from '../../../core/options.ts'
import { checkName, type Service, service } from '../../../core/service.ts'
import { consumption } from './consumption.ts'
import { type BodyOf, type Decode, decoder } from './decode.ts'
import { handlerWorker } from './handling.ts'
import { type AmqpConsumerOptions, type MessageHandler, settingsOf } from './options.ts'

/**
 * A RabbitMQ consumer as a service, on amqplib. It calls the handler with the decoded body of each message, and
 * acknowledges the message when the handler has ended well. A message that fails is tried again after a delay, and
 * parked after the last attempt, unless `onError` says otherwise. With `handlerTimeout`, a message whose handler takes
 * too long has failed.
 *
 * `attempt` counts how often a message failed, and how often it came back without having been settled, as when it ends
 * its process. After `retry.limit` such deliveries (at least 3) the message fails with `ERR_AMQP_UNSETTLED`. Where the
 * broker would drop a message that comes back too often, it is parked or published anew before that.
 *
 * It is running once it consumes. A refused connection, a missing virtual host or a locked queue is tried again until
 * the start times out. A refused password, a certificate that is not trusted, or a missing queue fails the start at
 * once. When the connection, its channel or the consumer is lost later, health turns to `fail`, with the reason. It is
 * opened anew, after 50 ms at first and 600 ms at most, until health is `pass` again. Only logins that are refused for
 * 5 minutes then fail the service.
 *
 * Health is `warn` in four cases. A message that failed can't be set aside: it is held, and tried again. Replies wait
 * for the broker. A handler runs on 250 ms after it was asked to end: it no longer counts for `concurrency`, and
 * its message is not begun again before it ends. All places are taken, and no message has come to its end for 5 min.
 *
 * Asked to drain, it takes no more messages, gives back the messages that it has not begun, and waits for its handlers.
 * When the drain time is over their signals fire. Handlers that still run 250 ms later are counted as `abandoned` in
 * `info`, and the broker delivers their messages again. It ends with its acknowledgements known to have arrived. A
 * single active consumer keeps its channel until its handlers have ended, so that the next one begins after them.
 *
 * The state's `info` tells `broker` and `queue`, and its three levels: `connection` (`connected` or `connecting`),
 * `channel` (`open` or `closed`) and `consumer` (`consuming`, `cancelled` by the broker, or `stopped`). Once a second
 * at most it tells `inFlight`, `handled` (ended well and acknowledged) and `lastProgress` (when `handled` last rose, in
 * ISO 8601). Those of `failed`, `retried`, `parked`, `dropped`, `requeued` and `deadLettered` that are not 0 follow,
 * with `lastFailure`. `parked` counts copies that the broker has confirmed. `dropped` counts messages of
 * `onError: 'drop'`, and with `noAck` the messages that are left when the drain time is over.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE` at the call. The
 * start fails with `ERR_AMQP_UNREACHABLE`, `ERR_AMQP_CREDENTIALS`, `ERR_AMQP_CERTIFICATE`, `ERR_AMQP_VHOST`,
 * `ERR_AMQP_QUEUE`, `ERR_AMQP_EXCHANGE` or `ERR_INVALID_OPTION`.
 * @example
 * ```ts
 * const orders = amqpConsumer(
 *   'orders',
 *   { url: 'amqp://localhost', queue: 'orders', prefetch: 50 },
 *   async (order: { id: number }, { attempt }) => console.log('order', order.id, 'attempt', attempt),
 * )
 * ```
 */
export const amqpConsumer = <const Name extends string, D extends Decode, T extends BodyOf<D> = BodyOf<D>>(
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
