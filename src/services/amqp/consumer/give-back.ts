import type { InFlight } from '../../common/in-flight.ts'
import type { Features } from '../connection/features.ts'
import type { Copies } from './copies.ts'
import { renewedCopy } from './copy.ts'
import type { Counts } from './counts.ts'
import type { Delivery } from './delivery.ts'
import type { Settings } from './options.ts'
import { deliveryCount } from './own-headers.ts'
import type { Returned } from './returned.ts'

/**
 * Gives messages back to their queue. A quorum queue with a delivery limit drops a message that comes back too often.
 * So a message goes back by nack once, to its old place. After that a copy goes to the end of the queue: the broker has
 * counted nothing for the copy.
 */
export interface GiveBack {
  (delivery: Delivery): void
  /** Waits for no more copies: the originals of copies that are not confirmed go back by nack. */
  hurry(): void
}

export interface GiveBackHost {
  readonly inFlight: InFlight<Delivery>
  readonly copies: Copies
  readonly returned: Returned
  readonly counts: Counts
  features(): Features
}

export const makeGiveBack = (settings: Settings, host: GiveBackHost): GiveBack => {
  const { queue, consumeOptions } = settings
  const { inFlight, copies, returned, counts, features } = host
  const renewing = new Set<Delivery>()

  const nack = (delivery: Delivery) => {
    inFlight.release(delivery)
    // With `noAck` the broker no longer has the message.
    if (consumeOptions.noAck) counts.dropped++
    else if (delivery.session.nack(delivery, true)) returned.remember(delivery)
  }
  /** A single active consumer keeps the order, so it never gives back a copy. */
  const mustRenew = ({ message, session }: Delivery): boolean =>
    session.isOpen && features().countsNacks && !queue.hasSingleActiveConsumer && (deliveryCount(message) ?? 0) > 0

  const renew = async (delivery: Delivery): Promise<void> => {
    renewing.add(delivery)
    if (!inFlight.has(delivery)) inFlight.take(delivery)
    // The one return that the broker has counted may be a stop, and no attempt.
    const attempt = Math.max(1, delivery.attempt - 1)
    const sent = await copies.send(renewedCopy(delivery.message, queue, attempt)).then(
      () => true,
      () => false,
    )
    if (!renewing.delete(delivery)) return
    if (!sent) return nack(delivery)
    delivery.session.ack(delivery)
    inFlight.release(delivery)
  }

  const giveBack = (delivery: Delivery) => {
    if (renewing.has(delivery)) inFlight.take(delivery)
    else if (mustRenew(delivery)) void renew(delivery)
    else nack(delivery)
  }
  const hurry = () => {
    for (const delivery of renewing) nack(delivery)
    renewing.clear()
  }
  return Object.assign(giveBack, { hurry })
}
