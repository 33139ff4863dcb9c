import type { Channel } from 'amqplib'
import { type Ask, allAtOnce } from '../connection/at-once.ts'
import { declareExchange, withExchange } from '../exchange.ts'
import type { QueueOptions, Settings } from './options.ts'

/**
 * Declares what the consumer needs, or looks whether its queue is there. Everything is sent at once: with a broker far
 * away, hundreds of bindings take no longer than a few.
 *
 * @param answered is told of each answer of the broker
 */
export const declareTopology = (settings: Settings, channel: Channel, answered: () => void): Promise<void> =>
  allAtOnce(channel, settings.declare ? declarations(settings, channel) : [check(settings, channel)], answered)

const check =
  ({ queue }: Settings, channel: Channel): Ask =>
  () =>
    channel.checkQueue(queue)

const declarations = (settings: Settings, channel: Channel): readonly Ask[] => {
  const { queue, queueOptions, exchanges, bindings } = settings
  const { type, ...options } = queueOptions
  const given: unknown = options.arguments
  const declared = { ...options, arguments: { ...(given as object), ...queueArguments(type) } }
  return [
    ...exchanges.map(
      (exchange): Ask =>
        () =>
          declareExchange(settings, channel, exchange),
    ),
    () => channel.assertQueue(queue, declared),
    ...bindings.map(
      ({ exchange: name, pattern = '', arguments: args }): Ask =>
        () =>
          withExchange(settings, name, () => channel.bindQueue(queue, name, pattern, args)),
    ),
  ]
}

/** How the type of a queue is said to the broker. */
export const queueArguments = (type: QueueOptions['type']): Record<string, unknown> =>
  type === undefined ? {} : { 'x-queue-type': type }
