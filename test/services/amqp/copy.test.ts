import type { ConsumeMessage } from 'amqplib'
import { describe, expect, test } from 'vitest'
import { attemptOf, parkedCopy, retryCopy } from '../../../src/services/amqp/consumer/copy.ts'

const message = (headers: Record<string, unknown> = {}, properties: object = {}): ConsumeMessage =>
  ({
    content: Buffer.from('body'),
    fields: { exchange: 'shop', routingKey: 'order.new' },
    properties: { contentType: 'text/plain', messageId: 'm1', deliveryMode: 1, ...properties, headers },
  }) as unknown as ConsumeMessage

/** What a message comes back as, once it has gone through a copy. */
const again = ({ options }: { options: object }): ConsumeMessage =>
  ({ ...message(), fields: { exchange: '', routingKey: 'orders' }, properties: options }) as unknown as ConsumeMessage

const copies = {
  'to be tried again': (it: ConsumeMessage) => retryCopy(it, 'orders', {}, 1000),
  'to be parked': (it: ConsumeMessage) => parkedCopy(it, 'orders', {}, new Error('no')),
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

    test('tells where the original was first published, however often it is copied', () => {
      const from = { 'x-original-exchange': 'shop', 'x-original-routing-key': 'order.new' }
      const first = copies['to be tried again'](message())
      expect(first.options.headers).toMatchObject(from)
      expect(copy(again(first)).options.headers).toMatchObject(from)
    })
  })

describe('attempts', () => {
  test('are counted from 1, one more with each copy', () => {
    let latest = message()
    for (const attempt of [1, 2, 3]) {
      expect(attemptOf(latest)).toBe(attempt)
      latest = again(retryCopy(latest, 'orders', {}, 1000))
    }
  })

  test.for([['many'], [Number.NaN], [0], [null]])('said to be %s are the first', ([attempt]) => {
    expect(attemptOf(message({ 'x-attempt': attempt }))).toBe(1)
  })

  test('are told of a parked message, which begins anew when it is sent back', () => {
    const parked = parkedCopy(message({ 'x-attempt': 5 }), 'orders', {}, new Error('x'.repeat(5000)))
    expect(parked.options.headers).toMatchObject({ 'x-parked-attempts': 5, 'x-parked-reason': 'x'.repeat(1000) })
    expect(attemptOf(again(parked))).toBe(1)
  })
})

describe('the queue of a copy', () => {
  test('gives it back to the queue it came from, by its time', () => {
    expect(retryCopy(message(), 'orders', {}, 2000)).toMatchObject({
      queue: 'orders.retry.2000',
      declareWith: { durable: true, messageTtl: 2000, deadLetterExchange: '', deadLetterRoutingKey: 'orders' },
    })
  })

  test('is a quorum queue for one, which lets go of a message only when it has arrived', () => {
    const { declareWith } = retryCopy(message(), 'orders', { type: 'quorum' }, 2000)
    expect(declareWith?.arguments).toEqual({
      'x-queue-type': 'quorum',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    })
    expect(parkedCopy(message(), 'orders', { type: 'quorum' }, 'no').declareWith?.arguments).toEqual({
      'x-queue-type': 'quorum',
    })
  })

  test('is the queue itself for one that has waited already', () => {
    expect(retryCopy(message(), 'orders', {}, 0)).toMatchObject({ queue: 'orders', declareWith: undefined })
  })
})
