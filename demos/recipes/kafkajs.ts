/**
 * A kafkajs consumer in a group: its messages are counted, so that the drain tells how many are pending.
 *
 *   node --import tsx demos/recipes/kafkajs.ts      (KAFKA_BROKERS=localhost:9092), then press Ctrl-C
 *
 * `stop()` of the consumer fetches no more and waits for the handlers; `disconnect()` commits and leaves the group.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { run, service, serviceGroup } from 'rx-service-group'
import { makeInFlight } from 'rx-service-group/adapter'
import { log } from 'rx-service-group/log'
import { tap } from 'rxjs'

const brokers = (process.env['KAFKA_BROKERS'] ?? 'localhost:9092').split(',')
const kafka = new Kafka({ clientId: 'shop', brokers, logLevel: logLevel.NOTHING, retry: { retries: 3 } })
const consumer = kafka.consumer({ groupId: 'shop' })
const messages = makeInFlight<object>()

const orders = service('orders', {
  start: async ({ setHealth, fail }) => {
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (restart) setHealth('fail', error.message)
      else fail(error)
    })
    consumer.on(consumer.events.GROUP_JOIN, () => setHealth('pass'))
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({
      eachMessage: async ({ message }) => {
        messages.take(message)
        await delay(500).finally(() => messages.release(message))
      },
    })
  },
  drain: async ({ pending }) => {
    const counting = messages.untilEmpty$().pipe(tap(pending)).subscribe()
    await consumer.stop().finally(() => counting.unsubscribe())
  },
  stop: () => consumer.disconnect(),
})

const group = serviceGroup('shop').add(orders)
log(group)
await run(group)
