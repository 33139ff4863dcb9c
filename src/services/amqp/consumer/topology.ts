import type { Channel } from 'amqplib'
import type { Ask } from '../connection/at-once.ts'
import { declareExchange, withExchange } from '../exchange.ts'
import type { QueueOptions, Settings } from './options.ts'

/** The requests that declare what the consumer needs, or look whether its queue is there. */
export const topology = (settings: Settings, channel: Channel): readonly Ask[] =>
  settings.declare ? declarations(settings, channel) : [check(settings, channel)]

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
