import { randomUUID } from 'node:crypto'
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import { ConsumerLost } from '../connection/channel.ts'
import { featuresOf } from '../connection/features.ts'

/** The address of direct replies: no queue, but a consumer on the channel on which the requests are published. */
const DIRECT = 'amq.rabbitmq.reply-to'

/** Where the replies to requests come to. */
export interface ReplyQueue {
  /** The `replyTo` of requests, once it is consumed. */
  readonly address: string
  /** Consumes replies on a channel, before requests are published there. */
  consume(channel: ConfirmChannel, lose: (error: Error) => void): Promise<void>
}

/** Direct replies; on a broker inside the process, which has none, a queue of its own. */
export const makeReplyQueue = (service: string, onReply: (message: ConsumeMessage) => void): ReplyQueue => {
  let address = DIRECT
  return {
    get address() {
      return address
    },
    consume: async (channel, lose) => {
      if (!featuresOf(channel).repliesDirectly) {
        address = `${service}.replies.${randomUUID()}`
        await channel.assertQueue(address, { exclusive: true, autoDelete: true, durable: false })
      }
      const onMessage = (message: ConsumeMessage | null) =>
        message ? onReply(message) : lose(new ConsumerLost('replies are no longer consumed: cancelled by the broker'))
      // Direct replies can't be acknowledged.
      await channel.consume(address, onMessage, { noAck: true })
    },
  }
}
