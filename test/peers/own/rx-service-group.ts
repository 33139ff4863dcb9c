/** No own code: the library has a consumer, and a stream of its status. */
import { setTimeout as delay } from 'node:timers/promises'
import { run, service, serviceGroup } from 'rx-service-group'
import { amqpConsumer } from 'rx-service-group/amqp'
import { http } from 'rx-service-group/http'
import { app, db, port } from '../../../demos/migration/shop.ts'

const { AMQP_URL: url = '', QUEUE: queue = 'orders' } = process.env
const handle = async (): Promise<void> => {
  console.log('an order')
  await delay(300)
}

const group = serviceGroup('shop')
  .add(service('db', { start: () => db.open(), stop: () => db.close() }))
  .add(amqpConsumer('orders', { url, queue, prefetch: 3 }, handle))
  .add(http('api', app, { port }))
group.status$.subscribe(status => console.log(`status: orders ${status.service('orders')?.state.phase}`))
await run(group)
