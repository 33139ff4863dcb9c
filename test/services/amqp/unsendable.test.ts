import type { Duplex } from 'node:stream'
import { connect as connectAmqplib, type Options } from 'amqplib'
import { type AmqpConsumerOptions, amqpConnection, amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, hasHealth, isRunning, live, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

const aQueue = async (): Promise<string> => {
  const queue = queueName()
  await other.declare(queue)
  onTestFinished(() => other.deleteQueue(queue))
  return queue
}

/** Two publishers on one connection whose frames have 4096 bytes, and how many connections were opened. */
const neighbours = async () => {
  const counts = { opened: 0 }
  const written: Buffer[] = []
  const connection = amqpConnection({
    url: `${broker.url}?frameMax=4096`,
    connect: async (url, options) => {
      counts.opened++
      const model = await connectAmqplib(url, options)
      const { stream } = model.connection as unknown as { readonly stream: Duplex }
      const write = stream.write.bind(stream) as (chunk: Buffer) => boolean
      stream.write = (chunk: Buffer) => {
        written.push(chunk)
        return write(chunk)
      }
      return model
    },
  })
  const [bad, good] = [amqpPublisher('bad', { connection }), amqpPublisher('good', { connection })]
  const lives = [live(bad), live(good)]
  for (const life of lives) {
    onTestFinished(() => life.subscription.unsubscribe())
    await life.until(isRunning)
  }
  return { connection, bad, good, lives, counts, written }
}

/** The size of the last frame with the properties of a message, in bytes. */
const sizeOfHeaderFrame = (written: readonly Buffer[]): number => {
  const bytes = Buffer.concat(written)
  let [start, found] = [0, 0]
  while (start < bytes.length) {
    const size = 8 + bytes.readUInt32BE(start + 3)
    if (bytes[start] === 2) found = size
    start += size
  }
  return found
}

describe('a message whose headers are larger than a frame', () => {
  test('is refused by itself: its neighbours, on its channel and on its connection, notice nothing', async () => {
    const queue = await aQueue()
    const { bad, good, lives, counts } = await neighbours()
    const large = { headers: { trace: 'x'.repeat(5000) } }
    const published = await Promise.allSettled([
      ...[1, 2, 3].map(n => bad.publish(queue, n)),
      bad.publish(queue, 'large', large),
      ...[1, 2, 3].map(n => good.publish(queue, n)),
      ...[4, 5, 6].map(n => bad.publish(queue, n)),
    ])
    const refused = published.filter(({ status }) => status === 'rejected')
    expect(refused).toEqual([
      expect.objectContaining({ reason: expect.objectContaining({ code: 'ERR_AMQP_REFUSED' }) }),
    ])
    expect(published.findIndex(({ status }) => status === 'rejected')).toBe(3)
    expect(published[3]).toMatchObject({
      reason: {
        message: expect.stringMatching(
          /can't publish a message with routing key "q-.*": its headers and properties take 5\d\d\d bytes, and a frame \(frame_max\) has 4096; make them smaller/,
        ),
      },
    })
    expect(await other.ready(queue)).toBe(9)
    expect(counts.opened).toBe(1)
    for (const life of lives) expect(life.states.some(hasHealth('fail'))).toBe(false)
  })

  test('whatever they hold, the size is that of what amqplib sends: not one byte too early or too late', async () => {
    const { bad, counts, written } = await neighbours()
    const queue = await aQueue()
    const odd = [
      {
        text: 'ä€😀',
        bytes: Buffer.alloc(3),
        none: null,
        yes: true,
        left: undefined,
        list: [1, 'a', [null], { b: 2 }],
      },
      { numbers: [1, -129, 40_000, -(2 ** 31), 2 ** 31, 2 ** 52, 1.5, 1e300, -0] },
      {
        typed: [
          ['timestamp', 1],
          ['float', 1],
          ['byte', 1],
          ['short', 1],
          ['int', 1],
          ['long', 1],
          ['double', 1],
        ].map(([type, value]) => ({ '!': type, value })),
      },
      { decimal: { '!': 'decimal', value: { places: 1, digits: 2 } }, nested: { deep: { deeper: ['x', { y: 'z' }] } } },
      Object.create({ inherited: 'too' }),
    ]
    const properties: Options.Publish[] = [
      {},
      { CC: ['nobody'], BCC: 'nobody', priority: 1, timestamp: 1, expiration: 100_000, type: 'ä', appId: 'a' },
      { correlationId: 'c', replyTo: 'r', contentType: 't', contentEncoding: 'e', userId: 'guest', messageId: 'm' },
    ]
    for (const headers of odd)
      for (const more of properties) {
        const publish = (size: number) =>
          bad.publish(queue, 0, {
            ...more,
            headers: Object.assign(Object.create(Object.getPrototypeOf(headers)), headers, { fill: 'x'.repeat(size) }),
          })
        const error = await publish(4096).catch(error => error)
        const [, taken] = /take (\d+) bytes/.exec(error.message) ?? []
        const fits = 4096 - (Number(taken) - 4096)
        written.length = 0
        await publish(fits)
        expect([sizeOfHeaderFrame(written), headers, more]).toEqual([4096, headers, more])
        await expect(publish(fits + 1)).rejects.toMatchObject({ code: 'ERR_AMQP_REFUSED' })
      }
    expect(counts.opened).toBe(1)
  })

  test('as the copy of a message that failed is parked without them, and harms nobody on the connection', async () => {
    const queue = await aQueue()
    const counts = { opened: 0 }
    const connection = amqpConnection({
      url: `${broker.url}?frameMax=4096`,
      connect: async (url, options) => {
        counts.opened++
        return connectAmqplib(url, options)
      },
    })
    const seen = promised()
    const life = live(
      amqpConsumer('orders', { connection, queue, onError: 'park' }, () => {
        seen.resolve()
        throw new Error('no')
      }),
    )
    onTestFinished(() => life.subscription.unsubscribe())
    await life.until(isRunning)
    const fits = 4096 - 22 - 4 - 7 - 1 - 60
    await other.send('', queue, '1', { headers: { fill: 'x'.repeat(fits) } })
    await seen.promise
    const { properties } = await other.next(`${queue}.parked`)
    expect(properties.headers?.['x-parked-reason']).toMatch(
      /its headers and properties take \d+ bytes.*; parked without fill/,
    )
    expect(properties.headers).not.toHaveProperty('fill')
    expect(counts.opened).toBe(2)
  })
})

describe('a message with a number that is not finite in its headers', () => {
  const typed = (type: string, value: unknown) => ({ '!': type, value })
  const endless: Record<string, unknown> = {
    Infinity: Infinity,
    'minus Infinity': -Infinity,
    NaN: Number.NaN,
    'a double that is not finite': typed('double', Number.NaN),
    'a double that is no number': typed('float64', 'x'),
    'a float that is too large': typed('float', 1e300),
    'deep inside': { list: [1, { deep: Infinity }] },
  }
  for (const [what, value] of Object.entries(endless))
    test(`${what}: is refused by itself, and its neighbours notice nothing`, async () => {
      const queue = await aQueue()
      const { bad, good, lives, counts } = await neighbours()
      const before = good.publish(queue, 1)
      await expect(bad.publish(queue, 2, { headers: { first: 1, limit: value } })).rejects.toMatchObject({
        code: 'ERR_AMQP_REFUSED',
        message: expect.stringContaining('header "limit" has a number that is not finite; make it finite, or a text'),
      })
      await Promise.all([before, good.publish(queue, 3), bad.publish(queue, 4)])
      expect(await other.ready(queue)).toBe(3)
      expect(counts.opened).toBe(1)
      for (const life of lives) expect(life.states.some(hasHealth('fail'))).toBe(false)
    })
})

describe('a queue, an exchange or a binding with a number that is not finite', () => {
  const endless: Record<string, [Partial<AmqpConsumerOptions>, string]> = {
    'a queue': [{ queue: { name: 'q', messageTtl: Infinity } }, 'messageTtl of queue "q"'],
    'an argument of a queue': [
      { queue: { name: 'q', arguments: { 'x-expires': Infinity } } },
      'arguments of queue "q"',
    ],
    'an exchange': [
      { exchanges: [{ name: 'e', type: 'topic', arguments: { a: Infinity } }] },
      'arguments of exchange "e"',
    ],
    'a binding': [
      { bindings: [{ exchange: 'amq.match', arguments: { a: Number.NaN } }] },
      'a of the binding to exchange "amq.match"',
    ],
  }
  for (const [what, [options, named]] of Object.entries(endless))
    test(`${what}: fails the start at once, by name, and its neighbours notice nothing`, async () => {
      const { connection, good, lives, counts } = await neighbours()
      const queue = { name: queueName(), exclusive: true }
      const life = live(amqpConsumer('orders', { connection, queue, ...options }, () => undefined))
      await expect(life.over).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTION',
        message: `service "orders": ${named} has a number that is not finite; leave it out`,
      })
      await good.publish(await aQueue(), 1)
      expect(counts.opened).toBe(2)
      for (const one of lives) expect(one.states.some(hasHealth('fail'))).toBe(false)
    })
})
