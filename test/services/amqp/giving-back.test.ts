import { setTimeout as passed } from 'node:timers/promises'
import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isPhase, last, live, numbers, promised, queueName } from './life.ts'

describe.runIf(brokerIsOurs)('a quorum queue that drops what comes back 20 times', () => {
  const broker = useBroker({ alone: true, deliveryLimit: 20 })
  let other: Bystander
  beforeAll(async () => {
    other = await bystander(broker.url)
  })
  afterEach(() => broker.faults.unblock())
  afterAll(() => other?.close())

  type Options = Omit<Partial<AmqpConsumerOptions>, 'decode'>
  const consume = (queue: string, handler: MessageHandler<string>, options: Options = {}) =>
    live(amqpConsumer('orders', { url: broker.url, queue, decode: 'text', ...options }, handler))
  const stop = async (life: ReturnType<typeof live>) => {
    life.tell('drain')
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
  }
  const takeAll = async (queue: string) => {
    const all: string[] = []
    for (let next = await other.take(queue); next; next = await other.take(queue)) all.push(next.body)
    return all.sort()
  }

  test('drops a message of which a client gives back what it gets: so much is true of this broker', async () => {
    const queue = queueName()
    await other.publish(queue, ['lost'])
    const channel = await other.connection.createChannel()
    let calls = 0
    await channel.consume(queue, message => {
      if (!message) return
      calls++
      channel.nack(message, false, true)
    })
    await expect.poll(() => calls).toBe(21)
    await channel.close()
    expect(await takeAll(queue)).toEqual([])
  })

  test('keeps five messages that fail, through an alarm of a hundred delays', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(5))
    await broker.faults.block()
    let calls = 0
    const life = consume(
      queue,
      (_, { attempt }) => {
        calls++
        if (attempt === 1) throw new Error('no')
      },
      { retry: { initialDelay: 10 } },
    )
    await life.until(hasHealth('warn'))
    await passed(1_000)
    expect(calls).toBe(5)
    await broker.faults.unblock()
    await life.until(state => state.info?.['handled'] === 5)
    await stop(life)
    expect(last(life).info).toMatchObject({ failed: 5, retried: 5, handled: 5 })
    expect(await takeAll(queue)).toEqual([])
  })

  test.each(['requeue', () => 'requeue'] as const)(
    'keeps a message that is requeued fifty times (%s)',
    async onError => {
      const queue = queueName()
      await other.publish(queue, ['stubborn'])
      let calls = 0
      const life = consume(
        queue,
        () => {
          if (++calls < 50) throw new Error('not yet')
        },
        { onError, retry: { initialDelay: 1 } },
      )
      await life.until(state => state.info?.['handled'] === 1)
      await stop(life)
      expect(calls).toBe(50)
      expect(last(life).info).toMatchObject({ requeued: 49, handled: 1 })
      expect(await takeAll(queue)).toEqual([])
    },
  )

  test.each([
    [
      'whose handlers are cut off',
      async (signal: AbortSignal) => void (await new Promise(resolve => signal.addEventListener('abort', resolve))),
    ],
    [
      'whose handlers fail when they are cut off',
      (signal: AbortSignal) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    ],
  ])(
    'keeps forty messages through 24 stops of a consumer with prefetch 50 %s',
    async (_, work) => {
      const queue = queueName()
      await other.publish(queue, numbers(40))
      for (let round = 0; round < 24; round++) {
        const all = promised()
        let begun = 0
        const life = consume(
          queue,
          (_, { signal }) => {
            if (++begun === 40) all.resolve()
            return work(signal).then(() => Promise.reject(signal.reason))
          },
          { prefetch: 50 },
        )
        await all.promise
        life.tell('drain')
        life.tell('stop')
        await life.over
        expect(last(life).info).not.toHaveProperty('failed')
      }
      expect(await takeAll(queue)).toEqual(numbers(40).sort())
    },
    30_000,
  )

  test('keeps what arrives while a consumer leaves, and what waits for a place', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(40))
    for (let round = 0; round < 24; round++) {
      const first = promised()
      const life = consume(
        queue,
        (_, { signal }) => {
          first.resolve()
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        },
        { prefetch: 50, concurrency: 1 },
      )
      await first.promise
      life.tell('drain')
      life.tell('stop')
      await life.over
    }
    expect(await takeAll(queue)).toEqual(numbers(40).sort())
    expect(await other.exists(`${queue}.parked`)).toBe(false)
  }, 30_000)

  test.each([
    ['with many consumers', false],
    ['with a single active consumer', true],
  ])('%s forgets what was handled, in any order, though the stop follows at once', async (_, singleActiveConsumer) => {
    const name = queueName()
    const odd = (body: string) => Number(body) % 2 === 1
    const all = promised()
    const end = promised()
    let begun = 0
    const life = live(
      amqpConsumer(
        'orders',
        { url: broker.url, queue: { name, singleActiveConsumer }, decode: 'text', prefetch: 100 },
        async (body, { signal }) => {
          if (++begun === 100) all.resolve()
          if (odd(body)) await end.promise
          else await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        },
      ),
    )
    await life.until(isPhase('running'))
    for (const body of numbers(100)) await other.send('', name, body)
    await all.promise
    end.resolve()
    life.tell('drain')
    life.tell('stop')
    await life.over
    expect(last(life).info).toMatchObject({ handled: 50 })
    await expect.poll(() => other.ready(name)).toBe(50)
    // No message can be got one by one from a quorum queue with a single active consumer.
    if (!singleActiveConsumer) expect((await takeAll(name)).filter(odd)).toEqual([])
  })

  test('is told apart by its own limit: a message is parked before the broker drops it', async () => {
    const queue = queueName()
    const small = { name: queue, type: 'quorum', arguments: { 'x-delivery-limit': 2 } } as const
    const setUp = consume('unused', () => undefined, { queue: small })
    await setUp.until(isPhase('running'))
    await stop(setUp)
    await other.send('', queue, 'poison')
    const attempts: number[] = []
    for (let round = 0; round < 3; round++) {
      const begun = promised()
      const life = consume(
        'unused',
        (_, { attempt }) => {
          attempts.push(attempt)
          begun.resolve()
          return new Promise(() => {})
        },
        { queue: small, retry: { limit: 10 } },
      )
      await Promise.race([begun.promise, life.until(state => state.info?.['retried'] === 1)])
      // As when its process dies.
      life.subscription.unsubscribe()
    }
    expect(attempts[0]).toBe(1)
    const everywhere = async () => {
      let count = 0
      for (const name of [queue, `${queue}.parked`, `${queue}.retry.2000`, `${queue}.retry.4000`])
        if (await other.exists(name)) count += await other.ready(name)
      return count
    }
    await expect.poll(everywhere).toBe(1)
  })
})
