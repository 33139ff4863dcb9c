import { connect, type Options } from 'amqplib'
import { type AmqpPublisher, type AmqpPublisherOptions, amqpPublisher, type Encode } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, hasInfo, isRunning, type Life, last, live, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

/** A publisher that runs, until the test is over. */
const publishing = async <E extends Encode = 'json'>(
  options: Omit<AmqpPublisherOptions<E>, 'url'> = {},
): Promise<{ readonly life: Life } & Pick<AmqpPublisher, 'publish'>> => {
  const publisher = amqpPublisher('outbox', { url: broker.url, ...options })
  const life = live(publisher)
  onTestFinished(() => life.subscription.unsubscribe())
  await life.until(isRunning)
  return { life, publish: publisher.publish as AmqpPublisher['publish'] }
}

/** A queue of its own, gone after the test. */
const aQueue = async (options: Options.AssertQueue = {}): Promise<string> => {
  const queue = queueName()
  const channel = await other.connection.createChannel()
  await channel.assertQueue(queue, options)
  await channel.close()
  onTestFinished(() => other.deleteQueue(queue))
  return queue
}

const drainQueue = async (queue: string): Promise<unknown[]> => {
  const bodies: unknown[] = []
  for (let next = await other.take(queue); next; next = await other.take(queue)) bodies.push(JSON.parse(next.body))
  return bodies
}

/** What has become of publishing: that it arrived, or the code of why it didn't. */
const outcome = (published: Promise<void>): Promise<string> =>
  published.then(
    () => 'confirmed',
    error => `${error.code} ${error.service}`,
  )
const countOf = (outcomes: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const one of outcomes) counts[one] = (counts[one] ?? 0) + 1
  return counts
}

describe('publishing', () => {
  test('settles when the broker has the message, which is JSON, persistent, and has an id of its own', async () => {
    const queue = await aQueue()
    const { publish } = await publishing()
    await publish(queue, { id: 1 })
    await publish(queue, { id: 2 }, { messageId: 'mine', headers: { tenant: 7 }, deliveryMode: 1 })
    const [first, second] = [await other.next(queue), await other.next(queue)]
    expect(JSON.parse(first.content.toString())).toEqual({ id: 1 })
    expect(first.properties).toMatchObject({ contentType: 'application/json', deliveryMode: 2 })
    expect(first.properties.messageId).toMatch(/^[\da-f-]{36}$/)
    expect(second.properties).toMatchObject({ messageId: 'mine', headers: { tenant: 7 }, deliveryMode: 1 })
  })

  test('text, buffers and what a function makes of a body are sent as they are', async () => {
    const queue = await aQueue()
    const text = await publishing({ encode: 'text' })
    await text.publish(queue, 'grüß')
    const buffer = await publishing({ encode: 'buffer' })
    await buffer.publish(queue, Buffer.from([0, 1, 255]))
    const own = await publishing({ encode: (n: number) => Buffer.from(`#${n}`) })
    await own.publish(queue, 5)
    expect((await other.next(queue)).content.toString()).toBe('grüß')
    expect([...(await other.next(queue)).content]).toEqual([0, 1, 255])
    expect((await other.next(queue)).content.toString()).toBe('#5')
  })

  test('a body that can not be encoded is refused, and nothing else is harmed', async () => {
    const queue = await aQueue()
    const { publish } = await publishing()
    const circle: { self?: unknown } = {}
    circle.self = circle
    for (const body of [undefined, circle, 1n]) expect(await outcome(publish(queue, body))).toBe('ERR_AMQP_BODY outbox')
    const text = await publishing({ encode: 'text' })
    expect(await outcome(text.publish(queue, 7))).toBe('ERR_AMQP_BODY outbox')
    await publish(queue, 'good')
    expect(await drainQueue(queue)).toEqual(['good'])
  })

  test('a message that no queue takes is an error, unless it is said that it may be lost', async () => {
    const queue = await aQueue()
    const { life, publish } = await publishing()
    const outcomes = await Promise.all(
      [queue, 'nowhere', queue, 'nowhere'].map((key, n) => outcome(publish(key, n, { messageId: 'the same' }))),
    )
    expect(outcomes).toEqual(['confirmed', 'ERR_AMQP_UNROUTABLE outbox', 'confirmed', 'ERR_AMQP_UNROUTABLE outbox'])
    expect(await outcome(publish('nowhere', 1, { mandatory: false }))).toBe('confirmed')
    const careless = await publishing({ mandatory: false })
    expect(await outcome(careless.publish('nowhere', 1))).toBe('confirmed')
    expect(await drainQueue(queue)).toEqual([0, 2])
    await life.until(state => state.info?.['unroutable'] === 2)
  })

  test('a message that the broker can not take is an error', async () => {
    // A quorum queue takes some more before it refuses.
    const queue = await aQueue({ maxLength: 2, overflow: 'reject-publish', arguments: { 'x-queue-type': 'classic' } })
    const { life, publish } = await publishing()
    const outcomes = await Promise.all([0, 1, 2, 3].map(n => outcome(publish(queue, n))))
    expect(outcomes).toEqual(['confirmed', 'confirmed', 'ERR_AMQP_NACKED outbox', 'ERR_AMQP_NACKED outbox'])
    await life.until(state => state.info?.['nacked'] === 2 && state.info['confirmed'] === 2)
    expect(await drainQueue(queue)).toEqual([0, 1])
  })

  test('one message the broker closes the channel for is found among others, which arrive, in order', async () => {
    const queue = await aQueue()
    const { life, publish } = await publishing()
    const bad = new Set([3, 4, 7])
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, n) => outcome(publish(queue, n, bad.has(n) ? { expiration: 'soon' } : {}))),
    )
    expect(outcomes).toEqual(outcomes.map((_, n) => (bad.has(n) ? 'ERR_AMQP_REFUSED outbox' : 'confirmed')))
    expect([...new Set(await drainQueue(queue))]).toEqual([0, 1, 2, 5, 6, 8, 9])
    expect(life.states.filter(hasHealth('fail'))).toEqual([])
    expect(await outcome(publish(queue, 1, { headers: { odd: () => 1 } }))).toBe('ERR_AMQP_REFUSED outbox')
    expect(await outcome(publish(queue, 'good'))).toBe('confirmed')
  })

  test('to an exchange that it declares; messages go where their routing key says', async () => {
    const queue = await aQueue()
    const exchange = queueName()
    const { life, publish } = await publishing({ exchange: { name: exchange, type: 'topic' } })
    const channel = await other.connection.createChannel()
    onTestFinished(async () => void (await channel.deleteExchange(exchange)))
    await channel.bindQueue(queue, exchange, 'order.*')
    await publish('order.placed', 1)
    expect(await outcome(publish('mail.sent', 2))).toBe('ERR_AMQP_UNROUTABLE outbox')
    expect((await other.next(queue)).fields).toMatchObject({ exchange, routingKey: 'order.placed' })
    expect(last(life).info).toMatchObject({ exchange, connection: 'connected', channel: 'open' })
  })
})

describe('room', () => {
  test('a hundred thousand at once: as many as there is room for are taken, the rest refused, and memory stays', async () => {
    const queue = await aQueue()
    const { life, publish } = await publishing({ maxPending: 500 })
    const body = 'x'.repeat(2000)
    const before = process.memoryUsage()
    let refused = 0
    const taken: Promise<void>[] = []
    for (let n = 0; n < 100_000; n++) {
      const published = publish(queue, body)
      if (n < 500) taken.push(published)
      else published.catch(({ code }) => (refused += code === 'ERR_AMQP_BUFFER_FULL' ? 1 : 0))
    }
    const { arrayBuffers, external } = process.memoryUsage()
    expect(arrayBuffers + external - before.arrayBuffers - before.external).toBeLessThan(20_000_000)
    await Promise.all(taken)
    expect(refused).toBe(99_500)
    expect(await other.ready(queue)).toBe(500)
    await life.until(state => state.info?.['overflowed'] === 99_500)
    await publish(queue, 'there is room again')
  }, 30_000)

  test('whoever awaits gets all of twenty thousand through a small room', async () => {
    const queue = await aQueue()
    const { publish } = await publishing({ maxPending: 200 })
    let next = 0
    const worker = async () => {
      while (next < 20_000) await publish(queue, next++)
    }
    await Promise.all(Array.from({ length: 200 }, worker))
    expect(await other.ready(queue)).toBe(20_000)
  }, 30_000)
})

describe('its life', () => {
  test('before its start and after its stop it publishes nothing, and says so', async () => {
    const queue = await aQueue()
    const publisher = amqpPublisher('outbox', { url: broker.url })
    expect(await outcome(publisher.publish(queue, 0))).toBe('ERR_AMQP_CLOSED outbox')
    const life = live(publisher)
    expect(await outcome(publisher.publish(queue, 1))).toBe('ERR_AMQP_CLOSED outbox')
    await life.until(isRunning)
    const before = publisher.publish(queue, 2)
    life.tell('stop')
    expect(await outcome(publisher.publish(queue, 3))).toBe('ERR_AMQP_CLOSED outbox')
    expect(await outcome(before)).toBe('confirmed')
    await life.over
    expect(await outcome(publisher.publish(queue, 4))).toBe('ERR_AMQP_CLOSED outbox')
    expect(await drainQueue(queue)).toEqual([2])
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'stopped', info: { confirmed: 1 } })
    expect(hasInfo('unconfirmed')(last(life))).toBe(false)
  })

  test('told to drain it publishes on; at its turn to stop it flushes all that it holds, and tells how much is left', async () => {
    const queue = await aQueue()
    const { life, publish } = await publishing()
    life.tell('unready')
    life.tell('drain')
    const published = Array.from({ length: 300 }, (_, n) => publish(queue, n))
    life.tell('stop')
    await life.over
    await Promise.all(published)
    expect(await drainQueue(queue)).toEqual(Array.from({ length: 300 }, (_, n) => n))
    const left = life.states.flatMap(state => (state.phase === 'stopping' ? (state.pending ?? []) : []))
    expect(left[0]).toBe(300)
    expect(left.at(-1)).toBe(0)
  })

  test('whoever stops listening lets it go: what is not confirmed is rejected', async () => {
    const queue = await aQueue()
    const { life, publish } = await publishing()
    const published = outcome(publish(queue, 0))
    life.subscription.unsubscribe()
    expect(await published).toBe('ERR_AMQP_UNCONFIRMED outbox')
  })

  test('a wrong password and a missing exchange fail its start at once', async () => {
    const wrong = live(amqpPublisher('outbox', { url: broker.url.replace(/:[^:@]*@/, ':wrong@') }))
    await expect(wrong.over).rejects.toMatchObject({ code: 'ERR_AMQP_CREDENTIALS', service: 'outbox' })
    const missing = live(amqpPublisher('outbox', { url: broker.url, exchange: 'nowhere' }))
    await expect(missing.over).rejects.toMatchObject({ code: 'ERR_AMQP_EXCHANGE', service: 'outbox' })
    const other = live(amqpPublisher('outbox', { url: broker.url, exchange: { name: 'amq.topic', type: 'fanout' } }))
    await expect(other.over).rejects.toMatchObject({ code: 'ERR_AMQP_EXCHANGE' })
  })

  test('options that make no sense are refused at the call', () => {
    const make = (options: object) => () => amqpPublisher('outbox', { url: broker.url, ...options })
    expect(make({ maxPending: 0 })).toThrow('service "outbox": maxPending must be a whole number >= 1, got 0')
    expect(make({ exchange: { name: 'orders' } })).toThrow(
      'exchange.type must be a type, like "topic" or "fanout", got undefined',
    )
    expect(make({ exchange: { name: '', type: 'topic' } })).toThrow('exchange.name must be the name of an exchange')
    expect(make({ encode: 'xml' })).toThrow('encode must be "json", "text", "buffer" or a function, got "xml"')
    expect(make({ url: undefined })).toThrow('no broker is named; give its url, or a connection')
  })
})

describe.runIf(brokerIsOurs)('when something is lost', () => {
  test('connections that are closed again and again: nothing is lost, and all of it comes in order', async () => {
    const queue = await aQueue()
    const { life, publish } = await publishing()
    const published: Promise<void>[] = []
    for (let round = 0; round < 5; round++) {
      life.forget()
      for (let n = 0; n < 150; n++) published.push(publish(queue, published.length))
      await broker.faults.closeAllConnections()
      await life.until(hasHealth('fail'))
      // While it is away, more is said.
      for (let n = 0; n < 50; n++) published.push(publish(queue, published.length))
      await life.until(hasHealth('pass'))
    }
    await Promise.all(published)
    other = await bystander(broker.url)
    const arrived = await drainQueue(queue)
    expect([...new Set(arrived)]).toEqual(published.map((_, n) => n))
  }, 30_000)

  test('an exchange that is deleted is declared again, and what was on its way goes to it', async () => {
    const exchange = queueName()
    const { life, publish } = await publishing({ exchange: { name: exchange, type: 'fanout' }, mandatory: false })
    const connection = await connect(broker.url)
    const channel = await connection.createChannel()
    onTestFinished(async () => {
      await channel.deleteExchange(exchange)
      await connection.close()
    })
    await channel.deleteExchange(exchange)
    life.forget()
    const published = Promise.all([1, 2, 3].map(n => outcome(publish('', n))))
    const failing = await life.until(hasHealth('fail'))
    expect(failing.detail).toMatch(/channel closed: .*404.*no exchange/)
    await life.until(hasHealth('pass'))
    expect(await published).toEqual(['confirmed', 'confirmed', 'confirmed'])
    await channel.checkExchange(exchange)
  })

  test('an exchange of someone else that is deleted is waited for, with all that goes to it', async () => {
    const exchange = queueName()
    const connection = await connect(broker.url)
    const channel = await connection.createChannel()
    onTestFinished(async () => {
      await channel.deleteExchange(exchange)
      await connection.close()
    })
    await channel.assertExchange(exchange, 'fanout')
    const { life, publish } = await publishing({ exchange, mandatory: false, maxPending: 2 })
    await channel.deleteExchange(exchange)
    life.forget()
    const published = [1, 2].map(n => outcome(publish('', n)))
    await life.until(state => isRunning(state) && (state.detail ?? '').includes(`can't use exchange "${exchange}"`))
    expect(await outcome(publish('', 3))).toBe('ERR_AMQP_BUFFER_FULL outbox')
    await channel.assertExchange(exchange, 'fanout')
    await life.until(hasHealth('pass'))
    expect(countOf(await Promise.all(published))).toEqual({ confirmed: 2 })
  })
})
