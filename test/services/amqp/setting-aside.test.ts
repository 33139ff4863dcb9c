import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import {
  type Bystander,
  bystander,
  hasHealth,
  hasInfo,
  isPhase,
  isRunning,
  last,
  live,
  promised,
  queueName,
} from './life.ts'

describe.runIf(brokerIsOurs)('a message that failed and can not be set aside', () => {
  const broker = useBroker({ alone: true })
  let other: Bystander
  const reconnectBystander = async () => {
    await other?.close()
    other = await bystander(broker.url)
  }
  beforeEach(reconnectBystander)
  afterEach(async () => {
    await broker.faults.thaw()
    await broker.faults.unblock()
  })
  afterAll(() => other?.close())

  type Options = Omit<Partial<AmqpConsumerOptions>, 'decode'>
  const consume = (queue: string, handler: MessageHandler<string>, options: Options = {}) =>
    live(
      amqpConsumer(
        'orders',
        { url: broker.url, queue, decode: 'text', retry: { initialDelay: 100 }, ...options },
        handler,
      ),
    )
  const stop = async (life: ReturnType<typeof live>) => {
    life.tell('drain')
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
  }

  test('because nothing may be declared: it is held, warn, until it is allowed; that is no attempt', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad', 'good'])
    await broker.faults.forbidDeclaring()
    const attempts: number[] = []
    const good = promised()
    const handled = promised()
    const handler: MessageHandler<string> = (body, { attempt }) => {
      if (body === 'good') return good.resolve()
      attempts.push(attempt)
      if (attempt === 2) return handled.resolve()
      throw new Error('no')
    }
    const life = consume(queue, handler, { declare: false })
    const { detail } = await life.until(hasHealth('warn'))
    await good.promise
    expect(detail).toMatch(/a message that failed can't be retried, and is held: .*ACCESS_REFUSED/)

    life.forget()
    await broker.faults.allowDeclaring()
    await handled.promise
    await life.until(hasHealth('pass'))
    await stop(life)
    expect(attempts).toEqual([1, 2])
    expect(await other.ready(queue)).toBe(0)
    expect(last(life)).toMatchObject({ how: 'stopped', info: { failed: 1, retried: 1, handled: 2 } })
  })

  test('while its connection is lost: it comes again, and one copy is made of it', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    await broker.faults.forbidDeclaring()
    const attempts: number[] = []
    const handled = promised()
    const handler: MessageHandler<string> = (_, { attempt }) => {
      attempts.push(attempt)
      if (attempt === 2) return handled.resolve()
      throw new Error('no')
    }
    const life = consume(queue, handler, { declare: false })
    await life.until(hasHealth('warn'))
    await broker.faults.closeAllConnections()
    await expect.poll(() => attempts).toEqual([1, 1])
    await broker.faults.allowDeclaring()
    await handled.promise
    await stop(life)
    await reconnectBystander()
    expect(attempts).toEqual([1, 1, 2])
    for (const name of [queue, `${queue}.retry.100`]) expect(await other.ready(name)).toBe(0)
  })

  test('or counted, because nothing may be declared: what comes again is begun all the same', async () => {
    const queue = queueName()
    await other.publish(queue, ['interrupted'])
    const channel = await other.connection.createChannel()
    await channel.consume(queue, () => void channel.close())
    await expect.poll(() => other.ready(queue)).toBe(1)
    await broker.faults.forbidDeclaring()
    const seen = promised<boolean>()
    const life = consume(queue, (_, { message }) => seen.resolve(message.fields.redelivered), { declare: false })
    expect(await seen.promise).toBe(true)
    await broker.faults.allowDeclaring()
    await stop(life)
    expect(await other.ready(queue)).toBe(0)
  })

  test('because there is a queue of that name with other particulars: the same, and a stop gives it back', async () => {
    const queue = queueName()
    await other.declare(`${queue}.retry.100`)
    await other.publish(queue, ['bad'])
    const life = consume(queue, () => Promise.reject(new Error('no')))
    const { detail } = await life.until(hasHealth('warn'))
    expect(detail).toMatch(/is held: .*PRECONDITION_FAILED/)
    await stop(life)
    expect(await other.take(queue)).toEqual({ body: 'bad', redelivered: true })
  })

  test('because the queue for it was deleted just now: declared again', async () => {
    const queue = queueName()
    await other.publish(queue, ['1'])
    const life = consume(queue, () => Promise.reject(new Error('no')), { onError: 'park' })
    await other.next(`${queue}.parked`)
    await other.deleteQueue(`${queue}.parked`)
    await other.publish(queue, ['2'])
    expect((await life.until(hasHealth('warn'))).detail).toMatch(/can't be parked.*queue ".*\.parked" was deleted/)
    expect((await other.next(`${queue}.parked`)).content.toString()).toBe('2')
    await stop(life)
    expect(await other.ready(queue)).toBe(0)
  })

  test('because the broker is blocked: others are handled, nothing is lost, and once it is unblocked all goes on', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad 1', 'bad 2', 'good'])
    await broker.faults.block()
    const handled: string[] = []
    const calls = { 'bad 1': 0, 'bad 2': 0, good: 0 }
    const blocked = promised()
    const all = promised()
    const life = consume(queue, async (body, { attempt }) => {
      calls[body as 'good']++
      if (body === 'bad 2') await blocked.promise
      if (body !== 'good' && attempt === 1) throw new Error('no')
      if (handled.push(body) === 3) all.resolve()
    })
    expect((await life.until(hasHealth('warn'))).detail).toMatch(
      /messages that failed wait: the broker is blocked: .*memory/,
    )
    blocked.resolve()
    await life.until(state => hasHealth('warn')(state) && /is held: the broker is blocked/.test(state.detail ?? ''))
    // The first copy is on its way and waits for its confirm; a second one of it would be one too many.
    expect(calls).toEqual({ 'bad 1': 1, 'bad 2': 1, good: 1 })
    expect(handled).toEqual(['good'])

    life.forget()
    await broker.faults.unblock()
    await all.promise
    await life.until(hasHealth('pass'))
    await stop(life)
    expect(handled.sort()).toEqual(['bad 1', 'bad 2', 'good'])
    expect(last(life)).toMatchObject({ how: 'stopped', info: { retried: 2 } })
    expect(await other.ready(queue)).toBe(0)
    expect(await other.ready(`${queue}.retry.100`)).toBe(0)
  })

  test('because the broker is blocked: a stop does not wait for it, and the messages are still there', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad 1', 'bad 2'])
    await broker.faults.block()
    const life = consume(queue, () => Promise.reject(new Error('no')))
    await life.until(hasHealth('warn'))
    const at = performance.now()
    await stop(life)
    expect(performance.now() - at).toBeLessThan(1500)
    expect(last(life)).toMatchObject({ how: 'stopped' })
    expect(last(life).info).not.toHaveProperty('abandoned')
    // The broker gives a quorum queue back what was held after it has closed the channel.
    await expect.poll(() => other.ready(queue)).toBe(2)
    await broker.faults.unblock()
  })

  test('because the broker is frozen: force ends it at once', async () => {
    const queue = queueName()
    await other.publish(queue, ['first', 'bad'])
    const frozen = promised()
    const failed = promised()
    const life = consume(
      queue,
      async body => {
        if (body === 'first') throw new Error('opens the line')
        await frozen.promise
        failed.resolve()
        throw new Error('no')
      },
      { onError: 'park' },
    )
    await life.until(hasInfo('parked'))
    await broker.faults.freeze()
    frozen.resolve()
    await failed.promise
    life.tell('drain')
    await life.until(state => state.phase === 'draining' && state.pending === 1)
    life.tell('stop')
    const at = performance.now()
    life.tell('force')
    await life.over
    expect(performance.now() - at).toBeLessThan(200)
    expect(last(life)).toMatchObject({ how: 'forced' })
    await broker.faults.thaw()
    await expect
      .poll(async () => (await other.ready(queue)) + (await other.ready(`${queue}.parked`)))
      .toBeGreaterThanOrEqual(2)
  })

  test('connections closed by force while messages wait in the delay queue: they come all the same', async () => {
    const queue = queueName()
    await other.publish(queue, ['bad'])
    const again = promised<number>()
    const life = consume(
      queue,
      (_, { attempt }) => {
        if (attempt > 1) return again.resolve(attempt)
        throw new Error('no')
      },
      { queue: { name: queue, durable: true }, retry: { initialDelay: 500 } },
    )
    await life.until(hasInfo('retried'))
    await broker.faults.closeAllConnections()
    expect(await again.promise).toBe(2)
    await reconnectBystander()
    await stop(life)
    expect(await other.ready(queue)).toBe(0)
  })

  test('a killed broker keeps what waits in the delay queue, and what is parked', async () => {
    const queue = queueName()
    const again = promised<number>()
    const handler: MessageHandler<string> = (body, { attempt }) => {
      if (body === 'later' && attempt === 2) return again.resolve(attempt)
      throw new Error('no')
    }
    const life = consume(queue, handler, {
      retry: { initialDelay: 3000 },
      onError: (_, { message }) => (message.content.toString() === 'later' ? 'retry' : 'park'),
    })
    await life.until(isRunning)
    await other.publish(queue, ['later', 'never'], { persistent: true })
    await life.until(state => hasInfo('retried')(state) && hasInfo('parked')(state))
    await broker.faults.kill()
    await broker.faults.start()
    expect(await again.promise).toBe(2)
    await reconnectBystander()
    expect(await other.take(`${queue}.parked`)).toMatchObject({ body: 'never' })
    await stop(life)
  }, 60_000)
})
