import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isPhase, isRunning, live, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

type Options = Omit<Partial<AmqpConsumerOptions>, 'decode'>
const consume = (options: Options & { queue: AmqpConsumerOptions['queue'] }, handler: MessageHandler<string>) =>
  live(amqpConsumer('orders', { url: broker.url, decode: 'text', ...options }, handler))
const stop = async (life: ReturnType<typeof live>) => {
  life.tell('drain')
  await life.until(isPhase('drained'))
  life.tell('stop')
  await life.over
}

describe('topology', () => {
  test('exchanges, the queue and its bindings are declared, and again when they were lost', async () => {
    const [queue, exchange] = [queueName(), queueName()]
    let seen = promised<string>()
    const life = consume(
      {
        queue,
        exchanges: [{ name: exchange, type: 'topic', durable: false }],
        bindings: [
          { exchange, pattern: 'order.*' },
          { exchange, pattern: 'refund.#' },
        ],
      },
      (body, { message }) => seen.resolve(`${message.fields.routingKey} ${body}`),
    )
    await life.until(isRunning)
    for (const key of ['order.new', 'refund.a.b']) {
      seen = promised()
      await other.send(exchange, 'nobody', 'x')
      await other.send(exchange, key, 'hello')
      expect(await seen.promise).toBe(`${key} hello`)
    }
    const channel = await other.connection.createChannel()
    await channel.deleteExchange(exchange)
    await channel.deleteQueue(queue)
    await life.until(hasHealth('fail'))
    life.forget()
    await life.until(hasHealth('pass'))
    seen = promised()
    await other.send(exchange, 'order.again', 'hello')
    expect(await seen.promise).toBe('order.again hello')
    await stop(life)
    await channel.deleteQueue(queue)
    await channel.deleteExchange(exchange)
    await channel.close()
  })

  test('a quorum queue with a dead-letter exchange gets what is dead-lettered', async () => {
    const [name, dead, exchange] = [queueName(), queueName(), queueName()]
    const seen = promised<string>()
    const graves = consume(
      { queue: dead, exchanges: [{ name: exchange, type: 'fanout' }], bindings: [{ exchange }] },
      (body, { message }) => seen.resolve(`${body}: ${message.properties.headers?.['x-first-death-reason']}`),
    )
    await graves.until(isRunning)
    const options: Options = { onError: 'dead-letter', exchanges: [{ name: exchange, type: 'fanout' }] }
    const life = consume({ queue: { name, type: 'quorum', deadLetterExchange: exchange }, ...options }, () => {
      throw new Error('no')
    })
    await life.until(isRunning)
    await other.send('', name, 'poison')
    expect(await seen.promise).toBe('poison: rejected')
    await stop(life)
    await stop(graves)
    for (const queue of [name, dead]) await other.deleteQueue(queue)
  })

  test('what is handed back to a quorum queue at a stop is not held against it', async () => {
    const name = queueName()
    const queue = { name, type: 'quorum', arguments: { 'x-delivery-limit': 100 } } as const
    const lives = promised()
    const first = consume({ queue }, () => {
      lives.resolve()
      return new Promise(() => {})
    })
    await first.until(isRunning)
    await other.send('', name, 'slow')
    await lives.promise
    first.tell('drain')
    first.tell('stop')
    await first.over
    const seen = promised<unknown>()
    const second = consume({ queue }, (_, { message }) =>
      seen.resolve(message.properties.headers?.['x-delivery-count']),
    )
    expect(await seen.promise).toBe(1)
    await stop(second)
    await other.deleteQueue(name)
  })

  test('an exchange that is there with another type fails the start, and names it', async () => {
    const exchange = queueName()
    const channel = await other.connection.createChannel()
    await channel.assertExchange(exchange, 'fanout')
    const life = consume({ queue: queueName(), exchanges: [{ name: exchange, type: 'topic' }] }, () => undefined)
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_AMQP_EXCHANGE',
      message: expect.stringMatching(`service "orders": can't use exchange "${exchange}".*PRECONDITION_FAILED`),
    })
    await channel.deleteExchange(exchange)
    await channel.close()
  })

  test('a binding to an exchange that is not there fails the start, and names it', async () => {
    const life = consume({ queue: queueName(), bindings: [{ exchange: 'nobodys' }] }, () => undefined)
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_AMQP_EXCHANGE',
      message: expect.stringMatching(/can't use exchange "nobodys".*NOT_FOUND/),
    })
  })
})

describe('concurrency', () => {
  test('holds back what was delivered, and begins the next when one has ended', async () => {
    const queue = queueName()
    await other.publish(queue, ['1', '2', '3', '4', '5'])
    let now = 0
    let most = 0
    const order: string[] = []
    const all = promised()
    const life = consume({ queue, prefetch: 5, concurrency: 2 }, async body => {
      most = Math.max(most, ++now)
      order.push(body)
      await new Promise(resolve => setTimeout(resolve, 5))
      now--
      if (order.length === 5 && now === 0) all.resolve()
    })
    await all.promise
    await stop(life)
    expect(most).toBe(2)
    expect(order).toEqual(['1', '2', '3', '4', '5'])
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('what was not begun is handed back at drain', async () => {
    const queue = queueName()
    await other.publish(queue, ['1', '2', '3'])
    const begun: string[] = []
    const release = promised()
    const first = promised()
    const life = consume({ queue, concurrency: 1 }, body => {
      begun.push(body)
      first.resolve()
      return release.promise
    })
    await first.promise
    await expect.poll(() => other.ready(queue)).toBe(0)
    life.tell('drain')
    await expect.poll(() => other.ready(queue)).toBe(2)
    release.resolve()
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
    expect(begun).toEqual(['1'])
    expect(await other.ready(queue)).toBe(2)
    await other.deleteQueue(queue)
  })
})
