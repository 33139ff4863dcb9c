import type { Channel } from 'amqplib'
import { type Ask, allAtOnce } from '../connection/at-once.ts'
import { mustBeFinite } from '../connection/unsendable.ts'
import { exchangeRequests, withExchange } from '../exchange.ts'
import type { Settings } from './options.ts'

/**
 * Declares what the consumer needs, or looks whether its queue is there, and sets its prefetch. With a broker far away,
 * hundreds of bindings take no longer than a few.
 *
 * @param answered is told of each answer of the broker
 * @returns the name of the queue
 */
export const declareTopology = async (settings: Settings, channel: Channel, answered: () => void): Promise<string> => {
  const { service, queue, declare, exchanges, bindings, prefetch } = settings
  let { name } = queue
  const declareQueue = async () => {
    mustBeFinite(service, `queue "${name}"`, queue.declareWith)
    name = (await channel.assertQueue(name, queue.declareWith)).queue
  }
  const queueIsThere: readonly Ask[] =
    declare === true
      ? [...exchangeRequests(settings, channel, exchanges), declareQueue]
      : [() => channel.checkQueue(name)]
  const bind =
    declare === false
      ? []
      : bindings.map(
          ({ exchange, pattern = '', arguments: args }): Ask =>
            async () => {
              mustBeFinite(service, `the binding to exchange "${exchange}"`, args)
              await withExchange(settings, exchange, () => channel.bindQueue(name, exchange, pattern, args))
            },
        )
  const rest: readonly Ask[] = [...bind, () => channel.prefetch(prefetch)]
  // A name that the server chooses is not known before.
  if (queue.isServerNamed) {
    await allAtOnce(channel, queueIsThere, answered)
    await allAtOnce(channel, rest, answered)
  } else await allAtOnce(channel, [...queueIsThere, ...rest], answered)
  return name
}
