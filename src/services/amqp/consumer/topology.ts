import type { Channel } from 'amqplib'
import { exchangeRequests, withExchange } from '../exchange.ts'
import type { Settings } from './options.ts'

/**
 * Declares what the consumer needs, or looks whether its queue is there.
 *
 * @returns the name of the queue
 */
export const declareTopology = async (settings: Settings, channel: Channel): Promise<string> => {
  const { queue, declare, exchanges, bindings } = settings
  if (declare !== true) await channel.checkQueue(queue.name)
  if (declare === false) return queue.name
  let { name } = queue
  if (declare === true) {
    for (const request of exchangeRequests(settings, channel, exchanges)) await request()
    name = (await channel.assertQueue(name, queue.declareWith)).queue
  }
  for (const { exchange, pattern = '', arguments: args } of bindings)
    await withExchange(settings, exchange, () => channel.bindQueue(name, exchange, pattern, args))
  return name
}
