import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import {
  type Bystander,
  bystander,
  hasHealth,
  isPhase,
  isRunning,
  last,
  live,
  numbers,
  promised,
  queueName,
} from './life.ts'

const broker = useBroker({ alone: true })
let other: Bystander
const reconnectBystander = async () => {
  await other?.close()
  other = await bystander(broker.url)
}
beforeAll(reconnectBystander)
afterAll(() => other?.close())

type Options = Omit<Partial<AmqpConsumerOptions>, 'decode'>
const consume = (
  options: Options & Pick<AmqpConsumerOptions, 'queue'>,
  handler: MessageHandler<string> = () => undefined,
) => live(amqpConsumer('orders', { url: broker.url, decode: 'text', ...options }, handler))
const stop = async (life: ReturnType<typeof live>) => {
  life.tell('drain')
  await life.until(isPhase('drained'))
  life.tell('stop')
  await life.over
}

describe('how to consume can be said', () => {
  test('priority: who has more is served first', async () => {
    const queue = queueName()
    const seen: string[] = []
    const all = promised()
    const handler = (who: string) => () => {
      if (seen.push(who) === 5) all.resolve()
    }
    const low = consume({ queue }, handler('low'))
    const high = consume({ queue, consume: { priority: 5 } }, handler('high'))
    await low.until(isRunning)
    await high.until(isRunning)
    await other.publish(queue, numbers(5))
    await all.promise
    await stop(low)
    await stop(high)
    expect(seen).toEqual(Array(5).fill('high'))
  })

  test('exclusive: nobody else consumes beside it', async () => {
    const queue = queueName()
    // Quorum queues of RabbitMQ 3.10 take no notice of it.
    const life = consume({ queue: { name: queue, type: 'classic' }, consume: { exclusive: true } })
    await life.until(isRunning)
    const channel = await other.connection.createChannel()
    channel.on('error', () => undefined)
    await expect(channel.consume(queue, () => undefined)).rejects.toThrow(/ACCESS_REFUSED.*exclusive/)
    await stop(life)
  })

  test('consumerTag, as the broker and the handler see it', async () => {
    const queue = queueName()
    const tag = promised<string>()
    const life = consume({ queue, consume: { consumerTag: 'mailer-7' } }, (_, { message }) =>
      tag.resolve(message.fields.consumerTag),
    )
    await other.publish(queue, ['one'])
    expect(await tag.promise).toBe('mailer-7')
    await stop(life)
  })

  test('arguments', async () => {
    const queue = queueName()
    const life = consume({ queue, consume: { arguments: { 'x-priority': 'no number' } } })
    await expect(life.over).rejects.toThrow(/PRECONDITION_FAILED.*x-priority/)
  })

  test('noAck: the broker forgets what it has sent, and a stop handles all that is in hand', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(50))
    const go = promised()
    const seen: string[] = []
    const first = promised()
    const life = consume({ queue, consume: { noAck: true }, concurrency: 2 }, async body => {
      first.resolve()
      await go.promise
      seen.push(body)
    })
    await first.promise
    await expect.poll(() => other.ready(queue)).toBe(0)
    life.tell('drain')
    await life.until(isPhase('draining'))
    go.resolve()
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
    expect(seen).toEqual(numbers(50))
    expect(last(life).info).toMatchObject({ handled: 50 })
  })

  test('noAck: what is left when the time to drain is over is counted as dropped', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(50))
    const first = promised()
    const life = consume({ queue, consume: { noAck: true }, concurrency: 1 }, (_, { signal }) => {
      first.resolve()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    await first.promise
    await expect.poll(() => other.ready(queue)).toBe(0)
    life.tell('drain')
    life.tell('stop')
    await life.over
    expect(last(life).info).toMatchObject({ dropped: 50 })
  })
})

describe.runIf(brokerIsOurs)('a queue named by the server', () => {
  test('is declared and bound anew after a reconnect, under another name', async () => {
    const exchange = queueName()
    const seen: string[] = []
    const [one, two] = [promised(), promised()]
    const life = consume(
      {
        queue: { exclusive: true },
        exchanges: [{ name: exchange, type: 'fanout' }],
        bindings: [{ exchange }],
      },
      body => {
        seen.push(body)
        if (body === 'one') one.resolve()
        else two.resolve()
      },
    )
    const { info } = await life.until(isRunning)
    expect(info?.['queue']).toMatch(/^amq\.gen-/)
    await other.send(exchange, '', 'one')
    await one.promise
    life.forget()
    await broker.faults.closeAllConnections()
    await life.until(hasHealth('fail'))
    await life.until(hasHealth('pass'))
    await reconnectBystander()
    await other.send(exchange, '', 'two')
    await two.promise
    expect(last(life).info?.['queue']).not.toBe(info?.['queue'])
    await stop(life)
    expect(seen).toEqual(['one', 'two'])
  })

  test('retries in place, and parks under the name of the service, for as long as the consumer is there', async () => {
    const exchange = queueName()
    const calls: number[] = []
    const life = consume(
      {
        queue: { exclusive: true },
        exchanges: [{ name: exchange, type: 'fanout' }],
        bindings: [{ exchange }],
        retry: { limit: 2, initialDelay: 20 },
      },
      (_, { attempt }) => {
        calls.push(attempt)
        throw new Error('no')
      },
    )
    await life.until(isRunning)
    await other.send(exchange, 'key', 'bad')
    await life.until(state => state.info?.['parked'] === 1)
    expect(calls).toEqual([1, 2])
    const parked = await other.next('orders.parked')
    expect(parked.properties.headers).toMatchObject({
      'x-original-exchange': exchange,
      'x-original-routing-key': 'key',
      'x-parked-queue': last(life).info?.['queue'],
    })
    await stop(life)
    expect(await other.exists('orders.parked')).toBe(false)
  })

  test.each([[{}], [{ durable: false }], [{ exclusive: false }]])('needs exclusive: %j is refused', queue => {
    expect(() => consume({ queue })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining('exclusive: true') }),
    )
  })
})

describe('a queue that goes with its consumers', () => {
  test('has no delay queue, and takes what was parked along', async () => {
    const name = queueName()
    const life = consume({ queue: { name, autoDelete: true }, retry: { limit: 2, initialDelay: 20 } }, () => {
      throw new Error('no')
    })
    await life.until(isRunning)
    await other.send('', name, 'bad')
    await life.until(state => state.info?.['parked'] === 1)
    expect(await other.ready(`${name}.parked`)).toBe(1)
    expect(await other.exists(`${name}.retry.20`)).toBe(false)
    await stop(life)
    for (const queue of [name, `${name}.parked`]) expect(await other.exists(queue)).toBe(false)
  })
})

describe('a queue of someone else', () => {
  test('is bound and not declared, when only bindings are asked for', async () => {
    const [queue, exchange] = [queueName(), queueName()]
    const channel = await other.connection.createChannel()
    await channel.assertQueue(queue, { durable: true, maxLength: 7 })
    await channel.assertExchange(exchange, 'fanout')
    const seen = promised<string>()
    const life = consume({ queue, declare: 'bindings', bindings: [{ exchange }] }, body => seen.resolve(body))
    await life.until(isRunning)
    await other.send(exchange, '', 'bound')
    expect(await seen.promise).toBe('bound')
    await stop(life)
  })

  test('that is not there fails the start, when only bindings are asked for', async () => {
    const life = consume({ queue: queueName(), declare: 'bindings' })
    await expect(life.over).rejects.toMatchObject({ code: 'ERR_AMQP_QUEUE' })
  })
})

describe('options that make no sense are refused, by name', () => {
  test.each<[string, object]>([
    ['unknown option consume.priorty; did you mean consume.priority?', { queue: 'q', consume: { priorty: 1 } }],
    ['declare must be true, false or "bindings"', { queue: 'q', declare: 'queue' }],
    ['queue.type must be "classic", "quorum" or "stream"', { queue: { name: 'q', type: 'lazy' } }],
    ['queue.singleActiveConsumer must be true or false', { queue: { name: 'q', singleActiveConsumer: 1 } }],
    ['queue must have a name, unless it is declared', { queue: { exclusive: true }, declare: false }],
    ['the name of the queue is too long', { queue: 'q'.repeat(245) }],
    ['the name of the queue is too long', { queue: 'ö'.repeat(123) }],
  ])('%s', (message, options) => {
    expect(() => consume(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) }),
    )
  })
})
