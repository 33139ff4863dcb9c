import { run, service } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { app, db, drainDelay, orders, port } from '../shop.ts'
import { shopGroup } from './group.ts'

const services = {
  db: service('db', { start: () => db.open(), stop: () => db.close() }),
  orders: service('orders', { start: () => orders.open(), stop: () => orders.close() }),
  api: http('api', app, { port }),
}
await run(shopGroup(services, { drainDelay }))
