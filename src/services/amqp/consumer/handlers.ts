import type { Subscription } from 'rxjs'
import { after, systemClock } from '../../../core/clock.ts'
import { milliseconds } from '../../../core/units.ts'
import { currentWork, enter } from '../../../core/work.ts'
import { amqpError } from '../amqp-error.ts'
import type { Delivery } from './delivery.ts'
import type { Ended, OnEnded } from './ended.ts'
import type { Worker } from './worker.ts'

/** How long those who work on messages may take to end once they were asked to give up, in milliseconds. */
export const GRACE = 250

/** The handlers that run, and those that run on though they were given up. */
export interface Handlers {
  begin(delivery: Delivery): void
  /** Asks these to give up. Those that run on after the grace no longer take a place. */
  giveUp(deliveries: Iterable<Delivery>): void
  /** Calls back once the handler of a message has ended. */
  whenEnded(delivery: Delivery, then: () => void): void
  /** Whether there are handlers that run on. */
  readonly someRunOn: boolean
}

export interface HandlersHost {
  readonly service: string
  readonly handlerTimeout: number
  /** Ends the timers. */
  readonly life: Subscription
  /** What becomes of the message is to be decided. Told once for each delivery. */
  readonly onEnded: OnEnded
  /** One place is free again. */
  free(): void
  /** So many handlers run on; 0: none any more. */
  runOn(count: number): void
}

export const makeHandlers = (
  makeWorker: (onEnded: OnEnded) => Worker,
  host: HandlersHost,
): Handlers & { worker: Worker } => {
  const { service, handlerTimeout, life } = host
  const within = currentWork()
  const stray = new Set<Delivery>()
  /** The timers of `handlerTimeout`, and those whose time is over. */
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

  /** The handler has really ended. */
  const onGone = (delivery: Delivery) => {
    delivery.handled = false
    if (deadlines.size > 0) {
      deadlines.get(delivery)?.unsubscribe()
      deadlines.delete(delivery)
    }
    // The next one begins before this one is settled: without acknowledgements, what waits for a place is all that is
    // in hand.
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
      `a handler took longer than ${milliseconds(handlerTimeout)}; give it more handlerTimeout, or let it end when its signal fires`,
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
      enter(within && { within, exact: true, isOpen: () => !delivery.ended }, () => worker.begin(delivery))
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
