import { serviceGroup } from 'rx-service-group'
import { type AmqpMessage, type AmqpPipeline, amqpMessages } from 'rx-service-group/amqp'
import {
  bufferCount,
  bufferTime,
  concatMap,
  delay,
  EMPTY,
  filter,
  groupBy,
  ignoreElements,
  map,
  mergeMap,
  type Observable,
  of,
  take,
  tap,
} from 'rxjs'
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

const compose = (queue: string, pipeline: AmqpPipeline<string>, options = {}) =>
  live(amqpMessages('orders', { url: broker.url, queue, decode: 'text', ...options }, pipeline))

const stop = async (life: ReturnType<typeof live>) => {
  life.tell('drain')
  await life.until(isPhase('drained'))
  life.tell('stop')
  await life.over
}
const takeAll = async (queue: string) => {
  const bodies: string[] = []
  for (let next = await other.take(queue); next; next = await other.take(queue)) bodies.push(next.body)
  return bodies
}

describe('a pipeline', () => {
  test('acknowledges what comes out of it, and not before', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(6))
    const arrived = promised()
    const release = promised()
    let seen = 0
    const life = compose(queue, messages$ =>
      messages$.pipe(
        mergeMap(async message => {
          if (++seen === 6) arrived.resolve()
          if (Number(message.body) >= 3) await release.promise
          return message
        }),
      ),
    )
    await arrived.promise
    await life.until(state => Number(state.info?.['handled']) === 3)
    expect(last(life).info).toMatchObject({ inFlight: 3 })
    life.subscription.unsubscribe()
    await expect.poll(() => other.ready(queue)).toBe(3)
    expect((await takeAll(queue)).sort()).toEqual(['3', '4', '5'])
    release.resolve()
    await other.deleteQueue(queue)
  })

  test('in batches: each is acknowledged when it comes out, and the last one is flushed at drain', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(25))
    const batches: string[][] = []
    const two = promised()
    const life = compose(
      queue,
      messages$ =>
        messages$.pipe(
          bufferCount(10),
          concatMap(async batch => {
            await new Promise(setImmediate)
            batches.push(batch.map(({ body }) => body))
            if (batches.length === 2) two.resolve()
            return batch
          }),
        ),
      { prefetch: 50 },
    )
    await two.promise
    expect(batches.map(batch => batch.length)).toEqual([10, 10])
    life.tell('drain')
    await life.until(isPhase('drained'))
    expect(batches.map(batch => batch.length)).toEqual([10, 10, 5])
    life.tell('stop')
    await life.over
    expect(batches.flat()).toEqual(numbers(25))
    expect(last(life)).toMatchObject({ how: 'stopped', info: { handled: 25, inFlight: 0 } })
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('a batch that never fills is flushed by its time', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(3))
    const life = compose(queue, messages$ =>
      messages$.pipe(
        bufferTime(50, null, 100),
        filter(batch => batch.length > 0),
      ),
    )
    await life.until(state => state.info?.['handled'] === 3)
    await stop(life)
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('gets no more than prefetch that have not come out', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(50))
    let most = 0
    let now = 0
    const life = compose(
      queue,
      messages$ =>
        messages$.pipe(
          tap(() => {
            most = Math.max(most, ++now)
          }),
          concatMap(message => of(message).pipe(delay(1))),
          tap(() => now--),
        ),
      { prefetch: 4 },
    )
    await life.until(isRunning)
    await expect.poll(() => other.ready(queue)).toBe(0)
    await stop(life)
    expect(most).toBe(4)
    await other.deleteQueue(queue)
  })

  test('keeps the order of each key, side by side with other keys', async () => {
    const queue = queueName()
    const bodies = numbers(30).map(n => `${'abc'[Number(n) % 3]} ${n}`)
    await other.publish(queue, bodies)
    const done = new Map<string, string[]>()
    const running = new Set<string>()
    let mostAtOnce = 0
    const all = promised()
    const life = compose(
      queue,
      messages$ =>
        messages$.pipe(
          groupBy(({ body }) => body[0]!),
          mergeMap(group$ =>
            group$.pipe(
              concatMap(async message => {
                running.add(group$.key)
                mostAtOnce = Math.max(mostAtOnce, running.size)
                await new Promise(resolve => setTimeout(resolve, Math.random() * 3))
                running.delete(group$.key)
                done.set(group$.key, [...(done.get(group$.key) ?? []), message.body])
                if ([...done.values()].flat().length === 30) all.resolve()
                return message
              }),
            ),
          ),
        ),
      { prefetch: 30 },
    )
    await all.promise
    await stop(life)
    for (const key of 'abc') expect(done.get(key)).toEqual(bodies.filter(body => body.startsWith(key)))
    expect(mostAtOnce).toBe(3)
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('one that is filtered out is acknowledged by hand, and one that fails goes the way of onError', async () => {
    const queue = queueName()
    await other.publish(queue, ['good', 'boring', 'bad'])
    const life = compose(
      queue,
      messages$ =>
        messages$.pipe(
          filter(message => {
            if (message.body === 'boring') message.ack()
            if (message.body === 'bad') message.fail(new Error('no stock'))
            return message.body === 'good'
          }),
        ),
      { retry: { limit: 1 } },
    )
    await life.until(hasInfo('parked'))
    await stop(life)
    expect(last(life)).toMatchObject({
      info: {
        handled: 2,
        failed: 1,
        parked: 1,
        lastFailure: expect.stringMatching(/^no stock \(at .*messages\.test\.ts:\d+:\d+\)*$/),
      },
    })
    expect(await other.take(`${queue}.parked`)).toMatchObject({ body: 'bad' })
    expect(await other.ready(queue)).toBe(0)
    for (const name of [queue, `${queue}.parked`]) await other.deleteQueue(name)
  })

  test('one that failed and comes out all the same is not acknowledged besides', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    const attempts: number[] = []
    const both = promised()
    const life = compose(
      queue,
      messages$ =>
        messages$.pipe(
          tap(message => {
            attempts.push(message.attempt)
            if (message.attempt === 1) message.fail(new Error('no'))
            else both.resolve()
          }),
        ),
      { retry: { initialDelay: 50 } },
    )
    await both.promise
    await stop(life)
    expect(attempts).toEqual([1, 2])
    expect(last(life)).toMatchObject({ info: { handled: 1, failed: 1, retried: 1 } })
    for (const name of [queue, `${queue}.retry.50`]) await other.deleteQueue(name)
  })

  test('a body that can not be decoded is parked, and the pipeline does not see it', async () => {
    const queue = queueName()
    await other.publish(queue, ['{', '1'])
    const seen: unknown[] = []
    const service = amqpMessages('orders', { url: broker.url, queue }, messages$ =>
      messages$.pipe(tap(({ body }) => seen.push(body))),
    )
    const life = live(service)
    await life.until(hasInfo('parked'))
    await stop(life)
    expect(seen).toEqual([1])
    for (const name of [queue, `${queue}.parked`]) await other.deleteQueue(name)
  })
})

describe('the end of a pipeline', () => {
  test('an error fails the service, and what it held is delivered again', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(3))
    const life = compose(queue, messages$ =>
      messages$.pipe(
        bufferCount(3),
        map(() => {
          throw new Error('no disk')
        }),
      ),
    )
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_SERVICE_FAILED',
      message: expect.stringContaining('no disk'),
    })
    expect(await takeAll(queue)).toEqual(numbers(3))
    expect(await other.consumers(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('an error at once fails the start', async () => {
    const life = compose(queueName(), () => {
      throw new Error('no pipeline')
    })
    await expect(life.over).rejects.toMatchObject({ code: 'ERR_START_FAILED' })
  })

  test('what is not a message of its own fails it', async () => {
    const queue = queueName()
    await other.publish(queue, ['one'])
    const bodies = (messages$: Observable<AmqpMessage<string>>) => messages$.pipe(map(({ body }) => body))
    const life = compose(queue, bodies as unknown as AmqpPipeline<string>)
    await expect(life.over).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' })
    expect(await takeAll(queue)).toEqual(['one'])
    await other.deleteQueue(queue)
  })

  test('one that completes ends the service: the rest stays in the queue', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(10))
    const service = amqpMessages('orders', { url: broker.url, queue, decode: 'text', prefetch: 5 }, messages$ =>
      messages$.pipe(take(3)),
    )
    const group = serviceGroup('shop').add(service)
    await group.start()
    await expect.poll(() => group.status.phase).toBe('stopped')
    expect(group.status.service('shop/orders')?.state).toMatchObject({
      phase: 'stopped',
      how: 'ended',
      info: { handled: 3 },
    })
    expect(group.report.ok).toBe(true)
    expect(await takeAll(queue)).toEqual(numbers(10).slice(3))
    await other.deleteQueue(queue)
  })

  test('one that completes at once is not a failure', async () => {
    const life = compose(queueName(), () => EMPTY)
    await life.over
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'ended' })
  })

  test('drain waits for what is in it, and tells how much', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(2))
    const both = promised()
    const release = promised()
    let seen = 0
    const life = compose(queue, messages$ =>
      messages$.pipe(
        mergeMap(async message => {
          if (++seen === 2) both.resolve()
          await release.promise
          return message
        }),
      ),
    )
    await both.promise
    life.tell('drain')
    await life.until(state => state.phase === 'draining' && state.pending === 2)
    release.resolve()
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
    expect(await other.ready(queue)).toBe(0)
    await other.deleteQueue(queue)
  })

  test('one that lets nothing out is let go at the deadline; its signals fire, and its messages come again', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(2))
    const both = promised()
    const signals: AbortSignal[] = []
    const life = compose(queue, messages$ =>
      messages$.pipe(
        mergeMap(({ signal }) => {
          if (signals.push(signal) === 2) both.resolve()
          return new Promise<never>(() => {})
        }),
      ),
    )
    await both.promise
    life.tell('drain')
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false])
    life.tell('stop')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    await life.over
    expect(last(life)).toMatchObject({ how: 'stopped' })
    expect(await takeAll(queue)).toEqual(numbers(2))
    await other.deleteQueue(queue)
  })

  test('one that keeps messages for itself hands them back when it completes at drain', async () => {
    const queue = queueName()
    await other.publish(queue, numbers(2))
    const life = compose(queue, messages$ => messages$.pipe(ignoreElements()))
    await life.until(state => state.info?.['inFlight'] === 2)
    life.tell('drain')
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
    expect(await takeAll(queue)).toEqual(numbers(2))
    await other.deleteQueue(queue)
  })
})
