/**
 * Orders that fail: one goes through at the third attempt, one never does, and one is no order at all.
 *
 *   node --import tsx demos/16-retry-and-park.ts   (AMQP_URL=amqp://... for RabbitMQ)
 *
 * What fails is tried again after 0.2 s, then 0.4 s, and holds up nothing meanwhile; after the third attempt it is
 * parked in the queue `shop.orders.parked`, and what can't be decoded at once. Parked messages tell why, and wait for a
 * person: here for a second consumer, which prints them. On RabbitMQ, look at the queues `shop.orders.retry.200` and so
 * on.
 *
 * The queue is a quorum queue with a delivery limit of 20, as on RabbitMQ 4 by default: what comes back to it more
 * often is dropped by the broker. The limit is never reached, because each retry is a new message to the broker.
 */

import { run, serviceGroup, task } from 'rx-service-group'
import { amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { Subject, take, toArray } from 'rxjs'
import { connect, url } from './support/broker.ts'

interface Order {
  readonly item: string
}

/** For how many attempts an item is out of stock. */
const outOfStock: Readonly<Record<string, number>> = { book: 0, lamp: 2, unicorn: Infinity }
const settled$ = new Subject<string>()

const readOrder = (content: Buffer): Order => {
  const { item } = JSON.parse(content.toString()) as Partial<Order>
  if (typeof item !== 'string') throw new TypeError('an order needs an item')
  return { item }
}

/** The limit is said here, so that RabbitMQ 3 has it too, and the consumer knows it. The embedded broker ignores it. */
const queue = { name: 'shop.orders', type: 'quorum', arguments: { 'x-delivery-limit': 20 } } as const

const outbox = amqpPublisher('outbox', { url, connect })

const orders = amqpConsumer(
  'orders',
  { url, connect, queue, decode: readOrder, retry: { limit: 3, initialDelay: 200 } },
  ({ item }, { attempt }) => {
    const isThere = (outOfStock[item] ?? 0) < attempt
    console.log(`${item}, attempt ${attempt}: ${isThere ? 'sent' : 'out of stock'}`)
    if (!isThere) throw new Error('out of stock')
    settled$.next(item)
  },
)

// The queue of what is parked has the type of the queue it comes from.
const parked = amqpConsumer(
  'parked',
  { url, connect, queue: { name: 'shop.orders.parked', type: 'quorum' }, decode: 'text' },
  (body, { message }) => {
    console.log(`parked: ${body}, because: ${message.properties.headers?.['x-parked-reason']}`)
    settled$.next(body)
  },
)

const customers = task('customers', async () => {
  for (const order of [{ item: 'unicorn' }, { item: 'lamp' }, { thing: 'nothing' }, { item: 'book' }])
    await outbox.publish(queue.name, order)
})

const group = serviceGroup('shop').add(outbox).add(orders).add(parked).add(customers)
settled$.pipe(take(4), toArray()).subscribe(() => group.stop('all are settled'))
await run(group)
