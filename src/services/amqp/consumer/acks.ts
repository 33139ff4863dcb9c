import type { Channel, ConsumeMessage } from 'amqplib'

/** A message that was delivered and not yet acknowledged. */
export interface Unacked {
  readonly message: ConsumeMessage
  /** Its work is done; only the broker has yet to hear of it. */
  done: boolean
}

/** The acknowledgements of one channel. Once the channel is closed they do nothing: what it held has gone back. */
export interface Acks {
  /** Every delivery, in the order in which they come. */
  add(delivery: Unacked): void
  /** Told to the broker within this turn of the event loop. False: the channel is closed, and the message comes again. */
  ack(delivery: Unacked): boolean
  /** Gives a message back to the queue, or rejects it for good; at once. False: the channel is closed, it comes again. */
  nack(delivery: Unacked, requeue: boolean): boolean
  /** Tells what is still to be told. */
  flush(): void
  /** Those that are neither acknowledged nor handed back, in the order of delivery. */
  all(): readonly Unacked[]
  /** Forgets everything: the channel is gone. */
  close(): void
}

/**
 * Acknowledges what becomes done in one turn of the event loop together: those at the front, with nothing undone
 * before them, by one acknowledgement for all, which is the better part of what a message costs; others one by one.
 */
export const acknowledge = (channel: Channel): Acks => {
  /** In the order of delivery. */
  let unacked = new Set<Unacked>()
  let finished: Unacked[] = []
  let scheduled: NodeJS.Immediate | undefined
  let closed = false

  // A channel that was closed throws.
  const send = (request: () => void) => {
    if (closed) return
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
    // As in `makeInFlight`: a set that is empty is replaced, since its past costs memory.
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
    all: () => [...unacked],
    close: () => {
      closed = true
      clearImmediate(scheduled)
      unacked.clear()
      finished = []
    },
  }
}

/** For a consumer without acknowledgements: what was delivered is settled for the broker. */
export const noAcks = (): Acks => ({
  add: () => undefined,
  ack: () => true,
  nack: () => true,
  flush: () => undefined,
  all: () => [],
  close: () => undefined,
})
