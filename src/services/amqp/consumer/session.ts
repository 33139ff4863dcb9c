import type { Channel, ConsumeMessage } from 'amqplib'
import { ConsumerLost } from '../connection/channel.ts'
import type { Reply } from '../rpc/replies.ts'
import { type Acks, acknowledge, noAcks } from './acks.ts'
import { Delivery } from './delivery.ts'
import type { Offsets } from './offsets.ts'
import type { Settings } from './options.ts'
import { declareTopology } from './topology.ts'

/** A consumer on its channel. */
export interface Session extends Acks {
  /** Replies to a message. */
  readonly reply: Reply
  /** The queue that is consumed, as it is named at the broker. */
  readonly queue: string
  /** False once it is lost, and what it delivered comes again. Without acknowledgements nothing does. */
  readonly isOpen: boolean
  /** From now on deliveries are handed over, those that came before first. */
  begin(): void
  /** Settles when no more deliveries come, or when the channel is gone. */
  cancel(): Promise<void>
}

/** Makes a consumer of a channel: declares what it needs and consumes. */
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
  // Deliveries come before the reply is heard, and no message may be handled by a consumer that isn't running yet:
  // to end it then is to cancel its start.
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

  // A single active consumer closes its channel to keep the order. All that it holds comes back then, begun or not.
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
