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
import { decide, delayAfter, type MessageOutcome } from './policy.ts'

/** Carries out what becomes of a message when its handler has ended, and for messages that can't begin. */
export interface Outcomes {
  onEnded(delivery: Delivery, ended: Ended): void
  /**
   * Applies `onError` to a message that was delivered too often without an end.
   *
   * @returns false when `onError` says `'requeue'`: the message is to be begun
   */
  onEndless(delivery: Delivery, error: unknown): boolean
  /**
   * Counts a delivery with an unknown end as an attempt: a copy with the next attempt comes after a delay. When no copy
   * can be published, the message is begun now.
   */
  recount(delivery: Delivery): void
  /** Puts a message off that can't be begun yet: a copy comes after a delay, as the same attempt. */
  putOff(delivery: Delivery, times: number): void
  /** The consumer leaves: messages that wait here are given back at once, now and from now on. */
  leave(): void
  /** The session is lost: forgets the messages that wait here, because they come again. */
  forget(): readonly Delivery[]
}

/** The parts of a consumer that its outcomes use. */
export interface OutcomeHost {
  readonly inFlight: InFlight<Delivery>
  readonly counts: Counts
  readonly copies: Copies
  readonly giveBack: GiveBack
  features(): Features
  /** Begins another attempt in place. */
  begin(delivery: Delivery): void
  /** Decides again what is done with a message, as if it had just come. */
  take(delivery: Delivery): void
  /** Tells that the handler of a message has failed. */
  failed(what: string, error: unknown): void
  /** Called with the reason why messages can't be set aside, and with `undefined` when they can again. */
  trouble(why: string | undefined): void
}

const headersOf = ({ properties }: ConsumeMessage): object => properties.headers ?? {}

export const makeOutcomes = (settings: Settings, host: OutcomeHost): Outcomes => {
  const { onError, retry, queue } = settings
  const { inFlight, counts, copies, giveBack } = host
  /** Messages that wait here for their delay, each with its timer. They are not in flight. */
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
  /** A temporary queue may be gone when its delay queue gives a message back, and a stream would keep the copy. */
  const waitsHere = (): boolean => queue.isTemporary || queue.type === 'stream' || !host.features().hasDelays

  /**
   * Publishes the copy, and acknowledges the original only when the broker has confirmed it: a crash in between makes
   * two messages, never none. When the copy can't be published, the message is held and the copy is published later. A
   * message that is given back would come closer to the delivery limit.
   */
  const replace = async (delivery: Delivery, copy: Copy, delay: number, count: 'retried' | 'parked'): Promise<void> => {
    inFlight.take(delivery)
    try {
      await copies.send(copy)
    } catch (error) {
      if (!inFlight.has(delivery)) return
      // The broker delivers it again.
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
      // Its last handler runs on, and a message is not handled twice at a time.
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
  /** Parks a message without the headers that can't be sent. */
  const parkWithout = (delivery: Delivery, error: Unsendable) => {
    const { message } = delivery
    const headers = headersOf(message)
    const faulty = faultyHeaders(headers)
    const left = faulty.length > 0 ? Object.entries(headers).filter(([name]) => !faulty.includes(name)) : []
    const names = (faulty.length > 0 ? faulty : Object.keys(headers)).join(', ')
    delivery.message = { ...message, properties: { ...message.properties, headers: Object.fromEntries(left) } }
    park(delivery, new Error(`it can't be copied: ${error.message}; parked without ${names}`))
  }

  const outcomeOf = ({ message, attempt }: Delivery, error: unknown): MessageOutcome =>
    decide(onError, retry, error, message, attempt)
  const countFailure = ({ attempt, session }: Delivery, error: unknown) => {
    host.failed(`message of queue "${queue.isServerNamed ? session.queue : queue.name}", attempt ${attempt}`, error)
    counts.failed++
    counts.lastFailure = errorLine(errorInfo(error))
  }
  const carryOut = (outcome: MessageOutcome, delivery: Delivery, error: unknown) => {
    const { session, attempt } = delivery
    const isStream = queue.type === 'stream'
    if (outcome === 'retry') return tryAgain(delivery)
    // A stream dead-letters nothing.
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

  /** Sends a message through a delay queue, as the same attempt. `otherwise` is called when that is not possible. */
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
      // The broker delivers the messages of a lost session again, however their handlers ended.
      if (!delivery.session.isOpen) inFlight.release(delivery)
      else if (ended.how === 'failed') {
        if (!inFlight.has(delivery)) return
        countFailure(delivery, ended.error)
        carryOut(outcomeOf(delivery, ended.error), delivery, ended.error)
      } else if (ended.how === 'aborted') {
        if (inFlight.release(delivery)) giveBack(delivery)
      } else if (inFlight.release(delivery) && delivery.session.ack(delivery)) counts.handled++
      counts.changed()
    },
    onEndless: (delivery, error) => {
      const outcome = outcomeOf(delivery, error)
      if (outcome === 'requeue') return false
      countFailure(delivery, error)
      carryOut(outcome, delivery, error)
      counts.changed()
      return true
    },
    // During the delay the original is acknowledged. Without a delay the copy could end the process before that.
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
