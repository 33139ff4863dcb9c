import type { Channel } from 'amqplib'
import type { Ask } from '../connection/at-once.ts'
import { mustBeFinite } from '../connection/unsendable.ts'
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
  const { service, queue, queueOptions, exchanges, bindings } = settings
  const { type, ...options } = queueOptions
  const given: unknown = options.arguments
  const declared = { ...options, arguments: { ...(given as object), ...queueArguments(type) } }
  return [
    ...exchanges.map(
      (exchange): Ask =>
        () =>
          declareExchange(settings, channel, exchange),
    ),
    async () => {
      mustBeFinite(service, `queue "${queue}"`, declared)
      await channel.assertQueue(queue, declared)
    },
    ...bindings.map(
      ({ exchange: name, pattern = '', arguments: args }): Ask =>
        async () => {
          mustBeFinite(service, `the binding to exchange "${name}"`, args)
          await withExchange(settings, name, () => channel.bindQueue(queue, name, pattern, args))
        },
    ),
  ]
}

/** How the type of a queue is said to the broker. */
export const queueArguments = (type: QueueOptions['type']): Record<string, unknown> =>
  type === undefined ? {} : { 'x-queue-type': type }
