import type { Channel, ConsumeMessage } from 'amqplib'
import { allAtOnce } from '../connection/at-once.ts'
import { ConsumerLost } from '../connection/channel.ts'
import { type Acks, acknowledge } from './acks.ts'
import { Delivery } from './delivery.ts'
import type { Settings } from './options.ts'
import { topology } from './topology.ts'

/** A consumer on its channel. */
export interface Session extends Acks {
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
  answered: () => void,
): Promise<Session> => {
  const { queue, prefetch } = settings
  let consumerTag = ''
  const acks = acknowledge(channel)
  let closed = false
  // Deliveries come before the reply is heard, and no message may be handled by a consumer that isn't running yet:
  // to end it then is to cancel its start.
  let early: Delivery[] | undefined = []
  const session: Session = {
    ...acks,
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
    close: () => {
      closed = true
      acks.close()
    },
  }
  // Hundreds of bindings take no longer than a few, even if the broker is far away.
  await allAtOnce(channel, [...topology(settings, channel), () => channel.prefetch(prefetch)], answered)

  const deliver = (message: ConsumeMessage) => {
    if (closed) return
    const delivery = new Delivery(message, session)
    acks.add(delivery)
    if (early) early.push(delivery)
    else onDelivery(delivery)
  }
  const reply = await channel.consume(queue, message => {
    if (message) deliver(message)
    else lose(new ConsumerLost(`consumer cancelled by the broker: queue "${queue}" was deleted, or can't be served`))
  })
  consumerTag = reply.consumerTag
  return session
}
