import type { Subscription } from 'rxjs'
import { after, systemClock } from '../../../core/clock.ts'
import { times } from '../../../core/units.ts'
import { amqpError } from '../amqp-error.ts'
import type { Features } from '../connection/features.ts'
import type { Delivery } from './delivery.ts'
import type { GiveBack } from './give-back.ts'
import type { Handlers } from './handlers.ts'
import type { Settings } from './options.ts'
import type { Outcomes } from './outcomes.ts'
import { deliveryCount } from './own-headers.ts'
import { makePlaces, type Places } from './places.ts'
import type { Returned } from './returned.ts'

/** How long a message is held while an earlier handler of it runs, in milliseconds. Then it is put off. */
const HOLD = 1_000

/** The least number of deliveries without an end before a message fails, because a stop can cause some of them. */
const LEAST_LIMIT = 3

/** Decides what is done with a message when it is delivered: begin it, hold it, count it, or leave it to the broker. */
export interface Intake {
  readonly places: Places
  take(delivery: Delivery): void
  /** Returns the messages that have not begun, and forgets them. */
  clear(): readonly Delivery[]
}

export interface IntakeHost {
  readonly handlers: Handlers
  readonly returned: Returned
  readonly outcomes: Outcomes
  readonly giveBack: GiveBack
  features(): Features
  begin(delivery: Delivery): void
}

export const makeIntake = (settings: Settings, host: IntakeHost): Intake => {
  const { service, queue, onError, retry } = settings
  const { handlers, returned, outcomes } = host
  const limit = onError === 'requeue' ? Infinity : Math.max(retry.limit, LEAST_LIMIT)
  const lastDelivery = Math.max(1, queue.deliveryLimit - 1)
  /** Messages that were delivered before, elsewhere, with an unknown end. */
  const uncounted = new Set<Delivery>()
  /** Messages that wait for the end of an earlier handler of the same message, with the timer that puts them off. */
  const held = new Map<Delivery, Subscription | undefined>()
  /** How often a message was put off, by the delivery whose handler still runs. */
  const putOffs = new WeakMap<Delivery, number>()

  const countOf = ({ message }: Delivery): number => deliveryCount(message) ?? 0

  /**
   * Fails a message that was delivered too often without an end, or that the broker would drop next time.
   *
   * @returns false when the message is to be begun
   */
  const onEndless = (delivery: Delivery): boolean => {
    if (delivery.attempt <= limit && countOf(delivery) < lastDelivery) return false
    if (onError === 'requeue') {
      host.giveBack(delivery)
      return true
    }
    const before = times(Math.max(delivery.attempt - 1, countOf(delivery)))
    const error = amqpError(
      'ERR_AMQP_UNSETTLED',
      service,
      `a message was delivered ${before} before and never settled; ` +
        'look whether its handler ends the process, or overruns the delivery timeout of the broker',
    )
    return outcomes.onEndless(delivery, error)
  }
  /** A classic queue tells that a message comes again, but not how often. So the attempt is counted in a copy. */
  const mustRecount = (delivery: Delivery): boolean =>
    deliveryCount(delivery.message) === undefined &&
    onError !== 'requeue' &&
    host.features().hasDelays &&
    !queue.isTemporary &&
    !queue.hasSingleActiveConsumer &&
    queue.type !== 'stream'

  const places = makePlaces(settings.concurrency, delivery => {
    const isUncounted = uncounted.size > 0 && uncounted.delete(delivery)
    if ((delivery.attempt > limit || isUncounted) && onEndless(delivery)) return false
    if (isUncounted && mustRecount(delivery)) {
      outcomes.recount(delivery)
      return false
    }
    host.begin(delivery)
    return true
  })

  const hold = (delivery: Delivery, running: Delivery, putOff: number) => {
    const release = () => {
      held.get(delivery)?.unsubscribe()
      return held.delete(delivery)
    }
    const due = queue.hasSingleActiveConsumer
      ? undefined
      : after(systemClock, HOLD, () => {
          if (!release()) return
          putOffs.set(running, putOff + 1)
          returned.remember(running, delivery.attempt)
          outcomes.putOff(delivery, putOff + 1)
        })
    held.set(delivery, due)
    handlers.whenEnded(running, () => {
      if (release()) places.take(delivery)
    })
  }
  return {
    places,
    take: delivery => {
      const { redelivered } = delivery.message.fields
      if (redelivered || handlers.someRunOn) {
        const known = returned.recall(delivery.message, !redelivered)
        if (known) delivery.attempt = known.attempt
        if (known?.delivery.handled) return hold(delivery, known.delivery, putOffs.get(known.delivery) ?? 0)
        if (redelivered && !known) uncounted.add(delivery)
      }
      places.take(delivery)
    },
    clear: () => {
      const all = [...held.keys()]
      for (const due of held.values()) due?.unsubscribe()
      held.clear()
      uncounted.clear()
      return [...places.clear(), ...all]
    },
  }
}
