import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { queuesAreQuorum, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasInfo, isPhase, isRunning, last, live, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
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

for (const type of ['classic', 'quorum'] as const)
  describe(`a message that fails in a ${type} queue`, () => {
    test('is tried again after growing delays, then parked with what one wants to know', async () => {
      const name = queueName()
      const times: number[] = []
      const attempts: number[] = []
      const redelivered: boolean[] = []
      const life = consume(
        name,
        (body, { attempt, message }) => {
          times.push(performance.now())
          attempts.push(attempt)
          redelivered.push(message.fields.redelivered)
          throw new Error(`no ${body}`)
        },
        { queue: { name, type }, retry: { limit: 3, initialDelay: 100, factor: 2 } },
      )
      await life.until(isRunning)
      await other.send('', name, 'stock', { headers: { tenant: 7 }, messageId: 'm1', persistent: true })
      await life.until(hasInfo('parked'))
      const parked = await other.next(`${name}.parked`)
      await stop(life)

      expect(attempts).toEqual([1, 2, 3])
      // The original is acknowledged each time: nothing is handed back, which would spend a delivery limit.
      expect(redelivered).toEqual([false, false, false])
      expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(99)
      expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(199)
      expect(parked.content.toString()).toBe('stock')
      expect(parked.properties).toMatchObject({
        messageId: 'm1',
        deliveryMode: 2,
        headers: {
          tenant: 7,
          'x-parked-reason': 'no stock',
          'x-parked-attempts': 3,
          'x-parked-queue': name,
          'x-original-exchange': '',
          'x-original-routing-key': name,
        },
      })
      expect(Date.parse(parked.properties.headers?.['x-parked-at'])).toBeGreaterThan(Date.now() - 60_000)
      expect(parked.properties.headers).not.toHaveProperty('x-attempt')
      expect(last(life)).toMatchObject({
        how: 'stopped',
        info: {
          failed: 3,
          retried: 2,
          parked: 1,
          lastFailure: expect.stringMatching(/^no stock \(at .*failing\.test\.ts:\d+:\d+\)*$/),
        },
      })
      for (const queue of [name, `${name}.retry.100`, `${name}.retry.200`, `${name}.parked`]) {
        expect(await other.ready(queue)).toBe(0)
        await other.deleteQueue(queue)
      }
    })

    test('holds up no other message while it waits', async () => {
      const name = queueName()
      const seen: string[] = []
      const all = promised()
      const life = consume(
        name,
        (body, { attempt }) => {
          seen.push(`${body} ${attempt}`)
          if (seen.length === 5) all.resolve()
          if (body === 'bad' && attempt === 1) throw new Error('no')
        },
        { queue: { name, type }, prefetch: 1, retry: { initialDelay: 300 } },
      )
      await life.until(isRunning)
      for (const body of ['bad', 'a', 'b', 'c']) await other.send('', name, body)
      await all.promise
      await stop(life)
      expect(seen).toEqual(['bad 1', 'a 1', 'b 1', 'c 1', 'bad 2'])
      for (const queue of [name, `${name}.retry.300`]) await other.deleteQueue(queue)
    })
  })

describe('outcomes', () => {
  const failing = () => Promise.reject(new Error('no'))

  test('no delay queue and no parking queue are there before they are needed', async () => {
    const queue = queueName()
    const seen = promised()
    const life = consume(queue, () => seen.resolve())
    await other.publish(queue, ['good'])
    await seen.promise
    await stop(life)
    expect(await other.exists(`${queue}.retry.1000`)).toBe(false)
    expect(await other.exists(`${queue}.parked`)).toBe(false)
    await other.deleteQueue(queue)
  })

  test('drop: it is acknowledged and counted', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    const life = consume(queue, failing, { onError: 'drop' })
    await life.until(hasInfo('dropped'))
    await stop(life)
    expect(last(life)).toMatchObject({ info: { failed: 1, dropped: 1, handled: 0 } })
    expect(await other.take(queue)).toBeUndefined()
    await other.deleteQueue(queue)
  })

  test('requeue: it comes again after the delay, not at once, and as often as it takes', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    const times: number[] = []
    const enough = promised()
    const life = consume(
      queue,
      () => {
        if (times.push(performance.now()) === 4) enough.resolve()
        return failing()
      },
      { onError: 'requeue', retry: { initialDelay: 100, limit: 1 } },
    )
    await enough.promise
    await stop(life)
    for (const [n, time] of times.slice(1).entries()) expect(time - times[n]!).toBeGreaterThanOrEqual(99)
    // A quorum queue counts what comes back: every other time a copy goes there, of which nothing was counted.
    expect(await other.take(queue)).toEqual({ body: 'bad', redelivered: !queuesAreQuorum })
    await other.deleteQueue(queue)
  })

  test('a function decides, knowing the error, the message and the attempt', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    const asked: unknown[] = []
    const life = consume(queue, failing, {
      retry: { initialDelay: 50 },
      onError: (error, { message, attempt }) => {
        asked.push([(error as Error).message, message.content.toString(), attempt])
        return attempt === 1 ? 'retry' : 'park'
      },
    })
    expect((await other.exists(queue)) && (await life.until(hasInfo('parked')))).toBeTruthy()
    await stop(life)
    expect(asked).toEqual([
      ['no', 'bad', 1],
      ['no', 'bad', 2],
    ])
    for (const name of [queue, `${queue}.retry.50`, `${queue}.parked`]) await other.deleteQueue(name)
  })

  test('a copy is not sent where the original was sent as well, and does not expire', async () => {
    const queue = queueName()
    const elsewhere = queueName()
    await other.declare(elsewhere)
    // It consumes before the message comes, which would expire before that.
    const life = consume(queue, failing, { retry: { limit: 2, initialDelay: 100 } })
    await life.until(isRunning)
    await other.publish(queue, ['bad'], { CC: elsewhere, expiration: '50', userId: 'guest' })
    expect((await other.next(elsewhere)).content.toString()).toBe('bad')
    await life.until(hasInfo('parked'))
    await stop(life)
    expect(await other.take(elsewhere)).toBeUndefined()
    expect(await other.take(`${queue}.parked`)).toMatchObject({ body: 'bad' })
    for (const name of [queue, elsewhere, `${queue}.retry.100`, `${queue}.parked`]) await other.deleteQueue(name)
  })

  test('what is sent back from the parking queue begins anew', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    const attempts: number[] = []
    let isMended = false
    const done = promised()
    const life = consume(
      queue,
      (_, { attempt }) => {
        attempts.push(attempt)
        if (!isMended) throw new Error('no')
        done.resolve()
      },
      { retry: { limit: 1 } },
    )
    await life.until(hasInfo('parked'))
    const { content, properties } = await other.next(`${queue}.parked`)
    isMended = true
    await other.send('', queue, content.toString(), properties)
    await done.promise
    await stop(life)
    expect(attempts).toEqual([1, 1])
    for (const name of [queue, `${queue}.parked`]) await other.deleteQueue(name)
  })
})

describe('a body that can not be decoded', () => {
  test('is parked at once, with the reason, and the handler does not see it', async () => {
    const queue = queueName()
    await other.publish(queue, ['{"id":', '{"id":2}'])
    const seen: unknown[] = []
    const life = live(amqpConsumer('orders', { url: broker.url, queue }, body => void seen.push(body)))
    await life.until(hasInfo('parked'))
    await stop(life)
    expect(seen).toEqual([{ id: 2 }])
    const { content, properties } = await other.next(`${queue}.parked`)
    expect(content.toString()).toBe('{"id":')
    expect(properties.headers?.['x-parked-reason']).toMatch(
      /service "orders": got a message whose body is not JSON: Unexpected end/,
    )
    for (const name of [queue, `${queue}.parked`]) await other.deleteQueue(name)
  })

  test('a decoder of your own may refuse; onError hears its error as the cause', async () => {
    const queue = queueName()
    await other.publish(queue, ['x', '5'])
    const seen: number[] = []
    const errors: unknown[] = []
    const decode = (content: Buffer): number => {
      const number = Number(content)
      if (Number.isNaN(number)) throw new RangeError('not a number')
      return number
    }
    const onError = (error: unknown) => {
      errors.push(error)
      return 'drop' as const
    }
    const service = amqpConsumer(
      'orders',
      { url: broker.url, queue, decode, onError },
      number => void seen.push(number),
    )
    const life = live(service)
    await life.until(hasInfo('dropped'))
    await stop(life)
    expect(seen).toEqual([5])
    expect(errors).toEqual([
      expect.objectContaining({ code: 'ERR_AMQP_BODY', cause: expect.objectContaining({ message: 'not a number' }) }),
    ])
    await other.deleteQueue(queue)
  })

  test('text and buffers are taken as they are', async () => {
    const queue = queueName()
    await other.publish(queue, ['ä'])
    const text = promised<string>()
    const first = live(amqpConsumer('orders', { url: broker.url, queue, decode: 'text' }, body => text.resolve(body)))
    expect(await text.promise).toBe('ä')
    await stop(first)
    await other.publish(queue, ['ä'])
    const buffer = promised<Buffer>()
    const second = live(amqpConsumer('orders', { url: broker.url, queue, decode: 'buffer' }, it => buffer.resolve(it)))
    expect(await buffer.promise).toEqual(Buffer.from('ä'))
    await stop(second)
    await other.deleteQueue(queue)
  })
})
