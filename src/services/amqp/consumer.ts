import type { ConsumeMessage } from 'amqplib'
import {
  defer,
  EMPTY,
  finalize,
  from,
  fromEvent,
  ignoreElements,
  lastValueFrom,
  merge,
  retry,
  Subscription,
  takeUntil,
  tap,
  throwError,
  timer,
} from 'rxjs'
import { messageOf, ServiceError } from '../../core/errors.ts'
import type { ServiceContext } from '../../core/hook-call.ts'
import { checkName, type Service, type ServiceHooks, service } from '../../core/service.ts'
import { backoff } from './backoff.ts'
import { isFinal } from './errors.ts'
import { type Delivery, inFlight } from './in-flight.ts'
import {
  type AmqpConnect,
  type AmqpConsumerOptions,
  type MessageHandler,
  type Settings,
  settingsOf,
} from './options.ts'
import { openSession, type Session } from './session.ts'

/** Consuming for this long, in milliseconds, a connection counts as stable: the next loss begins a new backoff. */
const STABLE_AFTER = 10_000
/** How long handlers may take to end once their signal has fired, in milliseconds. */
const GRACE = 250

/**
 * A RabbitMQ consumer as a service, on amqplib.
 *
 * It is running once it consumes. A refused connection is tried again until the start times out; a refused password or
 * virtual host, or a missing queue, fails the start at once. When the connection, its channel or the consumer is lost
 * later, health turns to `warn` and all three are opened anew, after 100 ms at first and 1 s at most, until it is
 * `pass` again; only a password refused then fails the service.
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
  const settings = settingsOf(name, options, connectWithAmqplib)
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

// Only who uses the default needs the package.
const connectWithAmqplib: AmqpConnect = async (url, options) => {
  const { connect } = await import('amqplib')
  // It heeds a signal that fires, but not one that has fired.
  options.signal.throwIfAborted()
  return connect(url, options)
}

/** One life of a consumer. To unsubscribe `life` is to let go of everything. */
const consumerHooks = (settings: Settings, handler: MessageHandler, life: Subscription): ServiceHooks => {
  // Failed messages, each with the timer after which it is handed back. All belong to the present session.
  const retries = new Map<ConsumeMessage, Subscription>()
  let session: Session | undefined
  let stable: Subscription | undefined
  let leaving: Promise<void> | undefined
  let failed = 0
  let tell: ServiceContext['info'] = () => {}

  const dropRetries = () => {
    for (const retry of retries.values()) retry.unsubscribe()
    retries.clear()
  }
  /** What was delivered over a lost session is delivered again: who works on it should know. */
  const forgetSession = () => {
    session = undefined
    stable?.unsubscribe()
    dropRetries()
    flight.abort()
  }
  life.add(forgetSession)

  const onFailure = ({ message, session }: Delivery) => {
    if (settings.onError === 'reject') return session.nack(message, false)
    if (leaving) return session.nack(message, true)
    const handBack = () => {
      retries.delete(message)
      session.nack(message, true)
    }
    retries.set(message, timer(settings.retryDelay).subscribe(handBack))
  }

  const flight = inFlight(handler, (delivery, outcome) => {
    const { message, session } = delivery
    if (outcome.how === 'done') return session.ack(message)
    if (outcome.how === 'aborted') return session.nack(message, true)
    onFailure(delivery)
    tell({ failed: ++failed, lastFailure: messageOf(outcome.error) })
  })

  const onMessage = (message: ConsumeMessage, from: Session) => {
    if (leaving) from.nack(message, true)
    else flight.handle(message, from)
  }

  const giveUp = () => {
    const abandoned = flight.giveUp()
    for (const { message, session } of abandoned) session.nack(message, true)
    if (abandoned.length > 0) tell({ abandoned: abandoned.length })
  }

  /** From this very tick on no message is started, and nothing connects again. Settles when no more are delivered. */
  const leave = (): Promise<void> => {
    if (leaving) return leaving
    if (session) {
      leaving = session.cancel()
      for (const message of retries.keys()) session.nack(message, true)
      dropRetries()
    } else {
      leaving = Promise.resolve()
      life.unsubscribe()
    }
    return leaving
  }

  const start = (context: ServiceContext): Promise<void> =>
    new Promise((resolve, reject) => {
      const { signal, setHealth, fail } = context
      tell = context.info
      let running = false
      let attempts = 0
      let lastError: unknown
      tell({ broker: settings.address, queue: settings.queue })

      const sessions$ = openSession(settings, onMessage).pipe(
        retry({
          delay: error => {
            forgetSession()
            if (leaving) return EMPTY
            if (isFinal(error, running)) return throwError(() => error)
            if (running && messageOf(error) !== messageOf(lastError)) setHealth('warn', messageOf(error))
            lastError = error
            return timer(backoff(attempts++))
          },
        }),
      )
      const supervision = sessions$.subscribe({
        next: opened => {
          session = opened
          stable = timer(STABLE_AFTER).subscribe(() => {
            attempts = 0
          })
          if (running) setHealth('pass')
          running = true
          lastError = undefined
          resolve()
        },
        error: error => {
          if (!running) return reject(error)
          giveUp()
          fail(error)
        },
      })
      life.add(supervision)

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
    await session?.close()
    life.unsubscribe()
  }

  return { start, drain, stop, force: () => life.unsubscribe() }
}
