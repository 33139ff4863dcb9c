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
  /** Told to the broker within this turn of the event loop. */
  ack(delivery: Unacked): void
  /** Hands a message back to the queue, or rejects it for good; at once. */
  nack(delivery: Unacked, requeue: boolean): void
  /** Tells what is still to be told. */
  flush(): void
  /** Forgets everything: the channel is gone. */
  close(): void
}

/**
 * Acknowledges what becomes done in one turn of the event loop together: those at the front, with nothing undone
 * before them, by one acknowledgement for all, which is the better part of what a message costs; others one by one.
 */
export const acknowledge = (channel: Channel): Acks => {
  /** In the order of delivery. */
  const unacked = new Set<Unacked>()
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
  }

  return {
    add: delivery => void unacked.add(delivery),
    ack: delivery => {
      if (closed) return
      delivery.done = true
      if (unacked.size === 1) return flush()
      finished.push(delivery)
      scheduled ??= setImmediate(flush)
    },
    nack: (delivery, requeue) => {
      if (unacked.delete(delivery)) send(() => channel.nack(delivery.message, false, requeue))
    },
    flush,
    close: () => {
      closed = true
      clearImmediate(scheduled)
      unacked.clear()
      finished = []
    },
  }
}
