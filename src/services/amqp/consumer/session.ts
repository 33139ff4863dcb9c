import type { Channel, ConsumeMessage } from 'amqplib'
import { ConsumerLost } from '../connection/channel.ts'
import type { Reply } from '../rpc/replies.ts'
import { type Acks, acknowledge, noAcks } from './acks.ts'
import { Delivery } from './delivery.ts'
import type { Offsets } from './offsets.ts'
import type { Settings } from './options.ts'
import { settled } from './settling.ts'
import { declareTopology } from './topology.ts'

/** A consumer on its channel. */
export interface Session extends Acks {
  /** Replies to a message. */
  readonly reply: Reply
  /** The name of the queue at the broker. */
  readonly queue: string
  /** False once it is lost: its messages come again. With `noAck` it stays true, because no message comes again. */
  readonly isOpen: boolean
  /** Passes on the deliveries that have come, and from now on each delivery at once. */
  begin(): void
  /** Settles when no more deliveries come, or when the channel is closed. */
  cancel(): Promise<void>
  /** Sends all acknowledgements, and settles when the queue has carried them out, or when the channel is closed. */
  settle(): Promise<void>
}

/** Declares what the consumer needs, and consumes on the channel. */
export const consume = async (
  settings: Settings,
  channel: Channel,
  lose: (error: Error) => void,
  onDelivery: (delivery: Delivery) => void,
  sendReply: Reply,
  answered: () => void,
  offsets?: Offsets,
): Promise<Session> => {
  const { consumeOptions } = settings
  let consumerTag = ''
  const acks = consumeOptions.noAck ? noAcks() : acknowledge(channel)
  let closed = false
  // Deliveries come before the reply to `consume`. They wait, because no message may be handled before the service
  // runs: a stop before that cancels the start.
  let early: Delivery[] | undefined = []
  const queue = await declareTopology(settings, channel, answered)
  const session: Session = {
    ...acks,
    reply: sendReply,
    queue,
    get isOpen() {
      return !closed || consumeOptions.noAck === true
    },
    begin: () => {
      const held = early ?? []
      early = undefined
      for (const delivery of held) if (!closed) onDelivery(delivery)
    },
    cancel: async () => {
      try {
        await channel.cancel(consumerTag)
      } catch {}
    },
    settle: async () => {
      acks.flush()
      if (settings.queue.canLoseAcks) await settled(channel, queue, acks.sent())
    },
    ack: delivery => {
      offsets?.settled(delivery.message)
      return acks.ack(delivery)
    },
    close: () => {
      closed = true
      offsets?.lost()
      acks.close()
    },
  }

  // A single active consumer closes its channel to keep the order, and so all its messages come back, begun or not.
  const countsReturns = !settings.queue.hasSingleActiveConsumer
  const deliver = (message: ConsumeMessage) => {
    if (closed) return
    const delivery = new Delivery(message, session, queue, countsReturns)
    acks.add(delivery)
    if (offsets?.came(message) === false) acks.ack(delivery)
    else if (early) early.push(delivery)
    else onDelivery(delivery)
  }
  const options = offsets
    ? { ...consumeOptions, arguments: { ...consumeOptions.arguments, 'x-stream-offset': offsets.argument() } }
    : consumeOptions
  const reply = await channel.consume(
    queue,
    message => {
      if (message) deliver(message)
      else lose(new ConsumerLost(`consumer cancelled by the broker: queue "${queue}" was deleted, or can't be served`))
    },
    options,
  )
  consumerTag = reply.consumerTag
  return session
}
