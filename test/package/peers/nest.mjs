import 'reflect-metadata'
import assert from 'node:assert/strict'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { GroupService, SERVICE_GROUP, ServiceGroupHealthIndicator, ServiceGroupModule } from 'rx-service-group/nest'

class Database {
  start() {}
  stop() {}
}
GroupService({ name: 'db' })(Database)
class App {}
Module({ imports: [ServiceGroupModule.forRoot({ name: 'shop' })], providers: [Database] })(App)

const app = await NestFactory.createApplicationContext(App, { logger: false })
const group = app.get(SERVICE_GROUP)
assert.equal(group.status.service('shop/db').state.phase, 'running')
assert.deepEqual(app.get(ServiceGroupHealthIndicator).isHealthy(), { shop: { status: 'up' } })
await app.close()
assert.equal(group.report.ok, true)
console.log('it works')
