import { hostname } from 'node:os'
import { connect as connectAmqplib } from 'amqplib'
import { serviceGroup } from 'rx-service-group'
import { type AmqpConnect, amqpConnection, amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { describe, expect, onTestFinished, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { certificate } from '../../support/certificate.ts'
import { proxyTo } from '../../support/proxy.ts'
import { hasHealth, isRunning, last, live, queueName } from './life.ts'
import { operator } from './operator.ts'

const broker = useBroker()
const ignore = () => undefined
const through = (port: number, protocol = 'amqp'): string => {
  const url = new URL(broker.url)
  url.port = String(port)
  return url.href.replace('amqp:', `${protocol}:`)
}
const consumer = (options: object) => {
  const queue = { name: queueName(), exclusive: true }
  const life = live(amqpConsumer('orders', { queue, ...options }, ignore))
  onTestFinished(() => life.subscription.unsubscribe())
  return life
}
const host = () => new URL(broker.url).host

describe('a list of URLs', () => {
  test('is tried in turn, and the broker that is used is named', async () => {
    const dead = await proxyTo(host())
    await dead.close()
    const proxy = await proxyTo(host())
    const urls = [new URL(through(dead.port)), through(proxy.port)]
    const life = consumer({ url: urls })
    await life.until(isRunning)
    expect(life.states.find(state => state.info?.['broker'])?.info?.['broker']).toBe(
      `127.0.0.1:${dead.port}, 127.0.0.1:${proxy.port}`,
    )
    expect(last(life).info).toMatchObject({ broker: `127.0.0.1:${proxy.port}` })
  })

  test('when the connection is lost the next broker is used, and named', async () => {
    const [first, second] = [await proxyTo(host()), await proxyTo(host())]
    const publisher = live(amqpPublisher('outbox', { url: [through(first.port), through(second.port)] }))
    onTestFinished(() => publisher.subscription.unsubscribe())
    const life = consumer({ url: [through(first.port), through(second.port)] })
    for (const one of [life, publisher]) {
      await one.until(isRunning)
      expect(last(one).info).toMatchObject({ broker: `127.0.0.1:${first.port}` })
      one.forget()
    }
    await first.close()
    for (const one of [life, publisher]) {
      const failing = await one.until(hasHealth('fail'))
      expect(failing.detail).toContain(`connection to 127.0.0.1:${first.port} lost`)
      await one.until(hasHealth('pass'))
      await expect.poll(() => last(one).info).toMatchObject({ broker: `127.0.0.1:${second.port}` })
    }
  })

  test('of which none can be used is told with the reason of each', async () => {
    const [first, second] = [await proxyTo(host()), await proxyTo(host())]
    await Promise.all([first.close(), second.close()])
    const tried: string[] = []
    const connect: AmqpConnect = (url, options) => {
      tried.push(new URL(url).port)
      return connectAmqplib(url, options)
    }
    const life = consumer({ url: [through(first.port), through(second.port)], connect })
    await expect.poll(() => tried.length).toBe(4)
    expect(tried).toEqual([first.port, second.port, first.port, second.port].map(String))
    life.tell('stop', { by: 'failure', service: 'orders', error: { name: 'Error', message: 'start timed out' } })
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_AMQP_UNREACHABLE',
      message:
        `service "orders": no broker can be used: can't reach the broker at 127.0.0.1:${first.port}: ECONNREFUSED; ` +
        `can't reach the broker at 127.0.0.1:${second.port}: ECONNREFUSED`,
    })
  })

  test('goes on to the next when one refuses the password, and fails at once when all do', async () => {
    const wrong = broker.url.replace('guest:guest', 'guest:wrong')
    await consumer({ url: [wrong, broker.url] }).until(isRunning)
    await expect(consumer({ url: [wrong, wrong] }).over).rejects.toMatchObject({ code: 'ERR_AMQP_CREDENTIALS' })
  })

  test('an error of a queue names the broker that is used', async () => {
    const dead = await proxyTo(host())
    await dead.close()
    const url = [through(dead.port), broker.url]
    await expect(consumer({ url, queue: 'nobodys', declare: false }).over).rejects.toMatchObject({
      message: expect.stringContaining(`found no queue "nobodys" at ${host()};`),
    })
    const bindings = [{ exchange: 'nobodys' }]
    await expect(consumer({ url, bindings }).over).rejects.toMatchObject({
      message: expect.stringContaining(`can't use exchange "nobodys" at ${host()}:`),
    })
  })
})

describe('TLS', () => {
  test('a certificate that is not trusted is told at once', async () => {
    const proxy = await proxyTo(host(), { tls: certificate() })
    const at = performance.now()
    await expect(consumer({ url: through(proxy.port, 'amqps') }).over).rejects.toMatchObject({
      code: 'ERR_AMQP_CERTIFICATE',
      message: expect.stringMatching(
        /can't trust the certificate of the broker at 127.0.0.1:\d+: self-signed certificate; give its CA as tls.ca/,
      ),
    })
    expect(performance.now() - at).toBeLessThan(2000)
  })

  test('a certificate for another name is told at once, and accepted under its name', async () => {
    const tls = certificate()
    const proxy = await proxyTo(host(), { tls })
    const url = through(proxy.port, 'amqps')
    const elsewhere = { url, tls: { ca: tls.cert, servername: 'elsewhere' } }
    await expect(consumer(elsewhere).over).rejects.toMatchObject({ code: 'ERR_AMQP_CERTIFICATE' })
    await consumer({ url, tls: { ca: tls.cert, servername: 'localhost' } }).until(isRunning)
  })

  test('with the CA given it is used, by a shared connection too', async () => {
    const tls = certificate()
    const proxy = await proxyTo(host(), { tls })
    const connection = amqpConnection({ url: through(proxy.port, 'amqps'), tls: { ca: tls.cert } })
    const life = consumer({ connection })
    await life.until(isRunning)
    expect(last(life).info).toMatchObject({ broker: `127.0.0.1:${proxy.port}` })
  })

  test('a refused virtual host is told, though Node does not let the words of the broker be heard', async () => {
    const tls = certificate()
    const proxy = await proxyTo(host(), { tls })
    const url = new URL(through(proxy.port, 'amqps'))
    url.pathname = 'nobodys'
    const life = consumer({ url, tls: { ca: tls.cert } })
    await expect.poll(() => proxy.opened).toBeGreaterThan(1)
    life.tell('stop', { by: 'failure', service: 'orders', error: { name: 'Error', message: 'start timed out' } })
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_AMQP_VHOST',
      message: expect.stringContaining('refused virtual host "nobodys" for user "guest": it does not exist, '),
    })
  })

  const bad: Record<string, [object, RegExp]> = {
    'an unknown option': [{ tls: { cA: 'x' } }, /unknown option tls.cA; did you mean tls.ca\?/],
    'options that are no object': [{ tls: 'a-private-key' }, /^(?!.*a-private-key).*tls must be an object/],
    'without amqps': [{ tls: { ca: 'x' } }, /tls is given, but not every url begins with amqps/],
  }
  for (const [what, [options, message]] of Object.entries(bad))
    test(`${what} is refused at the call`, () => {
      expect(() => consumer({ url: 'amqp://localhost', ...options })).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(message) }),
      )
    })
})

describe.runIf(brokerIsOurs)('the name of a connection', () => {
  const names = () => operator(broker).connectionNames()
  const start = async (options: object) => {
    const queue = { name: queueName(), exclusive: true }
    const orders = amqpConsumer('orders', { queue, ...options }, ignore)
    const group = serviceGroup('shop').add(serviceGroup('back').add(orders))
    onTestFinished(async () => void (await group.stop()))
    await group.start()
  }

  test('is the path of the service that opened it, and the host', async () => {
    await start({ url: broker.url })
    await expect.poll(names).toContain(`shop/back/orders@${hostname()}`)
  })

  test('is what the option says', async () => {
    await start({ url: broker.url, connectionName: 'the orders of the shop' })
    await expect.poll(names).toContain('the orders of the shop')
  })
})
