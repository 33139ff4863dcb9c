import type { Channel } from 'amqplib'

/** A request that the broker answers. */
export type Ask = () => PromiseLike<unknown>

/**
 * Sends requests over a channel without waiting for answers in between. The broker handles them in their order. A
 * refused request closes the channel, so all requests behind it fail too. The error is that of the first.
 *
 * @param answered is told of each answer
 */
export const allAtOnce = async (channel: Channel, asks: readonly Ask[], answered: () => void): Promise<void> => {
  const restore = sendAtOnce(channel)
  // A broker inside the process has other channels, and is not far away.
  if (!restore) {
    for (const ask of asks) {
      await ask()
      answered()
    }
    return
  }
  try {
    const answers = await Promise.allSettled(asks.map(async ask => void (await ask().then(answered))))
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
  } finally {
    restore()
  }
}

/** The inside of amqplib's channels: the request that waits for its answer, and the queue behind it. */
interface Inside {
  reply: unknown
  pending: { method: unknown; fields?: unknown; reply: unknown }[] | null
  sendImmediately(method: unknown, fields: unknown): unknown
  sendOrEnqueue(method: unknown, fields: unknown, reply: unknown): void
}

const isInside = (channel: unknown): channel is Inside => {
  const { reply, pending, sendImmediately, sendOrEnqueue } = channel as Partial<Inside>
  const isAmqplib = typeof sendImmediately === 'function' && typeof sendOrEnqueue === 'function'
  return isAmqplib && reply === null && Array.isArray(pending) && pending.length === 0
}

/** Stands in the queue for a request that was sent already. */
const SENT = Symbol('sent')

/**
 * Amqplib sends a request only when the request before it was answered. Until the returned function is called, this
 * channel sends each request at once. Its queue then only holds the order in which answers come.
 */
const sendAtOnce = (channel: unknown): (() => void) | undefined => {
  if (!isInside(channel)) return undefined
  const send = channel.sendImmediately
  const mine: Pick<Inside, 'sendImmediately' | 'sendOrEnqueue'> = {
    sendImmediately: (method, fields) => (method === SENT ? true : send.call(channel, method, fields)),
    sendOrEnqueue: (method, fields, reply) => {
      send.call(channel, method, fields)
      if (channel.reply) channel.pending!.push({ method: SENT, reply })
      else channel.reply = reply
    },
  }
  Object.assign(channel, mine)
  return () => {
    // A closed channel has other functions in their place, which throw.
    if (channel.sendImmediately === mine.sendImmediately) Reflect.deleteProperty(channel, 'sendImmediately')
    if (channel.sendOrEnqueue === mine.sendOrEnqueue) Reflect.deleteProperty(channel, 'sendOrEnqueue')
  }
}
