import type { ConsumeMessage } from 'amqplib'
import type { Subscription } from 'rxjs'
import { timer } from '../../../core/clock.ts'
import { errorInfo, messageOf } from '../../../core/errors.ts'
import { errorLine } from '../../../core/text/error-text.ts'
import type { InFlight } from '../../common/in-flight.ts'
import type { Features } from '../connection/features.ts'
import { faultyHeaders, Unsendable } from '../connection/unsendable.ts'
import type { Copies } from './copies.ts'
import { type Copy, delayedCopy, parkedCopy } from './copy.ts'
import type { Counts } from './counts.ts'
import type { Delivery } from './delivery.ts'
import type { Ended } from './ended.ts'
import type { GiveBack } from './give-back.ts'
import type { Settings } from './options.ts'
import { decide, delayAfter, type Outcome } from './policy.ts'

/** What becomes of messages once the work on them has ended. */
export interface Outcomes {
  onEnded(delivery: Delivery, ended: Ended): void
  /** Applies `onError` to a message that is not to be begun again. False: it is to be begun all the same. */
  onEndless(delivery: Delivery, error: unknown): boolean
  /**
   * Counts an attempt that nobody has seen the end of: the message comes again after a delay, and says so. Where that
   * can't be done it is begun now.
   */
  recount(delivery: Delivery): void
  /** Puts a message off that can't be begun yet. That is no attempt. */
  putOff(delivery: Delivery, times: number): void
  /** From now on nothing waits here: what is due later is given back at once. */
  leave(): void
  /** Forgets what waits here: its session is lost, and it comes again. */
  forget(): readonly Delivery[]
}

/** What the outcomes have to know of the consumer they belong to. */
export interface OutcomeHost {
  readonly inFlight: InFlight<Delivery>
  readonly counts: Counts
  readonly copies: Copies
  readonly giveBack: GiveBack
  features(): Features
  /** Another attempt, without the broker. */
  begin(delivery: Delivery): void
  /** Looks again what is to be done with a message, as if it had just come. */
  take(delivery: Delivery): void
  /** Messages can't be set aside, and why; or they can again. */
  trouble(why: string | undefined): void
}

const headersOf = ({ properties }: ConsumeMessage): object => properties.headers ?? {}

export const makeOutcomes = (settings: Settings, host: OutcomeHost): Outcomes => {
  const { onError, retry, queue } = settings
  const { inFlight, counts, copies, giveBack } = host
  /** Not in flight, and not told to the broker yet: each with the timer it waits for. */
  const waiting = new Map<Delivery, Subscription>()
  let leaving = false

  const after = (delay: number, delivery: Delivery, then: () => void) => {
    if (leaving) return giveBack(delivery)
    const due = timer(delay).subscribe(() => {
      waiting.delete(delivery)
      then()
    })
    waiting.set(delivery, due)
  }
  /** A queue that goes with its consumer takes all that waits for it along, and a stream takes nothing back. */
  const waitsHere = (): boolean => queue.isTemporary || queue.type === 'stream' || !host.features().hasDelays

  /**
   * The copy first, and only when the broker has it the original is acknowledged: a crash in between duplicates at most.
   * A message whose copy can't be published is held, and tried again: to give it back would count against it.
   */
  const replace = async (delivery: Delivery, copy: Copy, delay: number, count: 'retried' | 'parked'): Promise<void> => {
    inFlight.take(delivery)
    try {
      await copies.send(copy)
    } catch (error) {
      if (!inFlight.has(delivery)) return
      // It comes again by itself.
      if (!delivery.session.isOpen) return void inFlight.release(delivery)
      if (error instanceof Unsendable && Object.keys(headersOf(delivery.message)).length > 0)
        return parkWithout(delivery, error)
      inFlight.release(delivery)
      host.trouble(`a message that failed can't be ${count}, and is held: ${messageOf(error)}`)
      return after(delay, delivery, () => void replace(delivery, copy, delay, count))
    }
    host.trouble(undefined)
    if (!inFlight.release(delivery)) return
    delivery.session.ack(delivery)
    counts[count]++
    counts.changed()
  }

  const againHere = (delivery: Delivery, attempt: number, delay: number) => {
    inFlight.release(delivery)
    after(delay, delivery, () => {
      // Its handler was given up, and runs on.
      if (delivery.handled) return againHere(delivery, attempt, delay)
      delivery.again(attempt)
      host.begin(delivery)
    })
  }
  const tryAgain = (delivery: Delivery) => {
    const { message, attempt } = delivery
    const delay = delayAfter(attempt, retry)
    if (!waitsHere())
      return void replace(delivery, delayedCopy(message, queue, attempt + 1, delay, host.features()), delay, 'retried')
    counts.retried++
    againHere(delivery, attempt + 1, delay)
  }
  const park = (delivery: Delivery, error: unknown) => {
    const at = queue.isServerNamed ? { ...queue, name: delivery.session.queue } : queue
    void replace(delivery, parkedCopy(delivery.message, at, delivery.attempt, error), retry.initialDelay, 'parked')
  }
  /** No copy can be made of a message with such headers. It is set aside without them. */
  const parkWithout = (delivery: Delivery, error: Unsendable) => {
    const { message } = delivery
    const headers = headersOf(message)
    const faulty = faultyHeaders(headers)
    const left = faulty.length > 0 ? Object.entries(headers).filter(([name]) => !faulty.includes(name)) : []
    const names = (faulty.length > 0 ? faulty : Object.keys(headers)).join(', ')
    delivery.message = { ...message, properties: { ...message.properties, headers: Object.fromEntries(left) } }
    park(delivery, new Error(`it can't be copied: ${error.message}; parked without ${names}`))
  }

  const outcomeOf = ({ message, attempt }: Delivery, error: unknown): Outcome =>
    decide(onError, retry, error, message, attempt)
  const countFailure = (error: unknown) => {
    counts.failed++
    counts.lastFailure = errorLine(errorInfo(error))
  }
  const carryOut = (outcome: Outcome, delivery: Delivery, error: unknown) => {
    const { session, attempt } = delivery
    const isStream = queue.type === 'stream'
    if (outcome === 'retry') return tryAgain(delivery)
    // Nothing of a stream is dead-lettered.
    if (outcome === 'park' || (outcome === 'dead-letter' && isStream)) return park(delivery, error)
    if (outcome === 'requeue' && isStream) {
      counts.requeued++
      return againHere(delivery, attempt, retry.initialDelay)
    }
    inFlight.release(delivery)
    if (outcome === 'requeue') {
      counts.requeued++
      after(retry.initialDelay, delivery, () => giveBack(delivery))
    } else if (outcome === 'drop') {
      if (session.ack(delivery)) counts.dropped++
    } else {
      if (session.nack(delivery, false)) counts.deadLettered++
    }
  }

  /** Sends the message round by a delay queue, as this attempt. Where that can't be done, something else is done. */
  const sendRound = async (delivery: Delivery, delay: number, otherwise: () => void): Promise<void> => {
    inFlight.take(delivery)
    const sent = await copies.send(delayedCopy(delivery.message, queue, delivery.attempt, delay, host.features())).then(
      () => true,
      () => false,
    )
    if (!inFlight.release(delivery) || !delivery.session.isOpen) return
    if (sent) delivery.session.ack(delivery)
    else if (leaving) giveBack(delivery)
    else otherwise()
    counts.changed()
  }

  const forget = (): readonly Delivery[] => {
    const all = [...waiting.keys()]
    for (const due of waiting.values()) due.unsubscribe()
    waiting.clear()
    return all
  }
  return {
    onEnded: (delivery, ended) => {
      // What was delivered over a lost session comes again, however it ended.
      if (!delivery.session.isOpen) inFlight.release(delivery)
      else if (ended.how === 'failed') {
        if (!inFlight.has(delivery)) return
        countFailure(ended.error)
        carryOut(outcomeOf(delivery, ended.error), delivery, ended.error)
      } else if (ended.how === 'aborted') {
        if (inFlight.release(delivery)) giveBack(delivery)
      } else if (inFlight.release(delivery) && delivery.session.ack(delivery)) counts.handled++
      counts.changed()
    },
    onEndless: (delivery, error) => {
      const outcome = outcomeOf(delivery, error)
      if (outcome === 'requeue') return false
      countFailure(error)
      carryOut(outcome, delivery, error)
      counts.changed()
      return true
    },
    // The delay lets its original be acknowledged before it may end this process, too.
    recount: delivery => void sendRound(delivery, delayAfter(delivery.attempt - 1, retry), () => host.begin(delivery)),
    putOff: (delivery, times) => {
      const delay = delayAfter(times, retry)
      if (waitsHere()) againHere(delivery, delivery.attempt, delay)
      else void sendRound(delivery, delay, () => host.take(delivery))
    },
    leave: () => {
      leaving = true
      for (const delivery of forget()) giveBack(delivery)
      copies.hurry()
    },
    forget,
  }
}
