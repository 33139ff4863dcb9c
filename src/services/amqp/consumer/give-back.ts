import type { InFlight } from '../../common/in-flight.ts'
import type { Features } from '../connection/features.ts'
import type { Copies } from './copies.ts'
import { renewedCopy } from './copy.ts'
import type { Delivery } from './delivery.ts'
import { deliveryCount } from './own-headers.ts'
import type { Queue } from './queue.ts'
import type { Returned } from './returned.ts'

/**
 * Gives messages back to their queue that can't be handled here. That is not free on a quorum queue with a delivery
 * limit: what has come back too often is dropped by the broker. So a message goes back by nack once, to its old place;
 * after that a copy of it goes to the end of the queue, of which the broker has counted nothing yet.
 */
export interface GiveBack {
  (delivery: Delivery): void
  /** Copies that are not confirmed now won't be: their originals go back by nack. */
  hurry(): void
}

export interface GiveBackHost {
  readonly inFlight: InFlight<Delivery>
  readonly copies: Copies
  readonly returned: Returned
  features(): Features
}

export const makeGiveBack = (queue: Queue, { inFlight, copies, returned, features }: GiveBackHost): GiveBack => {
  const renewing = new Set<Delivery>()

  const nack = (delivery: Delivery) => {
    inFlight.release(delivery)
    if (delivery.session.nack(delivery, true)) returned.remember(delivery)
  }
  /** A copy would change the order, which is what a single active consumer is for. */
  const mustRenew = ({ message, session }: Delivery): boolean =>
    session.isOpen &&
    features().countsNacks &&
    !queue.hasSingleActiveConsumer &&
    (deliveryCount(message.properties.headers) ?? 0) > 0

  const renew = async (delivery: Delivery): Promise<void> => {
    renewing.add(delivery)
    if (!inFlight.has(delivery)) inFlight.take(delivery)
    // That it came back once may be our own doing.
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
