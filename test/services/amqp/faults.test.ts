import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isPhase, last, live, promised, queueName } from './life.ts'

describe.runIf(brokerIsOurs)('a broker in trouble', () => {
  const broker = useBroker({ alone: true })
  let other: Bystander
  const reconnectBystander = async () => {
    await other?.close()
    other = await bystander(broker.url)
  }
  beforeAll(reconnectBystander)
  afterAll(() => other?.close())

  const consume = (
    queue: string,
    handler: MessageHandler<string> = () => undefined,
    options: Omit<Partial<AmqpConsumerOptions>, 'decode'> = {},
  ) => live(amqpConsumer('orders', { url: broker.url, queue, decode: 'text', ...options }, handler))

  const stop = async (life: ReturnType<typeof live>) => {
    life.tell('stop')
    await life.over
  }

  test('connections closed by force: fail, with the reason, then consuming again', async () => {
    const queue = queueName()
    const seen = promised<string>()
    const life = consume(queue, body => seen.resolve(body))
    await life.until(hasHealth('pass'))
    life.forget()
    await broker.faults.closeAllConnections()
    const lost = await life.until(hasHealth('fail'))
    const at = performance.now()
    await life.until(hasHealth('pass'))
    expect(performance.now() - at).toBeLessThan(1000)
    expect(lost.detail).toMatch(/^connection to 127.0.0.1:\d+ lost: .*CONNECTION_FORCED/)
    expect(last(life)).not.toHaveProperty('detail')

    await reconnectBystander()
    await other.publish(queue, ['after'])
    expect(await seen.promise).toBe('after')
    await stop(life)
  })

  test('a handler whose connection is lost hears of it, and its message comes again', async () => {
    const queue = queueName()
    await other.publish(queue, ['work'])
    const started = promised()
    const aborted = promised()
    const again = promised<boolean>()
    const life = consume(queue, (_, { message, signal }) => {
      if (message.fields.redelivered) return again.resolve(true)
      started.resolve()
      signal.addEventListener('abort', () => aborted.resolve())
      return aborted.promise
    })
    await started.promise
    await broker.faults.closeAllConnections()
    await aborted.promise
    expect(await again.promise).toBe(true)
    await stop(life)
    await reconnectBystander()
    expect(await other.ready(queue)).toBe(0)
  })

  test('a message is not handled twice at a time: it waits for its handler of before, as the same attempt', async () => {
    const queue = queueName()
    await other.publish(queue, ['work'])
    const started = promised()
    const go = promised()
    const seen: number[] = []
    const again = promised()
    let running = 0
    const handler: MessageHandler<string> = async (_, { attempt }) => {
      running++
      seen.push(attempt, running)
      if (seen.length > 2) again.resolve()
      started.resolve()
      await go.promise
      running--
    }
    const life = consume(queue, handler, { prefetch: 1 })
    await started.promise
    life.forget()
    await broker.faults.closeAllConnections()
    await life.until(hasHealth('fail'))
    await reconnectBystander()
    await expect.poll(() => other.consumers(queue)).toBe(1)
    // The broker has delivered it again by the time that it answers.
    await other.declare(queue)
    expect(seen).toEqual([1, 1])
    go.resolve()
    await again.promise
    expect(seen).toEqual([1, 1, 1, 1])
    await stop(life)
    expect(await other.ready(queue)).toBe(0)
  })

  test('a handler that hung through a lost connection keeps no place: warn, others go on, its message is put off', async () => {
    const queue = queueName()
    await other.publish(queue, ['hangs'])
    const started = promised()
    const next = promised()
    let hung = 0
    const handler: MessageHandler<string> = body => {
      if (body === 'next') return next.resolve()
      hung++
      started.resolve()
      return new Promise(() => {})
    }
    const life = consume(queue, handler, { prefetch: 1, retry: { initialDelay: 100 } })
    await started.promise
    await broker.faults.closeAllConnections()
    expect((await life.until(hasHealth('warn'))).detail).toMatch(/^a handler runs on though it was asked to give up/)
    await reconnectBystander()
    await other.publish(queue, ['next'])
    await next.promise
    expect(hung).toBe(1)
    life.tell('drain')
    life.tell('stop')
    await life.over
    expect(last(life)).toMatchObject({ how: 'stopped', info: { abandoned: 1, handled: 1 } })
    expect(last(life).info).not.toHaveProperty('failed')
    const delays = [100, 200, 400, 800].map(delay => `${queue}.retry.${delay}`)
    const left = async () => {
      let count = 0
      for (const name of [queue, ...delays]) if (await other.exists(name)) count += await other.ready(name)
      return count
    }
    await expect.poll(left).toBe(1)
  })

  test('its queue deleted: fail, and the queue is declared and consumed again', async () => {
    const queue = queueName()
    const seen = promised<string>()
    const life = consume(queue, body => seen.resolve(body))
    await life.until(hasHealth('pass'))
    life.forget()
    await other.deleteQueue(queue)
    const lost = await life.until(hasHealth('fail'))
    expect(lost.detail).toMatch(/consumer cancelled by the broker: queue ".*" was deleted/)
    await life.until(hasHealth('pass'))
    await other.publish(queue, ['after'])
    expect(await seen.promise).toBe('after')
    await stop(life)
  })

  test('a queue of someone else deleted: fail until it is there again', async () => {
    const queue = queueName()
    await other.declare(queue)
    const life = consume(queue, () => undefined, { declare: false })
    await life.until(hasHealth('pass'))
    life.forget()
    await other.deleteQueue(queue)
    await life.until(state => hasHealth('fail')(state) && /found no queue/.test(state.detail ?? ''))
    await other.declare(queue)
    await life.until(hasHealth('pass'))
    await stop(life)
  })

  test('a delivery that took too long: fail, and it is delivered again, as another attempt', async () => {
    const queue = queueName()
    await broker.faults.deliveryTimeout(400)
    await other.publish(queue, ['slow'])
    const attempts: number[] = []
    const again = promised()
    const life = consume(queue, (_, { attempt, signal }) => {
      if (attempts.push(attempt) === 2) return again.resolve()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const lost = await life.until(hasHealth('fail'))
    expect(lost.detail).toMatch(/^channel closed: .*timed out/)
    await again.promise
    expect(attempts).toEqual([1, 2])
    await stop(life)
    expect(last(life)).toMatchObject({ how: 'stopped', info: { handled: 1 } })
    await broker.faults.deliveryTimeout(1_800_000)
  })

  test('a message that overruns the delivery timeout again and again is parked', async () => {
    const queue = queueName()
    await broker.faults.deliveryTimeout(400)
    await other.publish(queue, ['slow'])
    const attempts: number[] = []
    const handler: MessageHandler<string> = (_, { attempt, signal }) => {
      attempts.push(attempt)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    const life = consume(queue, handler, { retry: { limit: 3 } })
    await life.until(state => state.info?.['parked'] === 1)
    expect(attempts).toEqual([1, 2, 3])
    const { properties } = await other.next(`${queue}.parked`)
    expect(properties.headers?.['x-parked-reason']).toMatch(/was delivered 3 times before and never settled/)
    await stop(life)
    await broker.faults.deliveryTimeout(1_800_000)
  }, 30_000)

  test('stopped and started: back within seconds, nothing fails', async () => {
    const queue = queueName()
    const life = consume(queue)
    await life.until(hasHealth('pass'))
    life.forget()
    await broker.faults.stop()
    await life.until(state => hasHealth('fail')(state) && /ECONNREFUSED/.test(state.detail ?? ''))
    await broker.faults.start()
    const at = performance.now()
    await life.until(hasHealth('pass'))
    expect(performance.now() - at).toBeLessThan(2000)
    await stop(life)
    await reconnectBystander()
  })

  test('stopping while disconnected ends at once, and nothing comes back', async () => {
    const queue = queueName()
    const life = consume(queue)
    await life.until(hasHealth('pass'))
    await broker.faults.stop()
    await life.until(hasHealth('fail'))
    const at = performance.now()
    life.tell('drain')
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
    expect(performance.now() - at).toBeLessThan(200)
    await broker.faults.start()
    await reconnectBystander()
    await expect(other.consumers(queue)).resolves.toBe(0)
  })

  test('blocked by an alarm: goes on consuming, and stops at once', async () => {
    const queue = queueName()
    await other.publish(queue, ['before'])
    await broker.faults.block()
    const seen = promised<string>()
    const life = consume(queue, body => seen.resolve(body))
    expect(await seen.promise).toBe('before')
    const at = performance.now()
    await stop(life)
    expect(performance.now() - at).toBeLessThan(1000)
    await broker.faults.unblock()
    expect(await other.ready(queue)).toBe(0)
  })

  test('frozen: force ends a stop that waits for it, within milliseconds', async () => {
    const queue = queueName()
    const life = consume(queue)
    await life.until(hasHealth('pass'))
    await broker.faults.freeze()
    life.tell('drain')
    life.tell('stop')
    expect(last(life).phase).toBe('stopping')
    const at = performance.now()
    life.tell('force')
    await life.over
    expect(performance.now() - at).toBeLessThan(200)
    expect(last(life)).toMatchObject({ how: 'forced' })
    await broker.faults.thaw()
  })

  test('frozen: silence is noticed by the heartbeat, and it is found again once it thaws', async () => {
    const queue = queueName()
    const life = consume(queue, () => undefined, { heartbeat: 1000, connectTimeout: 300 })
    await life.until(hasHealth('pass'))
    life.forget()
    await broker.faults.freeze()
    const lost = await life.until(hasHealth('fail'))
    expect(lost.detail).toMatch(/Heartbeat timeout/)
    await life.until(state => hasHealth('fail')(state) && /no answer within 300 ms/.test(state.detail ?? ''))
    await broker.faults.thaw()
    await life.until(hasHealth('pass'))
    await stop(life)
    await reconnectBystander()
  }, 15_000)

  test('killed: fail, and found again when it is back, its durable queue too', async () => {
    const queue = queueName()
    const seen = promised<string>()
    const life = consume(queue, body => seen.resolve(body))
    await life.until(hasHealth('pass'))
    life.forget()
    await broker.faults.kill()
    await life.until(hasHealth('fail'))
    await broker.faults.start()
    await life.until(hasHealth('pass'))
    await reconnectBystander()
    await other.publish(queue, ['after'])
    expect(await seen.promise).toBe('after')
    await stop(life)
  }, 60_000)
})
