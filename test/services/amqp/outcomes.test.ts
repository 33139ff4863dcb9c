import type { ConsumeMessage } from 'amqplib'
import { expect, test } from 'vitest'
import { Delivery } from '../../../src/services/amqp/consumer/delivery.ts'
import { settingsOf } from '../../../src/services/amqp/consumer/options.ts'
import { makeOutcomes } from '../../../src/services/amqp/consumer/outcomes.ts'
import type { Session } from '../../../src/services/amqp/consumer/session.ts'
import { makeInFlight } from '../../../src/services/common/in-flight.ts'
import { promised } from './life.ts'

/** What becomes of one message that is in hand, and what the broker and the health of the consumer hear of it. */
const oneMessage = () => {
  const told: string[] = []
  const failures: string[] = []
  const sent = promised()
  const session = {
    isOpen: true,
    ack: () => void told.push('ack'),
    nack: () => void told.push('nack'),
  }
  const message = { content: Buffer.from('x'), fields: { exchange: '', routingKey: 'q' }, properties: { headers: {} } }
  const delivery = new Delivery(message as unknown as ConsumeMessage, session as unknown as Session, 'q')
  const inFlight = makeInFlight<Delivery>()
  inFlight.take(delivery)
  const outcomes = makeOutcomes(settingsOf('orders', { url: 'amqp://localhost', queue: 'q' }), {
    inFlight,
    counts: { changed: () => undefined } as never,
    copies: {
      send: () => {
        told.push('copy')
        return sent.promise
      },
    } as never,
    giveBack: Object.assign(() => void told.push('give back'), { hurry: () => undefined }),
    features: () => ({ hasDelays: true, deadLettersSafely: true, countsNacks: true, repliesDirectly: true }),
    begin: () => void told.push('begin'),
    take: () => void told.push('take'),
    failed: (what, error) => void failures.push(`${what}: ${error}`),
    trouble: why => void told.push(why ?? 'no trouble'),
  })
  return { told, failures, sent, session, delivery, inFlight, outcomes }
}
const soon = () => new Promise(setImmediate)

test.each(['its copy is on its way', 'it is counted', 'it is put off'])(
  'a message whose session is lost while %s comes again by itself: nothing more is done with it',
  async what => {
    const { told, sent, session, delivery, inFlight, outcomes } = oneMessage()
    if (what === 'it is counted') outcomes.recount(delivery)
    else if (what === 'it is put off') outcomes.putOff(delivery, 1)
    else outcomes.onEnded(delivery, { how: 'failed', error: new Error('no') })
    session.isOpen = false
    sent.reject(new Error('the connection is lost'))
    await soon()
    expect(told).toEqual(['copy'])
    expect(inFlight.size).toBe(0)
  },
)

test.each(['done', 'aborted', 'failed'] as const)(
  'a message that is %s over a session that was lost before comes again by itself',
  how => {
    const { told, session, delivery, inFlight, outcomes } = oneMessage()
    session.isOpen = false
    outcomes.onEnded(delivery, how === 'failed' ? { how, error: new Error('no') } : { how })
    expect(told).toEqual([])
    expect(inFlight.size).toBe(0)
  },
)

test.each([
  ['begun', 'begin', 'recount'],
  ['looked at again', 'take', 'putOff'],
] as const)('a message that should go round by a delay queue, and can not, is %s', async (_, then, how) => {
  const { told, sent, delivery, outcomes } = oneMessage()
  outcomes[how](delivery, 1)
  sent.reject(new Error('it may not be declared'))
  await soon()
  expect(told).toEqual(['copy', then])
})

test('a message that should go round by a delay queue is acknowledged once the queue has it', async () => {
  const { told, sent, delivery, outcomes } = oneMessage()
  outcomes.recount(delivery)
  await soon()
  expect(told).toEqual(['copy'])
  sent.resolve()
  await soon()
  expect(told).toEqual(['copy', 'ack'])
})

test('a message that fails is told with its queue, its attempt and its error; one that is aborted is not', () => {
  const failed = oneMessage()
  failed.outcomes.onEnded(failed.delivery, { how: 'failed', error: new TypeError('no address') })
  expect(failed.failures).toEqual(['message of queue "q", attempt 1: TypeError: no address'])
  const aborted = oneMessage()
  aborted.outcomes.onEnded(aborted.delivery, { how: 'aborted' })
  expect(aborted.failures).toEqual([])
})
