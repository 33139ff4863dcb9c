import {
  defer,
  finalize,
  from,
  fromEvent,
  ignoreElements,
  lastValueFrom,
  merge,
  Subscription,
  takeUntil,
  tap,
  timer,
} from 'rxjs'
import { messageOf, ServiceError } from '../../../core/errors.ts'
import type { ServiceContext } from '../../../core/hook-call.ts'
import { checkName, type Service, type ServiceHooks, service } from '../../../core/service.ts'
import type { Info } from '../../../core/state.ts'
import { type ChannelState, type OpenChannel, superviseChannel } from '../connection/channel.ts'
import { isFinal } from '../connection/errors.ts'
import type { Hold } from '../connection/line.ts'
import type { Delivery } from './delivery.ts'
import { queueError } from './errors.ts'
import { inFlight } from './in-flight.ts'
import { type AmqpConsumerOptions, type MessageHandler, type Settings, settingsOf } from './options.ts'
import { consume, type Session } from './session.ts'

/** How long handlers may take to end once their signal has fired, in milliseconds. */
const GRACE = 250

/**
 * A RabbitMQ consumer as a service, on amqplib.
 *
 * It is running once it consumes. A refused connection is tried again until the start times out; a refused password or
 * virtual host, or a missing queue, fails the start at once. When the connection, its channel or the consumer is lost
 * later, health turns to `fail` and it is opened anew, after 50 ms at first and 600 ms at most, until it is `pass` again; only a password refused then fails the service.
 *
 * Asked to drain, it takes no more messages, hands back what arrives all the same, and waits for its handlers. When
 * the drain time is over their signals fire; those that still run 250 ms later are given up, told as `abandoned` in
 * the state's `info`, and the broker delivers their messages again. It ends with its acks known to have arrived.
 *
 * The state's `info` tells `broker` and `queue`, and once handlers have failed, how many (`failed`) and the last
 * reason (`lastFailure`).
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_AMQP_URL`, `ERR_INVALID_OPTION` at the call. The start fails with
 * `ERR_AMQP_UNREACHABLE`, `ERR_AMQP_CREDENTIALS`, `ERR_AMQP_VHOST`, `ERR_AMQP_QUEUE` or `ERR_MISSING_PACKAGE`.
 * @example
 * ```ts
 * const orders = amqpConsumer('orders', { url: 'amqp://localhost', queue: 'orders', prefetch: 50 }, async message => {
 *   const order = JSON.parse(message.content.toString())
 *   console.log('order', order.id)
 * })
 * ```
 */
export const amqpConsumer = <const Name extends string>(
  name: Name,
  options: AmqpConsumerOptions,
  handler: MessageHandler,
): Service<Name> => {
  checkName(name)
  const settings = settingsOf(name, options)
  if (typeof handler !== 'function')
    throw new ServiceError('ERR_INVALID_OPTION', name, `service "${name}" needs a function that handles a message`)
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const life = new Subscription()
        return service(name, consumerHooks(settings, handler, life))
          .lifecycle(shutdown$)
          .pipe(finalize(() => life.unsubscribe()))
      }),
  }
}

/** One life of a consumer. To unsubscribe `life` is to let go of everything. */
const consumerHooks = (settings: Settings, handler: MessageHandler, life: Subscription): ServiceHooks => {
  const { service, address, queue, lines } = settings
  // Failed messages, each with the timer after which it is handed back. All belong to the present session.
  const retries = new Map<Delivery, Subscription>()
  let hold: Hold | undefined
  let channel: OpenChannel<Session> | undefined
  let leaving: Promise<void> | undefined
  let failed = 0
  let tell: ServiceContext['info'] = () => {}

  const dropRetries = () => {
    for (const retry of retries.values()) retry.unsubscribe()
    retries.clear()
  }
  /** What was delivered over a lost session is delivered again: who works on it should know. */
  const forgetSession = () => {
    channel?.opened.close()
    channel = undefined
    dropRetries()
    flight.abort()
  }
  life.add(forgetSession)

  const onFailure = (delivery: Delivery) => {
    const { session } = delivery
    if (settings.onError === 'reject') return session.nack(delivery, false)
    if (leaving) return session.nack(delivery, true)
    const handBack = () => {
      retries.delete(delivery)
      session.nack(delivery, true)
    }
    retries.set(delivery, timer(settings.retryDelay).subscribe(handBack))
  }

  const flight = inFlight(handler, (delivery, ended) => {
    const { session } = delivery
    if (ended.how === 'done') return session.ack(delivery)
    if (ended.how === 'aborted') return session.nack(delivery, true)
    onFailure(delivery)
    tell({ failed: ++failed, lastFailure: messageOf(ended.error) })
  })

  const onDelivery = (delivery: Delivery) => {
    if (leaving) delivery.session.nack(delivery, true)
    else flight.handle(delivery)
  }

  const giveUp = () => {
    const abandoned = flight.giveUp()
    for (const delivery of abandoned) delivery.session.nack(delivery, true)
    if (abandoned.length > 0) tell({ abandoned: abandoned.length })
  }

  /** From this very tick on no message is started, and nothing connects again. Settles when no more are delivered. */
  const leave = (): Promise<void> => {
    if (leaving) return leaving
    if (channel) {
      leaving = channel.opened.cancel()
      for (const delivery of retries.keys()) delivery.session.nack(delivery, true)
      dropRetries()
    } else {
      leaving = Promise.resolve()
      life.unsubscribe()
    }
    tell({ consumer: 'stopped' })
    return leaving
  }

  const start = (context: ServiceContext): Promise<void> =>
    new Promise((resolve, reject) => {
      const { signal, setHealth, fail } = context
      tell = context.info
      let running = false
      let lastError: Error | undefined
      tell({ broker: address, queue })

      const onMissing = (missing: Level, error: Error | undefined) => {
        forgetSession()
        if (leaving) return life.unsubscribe()
        if (error && isFinal(error, running)) {
          if (running) giveUp()
          life.unsubscribe()
          return running ? fail(error) : reject(error)
        }
        if (error && running && error.message !== lastError?.message) setHealth('fail', error.message)
        lastError = error ?? lastError
        tell(levels(missing))
      }
      const onChannel = (state: ChannelState<Session>) => {
        if (state.missing !== undefined) return onMissing(state.missing, state.error)
        channel = state
        tell(levels(undefined))
        if (running) setHealth('pass')
        running = true
        lastError = undefined
        resolve()
        queueMicrotask(() => state.opened.begin())
      }

      const held = lines.consuming.hold(service)
      hold = held
      const channels$ = superviseChannel(held, {
        create: model => model.createChannel(),
        prepare: (opened, lose) => consume(settings, opened, lose, onDelivery),
        explain: error => queueError(settings, held.settings, error),
      })
      life.add(channels$.subscribe(onChannel))
      life.add(() => held.drop())

      const cancel = () => {
        if (running) return
        life.unsubscribe()
        // A start that timed out is named after what kept it from connecting.
        reject(context.reason?.by === 'failure' ? (lastError ?? signal.reason) : signal.reason)
      }
      signal.addEventListener('abort', cancel, { once: true })
    })

  const drain = ({ pending }: ServiceContext) =>
    merge(from(leave()).pipe(ignoreElements()), flight.untilIdle$().pipe(tap(pending)))

  const stop = async ({ signal, pending }: ServiceContext): Promise<void> => {
    void leave()
    flight.abort()
    // Under force those that end at once still count as ended.
    const graceOver$ = merge(timer(signal.aborted ? 0 : GRACE), fromEvent(signal, 'abort'))
    await lastValueFrom(flight.untilIdle$().pipe(tap(pending), takeUntil(graceOver$)), { defaultValue: 0 })
    giveUp()
    channel?.opened.flush()
    // The channel first, since only the answer to its close says that the last acks arrived.
    await channel?.close()
    await hold?.leave()
    life.unsubscribe()
  }

  return { start, drain, stop, force: () => life.unsubscribe() }
}

type Level = 'connection' | 'channel' | 'consumer'

/** What there is of the three levels, said in a word each. */
const levels = (missing: Level | undefined): Info => ({
  connection: missing === 'connection' ? 'connecting' : 'connected',
  channel: missing === 'connection' || missing === 'channel' ? 'closed' : 'open',
  consumer: missing === undefined ? 'consuming' : missing === 'consumer' ? 'cancelled' : 'stopped',
})
