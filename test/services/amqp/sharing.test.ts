import { connect as connectAmqplib } from 'amqplib'
import { type AmqpConnection, amqpConnection, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

const ignore = () => undefined

describe('refused at the call', () => {
  const connection = amqpConnection({ url: 'amqp://localhost' })
  const consume = (options: object) => () => amqpConsumer('orders', { queue: 'q', ...options }, ignore)
  const bad: Record<string, [() => unknown, string, RegExp]> = {
    'neither a url nor a connection': [
      consume({}),
      'ERR_INVALID_OPTION',
      /no broker is named; give its url, or a connection/,
    ],
    'both a url and a connection': [
      consume({ url: 'amqp://x', connection }),
      'ERR_INVALID_OPTION',
      /give either a connection/,
    ],
    'a heartbeat beside a connection': [
      consume({ heartbeat: 1000, connection }),
      'ERR_INVALID_OPTION',
      /its heartbeat already/,
    ],
    'a connection of another kind': [consume({ connection: {} }), 'ERR_INVALID_OPTION', /must be an amqpConnection/],
    'a connection to nowhere': [
      () => amqpConnection({ url: 'nowhere' }),
      'ERR_AMQP_URL',
      /amqpConnection: not an AMQP URL/,
    ],
    'a connection with a bad time': [
      () => amqpConnection({ url: 'amqp://x', heartbeat: -1 }),
      'ERR_INVALID_DURATION',
      /heartbeat must be a number of milliseconds from 1/,
    ],
  }
  for (const [what, [call, code, message]] of Object.entries(bad))
    test(what, () => expect(call).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) })))
})

describe('a connection that is shared', () => {
  const broker = useBroker({ alone: true })
  let other: Bystander
  const reconnectBystander = async () => {
    await other?.close()
    other = await bystander(broker.url)
  }
  beforeAll(reconnectBystander)
  afterAll(() => other?.close())

  /** A connection that counts what it really opens. */
  const counted = () => {
    const counts = { opened: 0, open: 0 }
    const connection = amqpConnection({
      url: broker.url,
      connect: async (url, options) => {
        const model = await connectAmqplib(url, options)
        counts.opened++
        counts.open++
        model.on('close', () => counts.open--)
        return model
      },
    })
    return { connection, counts }
  }
  const consume = (connection: AmqpConnection, handler: MessageHandler<string> = ignore, queue = queueName()) => ({
    queue,
    life: live(amqpConsumer('orders', { connection, queue, decode: 'text', retry: { initialDelay: 50 } }, handler)),
  })
  const stop = async ({ life }: ReturnType<typeof consume>) => {
    life.tell('drain')
    await life.until(isPhase('drained'))
    life.tell('stop')
    await life.over
  }

  test('is opened by the first, used by all, and closed by the last to leave; and all over again', async () => {
    const { connection, counts } = counted()
    expect(counts.opened).toBe(0)
    for (const round of [1, 2]) {
      const seen = promised<string>()
      const [first, second] = [consume(connection), consume(connection, body => seen.resolve(body))]
      await Promise.all([first.life.until(isRunning), second.life.until(isRunning)])
      expect(counts).toEqual({ opened: round, open: 1 })
      await stop(first)
      expect(counts.open).toBe(1)
      await other.publish(second.queue, ['still here'])
      expect(await seen.promise).toBe('still here')
      await stop(second)
      expect(counts).toEqual({ opened: round, open: 0 })
    }
  })

  test('a second one, to publish, is opened when something must be set aside, and closed with the last as well', async () => {
    const { connection, counts } = counted()
    const handler: MessageHandler<string> = (_, { attempt }) => {
      if (attempt === 1) throw new Error('no')
    }
    const both = [consume(connection, handler), consume(connection, handler)]
    for (const { life, queue } of both) {
      await life.until(isRunning)
      await other.send('', queue, 'bad')
    }
    for (const { life } of both) await life.until(state => state.info?.['retried'] === 1)
    expect(counts).toEqual({ opened: 2, open: 2 })
    await stop(both[0]!)
    expect(counts.open).toBe(2)
    await stop(both[1]!)
    expect(counts.open).toBe(0)
  })

  test('one that is forced leaves at once, and harms nobody', async () => {
    const { connection, counts } = counted()
    const seen = promised<string>()
    const [first, second] = [
      consume(connection, () => new Promise(ignore)),
      consume(connection, body => seen.resolve(body)),
    ]
    await Promise.all([first.life.until(isRunning), second.life.until(isRunning)])
    await other.publish(first.queue, ['hangs'])
    await first.life.until(hasInfo('inFlight'))
    first.life.tell('force')
    await first.life.over
    expect(last(first.life)).toMatchObject({ how: 'forced', info: { abandoned: 1 } })
    await expect.poll(() => other.consumers(first.queue)).toBe(0)
    expect(await other.take(first.queue)).toEqual({ body: 'hangs', redelivered: true })
    await other.publish(second.queue, ['still here'])
    expect(await seen.promise).toBe('still here')
    expect(last(second.life)).toMatchObject({ phase: 'running', health: 'pass' })
    second.life.tell('force')
    await second.life.over
    await expect.poll(() => counts).toEqual({ opened: 1, open: 0 })
  })

  test('a queue that is deleted concerns only who consumes it', async () => {
    const { connection, counts } = counted()
    const [first, second] = [consume(connection), consume(connection)]
    await Promise.all([first.life.until(isRunning), second.life.until(isRunning)])
    first.life.forget()
    await other.deleteQueue(first.queue)
    const lost = await first.life.until(hasHealth('fail'))
    await first.life.until(state => hasHealth('fail')(state) && state.info?.['consumer'] === 'cancelled')
    expect(lost.detail).toMatch(/consumer cancelled by the broker/)
    await first.life.until(hasHealth('pass'))
    expect(last(first.life).info).toMatchObject({ connection: 'connected', channel: 'open', consumer: 'consuming' })
    expect(second.life.states.some(hasHealth('fail'))).toBe(false)
    expect(counts.opened).toBe(1)
    await stop(first)
    await stop(second)
  })

  test('wrong credentials fail all who share it', async () => {
    const connection = amqpConnection({ url: broker.url.replace('guest:guest', 'guest:wrong') })
    const lives = [consume(connection).life, consume(connection).life]
    for (const life of lives)
      await expect(life.over).rejects.toMatchObject({ code: 'ERR_AMQP_CREDENTIALS', service: 'orders' })
  })

  test.runIf(brokerIsOurs)('lost, it is opened anew for all, and all consume again within 200 ms', async () => {
    const { connection, counts } = counted()
    const lives = [consume(connection), consume(connection), consume(connection)]
    for (const { life } of lives) await life.until(isRunning)
    const waits: number[] = []
    for (let n = 0; n < 5; n++) {
      for (const { life } of lives) life.forget()
      await broker.faults.closeAllConnections()
      await Promise.all(lives.map(({ life }) => life.until(hasHealth('fail'))))
      const at = performance.now()
      for (const { life } of lives) life.forget()
      await Promise.all(lives.map(({ life }) => life.until(hasHealth('pass'))))
      waits.push(performance.now() - at)
    }
    // The backoff grows when losses come in a row; a machine that is busy elsewhere adds to some.
    expect(Math.min(...waits)).toBeLessThan(200)
    expect(counts).toEqual({ opened: 6, open: 1 })
    await reconnectBystander()
    for (const one of lives) await stop(one)
    expect(counts.open).toBe(0)
  })

  test.runIf(brokerIsOurs)(
    'frozen: one that stops meanwhile is held up to its deadline only, and the other finds back',
    async () => {
      const connection = amqpConnection({ url: broker.url, heartbeat: 1000, connectTimeout: 300 })
      const [first, second] = [consume(connection), consume(connection)]
      await Promise.all([first.life.until(isRunning), second.life.until(isRunning)])
      second.life.forget()
      await broker.faults.freeze()
      first.life.tell('drain')
      first.life.tell('stop')
      first.life.tell('force')
      const at = performance.now()
      await first.life.over
      expect(performance.now() - at).toBeLessThan(200)
      await second.life.until(hasHealth('fail'))
      await broker.faults.thaw()
      await second.life.until(hasHealth('pass'))
      await reconnectBystander()
      await stop(second)
    },
    15_000,
  )
})
