import { connect as connectAmqplib } from 'amqplib'
import { amqpConsumer } from 'rx-service-group/amqp'
import { describe, expect, onTestFinished, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { proxyTo } from '../../support/proxy.ts'
import { isRunning, live, queueName } from './life.ts'

describe('once connected, the broker has 10 s for each answer', () => {
  const broker = useBroker()

  /** A consumer, and how many channels it has opened. From when it is connected, all takes its time. */
  const consumer = async (delay: number) => {
    const proxy = await proxyTo(new URL(broker.url).host)
    const counts = { channels: 0 }
    const connect = async (url: string, options: object) => {
      const model = await connectAmqplib(url, options)
      const createChannel = model.createChannel.bind(model)
      model.createChannel = () => {
        counts.channels++
        return createChannel()
      }
      proxy.delay = delay
      return model
    }
    const url = new URL(broker.url)
    url.port = String(proxy.port)
    const queue = { name: queueName(), exclusive: true }
    const life = live(amqpConsumer('orders', { url, queue, connect, connectTimeout: 1000 }, () => undefined))
    onTestFinished(() => life.subscription.unsubscribe())
    return { life, counts }
  }

  test('a broker that does not answer is told so, and another channel is tried', async () => {
    const at = performance.now()
    const { life, counts } = await consumer(Infinity)
    await expect.poll(() => counts.channels).toBe(2)
    expect(performance.now() - at).toBeGreaterThan(9_900)
    life.tell('stop', { by: 'failure', service: 'orders', error: { name: 'Error', message: 'start timed out' } })
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_AMQP_UNREACHABLE',
      message: expect.stringContaining('no answer within 10 s'),
    })
  }, 20_000)

  test('a broker that answers slowly, longer than that in all, is waited for', async () => {
    const { life, counts } = await consumer(2000)
    const at = performance.now()
    await life.until(isRunning, 20_000)
    expect(performance.now() - at).toBeGreaterThan(10_000)
    expect(counts.channels).toBe(1)
  }, 30_000)
})
