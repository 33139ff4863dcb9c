import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { connect as connectFake } from '@onify/fake-amqplib'
import { type AmqpConnect, type AmqpConsumerOptions, amqpConsumer } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, isPhase, isRunning, last, live, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

const ignore = () => undefined
const consume = (options: Partial<AmqpConsumerOptions>) =>
  live(amqpConsumer('orders', { url: broker.url, queue: 'never', ...options }, ignore))

/** A port where nobody listens. */
const deafPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

const changed = (url: string, change: (url: URL) => void): string => {
  const copy = new URL(url)
  change(copy)
  return copy.href
}

describe('refused at the call', () => {
  const bad: Record<string, [Partial<AmqpConsumerOptions>, string, RegExp]> = {
    'no URL': [{ url: 'nowhere' }, 'ERR_AMQP_URL', /not an AMQP URL: "nowhere"/],
    'another protocol': [{ url: 'http://localhost' }, 'ERR_AMQP_URL', /not an AMQP URL/],
    'a slash in the password, which is not shown': [
      { url: 'amqp://me:sec/ret@host' },
      'ERR_AMQP_URL',
      /^(?!.*ret@).*"amqp:\/\/\*\*\*@host"/,
    ],
    'no queue': [{ queue: '' }, 'ERR_INVALID_OPTION', /queue must be the name of a queue/],
    'prefetch 0': [{ prefetch: 0 }, 'ERR_INVALID_OPTION', /prefetch must be 1 to 65535, got 0/],
    'a time that is not a number': [
      { retry: { initialDelay: Number.NaN } },
      'ERR_INVALID_DURATION',
      /retry.initialDelay must be a number of milliseconds from 1 to 2147483647, got NaN/,
    ],
    'a negative time': [
      { connectTimeout: -1 },
      'ERR_INVALID_DURATION',
      /connectTimeout must be a number of milliseconds from 1 to 2147483647, or Infinity, got -1/,
    ],
    'an unknown policy': [{ onError: 'reject' as 'retry' }, 'ERR_INVALID_OPTION', /onError must be one of "retry", /],
  }
  for (const [what, [options, code, message]] of Object.entries(bad))
    test(what, () => {
      const call = () => amqpConsumer('orders', { url: 'amqp://localhost', queue: 'q', ...options }, ignore)
      expect(call).toThrow(
        expect.objectContaining({ code, service: 'orders', message: expect.stringMatching(message) }),
      )
    })

  test('no handler', () => {
    const none = undefined as unknown as () => void
    expect(() => amqpConsumer('orders', { url: 'amqp://localhost', queue: 'q' }, none)).toThrow(
      'service "orders": handler must be a function, got undefined',
    )
  })
})

describe('refused at the start, and not tried again', () => {
  test('a wrong password', async () => {
    const url = changed(broker.url, it => {
      it.username = 'guest'
      it.password = 'wrong'
    })
    const at = performance.now()
    const life = consume({ url })
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_AMQP_CREDENTIALS',
      message: expect.stringContaining(
        `the broker at ${new URL(broker.url).host} refused it: wrong password, or no user "guest"`,
      ),
    })
    await expect(life.over).rejects.not.toMatchObject({ message: expect.stringContaining('wrong@') })
    expect(performance.now() - at).toBeLessThan(2000)
  })

  test('a queue that is not there and not ours to declare', async () => {
    const queue = queueName()
    await expect(consume({ queue, declare: false }).over).rejects.toMatchObject({
      code: 'ERR_AMQP_QUEUE',
      message: expect.stringContaining(`found no queue "${queue}"`),
    })
  })

  test('a queue that exists with other particulars', async () => {
    const name = queueName()
    await other.declare(name)
    await expect(consume({ queue: { name, maxLength: 5 } }).over).rejects.toMatchObject({
      code: 'ERR_AMQP_QUEUE',
      message: expect.stringContaining('PRECONDITION'),
    })
    await other.deleteQueue(name)
  })

  test('a package that is not installed', async () => {
    const missing = Object.assign(new Error("Cannot find package 'amqplib'"), { code: 'ERR_MODULE_NOT_FOUND' })
    await expect(consume({ connect: () => Promise.reject(missing) }).over).rejects.toMatchObject({
      code: 'ERR_MISSING_PACKAGE',
    })
  })
})

describe('an unreachable broker', () => {
  test('is tried again until the start times out, which is then named after it', async () => {
    const port = await deafPort()
    let attempts = 0
    const third = promised()
    const amqplib = await import('amqplib')
    const connect: AmqpConnect = (url, options) => {
      if (++attempts === 3) third.resolve()
      return amqplib.connect(url, options)
    }
    const life = consume({ url: `amqp://me:secret@127.0.0.1:${port}`, connect })
    await third.promise
    await new Promise(setImmediate)
    const error = { name: 'Error', message: 'start timed out' }
    life.tell('stop', { by: 'failure', service: 'orders', error })
    await expect(life.over).rejects.toMatchObject({
      code: 'ERR_AMQP_UNREACHABLE',
      message: `service "orders": can't reach the broker at 127.0.0.1:${port}: ECONNREFUSED`,
    })
  })

  test('one that comes up in time is found', async () => {
    const queue = queueName()
    let attempts = 0
    const amqplib = await import('amqplib')
    const refusing = `amqp://127.0.0.1:${await deafPort()}`
    const connect: AmqpConnect = (url, options) => amqplib.connect(++attempts < 3 ? refusing : url, options)
    const life = consume({ queue, connect })
    await life.until(isRunning)
    expect(attempts).toBe(3)
    expect(last(life)).toMatchObject({ phase: 'running', health: 'pass' })
    life.tell('stop')
    await life.over
    await other.deleteQueue(queue)
  })

  test('a start that is cancelled while it waits ends at once, and does not fail', async () => {
    const life = consume({ url: `amqp://127.0.0.1:${await deafPort()}` })
    await new Promise(setImmediate)
    life.tell('stop')
    await life.over
    expect(last(life)).toMatchObject({ phase: 'stopped', how: 'stopped' })
  })

  test('one that accepts and says nothing costs one attempt its time', async () => {
    const sockets = new Set<{ destroy(): void }>()
    const closed = promised()
    const server = createServer(socket => {
      sockets.add(socket)
      socket
        .on('error', () => undefined)
        .on('close', () => closed.resolve())
        .resume()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const amqplib = await import('amqplib')
    // Without amqplib's own timeout, which stops counting after the handshake.
    const connect: AmqpConnect = (url, { timeout: _, ...options }) => amqplib.connect(url, options)
    const life = consume({ url: `amqp://127.0.0.1:${port}`, connectTimeout: 100, connect })
    await once(server, 'connection')
    await closed.promise
    life.tell('stop', { by: 'failure', service: 'orders', error: { name: 'Error', message: 'start timed out' } })
    await expect(life.over).rejects.toMatchObject({ code: 'ERR_AMQP_UNREACHABLE' })
    server.close()
    for (const socket of sockets) socket.destroy()
  })
})

describe('a connection made by someone else', () => {
  test('the broker inside the process: consumes, stops, holds no connection', async () => {
    const url = 'amqp://inside'
    const keeper = await connectFake(url)
    const channel = await keeper.createChannel()
    await channel.assertQueue('orders')
    const seen: string[] = []
    const both = promised()
    const service = amqpConsumer(
      'orders',
      { url, queue: 'orders', prefetch: 2, connect: connectFake, decode: 'text' },
      async body => {
        await new Promise(setImmediate)
        if (seen.push(body) === 2) both.resolve()
      },
    )
    for (const round of [1, 2]) {
      const life = live(service)
      channel.sendToQueue('orders', Buffer.from(`${round}`))
      await life.until(isRunning)
      if (round === 2) await both.promise
      life.tell('drain')
      await life.until(isPhase('drained'))
      life.tell('stop')
      await life.over
    }
    expect(seen).toEqual(['1', '2'])
    expect((await channel.checkQueue('orders')).messageCount).toBe(0)
    await keeper.close()
  })

  test('one that ignores the signal is closed when the start was cancelled meanwhile', async () => {
    const queue = queueName()
    await other.declare(queue)
    const amqplib = await import('amqplib')
    const connected = promised()
    const release = promised()
    const closed = promised()
    const connect: AmqpConnect = async url => {
      connected.resolve()
      await release.promise
      const connection = await amqplib.connect(url)
      connection.on('close', () => closed.resolve())
      return connection
    }
    const life = consume({ queue, connect })
    await connected.promise
    life.tell('stop')
    await life.over
    release.resolve()
    await closed.promise
    expect(await other.consumers(queue)).toBe(0)
    await other.deleteQueue(queue)
  })
})
