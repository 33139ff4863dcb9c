import type { Subscription } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { errorInfo, messageOf } from '../../../core/errors.ts'
import { errorLine } from '../../../core/text/error-text.ts'
import type { InFlight } from '../../common/in-flight.ts'
import type { Copies } from './copies.ts'
import { type Copy, parkedCopy, retryCopy } from './copy.ts'
import type { Counts } from './counts.ts'
import type { Delivery } from './delivery.ts'
import type { OnEnded } from './ended.ts'
import type { Settings } from './options.ts'
import { decide, delayAfter } from './policy.ts'

/** What becomes of messages once the work on them has ended. */
export interface Outcomes {
  readonly onEnded: OnEnded
  /** From now on nothing waits here: what is due later is handed back at once. */
  leave(): void
  /** Forgets what waits here: its session is lost, and it comes again. */
  forget(): void
}

/** What the outcomes have to know of the consumer they belong to. */
export interface OutcomeHost {
  readonly inFlight: InFlight<Delivery>
  readonly counts: Counts
  readonly copies: Copies
  /** Whether the broker can keep a message for a while, and then give it back to its queue. */
  keepsDelays(): boolean
  /** Messages can't be set aside, and why; or they can again. */
  trouble(why: string | undefined): void
}

export const makeOutcomes = (settings: Settings, host: OutcomeHost): Outcomes => {
  const { onError, retry, queue, queueOptions } = settings
  const { inFlight, counts, copies } = host
  /** Not in flight, and not told to the broker yet: each with the timer it waits for. */
  const waiting = new Map<Delivery, Subscription>()
  let leaving = false

  const handBack = (delivery: Delivery) => delivery.session.nack(delivery, true)
  const after = (delay: number, delivery: Delivery, then: () => void) => {
    if (leaving) return handBack(delivery)
    const due = timer(delay).subscribe(() => {
      waiting.delete(delivery)
      then()
    })
    waiting.set(delivery, due)
  }

  /** The copy first, and only when the broker has it the original is acknowledged: a crash in between duplicates at most. */
  const replace = async (delivery: Delivery, copy: Copy, delay: number, count: 'retried' | 'parked'): Promise<void> => {
    try {
      await copies.send(copy)
    } catch (error) {
      if (!inFlight.release(delivery)) return
      host.trouble(`a message that failed can't be ${count}, and is handed back: ${messageOf(error)}`)
      return after(delay, delivery, () => handBack(delivery))
    }
    host.trouble(undefined)
    if (!inFlight.release(delivery)) return
    delivery.session.ack(delivery)
    counts[count]++
    counts.changed()
  }

  const tryAgain = (delivery: Delivery) => {
    const { message, attempt } = delivery
    const delay = delayAfter(attempt, retry)
    if (host.keepsDelays())
      return void replace(delivery, retryCopy(message, queue, queueOptions, delay), delay, 'retried')
    inFlight.release(delivery)
    after(delay, delivery, () => {
      inFlight.take(delivery)
      void replace(delivery, retryCopy(message, queue, queueOptions, 0), delay, 'retried')
    })
  }

  const onFailure = (delivery: Delivery, error: unknown) => {
    const { session, message, attempt } = delivery
    counts.failed++
    counts.lastFailure = errorLine(errorInfo(error))
    const outcome = decide(onError, retry, error, message, attempt)
    if (outcome === 'retry') return tryAgain(delivery)
    const { initialDelay } = retry
    if (outcome === 'park')
      return void replace(delivery, parkedCopy(message, queue, queueOptions, error), initialDelay, 'parked')
    if (!inFlight.release(delivery)) return
    if (outcome === 'requeue') {
      counts.requeued++
      after(initialDelay, delivery, () => handBack(delivery))
    } else if (outcome === 'drop') {
      counts.dropped++
      session.ack(delivery)
    } else {
      counts.deadLettered++
      session.nack(delivery, false)
    }
  }

  const dropTimers = () => {
    for (const due of waiting.values()) due.unsubscribe()
    waiting.clear()
  }
  return {
    onEnded: (delivery, ended) => {
      if (ended.how === 'failed') {
        if (inFlight.has(delivery)) onFailure(delivery, ended.error)
      } else if (inFlight.release(delivery)) {
        if (ended.how === 'done') {
          counts.handled++
          delivery.session.ack(delivery)
        } else handBack(delivery)
      }
      counts.changed()
    },
    leave: () => {
      leaving = true
      for (const delivery of waiting.keys()) handBack(delivery)
      dropTimers()
      copies.hurry()
    },
    forget: dropTimers,
  }
}
