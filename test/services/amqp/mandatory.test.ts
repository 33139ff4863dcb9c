import { connect } from 'amqplib'
import { type AmqpPublisherOptions, amqpPublisher } from 'rx-service-group/amqp'
import { describe, expect, onTestFinished, test } from 'vitest'
import { returnsDelivered } from '../../../src/services/amqp/publisher/mandatory.ts'
import { useBroker } from '../../support/broker.ts'
import { isRunning, live, promised, queueName } from './life.ts'

const broker = useBroker()

const publishing = async (options: Omit<AmqpPublisherOptions, 'url'> = {}) => {
  const publisher = amqpPublisher('outbox', { url: broker.url, ...options })
  const life = live(publisher)
  onTestFinished(() => life.subscription.unsubscribe())
  await life.until(isRunning)
  return publisher
}

/** A plain client that waits for a direct reply: the address the broker gave it, and the replies that come. */
const client = async () => {
  const connection = await connect(broker.url)
  onTestFinished(() => connection.close())
  const channel = await connection.createChannel()
  const reply = promised<string>()
  await channel.consume('amq.rabbitmq.reply-to', message => reply.resolve(message!.content.toString()), { noAck: true })
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const address = promised<string>()
  await channel.consume(queue, message => address.resolve(message!.properties.replyTo), { noAck: true })
  channel.sendToQueue(queue, Buffer.from('a request'), { replyTo: 'amq.rabbitmq.reply-to' })
  return { address: await address.promise, reply: reply.promise }
}

describe('a direct reply', () => {
  test('is published by a publisher, confirmed and delivered', async () => {
    const { address, reply } = await client()
    expect(address).toMatch(/^amq\.rabbitmq\.reply-to\../)
    const { publish } = await publishing()
    await publish(address, { price: 1 })
    expect(await reply).toBe('{"price":1}')
  })

  test('is published also by a publisher that says mandatory for this message', async () => {
    const { address, reply } = await client()
    const { publish } = await publishing()
    await publish(address, 'a reply', { mandatory: true })
    expect(await reply).toBe('"a reply"')
  })

  test.each(['CC', 'BCC'])('is published also as a copy, by %s', async copies => {
    const { address, reply } = await client()
    const { publish } = await publishing()
    await publish('a queue that is not there', 'a copy', { [copies]: [address] })
    expect(await reply).toBe('"a copy"')
    await expect(publish('not there', 1, { [copies]: ['nor there'] })).rejects.toMatchObject({
      code: 'ERR_AMQP_UNROUTABLE',
    })
  })

  test('is told from a queue that is not there, and from a routing key of another exchange', async () => {
    const { publish } = await publishing()
    await expect(publish('amq.rabbitmq.reply-top', 1)).rejects.toMatchObject({ code: 'ERR_AMQP_UNROUTABLE' })
    const exchange = queueName()
    const other = await publishing({ exchange: { name: exchange, type: 'topic', autoDelete: true, durable: false } })
    await expect(other.publish('amq.rabbitmq.reply-to.x', 1)).rejects.toMatchObject({ code: 'ERR_AMQP_UNROUTABLE' })
  })
})

// The plugin of the delayed-message exchange is no part of RabbitMQ, so that this is tested without a broker.
describe('a delayed message', () => {
  const delayed = { name: 'later', type: 'x-delayed-message', arguments: { 'x-delayed-type': 'topic' } } as const
  const topic = { name: 'shop', type: 'topic' } as const
  const cases = [
    ['is returned by an exchange that is declared with this type', 'later', [topic, delayed], 5_000, true],
    ['is returned by an exchange of unknown type', 'later', [], 5_000, true],
    ['may give its delay as text', 'later', [delayed], '5000', true],
    ['is not returned by an exchange of another type', 'shop', [topic, delayed], 5_000, false],
    ['without a delay goes to the queues at once', 'later', [delayed], undefined, false],
    ['with a delay of 0 goes to the queues at once', 'later', [delayed], 0, false],
    ['that has been delayed already goes to the queues at once', 'later', [delayed], -5_000, false],
    ['with a delay that is no number goes to the queues at once', 'later', [delayed], 'soon', false],
    ['with too long a delay goes to the queues at once', 'later', [delayed], 2 ** 32, false],
  ] as const
  test.each(cases)('%s', (_, exchange, declared, delay, returned) => {
    const headers = delay === undefined ? { other: 1 } : { 'x-delay': delay }
    expect(returnsDelivered(exchange, declared)('order.placed', { headers })).toBe(returned)
  })

  test('needs headers', () => {
    expect(returnsDelivered('later', [delayed])('order.placed', undefined)).toBe(false)
    expect(returnsDelivered('later', [delayed])('order.placed', {})).toBe(false)
  })
})

test('an option of a message that is unknown is refused by name', async () => {
  const { publish } = await publishing()
  await expect(publish('a queue', 1, { persistant: true } as object)).rejects.toMatchObject({
    code: 'ERR_INVALID_OPTION',
    message: 'service "outbox": unknown option persistant; did you mean persistent?',
  })
})
