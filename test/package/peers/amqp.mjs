import assert from 'node:assert/strict'
import { serviceGroup } from 'rx-service-group'
import { amqpConnection, amqpConsumer, amqpPublisher, amqpRpc } from 'rx-service-group/amqp'

const [url] = process.argv.slice(2)
const connection = amqpConnection({ url })
const exchange = { name: 'orders', type: 'topic' }
const seen = []
let handled
const all = new Promise(resolve => {
  handled = resolve
})
const orders = amqpConsumer(
  'orders',
  {
    connection,
    queue: `orders-${process.pid}`,
    exchanges: [exchange],
    bindings: [{ exchange: exchange.name, pattern: 'order.#' }],
    retry: { initialDelay: 50 },
  },
  ({ id }, { attempt }) => {
    seen.push(`${id}, attempt ${attempt}`)
    if (id === 2 && attempt === 1) throw new Error('once more')
    if (seen.length === 4) handled()
  },
)
const outbox = amqpPublisher('outbox', { connection, exchange })
const prices = amqpConsumer('prices', { url, queue: `prices-${process.pid}` }, ({ net }, { reply }) => reply(net * 2))
const client = amqpRpc('client', { url, timeout: 5_000 })
const group = serviceGroup('shop').add(orders).add(outbox).add(prices).add(client)
await group.start()

for (const id of [1, 2, 3]) await outbox.publish('order.placed', { id }, { mandatory: true })
await all
assert.deepEqual(seen.toSorted(), ['1, attempt 1', '2, attempt 1', '2, attempt 2', '3, attempt 1'])
assert.equal(await client.request(`prices-${process.pid}`, { net: 21 }), 42)
await assert.rejects(outbox.publish('nowhere', {}, { mandatory: true }), { code: 'ERR_AMQP_UNROUTABLE' })
// A message that can't be encoded does no harm to the next.
await assert.rejects(outbox.publish('order.odd', {}, { headers: { odd: () => 1 } }), { code: 'ERR_AMQP_REFUSED' })
await outbox.publish('order.placed', { id: 4 }, { mandatory: true })
assert.equal((await group.stop()).ok, true)
// Nothing is left that keeps the process alive.
console.log('it works')
