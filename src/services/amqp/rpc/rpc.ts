import { checkName, type Service } from '../../../core/service.ts'
import type { BodyOf, Decode } from '../consumer/decode.ts'
import { type BodyFor, type Encode, encoder } from '../publisher/encode.ts'
import { publishingLives } from '../publisher/lives.ts'
import { requestErrors } from './errors.ts'
import { type AmqpRpcOptions, checkRequest, type RequestOptions, settingsOf } from './options.ts'
import { makeRequests } from './requests.ts'

/** A service that sends requests and waits for their replies, for as long as it runs. */
export interface AmqpRpc<Name extends string = string, T = unknown, R = unknown> extends Service<Name> {
  /**
   * Sends a request, and settles when its reply has come. A reply in JSON holds anything: name its type
   * (`request<Price>(...)`), or check it in `decode`.
   *
   * @throws ServiceError (as a rejection)
   * - The request was sent, and may have been done or not: `ERR_AMQP_TIMEOUT` no reply came in time, or the handler
   *   failed; `ERR_AMQP_REPLY_LOST` the connection or channel was lost, or the service ended.
   * - Nothing was done: `ERR_AMQP_UNROUTABLE` no queue is there for it; `ERR_AMQP_NACKED` the broker could not take it;
   *   `ERR_AMQP_REFUSED` something is wrong with the message; `ERR_AMQP_NOT_SENT` the broker was away or blocked for
   *   the whole time; `ERR_AMQP_CLOSED` the service is not running; `ERR_AMQP_BUFFER_FULL` `maxPending` requests wait
   *   already; `ERR_AMQP_BODY` its body can't be encoded; `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION` an option is
   *   wrong.
   * - It was done: `ERR_AMQP_BODY` the reply can't be decoded.
   *
   * When its signal fires, it rejects with the reason of the signal.
   */
  readonly request: <Reply extends R = R>(routingKey: string, body: T, options?: RequestOptions) => Promise<Reply>
}

/**
 * Sends requests over RabbitMQ and waits for their replies, as a service, on amqplib. Any consumer can reply that
 * publishes to the `replyTo` of a message with its `correlationId`: an `amqpConsumer` does so by `reply(body)`.
 *
 * Replies come as direct replies (`amq.rabbitmq.reply-to`), without a queue, to the channel of the request. A request
 * is mandatory: without a queue for it, it rejects at once. When the channel is lost, all requests that were sent
 * reject, since their replies can't come any more; none is sent again. Requests made while the broker is away (health
 * `fail`) or blocked (`warn`) wait until they can be sent, or until their timeout.
 *
 * A handler that fails sends no reply. When it is retried, a later attempt may reply in time; otherwise the request
 * times out. To tell the client of an error, reply one.
 *
 * Add it before the services that use it, or name it in their `dependsOn`. If the consumer that replies is in the same
 * group, let the client name it in its own `dependsOn`: then the consumer drains after the client. While it drains it
 * takes requests, because other services finish their work meanwhile; it has drained when none waits for a reply. At
 * its own turn to stop it takes no more, and waits for the replies. Forced, it rejects the requests that are left, told
 * as `unanswered` in `info`.
 *
 * `info` tells `broker`, `exchange`, `connection`, `channel`, and once a second what has changed of `pending`,
 * `replied`, `lastProgress`, and how many were `timedOut`, `aborted`, `lost`, `unroutable`, `nacked`, `refused` or
 * `overflowed`. `late` counts the replies for which no request waited any more; they are dropped.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`,
 * `ERR_MISSING_PACKAGE` at the call. The start fails with `ERR_AMQP_UNREACHABLE`, `ERR_AMQP_CREDENTIALS`,
 * `ERR_AMQP_CERTIFICATE`, `ERR_AMQP_VHOST`, `ERR_AMQP_EXCHANGE` or `ERR_INVALID_OPTION`; later only logins refused for
 * 5 minutes fail it.
 * @example
 * ```ts
 * const url = 'amqp://localhost'
 * const prices = amqpConsumer('prices', { url, queue: 'prices' }, ({ item }: { item: string }, { reply }) =>
 *   reply({ item, price: 9.5 }),
 * )
 * const client = amqpRpc('client', { url, timeout: 2_000 })
 * const priceOf = (item: string) => client.request<{ price: number }>('prices', { item })
 * ```
 */
export const amqpRpc = <const Name extends string, D extends Decode, E extends Encode = 'json'>(
  name: Name,
  options: AmqpRpcOptions<E, D>,
): AmqpRpc<Name, BodyFor<E>, BodyOf<D>> => {
  checkName(name)
  const settings = settingsOf(name, options)
  const contentOf = encoder(name, settings.encode)
  const lives = publishingLives(name, settings, onChange => makeRequests(settings, onChange))
  return {
    name,
    request: async <Reply extends BodyOf<D>>(routingKey: string, body: BodyFor<E>, given: RequestOptions = {}) => {
      checkRequest(name, given)
      const requests = lives.open
      if (!requests) throw requestErrors(name).closed()
      const overflow = requests.overflow()
      if (overflow) throw overflow
      // The type of a reply is as good as its `decode`, or as the word of the caller.
      return (await requests.send(routingKey, contentOf(body), given)) as Reply
    },
    lifecycle: lives.lifecycle,
  }
}
