import { createHash } from 'node:crypto'
import type { ConsumeMessage } from 'amqplib'
import type { Delivery } from './delivery.ts'

/** What is known of a message that was here before. */
export interface Known {
  /** Which attempt it was, and still is: it was not this message that failed. */
  readonly attempt: number
  readonly delivery: Delivery
}

/**
 * The messages that went back to the broker from here, which come again, here or elsewhere. A message has no identity
 * in AMQP: two with the same content and particulars are taken for one.
 */
export interface Returned {
  /** @param attempt Which attempt it is when it comes again. */
  remember(delivery: Delivery, attempt?: number): void
  /**
   * What is known of a message that comes; it is forgotten by that.
   *
   * @param onlyHandled Ask only for messages whose handler still runs.
   */
  recall(message: ConsumeMessage, onlyHandled?: boolean): Known | undefined
}

/** Messages that went to another consumer are never asked for. */
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
      // The one whose handler runs, if there is one: that message must not be handled twice at a time.
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
