import type { Channel } from 'amqplib'
import { exchangeRequests, withExchange } from '../exchange.ts'
import type { QueueOptions, Settings } from './options.ts'

/** Declares what the consumer needs, or looks whether its queue is there. */
export const declareTopology = async (settings: Settings, channel: Channel): Promise<void> => {
  const { queue, queueOptions, declare, exchanges, bindings } = settings
  if (!declare) return void (await channel.checkQueue(queue))
  for (const request of exchangeRequests(settings, channel, exchanges)) await request()
  const { type, ...options } = queueOptions
  const given: unknown = options.arguments
  const declared = { ...options, arguments: { ...(given as object), ...queueArguments(type) } }
  await channel.assertQueue(queue, declared)
  for (const { exchange: name, pattern = '', arguments: args } of bindings)
    await withExchange(settings, name, () => channel.bindQueue(queue, name, pattern, args))
}

/** How the type of a queue is said to the broker. */
export const queueArguments = (type: QueueOptions['type']): Record<string, unknown> =>
  type === undefined ? {} : { 'x-queue-type': type }
