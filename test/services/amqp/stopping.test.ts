import { amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { NEVER } from 'rxjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { queuesAreQuorum, useBroker } from '../../support/broker.ts'
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

const takeAll = async (queue: string) => {
  const rest = []
  for (let next = await other.take(queue); next; next = await other.take(queue)) rest.push(next)
  return rest
}

describe('stopping amid a thousand messages', () => {
  for (const prefetch of [1, 10, 200])
    for (const how of ['drain, then stop', 'stop at once'])
      test(`prefetch ${prefetch}, ${how}: none is lost and none handled twice`, async () => {
        const queue = queueName()
        await other.publish(queue, numbers(1000))
        const handled: string[] = []
        const amid = promised()
        let started = 0
        const life = consume(
          queue,
          async body => {
            started++
            await new Promise(setImmediate)
            if (handled.push(body) === 250) amid.resolve()
          },
          { prefetch },
        )
        await amid.promise
        const startedBefore = started
        if (how !== 'stop at once') {
          life.tell('drain')
          await life.until(isPhase('drained'))
          // A quorum queue tells that number every five seconds only.
          if (!queuesAreQuorum) expect(await other.consumers(queue)).toBe(0)
        }
        life.tell('stop')
        await life.over

        const rest = (await takeAll(queue)).map(({ body }) => body)
        expect(started).toBe(startedBefore)
        expect(handled.length).toBe(started)
        expect(new Set(handled).size).toBe(handled.length)
        expect(handled.length + rest.length).toBe(1000)
        expect([...handled, ...rest].sort()).toEqual(numbers(1000).sort())
        await other.deleteQueue(queue)
      })
})

describe('handlers at the end', () => {
  test('draining waits for handlers in flight and tells how many there are', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(3))
    const releases: (() => void)[] = []
    const all = promised()
    const life = consume(queue, () => {
      const { promise, resolve } = promised()
      releases.push(resolve)
      if (releases.length === 3) all.resolve()
      return promise
    })
    await all.promise
    life.tell('drain')
    for (const pending of [3, 2, 1]) {
      await life.until(state => state.phase === 'draining' && state.pending === pending)
      releases.shift()?.()
    }
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
    expect(last(life)).toMatchObject({ how: 'stopped', info: expect.not.objectContaining({ abandoned: 3 }) })
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('the ack of a handler that ends last arrives before the connection is closed', async () => {
    const queue = queueName()
    await other.publish(queue, ['last'])
    const started = promised()
    const release = promised()
    const life = consume(queue, () => {
      started.resolve()
      return release.promise
    })
    await started.promise
    life.tell('stop')
    if (queuesAreQuorum) await life.until(state => state.info?.['consumer'] === 'stopped')
    else await expect.poll(() => other.consumers(queue), { interval: 5 }).toBe(0)
    release.resolve()
    await life.over
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('a hung handler is given up at the deadline, said so, and its message comes again', async () => {
    const queue = queueName()
    await other.publish(queue, ['hangs'])
    const hangs = promised()
    let aborted = false
    const life = consume(queue, (_, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      hangs.resolve()
      return new Promise(() => {})
    })
    await hangs.promise
    life.tell('drain')
    await life.until(state => state.phase === 'draining' && state.pending === 1)
    expect(aborted).toBe(false)
    const at = performance.now()
    life.tell('stop')
    expect(aborted).toBe(true)
    await life.over

    expect(performance.now() - at).toBeLessThan(1500)
    expect(last(life)).toMatchObject({ how: 'stopped', info: { abandoned: 1 } })
    expect(await other.take(queue)).toEqual({ body: 'hangs', redelivered: true })
    await other.deleteQueue(queue)
  })

  test('a handler that ends when its signal fires is not given up and did not fail; its message comes again', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(2))
    const both = promised()
    let calls = 0
    const handler: MessageHandler<string> = (_, { signal }) => {
      if (++calls === 2) both.resolve()
      if (calls === 1) return NEVER
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const life = consume(queue, handler, { onError: 'dead-letter' })
    await both.promise
    life.tell('drain')
    life.tell('stop')
    await life.over
    expect(hasInfo('abandoned')(last(life)) || hasInfo('failed')(last(life))).toBe(false)
    expect((await takeAll(queue)).map(({ body }) => body)).toEqual(['0', '1'])
    await other.deleteQueue(queue)
  })

  test('force ends at once and gives up what hangs', async () => {
    const queue = queueName()
    await other.publish(queue, ['hangs'])
    const hangs = promised()
    const life = consume(queue, () => {
      hangs.resolve()
      return new Promise(() => {})
    })
    await hangs.promise
    await life.until(isRunning)
    life.tell('drain')
    const at = performance.now()
    life.tell('force')
    await life.over
    expect(performance.now() - at).toBeLessThan(200)
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'forced', info: { abandoned: 1 } })
    await other.deleteQueue(queue)
  })
})

describe('lives', () => {
  test('the same service can live again, with nothing left of its life before', async () => {
    const queue = queueName()
    let seen = promised<string>()
    const service = amqpConsumer('orders', { url: broker.url, queue, decode: 'text' }, body => {
      seen.resolve(body)
      return body === 'fails' ? Promise.reject(new Error('no stock')) : undefined
    })
    for (const body of ['fails', 'fails', 'ends well']) {
      seen = promised()
      const life = live(service)
      await life.until(isRunning)
      await other.publish(queue, [body])
      expect(await seen.promise).toBe(body)
      life.tell('stop')
      await life.over
      await takeAll(queue)
      expect(hasInfo('failed')(last(life))).toBe(body === 'fails')
    }
    await other.deleteQueue(queue)
  })

  test('whoever stops listening leaves no connection behind', async () => {
    const queue = queueName()
    const life = consume(queue, () => undefined)
    await life.until(isRunning)
    life.subscription.unsubscribe()
    await expect.poll(() => other.consumers(queue)).toBe(0)
    await other.deleteQueue(queue)
  })
})
