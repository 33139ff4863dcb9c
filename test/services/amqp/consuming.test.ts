import type { HookResult } from 'rx-service-group'
import { amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { Observable, of } from 'rxjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import {
  type Bystander,
  bystander,
  hasInfo,
  isPhase,
  isRunning,
  last,
  live,
  numbers,
  promised,
  queueName,
} from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

const consume = (queue: string, handler: MessageHandler<string>, options = {}) =>
  live(amqpConsumer('orders', { url: broker.url, queue, decode: 'text', ...options }, handler))

const stop = async (life: ReturnType<typeof live>) => {
  life.tell('stop')
  await life.over
}

describe('consuming', () => {
  test('declares its queue, hands over each message and acknowledges it', async () => {
    const queue = queueName()
    const seen: string[] = []
    const all = promised()
    const life = consume(queue, async body => {
      seen.push(body)
      if (seen.length === 20) all.resolve()
    })
    await life.until(isRunning)
    await other.publish(queue, numbers(20))
    await all.promise
    await stop(life)

    expect(seen).toEqual(numbers(20))
    expect(await other.ready(queue)).toBe(0)
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'stopped', info: { queue } })
    expect([...new Set(life.states.map(state => state.phase))]).toEqual(['starting', 'running', 'stopping', 'stopped'])
    await other.deleteQueue(queue)
  })

  test('a handler may return nothing, a promise or an Observable', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(3))
    const all = promised()
    let handled = 0
    const life = consume(queue, body => {
      if (++handled === 3) all.resolve()
      return [undefined, Promise.resolve(), of(1, 2)][Number(body)]
    })
    await all.promise
    await stop(life)
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('holds no more messages than prefetch', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(20))
    const release = promised()
    const full = promised()
    let most = 0
    let now = 0
    const life = consume(
      queue,
      async () => {
        most = Math.max(most, ++now)
        if (now === 3) full.resolve()
        await release.promise
        now--
      },
      { prefetch: 3 },
    )
    await full.promise
    expect(await other.ready(queue)).toBe(17)
    release.resolve()
    await stop(life)
    expect(most).toBe(3)
    await other.deleteQueue(queue)
  })

  test('a queue left alone is used as it is', async () => {
    const queue = queueName()
    await other.publish(queue, ['one'])
    const seen = promised<string>()
    const life = consume(queue, body => seen.resolve(body), { declare: false })
    expect(await seen.promise).toBe('one')
    await stop(life)
    await other.deleteQueue(queue)
  })
})

describe('a handler that fails', () => {
  const failures: Record<string, () => HookResult> = {
    throws: () => {
      throw new Error('no stock')
    },
    rejects: () => Promise.reject(new Error('no stock')),
    'returns an Observable that errors': () =>
      new Observable(out => {
        out.error(new Error('no stock'))
      }),
  }
  for (const [how, fail] of Object.entries(failures))
    test(`${how}: the message comes again after the delay, and nothing else is harmed`, async () => {
      const queue = queueName()
      const failedAt = promised<number>()
      const again = promised<number>()
      const second = promised()
      const life = consume(
        queue,
        (body, { attempt }) => {
          if (body === 'other') return second.resolve()
          if (attempt > 1) return again.resolve(performance.now())
          failedAt.resolve(performance.now())
          return fail()
        },
        { retry: { initialDelay: 200 } },
      )
      await other.publish(queue, ['bad'])
      const at = await failedAt.promise
      await other.publish(queue, ['other'])
      await second.promise
      const waited = (await again.promise) - at
      await stop(life)

      expect(waited).toBeGreaterThanOrEqual(199)
      expect(life.states.filter(isRunning).every(state => state.health === 'pass')).toBe(true)
      expect(last(life)).toMatchObject({
        how: 'stopped',
        info: { failed: 1, lastFailure: expect.stringMatching(/^no stock \(at .*consuming\.test\.ts:\d+:\d+\)*$/) },
      })
      expect(await other.ready(queue)).toBe(0)
      await other.deleteQueue(queue)
    })

  test('with onError "dead-letter" the queue dead-letters the message', async () => {
    const queue = queueName()
    const dead = queueName()
    await other.declare(dead)
    const life = consume(queue, () => Promise.reject(new Error('no')), {
      queue: { name: queue, deadLetterExchange: '', deadLetterRoutingKey: dead },
      onError: 'dead-letter',
    })
    await life.until(isRunning)
    const channel = await other.connection.createChannel()
    const arrived = promised<string>()
    await channel.consume(dead, message => arrived.resolve(String(message?.content)), { noAck: true })
    channel.sendToQueue(queue, Buffer.from('poison'))
    expect(await arrived.promise).toBe('poison')
    await stop(life)
    await channel.close()
    await other.deleteQueue(queue)
    await other.deleteQueue(dead)
  })

  test('a message that waits to be requeued is handed back when draining', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    const life = consume(queue, () => Promise.reject(new Error('no')), {
      onError: 'requeue',
      retry: { initialDelay: 60_000 },
    })
    await life.until(hasInfo('failed'))
    life.tell('drain')
    await life.until(isPhase('drained'))
    expect(await other.take(queue)).toEqual({ body: 'bad', redelivered: true })
    life.tell('stop')
    await life.over
    await other.deleteQueue(queue)
  })
})
