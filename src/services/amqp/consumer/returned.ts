import { createHash } from 'node:crypto'
import type { ConsumeMessage } from 'amqplib'
import type { Delivery } from './delivery.ts'

/** A message that was delivered here before, and its attempt. */
export interface Known {
  /** The attempt it was, and still is, because the message did not fail. */
  readonly attempt: number
  readonly delivery: Delivery
}

/**
 * Remembers the messages that went back to the broker from here. A message has no identity in AMQP, so two messages
 * with the same content, exchange, routing key and properties count as one.
 */
export interface Returned {
  /** @param attempt The attempt that the message is when it comes again. */
  remember(delivery: Delivery, attempt?: number): void
  /**
   * Returns what is known of a message that has come, and forgets it.
   *
   * @param onlyHandled Look only at messages whose handler still runs.
   */
  recall(message: ConsumeMessage, onlyHandled?: boolean): Known | undefined
}

/** The most messages that are remembered. Messages that go to another consumer never come again here. */
const MOST = 10_000

export const makeReturned = (): Returned => {
  const known = new Map<string, Known[]>()
  let size = 0

  const forgetOldest = () => {
    const [oldest] = known
    if (!oldest) return
    known.delete(oldest[0])
    size -= oldest[1].length
  }
  return {
    remember: (delivery, attempt = delivery.attempt) => {
      const key = identityOf(delivery.message)
      const same = known.get(key)
      if (same) same.push({ attempt, delivery })
      else known.set(key, [{ attempt, delivery }])
      if (++size > MOST) forgetOldest()
    },
    recall: (message, onlyHandled = false) => {
      if (size === 0) return undefined
      const key = identityOf(message)
      const same = known.get(key) ?? []
      // Prefers a message whose handler runs, because it must not be handled twice at a time.
      const handled = same.findIndex(({ delivery }) => delivery.handled)
      if (handled < 0 && (onlyHandled || same.length === 0)) return undefined
      const [one] = same.splice(Math.max(0, handled), 1)
      if (same.length === 0) known.delete(key)
      size--
      return one
    },
  }
}

const identityOf = ({ fields, properties, content }: ConsumeMessage): string => {
  const { messageId, correlationId, timestamp, type } = properties
  const hash = createHash('sha1').update(content).digest('base64')
  return JSON.stringify([fields.exchange, fields.routingKey, messageId, correlationId, timestamp, type, hash])
}
