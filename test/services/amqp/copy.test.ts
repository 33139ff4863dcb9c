import type { ConsumeMessage } from 'amqplib'
import { describe, expect, test } from 'vitest'
import { type Copy, delayedCopy, parkedCopy, renewedCopy } from '../../../src/services/amqp/consumer/copy.ts'
import { asPublished, attemptOf, timesReturned } from '../../../src/services/amqp/consumer/own-headers.ts'
import { type QueueOptions, queueOf } from '../../../src/services/amqp/consumer/queue.ts'

const message = (headers: Record<string, unknown> = {}, properties: object = {}): ConsumeMessage =>
  ({
    content: Buffer.from('body'),
    fields: { exchange: 'shop', routingKey: 'order.new', redelivered: false },
    properties: { contentType: 'text/plain', messageId: 'm1', deliveryMode: 1, ...properties, headers },
  }) as unknown as ConsumeMessage

const queue = (options: Omit<QueueOptions, 'name'> = {}) => queueOf('service', { name: 'orders', ...options }, 60_000)
const broker = { hasDelays: true, deadLettersSafely: true, countsNacks: true, repliesDirectly: true }
const delayed = (it: ConsumeMessage, attempt = 2) => delayedCopy(it, queue(), attempt, 1000, broker)

/** What a message comes back as, once it has gone through a copy and its delay queue. */
const raw = ({ options }: Copy): ConsumeMessage => {
  const death = { queue: 'orders.retry.1000', reason: 'expired', exchange: '' }
  const headers = { ...options.headers, 'x-death': [death], 'x-first-death-queue': death.queue }
  return {
    ...message(),
    fields: { exchange: '', routingKey: 'orders', redelivered: false },
    properties: { ...options, headers },
  } as unknown as ConsumeMessage
}
const again = (copy: Copy): ConsumeMessage => asPublished(raw(copy), 'orders')

const copies = {
  'to be tried again': delayed,
  'to be parked': (it: ConsumeMessage) => parkedCopy(it, queue(), 1, new Error('no')),
  'that begins anew': (it: ConsumeMessage) => renewedCopy(it, queue(), 1),
}
for (const [what, copy] of Object.entries(copies))
  describe(`a copy ${what}`, () => {
    test('has the content and the particulars of the original, and outlives a restart of the broker', () => {
      const { content, options } = copy(message({ tenant: 7 }))
      expect(content.toString()).toBe('body')
      expect(options).toMatchObject({
        contentType: 'text/plain',
        messageId: 'm1',
        deliveryMode: true,
        headers: { tenant: 7 },
      })
    })

    test('has nothing by which it would expire, be refused, or go to others as well', () => {
      const { options } = copy(message({ CC: ['x'], BCC: ['y'] }, { expiration: '50', userId: 'me', clusterId: 'c' }))
      expect(options).not.toHaveProperty('expiration')
      expect(options).not.toHaveProperty('userId')
      expect(options).not.toHaveProperty('clusterId')
      expect(options.headers).not.toHaveProperty('CC')
      expect(options.headers).not.toHaveProperty('BCC')
    })

    test('has nothing that the broker has counted for the original', () => {
      const { headers } = copy(message({ 'x-delivery-count': 3, 'x-acquired-count': 5 })).options
      expect(headers).not.toHaveProperty('x-delivery-count')
      expect(headers).not.toHaveProperty('x-acquired-count')
    })

    test('tells where the original was first published, however often it is copied', () => {
      const from = { 'x-original-exchange': 'shop', 'x-original-routing-key': 'order.new' }
      const first = delayed(message())
      expect(first.options.headers).toMatchObject(from)
      expect(copy(again(first)).options.headers).toMatchObject(from)
    })

    test('is handled as it was first published: nothing of ours is in its headers', () => {
      const { fields, properties } = again(copy(message({ tenant: 7 })))
      expect(fields).toMatchObject({ exchange: 'shop', routingKey: 'order.new' })
      expect(properties.headers).toEqual({ tenant: 7 })
    })
  })

describe('headers of ours', () => {
  test('that name another queue count nothing here, and are taken out all the same', () => {
    const forwarded = raw(delayed(message({ tenant: 7 }), 4))
    expect(attemptOf(forwarded, 'invoices')).toBe(1)
    const { fields, properties } = asPublished(forwarded, 'invoices')
    expect(fields).toMatchObject({ exchange: '', routingKey: 'orders' })
    expect(properties.headers).toMatchObject({ tenant: 7 })
    expect(Object.keys(properties.headers ?? {}).filter(name => /attempt|original|parked/.test(name))).toEqual([])
  })

  test('that tell why a message was parked are seen by whoever consumes what was parked', () => {
    const parked = parkedCopy(message({ tenant: 7 }), queue(), 3, new Error('no stock'))
    const seen = asPublished(raw(parked), 'orders.parked')
    expect(seen.properties.headers).toMatchObject({
      tenant: 7,
      'x-parked-reason': 'no stock',
      'x-parked-queue': 'orders',
    })
    expect(seen.fields.routingKey).toBe('orders')
  })

  test('that name no queue count nothing', () => {
    expect(attemptOf(message({ 'x-attempt': 4 }), 'orders')).toBe(1)
  })

  test('are taken out with the deaths in our delay queues, and no others', () => {
    const copy = delayed(message())
    const mine = raw(copy).properties.headers
    const other = { queue: 'elsewhere', reason: 'rejected', exchange: '' }
    const both = { ...mine, 'x-death': [...(mine?.['x-death'] ?? []), other], 'x-last-death-queue': 'elsewhere' }
    const properties = { ...raw(copy).properties, headers: both } as unknown as ConsumeMessage['properties']
    const seen = asPublished({ ...raw(copy), properties }, 'orders')
    expect(seen.properties.headers).toEqual({ 'x-death': [other], 'x-last-death-queue': 'elsewhere' })
  })

  test('leave a message that has none as it came', () => {
    const plain = message({ tenant: 7 })
    expect(asPublished(plain, 'orders')).toBe(plain)
  })
})

describe('attempts', () => {
  test('are counted from 1, one more with each copy', () => {
    let latest = message()
    for (const attempt of [1, 2, 3]) {
      expect(attemptOf(latest, 'orders')).toBe(attempt)
      latest = raw(delayed(asPublished(latest, 'orders'), attempt + 1))
    }
  })

  test.for([['many'], [Number.NaN], [0], [null]])('said to be %s are the first', ([attempt]) => {
    expect(attemptOf(message({ 'x-attempt': attempt, 'x-attempt-queue': 'orders' }), 'orders')).toBe(1)
  })

  test('are told of a parked message, which begins anew when it is sent back', () => {
    const parked = parkedCopy(message(), queue(), 5, new Error('x'.repeat(5000)))
    expect(parked.options.headers).toMatchObject({ 'x-parked-attempts': 5, 'x-parked-reason': 'x'.repeat(1000) })
    expect(attemptOf(raw(parked), 'orders')).toBe(1)
  })
})

describe('how often a message came back without an end', () => {
  const redelivered = (headers: Record<string, unknown> = {}): ConsumeMessage => {
    const it = message(headers)
    return { ...it, fields: { ...it.fields, redelivered: true } }
  }
  test.each([
    ['a new message: never', message(), 0],
    ['a new message that was published with the headers of another: never', message({ 'x-delivery-count': 3 }), 0],
    ['a classic queue tells only that it did', redelivered(), 1],
    ['a quorum queue counts', redelivered({ 'x-delivery-count': 3 }), 3],
    [
      'a quorum queue of RabbitMQ 4.3 counts what was acquired and given back apart',
      redelivered({ 'x-acquired-count': 7 }),
      0,
    ],
    ['of both counts that of failures is meant', redelivered({ 'x-delivery-count': 2, 'x-acquired-count': 7 }), 2],
  ])('%s', (_, it, count) => expect(timesReturned(it)).toBe(count))
})

describe('the queue of a copy', () => {
  test('gives it back to the queue it came from, by its time, and goes when nobody has used it for a day', () => {
    expect(delayedCopy(message(), queue(), 2, 2000, broker)).toMatchObject({
      queue: 'orders.retry.2000',
      declareWith: {
        durable: true,
        messageTtl: 2000,
        deadLetterExchange: '',
        deadLetterRoutingKey: 'orders',
        expires: 86_402_000,
      },
    })
  })

  test.each(['classic', 'quorum', undefined] as const)(
    'of a queue of type %s is a quorum queue, which lets go of a message only when it has arrived',
    type => {
      expect(delayedCopy(message(), queue(type && { type }), 2, 2000, broker).declareWith?.arguments).toEqual({
        'x-queue-type': 'quorum',
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      })
    },
  )

  test('is of the type of its own queue where the broker can not do that', () => {
    const old = { ...broker, deadLettersSafely: false }
    expect(delayedCopy(message(), queue({ type: 'classic' }), 2, 2000, old).declareWith?.arguments).toEqual({
      'x-queue-type': 'classic',
    })
  })

  test('where messages are parked never expires, but for a queue that goes with its consumers', () => {
    const declared = (options?: Omit<QueueOptions, 'name'>) =>
      parkedCopy(message(), queue(options), 1, 'no').declareWith
    expect(declared({ type: 'quorum' })).toEqual({ durable: true, arguments: { 'x-queue-type': 'quorum' } })
    expect(declared({ autoDelete: true })).toMatchObject({ expires: 86_400_000 })
    expect(declared({ exclusive: true })).toMatchObject({ expires: 86_400_000 })
  })

  test('takes its type also from the arguments', () => {
    const declared = parkedCopy(message(), queue({ arguments: { 'x-queue-type': 'quorum' } }), 1, 'no').declareWith
    expect(declared?.arguments).toEqual({ 'x-queue-type': 'quorum' })
  })
})
