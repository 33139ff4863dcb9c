import type { Channel, ConsumeMessage } from 'amqplib'

/** A message that was delivered and not yet acknowledged. */
export interface Unacked {
  readonly message: ConsumeMessage
  /** The message is handled, and its acknowledgement is not sent yet. */
  done: boolean
}

/**
 * The acknowledgements of one channel. After its close the calls do nothing: the broker delivers the messages again.
 */
export interface Acks {
  /** Adds a delivery. Deliveries are added in the order in which they come. */
  add(delivery: Unacked): void
  /**
   * Acknowledges a message within this turn of the event loop.
   *
   * @returns false when the channel is closed: the message comes again
   */
  ack(delivery: Unacked): boolean
  /**
   * Gives a message back to its queue, or rejects it for good, at once.
   *
   * @returns false when the channel is closed: the message comes again
   */
  nack(delivery: Unacked, requeue: boolean): boolean
  /** Sends the acknowledgements that are not sent yet. */
  flush(): void
  /** How many requests it took to acknowledge messages and to give them back. */
  sent(): number
  /** The messages that are neither acknowledged nor given back, in the order of delivery. */
  all(): readonly Unacked[]
  /** The channel is closed: forgets all messages. */
  close(): void
}

/**
 * Acknowledges together the messages that are handled in one turn of the event loop. One acknowledgement covers all
 * messages at the front that are handled, because sending it is most of the cost of a message. The others are
 * acknowledged one by one.
 */
export const acknowledge = (channel: Channel): Acks => {
  /** In the order of delivery. */
  let unacked = new Set<Unacked>()
  let finished: Unacked[] = []
  let scheduled: NodeJS.Immediate | undefined
  let closed = false
  let sent = 0

  // A closed channel throws.
  const send = (request: () => void) => {
    if (closed) return
    sent++
    try {
      request()
    } catch {}
  }

  const flush = () => {
    clearImmediate(scheduled)
    scheduled = undefined
    let last: Unacked | undefined
    let count = 0
    for (const delivery of unacked) {
      if (!delivery.done) break
      unacked.delete(delivery)
      last = delivery
      count++
    }
    if (last) send(() => channel.ack(last.message, count > 1))
    if (count < finished.length)
      for (const delivery of finished) if (unacked.delete(delivery)) send(() => channel.ack(delivery.message))
    finished = []
    // An empty set is replaced, as in `makeInFlight`, because the tables of a set keep old messages in memory.
    if (unacked.size === 0) unacked = new Set()
  }

  return {
    add: delivery => void unacked.add(delivery),
    ack: delivery => {
      if (closed) return false
      delivery.done = true
      if (unacked.size === 1) {
        flush()
        return true
      }
      finished.push(delivery)
      scheduled ??= setImmediate(flush)
      return true
    },
    nack: (delivery, requeue) => {
      if (unacked.delete(delivery)) send(() => channel.nack(delivery.message, false, requeue))
      return !closed
    },
    flush,
    sent: () => sent,
    all: () => [...unacked],
    close: () => {
      closed = true
      clearImmediate(scheduled)
      unacked.clear()
      finished = []
    },
  }
}

/** The acknowledgements of a consumer with `noAck`: for the broker a message is settled when it is sent. */
export const noAcks = (): Acks => ({
  add: () => undefined,
  ack: () => true,
  nack: () => true,
  flush: () => undefined,
  sent: () => 0,
  all: () => [],
  close: () => undefined,
})
