import { connect as connectAmqplib } from 'amqplib'
import { type AmqpConsumerOptions, amqpConsumer } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { proxyTo, type TcpProxy } from '../../support/proxy.ts'
import { type Bystander, bystander, hasHealth, isRunning, live, promised, queueName } from './life.ts'

describe('a broker that is 40 ms away', () => {
  const broker = useBroker()
  let other: Bystander
  beforeAll(async () => {
    other = await bystander(broker.url)
  })
  afterAll(() => other?.close())

  const through = ({ port }: TcpProxy): string => {
    const url = new URL(broker.url)
    url.port = String(port)
    return url.href
  }
  const far = () => proxyTo(new URL(broker.url).host, { delay: 40 })
  const consume = (url: string, options: Partial<Omit<AmqpConsumerOptions, 'decode'>>, handler = (_: string) => {}) => {
    const queue = { name: queueName(), exclusive: true }
    const life = live(amqpConsumer('orders', { url, queue, decode: 'text', ...options }, handler))
    onTestFinished(() => life.subscription.unsubscribe())
    return life
  }
  const anExchange = async (type = 'topic'): Promise<string> => {
    const name = queueName()
    const channel = await other.connection.createChannel()
    await channel.assertExchange(name, type)
    onTestFinished(async () => {
      await channel.deleteExchange(name)
      await channel.close()
    })
    return name
  }
  const patterns = (exchange: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({ exchange, pattern: `key.${n}` }))

  test('declares 20 exchanges and 1000 bindings in seconds, and again after the connection is lost', async () => {
    const proxy = await far()
    const exchange = await anExchange()
    const more = Array.from({ length: 20 }, () => ({ name: queueName(), type: 'fanout', autoDelete: true }))
    let seen = promised<string>()
    const at = performance.now()
    const exchanges = [...more, { name: exchange, type: 'topic' }]
    const bindings = [...more.map(({ name }) => ({ exchange: name })), ...patterns(exchange, 1000)]
    const life = consume(through(proxy), { exchanges, bindings }, body => seen.resolve(body))
    await life.until(isRunning)
    expect(performance.now() - at).toBeLessThan(4000)
    for (const key of ['key.0', 'key.999']) {
      seen = promised()
      await other.send(exchange, key, key)
      expect(await seen.promise).toBe(key)
    }
    life.forget()
    proxy.cut()
    await life.until(hasHealth('fail'))
    await life.until(hasHealth('pass'))
    seen = promised()
    await other.send(exchange, 'key.500', 'again')
    expect(await seen.promise).toBe('again')
  })

  test('is told of exactly the exchange that is missing, among hundreds', async () => {
    const exchange = await anExchange()
    const missing = [{ exchange: 'the-first-that-is-missing' }, { exchange: 'another-one' }]
    const bindings = [...patterns(exchange, 100), ...missing, ...patterns(exchange, 100)]
    await expect(consume(through(await far()), { bindings }).over).rejects.toMatchObject({
      code: 'ERR_AMQP_EXCHANGE',
      message: expect.stringMatching(/can't use exchange "the-first-that-is-missing" at .*NOT_FOUND/),
    })
  })

  test('is told of the exchange or the queue that is there with other particulars', async () => {
    const exchange = await anExchange('fanout')
    const url = through(await far())
    const bindings = patterns(exchange, 100)
    const exchanges = [{ name: exchange, type: 'topic' }]
    await expect(consume(url, { exchanges, bindings }).over).rejects.toMatchObject({
      code: 'ERR_AMQP_EXCHANGE',
      message: expect.stringMatching(new RegExp(`can't use exchange "${exchange}".*PRECONDITION_FAILED`)),
    })
    const name = queueName()
    await other.declare(name)
    onTestFinished(() => other.deleteQueue(name))
    await expect(consume(url, { queue: { name, maxLength: 5 }, bindings }).over).rejects.toMatchObject({
      code: 'ERR_AMQP_QUEUE',
      message: expect.stringMatching(new RegExp(`can't use queue "${name}".*PRECONDITION_FAILED`)),
    })
  })

  test('the time to connect does not count what is done on the connection', async () => {
    const proxy = await proxyTo(new URL(broker.url).host)
    const exchange = await anExchange()
    const connect = async (url: string, options: object) => {
      proxy.delay = 0
      const model = await connectAmqplib(url, options)
      proxy.delay = 150
      return model
    }
    const bindings = patterns(exchange, 50)
    const life = consume(through(proxy), { bindings, connect, connectTimeout: 200 })
    await life.until(isRunning)
    expect(proxy.opened).toBe(1)
    expect(life.states.every(state => !('detail' in state) || state.detail === undefined)).toBe(true)
  })
})
