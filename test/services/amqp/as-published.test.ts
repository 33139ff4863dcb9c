import { amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, isRunning, live, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

test('a handler sees the same message at each attempt: exchange, routing key and headers of its publisher', async () => {
  const [queue, exchange] = [queueName(), queueName()]
  const seen: unknown[] = []
  const enough = promised()
  const life = live(
    amqpConsumer(
      'orders',
      {
        url: broker.url,
        queue,
        decode: 'text',
        exchanges: [{ name: exchange, type: 'topic' }],
        bindings: [{ exchange, pattern: 'order.#' }],
        retry: { initialDelay: 20, factor: 1 },
      },
      (_, { message, attempt }) => {
        const { exchange: from, routingKey, redelivered } = message.fields
        seen.push({ from, routingKey, redelivered, headers: message.properties.headers })
        if (attempt < 4) throw new Error('no')
        enough.resolve()
      },
    ),
  )
  await life.until(isRunning)
  await other.send(exchange, 'order.new', 'one', { headers: { tenant: 7 } })
  await enough.promise
  life.tell('stop')
  await life.over
  const same = { from: exchange, routingKey: 'order.new', redelivered: false, headers: { tenant: 7 } }
  expect(seen).toEqual([same, same, same, same])
})

test('headers that are handed on with a message do not count for the next service', async () => {
  const [first, second] = [queueName(), queueName()]
  const outbox = amqpPublisher('outbox', { url: broker.url })
  const publisher = live(outbox)
  await publisher.until(isRunning)
  const seen = promised<unknown>()
  const options = { url: broker.url, decode: 'text', retry: { initialDelay: 20 } } as const
  const relay = live(
    amqpConsumer('relay', { ...options, queue: first }, async (body, { message, attempt }) => {
      if (attempt < 3) throw new Error('no')
      await outbox.publish(second, body, { headers: message.properties.headers ?? {} })
    }),
  )
  const end = live(
    amqpConsumer('end', { ...options, queue: second }, (_, { message, attempt }) =>
      seen.resolve({ attempt, headers: message.properties.headers }),
    ),
  )
  await relay.until(isRunning)
  await end.until(isRunning)
  await other.publish(first, ['one'], { headers: { tenant: 7 } })
  expect(await seen.promise).toEqual({ attempt: 1, headers: { tenant: 7 } })
  for (const life of [relay, end, publisher]) {
    life.tell('stop')
    await life.over
  }
})

test('headers of ours that leaked from another queue count nothing, and are taken out', async () => {
  const queue = queueName()
  const headers = { 'x-attempt': 99, 'x-attempt-queue': 'elsewhere', 'x-original-exchange': 'shop', tenant: 7 }
  await other.publish(queue, ['leaked'], { headers })
  const seen = promised<unknown>()
  const life = live(
    amqpConsumer('orders', { url: broker.url, queue, decode: 'text' }, (_, { message, attempt }) =>
      seen.resolve({ attempt, routingKey: message.fields.routingKey, headers: message.properties.headers }),
    ),
  )
  expect(await seen.promise).toEqual({ attempt: 1, routingKey: queue, headers: { tenant: 7 } })
  life.tell('stop')
  await life.over
})
