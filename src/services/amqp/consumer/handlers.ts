import type { Subscription } from 'rxjs'
import { after, systemClock } from '../../../core/clock.ts'
import { milliseconds } from '../../../core/units.ts'
import { makeInside } from '../../common/inside.ts'
import { amqpError } from '../amqp-error.ts'
import type { Delivery } from './delivery.ts'
import type { Ended, OnEnded } from './ended.ts'
import type { Worker } from './worker.ts'

/** How long a handler may run after its signal has fired, in milliseconds. */
export const GRACE = 250

/** The handlers that run. A handler *runs on* when it ignores its signal for longer than the grace. */
export interface Handlers {
  begin(delivery: Delivery): void
  /** Fires the signals of these handlers. A handler that runs on keeps no place. */
  giveUp(deliveries: Iterable<Delivery>): void
  /** Calls back once the handler of a message has ended. */
  whenEnded(delivery: Delivery, then: () => void): void
  /** Whether any handler runs on. */
  readonly someRunOn: boolean
}

export interface HandlersHost {
  readonly service: string
  readonly handlerTimeout: number
  /** Its end stops the timers. */
  readonly life: Subscription
  /** Called once for each delivery, when its outcome is to be decided. */
  readonly onEnded: OnEnded
  /** Called when a handler no longer takes a place. */
  free(): void
  /** Called with the number of handlers that run on, when it changes. */
  runOn(count: number): void
}

export const makeHandlers = (
  makeWorker: (onEnded: OnEnded) => Worker,
  host: HandlersHost,
): Handlers & { worker: Worker } => {
  const { service, handlerTimeout, life } = host
  const inside = makeInside()
  const stray = new Set<Delivery>()
  /** The timers of `handlerTimeout`, and the deliveries whose timer has fired. */
  const deadlines = new Map<Delivery, Subscription | undefined>()
  const late = new WeakSet<Delivery>()
  const waiting = new Map<Delivery, (() => void)[]>()

  const later = (ms: number, then: () => void): Subscription | undefined => {
    const due = after(systemClock, ms, () => {
      if (due) life.remove(due)
      then()
    })
    if (due) life.add(due)
    return due
  }

  /** The handler has ended, whatever was decided about its message before. */
  const onGone = (delivery: Delivery) => {
    delivery.handled = false
    if (deadlines.size > 0) {
      deadlines.get(delivery)?.unsubscribe()
      deadlines.delete(delivery)
    }
    // The next message begins before this one is settled. With `noAck` a drain ends when no message is in flight, so
    // the number must not be 0 while messages wait for a place.
    if (stray.size > 0 && stray.delete(delivery)) host.runOn(stray.size)
    else host.free()
    if (waiting.size === 0) return
    const callbacks = waiting.get(delivery)
    waiting.delete(delivery)
    for (const then of callbacks ?? []) then()
  }
  const conclude = (delivery: Delivery, ended: Ended) => {
    if (delivery.ended) return
    delivery.ended = true
    host.onEnded(delivery, ended)
  }
  const worker = makeWorker((delivery, ended) => {
    if (!delivery.handled) return
    const isLate = handlerTimeout < Infinity && late.delete(delivery)
    onGone(delivery)
    conclude(delivery, isLate && ended.how !== 'done' ? tooLong() : ended)
  })

  const tooLong = (): Ended => ({
    how: 'failed',
    error: amqpError(
      'ERR_AMQP_HANDLER_TIMEOUT',
      service,
      `a handler took longer than ${milliseconds(handlerTimeout)}; ` +
        'give it more handlerTimeout, or let it end when its signal fires',
    ),
  })
  const goesOn = (delivery: Delivery) => {
    if (!delivery.handled || stray.has(delivery)) return
    stray.add(delivery)
    if (late.has(delivery)) conclude(delivery, tooLong())
    host.free()
    host.runOn(stray.size)
  }
  const giveUp = (deliveries: Iterable<Delivery>) => {
    const asked = [...deliveries].filter(({ handled }) => handled)
    for (const delivery of asked) worker.abort(delivery)
    const left = asked.filter(({ handled }) => handled)
    if (left.length === 0) return
    later(GRACE, () => {
      for (const delivery of left) goesOn(delivery)
    })
  }

  return {
    worker,
    begin: delivery => {
      delivery.handled = true
      if (handlerTimeout < Infinity) {
        const onLate = () => {
          late.add(delivery)
          giveUp([delivery])
        }
        deadlines.set(delivery, later(handlerTimeout, onLate))
      }
      inside(
        () => !delivery.ended,
        () => worker.begin(delivery),
      )
    },
    giveUp,
    whenEnded: (delivery, then) => {
      const callbacks = waiting.get(delivery)
      if (callbacks) callbacks.push(then)
      else waiting.set(delivery, [then])
    },
    get someRunOn() {
      return stray.size > 0
    },
  }
}
