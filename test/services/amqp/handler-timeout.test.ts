import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { Observable } from 'rxjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, last, live, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

const consume = (
  queue: string,
  handler: MessageHandler<string>,
  options: Omit<Partial<AmqpConsumerOptions>, 'decode'> = {},
) =>
  live(
    amqpConsumer(
      'orders',
      {
        url: broker.url,
        queue,
        decode: 'text',
        handlerTimeout: 100,
        retry: { initialDelay: 50, limit: 2 },
        ...options,
      },
      handler,
    ),
  )
const stop = async (life: ReturnType<typeof live>) => {
  life.tell('drain')
  life.tell('stop')
  await life.over
}
const timedOut = /service "orders": a handler took longer than 100 ms/

test.each<[string, (signal: AbortSignal) => ReturnType<MessageHandler>]>([
  ['a promise', signal => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))],
  ['an Observable', () => new Observable(() => () => undefined)],
])('a handler that takes too long is told by its signal, and its message has failed: %s', async (_, work) => {
  const queue = queueName()
  await other.publish(queue, ['slow'])
  const attempts: number[] = []
  const life = consume(queue, (_, { attempt, signal }) => {
    attempts.push(attempt)
    return work(signal)
  })
  await life.until(state => state.info?.['parked'] === 1)
  await stop(life)
  expect(attempts).toEqual([1, 2])
  expect(last(life).info).toMatchObject({
    failed: 2,
    retried: 1,
    parked: 1,
    lastFailure: expect.stringMatching(timedOut),
  })
  const { properties } = await other.next(`${queue}.parked`)
  expect(properties.headers?.['x-parked-reason']).toMatch(timedOut)
})

test('a handler that ends well after its signal has done its work', async () => {
  const queue = queueName()
  await other.publish(queue, ['slow'])
  const life = consume(
    queue,
    (_, { signal }) => new Promise(resolve => signal.addEventListener('abort', () => resolve(1))),
  )
  await life.until(state => state.info?.['handled'] === 1)
  await stop(life)
  expect(last(life).info).not.toHaveProperty('failed')
  expect(await other.ready(queue)).toBe(0)
})

test('a handler that never ends keeps no place: its message fails, others go on, and health tells of it', async () => {
  const queue = queueName()
  await other.publish(queue, ['hangs'])
  const next = promised()
  const life = consume(queue, body => (body === 'hangs' ? new Promise(() => {}) : next.resolve()), {
    prefetch: 1,
    onError: 'park',
  })
  expect((await life.until(hasHealth('warn'))).detail).toMatch(/^a handler runs on though it was asked to give up/)
  await other.publish(queue, ['next'])
  await next.promise
  expect((await other.next(`${queue}.parked`)).content.toString()).toBe('hangs')
  await stop(life)
  expect(last(life).info).toMatchObject({ failed: 1, parked: 1, handled: 1 })
})

test('without it a handler may take as long as it likes, and one that is quick enough hears nothing', async () => {
  const queue = queueName()
  await other.publish(queue, ['quick'])
  let aborted = false
  const life = consume(queue, (_, { signal }) => {
    signal.addEventListener('abort', () => {
      aborted = true
    })
    return new Promise(resolve => setTimeout(resolve, 20))
  })
  await life.until(state => state.info?.['handled'] === 1)
  await stop(life)
  expect(aborted).toBe(false)
})

test.each([0, -1, '5s', Number.NaN, 2 ** 31])('a handlerTimeout of %s is refused', handlerTimeout => {
  expect(() => consume('orders', () => undefined, { handlerTimeout: handlerTimeout as number })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_DURATION', message: expect.stringContaining('handlerTimeout') }),
  )
})

test('no more messages are handled at a time than are held, unless said otherwise', async () => {
  const queue = queueName()
  await other.publish(queue, ['1', '2', '3'])
  let running = 0
  let most = 0
  const life = consume(
    queue,
    async () => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
    },
    { prefetch: 1, handlerTimeout: Infinity },
  )
  await life.until(state => state.info?.['handled'] === 3)
  await stop(life)
  expect(most).toBe(1)
})
