import { type Channel, type ConsumeMessage, connect } from 'amqplib'
import {
  type AmqpConsumerOptions,
  type AmqpRpcOptions,
  amqpConsumer,
  amqpRpc,
  type Decode,
  type Encode,
  type MessageHandler,
} from 'rx-service-group/amqp'
import { onTestFinished } from 'vitest'
import type { Broker } from '../../support/broker.ts'
import { isRunning, type Life, live, queueName } from './life.ts'

/** What a queue goes with that nobody uses for a minute, whatever its type. */
export const TEMPORARY = { expires: 60_000 } as const

/** A life that runs, until the test is over. */
export const running = async (life: Life): Promise<Life> => {
  onTestFinished(() => life.subscription.unsubscribe())
  await life.until(isRunning)
  return life
}

/** The value, or the code or text of the error. */
export const codeOf = (settled: Promise<unknown>): Promise<unknown> =>
  settled.then(
    value => value,
    error => error.code ?? error.message,
  )

/** Clients and servers at a broker, each for one test. */
export const rpcAt = (broker: Broker) => {
  const client = async <E extends Encode = 'json', D extends Decode = 'json'>(
    options: Omit<AmqpRpcOptions<E, D>, 'url'> = {},
  ) => {
    const rpc = amqpRpc('client', { url: broker.url, ...options } as AmqpRpcOptions<E, D>)
    return { life: await running(live(rpc)), rpc, request: rpc.request }
  }

  /** A consumer of a queue of its own, which goes with it. */
  const server = async (handler: MessageHandler<never>, options: Partial<AmqpConsumerOptions> = {}) => {
    const name = queueName()
    const queue = { name, ...TEMPORARY }
    const life = await running(
      live(amqpConsumer('server', { url: broker.url, queue, ...options }, handler as MessageHandler)),
    )
    return { life, queue: name }
  }

  /** A channel of plain amqplib. */
  const plainChannel = async (): Promise<Channel> => {
    const connection = await connect(broker.url)
    onTestFinished(() => connection.close())
    return connection.createChannel()
  }

  /** A server on plain amqplib. What it returns is the reply; `undefined` is none. */
  const plainServer = async (answer: (message: ConsumeMessage) => string | undefined) => {
    const channel = await plainChannel()
    const { queue } = await channel.assertQueue(queueName(), TEMPORARY)
    await channel.consume(queue, message => {
      const { replyTo, correlationId } = message!.properties
      channel.ack(message!)
      const reply = answer(message!)
      if (reply !== undefined) channel.sendToQueue(replyTo, Buffer.from(reply), { correlationId })
    })
    return { channel, queue }
  }

  return { client, server, plainChannel, plainServer }
}
