import {
  type AmqpConsumerOptions,
  amqpConsumer,
  amqpPublisher,
  type ExchangeOptions,
  type PublishOptions,
} from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isRunning, live, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

/** Exchanges that go when nobody uses them any more. */
const exchange = (type: string, more: Partial<ExchangeOptions> = {}): ExchangeOptions => ({
  name: queueName(),
  type,
  autoDelete: true,
  durable: false,
  ...more,
})

/** A consumer with a queue of its own, and what comes to it. */
const consuming = async (options: Partial<AmqpConsumerOptions>) => {
  const name = queueName()
  const got: unknown[] = []
  const queue = { name, autoDelete: true, durable: false }
  const life = live(amqpConsumer('orders', { url: broker.url, queue, ...options }, body => void got.push(body)))
  onTestFinished(() => life.subscription.unsubscribe())
  await life.until(isRunning)
  return { life, name, got }
}

/** Publishes, and says which of the messages no queue took. */
const send = async (
  to: string,
  messages: readonly (readonly [key: string, body: unknown, options?: PublishOptions])[],
) => {
  const outbox = amqpPublisher('outbox', { url: broker.url, exchange: to })
  const life = live(outbox)
  await life.until(isRunning)
  const lost: unknown[] = []
  for (const [key, body, options] of messages)
    await outbox.publish(key, body, options).catch(({ code }) => lost.push([body, code]))
  life.tell('stop')
  await life.over
  return lost
}

describe('an exchange that gets its messages from another', () => {
  test.runIf(brokerIsOurs)(
    'is bound by a consumer, whatever the order of the exchanges, and again when it was lost',
    async () => {
      const shop = exchange('topic', { autoDelete: false })
      const audit = exchange('fanout', { bindings: [{ exchange: shop.name, pattern: 'order.*' }] })
      const { life, got } = await consuming({ exchanges: [audit, shop], bindings: [{ exchange: audit.name }] })
      const channel = await other.connection.createChannel()
      expect(
        await send(shop.name, [
          ['order.placed', 1],
          ['mail.sent', 2],
        ]),
      ).toEqual([[2, 'ERR_AMQP_UNROUTABLE']])
      await expect.poll(() => got).toEqual([1])

      await channel.deleteExchange(shop.name)
      await broker.faults.closeAllConnections()
      await life.until(hasHealth('fail'))
      life.forget()
      await life.until(hasHealth('pass'))
      other = await bystander(broker.url)
      expect(await send(shop.name, [['order.paid', 3]])).toEqual([])
      await expect.poll(() => got).toEqual([1, 3])
      const again = await other.connection.createChannel()
      await again.deleteExchange(shop.name)
      await again.close()
    },
  )

  test('is bound by a publisher: what it publishes comes to the queues of both', async () => {
    const shop = exchange('topic')
    const audit = exchange('fanout', { bindings: [{ exchange: shop.name, pattern: '#' }] })
    const outbox = amqpPublisher('outbox', { url: broker.url, exchange: shop, exchanges: [audit] })
    const life = live(outbox)
    onTestFinished(() => life.subscription.unsubscribe())
    await life.until(isRunning)
    const orders = await consuming({ exchanges: [shop], bindings: [{ exchange: shop.name, pattern: 'order.*' }] })
    const all = await consuming({ exchanges: [audit], bindings: [{ exchange: audit.name }] })
    await outbox.publish('order.placed', 1)
    await outbox.publish('mail.sent', 2)
    await expect.poll(() => all.got).toEqual([1, 2])
    expect(orders.got).toEqual([1])
  })

  test('with a source that is not there fails the start, and names the source', async () => {
    const audit = exchange('fanout', { bindings: [{ exchange: 'nobodys' }] })
    const services = [
      amqpConsumer('orders', { url: broker.url, queue: queueName(), exchanges: [audit] }, () => undefined),
      amqpPublisher('orders', { url: broker.url, exchange: audit }),
    ]
    for (const service of services)
      await expect(live(service).over).rejects.toMatchObject({
        code: 'ERR_AMQP_EXCHANGE',
        message: expect.stringMatching(/service "orders": can't use exchange "nobodys".*NOT_FOUND/),
      })
  })
})

describe('headers decide', () => {
  test('which messages come to a queue: all of them match, or any', async () => {
    const shop = exchange('headers')
    const binding = (match: string) => ({
      exchange: shop.name,
      arguments: { 'x-match': match, kind: 'order', country: 'at' },
    })
    const all = await consuming({ exchanges: [shop], bindings: [binding('all')] })
    const any = await consuming({ exchanges: [shop], bindings: [binding('any')] })
    const lost = await send(shop.name, [
      ['', 'both', { headers: { kind: 'order', country: 'at' } }],
      ['', 'one', { headers: { kind: 'order', country: 'de' } }],
      ['', 'none', { headers: { kind: 'mail' } }],
      ['', 'no headers'],
    ])
    expect(lost).toEqual([
      ['none', 'ERR_AMQP_UNROUTABLE'],
      ['no headers', 'ERR_AMQP_UNROUTABLE'],
    ])
    await expect.poll(() => any.got).toEqual(['both', 'one'])
    expect(all.got).toEqual(['both'])
  })

  test('which messages come to another exchange', async () => {
    const shop = exchange('headers')
    const big = exchange('fanout', {
      bindings: [{ exchange: shop.name, arguments: { 'x-match': 'any', size: 'big', urgent: true } }],
    })
    const { got } = await consuming({ exchanges: [big, shop], bindings: [{ exchange: big.name }] })
    const lost = await send(shop.name, [
      ['', 1, { headers: { size: 'big' } }],
      ['', 2, { headers: { size: 'small' } }],
      ['', 3, { headers: { size: 'small', urgent: true } }],
    ])
    expect(lost).toEqual([[2, 'ERR_AMQP_UNROUTABLE']])
    await expect.poll(() => got).toEqual([1, 3])
  })
})

test('an exchange with arguments and an alternate exchange is declared with them', async () => {
  const rest = exchange('fanout', { autoDelete: false })
  const shop = exchange('topic', { alternateExchange: rest.name })
  const channel = await other.connection.createChannel()
  onTestFinished(async () => void (await channel.deleteExchange(rest.name)))
  const { got } = await consuming({ exchanges: [shop, rest], bindings: [{ exchange: rest.name }] })
  expect(await send(shop.name, [['nobody.knows', 1]])).toEqual([])
  await expect.poll(() => got).toEqual([1])
})

describe('what makes no sense is refused at the call, by name', () => {
  const cases = [
    [
      { exchanges: [{ name: 'a', type: 'topic', durabel: true }] },
      'unknown option exchanges.durabel; did you mean exchanges.durable?',
    ],
    [{ exchanges: [{ name: 'a' }] }, 'exchanges.type must be a type, like "topic" or "fanout", got undefined'],
    [{ exchanges: [{ type: 'topic' }] }, 'exchanges.name must be the name of an exchange, got undefined'],
    [{ exchanges: ['a'] }, 'exchanges must be an object, got "a"'],
    [
      { exchanges: { name: 'a', type: 'topic' } },
      'exchanges must be an array of exchanges, got {"name":"a","type":"topic"}',
    ],
    [
      { exchanges: [{ name: 'a', type: 'topic', durable: 'yes' }] },
      'exchanges.durable must be true or false, got "yes"',
    ],
    [
      { exchanges: [{ name: 'a', type: 'topic', bindings: [{ exchange: 'b', routingKey: 'x' }] }] },
      'unknown option exchanges.bindings.routingKey; known are exchange, pattern, arguments',
    ],
    [
      { exchanges: [{ name: 'a', type: 'topic', bindings: [{}] }] },
      'exchanges.bindings must be bindings with an exchange each, got undefined',
    ],
  ] as const
  test.each(cases)('%j', (options, message) => {
    const asked = options as object
    expect(() => amqpConsumer('orders', { url: broker.url, queue: 'q', ...asked }, () => undefined)).toThrow(
      `service "orders": ${message}`,
    )
    expect(() => amqpPublisher('outbox', { url: broker.url, ...asked })).toThrow(`service "outbox": ${message}`)
  })

  test('a binding of a queue', () => {
    const make = (binding: object) => () =>
      amqpConsumer(
        'orders',
        { url: broker.url, queue: 'q', bindings: [binding as { exchange: string }] },
        () => undefined,
      )
    expect(make({ exchange: 'a', patern: 'x' })).toThrow(
      'unknown option bindings.patern; did you mean bindings.pattern?',
    )
    expect(make({ exchange: 'a', pattern: 7 })).toThrow('bindings.pattern must be a string, got 7')
    expect(make({ exchange: 'a', arguments: 'x' })).toThrow('bindings.arguments must be an object, got "x"')
    expect(make({})).toThrow('bindings must be bindings with an exchange each, got undefined')
  })

  test('the exchange of a publisher', () => {
    const make = (exchange: unknown) => () => amqpPublisher('outbox', { url: broker.url, exchange: exchange as string })
    expect(make({ name: 'a', type: 'topic', alternate: 'b' })).toThrow('unknown option exchange.alternate')
    expect(make(7)).toThrow('exchange must be the name of an exchange, got 7')
  })
})
