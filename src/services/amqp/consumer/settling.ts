import type { Channel } from 'amqplib'

/** How many requests of a channel a quorum queue takes before it has carried out the first of them. */
const TAKEN_AT_ONCE = 32

/** Asks for messages without giving room for one. RabbitMQ 3 knows it, others take no notice of it. */
const NO_CREDIT = { credit: { '!': 'int64', value: 0 }, drain: false }

/** Behind the consumers that want messages. */
const LAST = -1_000

/**
 * Waits until a queue has carried out the acknowledgements of a channel that is about to close. A quorum queue takes 32
 * requests of a channel at a time. The requests behind them wait inside the channel, and are lost when it closes: the
 * messages come again though they were handled. One more consumer is a request with an answer, behind all those. It
 * asks for no message, and goes with the channel. So does what it gets all the same.
 *
 * @param sent how many acknowledgements the channel has sent
 */
export const settled = async (channel: Channel, queue: string, sent: number): Promise<void> => {
  if (sent < TAKEN_AT_ONCE) return
  try {
    await channel.prefetch(1)
    await channel.consume(queue, () => undefined, { arguments: { 'x-credit': NO_CREDIT, 'x-priority': LAST } })
  } catch {
    // A channel that is lost meanwhile has nothing to wait for.
  }
}
