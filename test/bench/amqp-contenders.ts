import { connect as connectManager } from 'amqp-connection-manager'
import { type ChannelModel, connect } from 'amqplib'
import { Connection } from 'rabbitmq-client'
import rascal from 'rascal'
import { serviceGroup } from 'rx-service-group'
import { amqpConsumer } from 'rx-service-group/amqp'

/**
 * Consumes a queue that is there, and acknowledges each message once its handler has ended; settles when it consumes.
 */
export type Contender = (
  url: string,
  queue: string,
  prefetch: number,
  handle: (body: unknown) => Promise<void>,
) => Promise<unknown>

const consumeBare = async (
  connection: Pick<ChannelModel, 'createChannel'>,
  queue: string,
  prefetch: number,
  handle: (body: unknown) => Promise<void>,
): Promise<void> => {
  const channel = await connection.createChannel()
  await channel.prefetch(prefetch)
  await channel.consume(queue, async message => {
    if (!message) return
    await handle(JSON.parse(message.content.toString()))
    channel.ack(message)
  })
}

const bare: Contender = async (url, queue, prefetch, handle) => consumeBare(await connect(url), queue, prefetch, handle)

const ours: Contender = async (url, queue, prefetch, handle) => {
  const group = serviceGroup('shop').add(amqpConsumer('orders', { url, queue, prefetch, declare: false }, handle))
  group.status$.subscribe(() => undefined)
  await group.start()
}

const rabbitmqClient: Contender = (url, queue, prefetch, handle) =>
  new Promise((resolve, reject) => {
    const connection = new Connection(url)
    connection.on('error', () => undefined)
    const options = { queue, queueOptions: { passive: true }, qos: { prefetchCount: prefetch } }
    const consumer = connection.createConsumer(options, async ({ body }) => handle(body))
    consumer.on('error', reject)
    consumer.on('ready', () => resolve(undefined))
  })

const withRascal: Contender = async (url, queue, prefetch, handle) => {
  const vhost = new URL(url).pathname
  const config = {
    vhosts: { [vhost]: { connection: { url }, queues: { [queue]: { assert: false, check: true } } } },
    subscriptions: { orders: { vhost, queue, prefetch } },
  }
  const broker = await rascal.BrokerAsPromised.create(rascal.withDefaultConfig(config))
  broker.on('error', () => undefined)
  const subscription = await broker.subscribe('orders')
  subscription.on('error', () => undefined)
  subscription.on('message', async (_message, content, ackOrNack) => {
    await handle(content)
    ackOrNack()
  })
}

const recovery: Contender = async (url, queue, prefetch, handle) => {
  const setup = (model: ChannelModel) => consumeBare(model, queue, prefetch, handle)
  const connection = await connect(url, { recovery: { setup } })
  connection.on('error', () => undefined)
}

const manager: Contender = async (url, queue, prefetch, handle) => {
  const channel = connectManager([url]).createChannel()
  channel.on('error', () => undefined)
  const onMessage = async (message: { content: Buffer } & Parameters<typeof channel.ack>[0]) => {
    await handle(JSON.parse(message.content.toString()))
    channel.ack(message)
  }
  await channel.consume(queue, onMessage, { prefetch })
}

/** For the cost of a message. */
export const handlers: Readonly<Record<string, Contender>> = {
  'bare amqplib': bare,
  'bare amqplib again': bare,
  'rx-service-group': ours,
  rascal: withRascal,
  'rabbitmq-client': rabbitmqClient,
}

/** For how soon it consumes again: those that connect again by themselves. */
export const returners: Readonly<Record<string, Contender>> = {
  'rx-service-group': ours,
  rascal: withRascal,
  'recovery of amqplib': recovery,
  'rabbitmq-client': rabbitmqClient,
  'amqp-connection-manager': manager,
}
