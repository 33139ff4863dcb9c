import type { Channel } from 'amqplib'
import type { Settings } from './options.ts'

/** Declares what the consumer needs, or looks whether it is there. Returns the name of its queue. */
export const declareTopology = async ({ queue, declareWith }: Settings, channel: Channel): Promise<string> => {
  if (declareWith) return (await channel.assertQueue(queue, declareWith)).queue
  await channel.checkQueue(queue)
  return queue
}
