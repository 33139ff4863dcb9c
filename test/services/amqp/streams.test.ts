import { connect } from 'amqplib'
import { type AmqpConsumerOptions, amqpConsumer, type MessageHandler } from 'rx-service-group/amqp'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isRunning, last, live, numbers, promised, queueName } from './life.ts'

const broker = useBroker({ alone: true })
let other: Bystander
let name: string
const reconnectBystander = async () => {
  await other?.close()
  other = await bystander(broker.url)
}
beforeAll(reconnectBystander)
beforeEach(() => {
  name = queueName()
})
afterAll(() => other?.close())

type Options = Omit<Partial<AmqpConsumerOptions>, 'decode' | 'queue'>
const consume = (handler: MessageHandler<string>, options: Options = {}) =>
  live(amqpConsumer('log', { url: broker.url, queue: { name, type: 'stream' }, decode: 'text', ...options }, handler))
const publish = async (bodies: readonly string[]) => {
  const channel = await other.connection.createConfirmChannel()
  await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'stream' } })
  for (const body of bodies) channel.sendToQueue(name, Buffer.from(body))
  await channel.waitForConfirms()
  await channel.close()
}
const stop = async (life: ReturnType<typeof live>) => {
  life.tell('drain')
  life.tell('stop')
  await life.over
}
/** What a consumer sees, up to a message that is published once it runs. */
const see = async (options: Options) => {
  const seen: string[] = []
  const all = promised()
  const life = consume(body => {
    seen.push(body)
    if (body === 'new') all.resolve()
  }, options)
  await life.until(isRunning)
  await publish(['new'])
  await all.promise
  await stop(life)
  return seen
}

describe('a stream is consumed', () => {
  test.each<[string, Options['offset'] | undefined, string[]]>([
    ['from its first message', 'first', ['0', '1', '2', 'new']],
    ['from an offset', 2, ['2', 'new']],
    ['from what comes next, when nothing is said', undefined, ['new']],
    ['from what comes next', 'next', ['new']],
    ['from a time long ago', new Date(0), ['0', '1', '2', 'new']],
  ])('%s', async (_, offset, seen) => {
    await publish(numbers(3))
    expect(await see(offset === undefined ? {} : { offset })).toEqual(seen)
  })

  test('from its last chunk', async () => {
    await publish(numbers(3))
    // What the broker puts into one chunk is its own affair.
    const seen = await see({ offset: 'last' })
    expect(seen.slice(-2)).toEqual(['2', 'new'])
    expect(['0', '1', '2', 'new'].slice(-seen.length)).toEqual(seen)
  })
})

describe.runIf(brokerIsOurs)('a stream whose connection is lost', () => {
  test('goes on behind what is settled: nothing is skipped, and nothing that was settled comes twice', async () => {
    await publish(numbers(50))
    const seen: string[] = []
    const amid = promised()
    const all = promised()
    const handler: MessageHandler<string> = async body => {
      // Every fifth takes until the connection is lost.
      if (Number(body) % 5 === 0 && seen.length < 20) await lost.promise
      seen.push(body)
      if (seen.length === 15) amid.resolve()
      if (new Set(seen).size === 100) all.resolve()
    }
    const lost = promised()
    const life = consume(handler, { offset: 'first', prefetch: 20 })
    await amid.promise
    await broker.faults.closeAllConnections()
    await life.until(hasHealth('fail'))
    lost.resolve()
    await reconnectBystander()
    await publish(numbers(100).slice(50))
    await all.promise
    await stop(life)
    expect([...new Set(seen)].sort()).toEqual(numbers(100).sort())
    // Only those that were in hand when the connection was lost may have come twice.
    const twice = seen.filter((body, place) => seen.indexOf(body) !== place)
    expect(twice.every(body => Number(body) % 5 === 0)).toBe(true)
  })

  test('misses nothing that came meanwhile, though it began with what comes next and had seen nothing', async () => {
    await publish(['before'])
    const seen: string[] = []
    const came = promised()
    const published = promised()
    let connections = 0
    const life = consume(
      body => {
        seen.push(body)
        if (body === 'meanwhile') came.resolve()
      },
      {
        connect: async (...all) => {
          if (++connections > 1) await published.promise
          return connect(...all)
        },
      },
    )
    await life.until(isRunning)
    await broker.faults.closeAllConnections()
    await life.until(hasHealth('fail'))
    await reconnectBystander()
    await publish(['meanwhile'])
    published.resolve()
    await came.promise
    await stop(life)
    expect(seen.at(-1)).toBe('meanwhile')
  })
})

describe('a message of a stream that fails', () => {
  test('is tried again in place, and parked after the last attempt; the stream has it once', async () => {
    await publish(['good', 'bad'])
    const calls: string[] = []
    const life = consume(
      (body, { attempt }) => {
        calls.push(`${body} ${attempt}`)
        if (body === 'bad') throw new Error('no')
      },
      { offset: 'first', retry: { limit: 3, initialDelay: 20 } },
    )
    await life.until(state => state.info?.['parked'] === 1)
    await stop(life)
    expect(calls).toEqual(['good 1', 'bad 1', 'bad 2', 'bad 3'])
    expect(last(life).info).toMatchObject({ handled: 1, failed: 3, retried: 2, parked: 1 })
    const parked = await other.next(`${name}.parked`)
    expect(parked.content.toString()).toBe('bad')
    expect(await see({ offset: 'first' })).toEqual(['good', 'bad', 'new'])
  })

  test('is requeued by beginning it again in place', async () => {
    await publish(['bad'])
    let calls = 0
    const life = consume(
      () => {
        if (++calls < 5) throw new Error('no')
      },
      { offset: 'first', onError: 'requeue', retry: { initialDelay: 5 } },
    )
    await life.until(state => state.info?.['handled'] === 1)
    await stop(life)
    expect(calls).toBe(5)
  })

  test.each<[string, object]>([
    ['onError "dead-letter"', { queue: { name: 'log', type: 'stream' }, onError: 'dead-letter' }],
    ['consume.noAck', { queue: { name: 'log', type: 'stream' }, consume: { noAck: true } }],
    ['offset', { queue: 'log', offset: 'first' }],
    ['offset', { queue: { name: 'log', type: 'stream' }, offset: 'middle' }],
    ['offset', { queue: { name: 'log', arguments: { 'x-queue-type': 'stream' } }, offset: -1 }],
    ['offset', { queue: { name: 'log', type: 'stream' }, offset: new Date(Number.NaN) }],
  ])('or whose options make no sense: %s is refused', (option, options) => {
    expect(() => amqpConsumer('log', { url: 'amqp://localhost', ...options } as never, () => undefined)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(option) }),
    )
  })
})
