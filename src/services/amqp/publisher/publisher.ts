import { checkName, type Service } from '../../../core/service.ts'
import type { Info } from '../../../core/state.ts'
import { type BodyFor, type Encode, encoder } from './encode.ts'
import { publishErrors } from './errors.ts'
import { publishingLives } from './lives.ts'
import { type AmqpPublisherOptions, type PublishOptions, publishOptions, settingsOf } from './options.ts'
import { makeOutbox, type Outbox } from './outbox.ts'

/** A service that publishes messages, for as long as it runs. */
export interface AmqpPublisher<Name extends string = string, T = unknown> extends Service<Name> {
  /**
   * Publishes a message; settles when the broker has confirmed it, which for a durable queue means that it is kept.
   * While the broker is away or blocked the message waits, and one that was sent and not confirmed is sent again, in
   * order: it arrives at least once. Not awaited, it needs a `catch` of its own.
   *
   * @throws ServiceError (as a rejection) `ERR_AMQP_UNROUTABLE` no queue is there for it; `ERR_AMQP_NACKED` the broker
   * could not take it; `ERR_AMQP_REFUSED` something is wrong with the message, or it may not be published;
   * `ERR_AMQP_BODY` its body can't be encoded; `ERR_INVALID_OPTION` an option is unknown; `ERR_AMQP_BUFFER_FULL`
   * `maxPending` messages are held already;
   * `ERR_AMQP_CLOSED` the publisher is not running; `ERR_AMQP_UNCONFIRMED` it ended before the broker had confirmed.
   */
  readonly publish: (routingKey: string, body: T, options?: PublishOptions) => Promise<void>
}

/**
 * Publishes to RabbitMQ, as a service, on amqplib. It confirms each message, and loses none without saying so.
 *
 * It is running once it has a channel. When that or the connection is lost, health turns to `fail`, it is opened anew,
 * and what waits is published then; while the broker is blocked (out of memory or disk) health is `warn`. Add it before
 * those who use it, or name it in their `dependsOn`: it does not drain, since they publish while they do, and stops
 * after them. At its own turn to stop it takes no more and waits for what the broker has yet to confirm; forced, it
 * rejects what is left, told as `unconfirmed` in the state's `info`.
 *
 * `info` tells `broker`, `exchange`, `connection`, `channel`, and once a second what has changed of `pending`,
 * `confirmed`, `lastProgress`, and how many were `unroutable`, `nacked`, `refused` or `overflowed`.
 *
 * What can be published is anything JSON holds; to have it checked, say so: `AmqpPublisher<'outbox', Order>`.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_AMQP_URL`, `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE` at the call. The
 * start fails with `ERR_AMQP_UNREACHABLE`, `ERR_AMQP_CREDENTIALS`, `ERR_AMQP_CERTIFICATE`, `ERR_AMQP_VHOST`,
 * `ERR_AMQP_EXCHANGE` or `ERR_INVALID_OPTION`; later only logins that are refused for 5 minutes fail it.
 * @example
 * ```ts
 * const outbox = amqpPublisher('outbox', { url: 'amqp://localhost', exchange: { name: 'orders', type: 'topic' } })
 * const accept = (id: number) => outbox.publish('order.accepted', { id })
 * ```
 */
export const amqpPublisher = <const Name extends string, E extends Encode = 'json'>(
  name: Name,
  options: AmqpPublisherOptions<E>,
): AmqpPublisher<Name, BodyFor<E>> => {
  checkName(name)
  const settings = settingsOf(name, options)
  const contentOf = encoder(name, settings.encode)
  const optionsOf = publishOptions(settings)
  const lives = publishingLives(name, settings, onChange => {
    const outbox = makeOutbox(settings, onChange)
    return { outbox, numbers: numbersOf(outbox), givenUp: 'unconfirmed' }
  })
  return {
    name,
    publish: (routingKey, body, given) => {
      const outbox = lives.open?.outbox
      if (!outbox) return Promise.reject(publishErrors(name).closed())
      const overflow = outbox.overflow()
      if (overflow) return Promise.reject(overflow)
      let content: Buffer
      let options: PublishOptions
      try {
        content = contentOf(body)
        options = optionsOf(routingKey, given)
      } catch (error) {
        return Promise.reject(error)
      }
      return outbox.publish(routingKey, content, options)
    },
    lifecycle: lives.lifecycle,
  }
}

/** The numbers of an outbox, for `info`. */
const numbersOf = (outbox: Outbox): (() => Info) => {
  let toldConfirmed = 0
  return () => {
    const { confirmed, ...rest } = outbox.tally
    const now: Record<string, number | string> = { pending: outbox.size, confirmed }
    for (const [name, count] of Object.entries(rest)) if (count > 0) now[name] = count
    if (confirmed > toldConfirmed) now['lastProgress'] = new Date().toISOString()
    toldConfirmed = confirmed
    return now
  }
}
