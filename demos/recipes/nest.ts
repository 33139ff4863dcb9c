/**
 * Nest in a group: providers with `@GroupService()` are its services, and the app is the last of them. They start
 * before the app listens, and stop when its last request is answered.
 *
 *   node --import tsx demos/recipes/nest.ts      (PORT=8080), then curl localhost:8080/orders, and press Ctrl-C
 *
 * Here `run` has the signals, the report and the exit code. To let Nest lead, leave out `run` and `groupOf`:
 * `app.enableShutdownHooks()` and `await app.listen(8080)` start and stop the group too.
 */
import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import { Controller, Get, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { run } from 'rx-service-group'
import { log } from 'rx-service-group/log'
import { GroupService, groupOf, ServiceGroupModule } from 'rx-service-group/nest'

@Injectable()
@GroupService({ name: 'orders' })
class Orders implements OnApplicationShutdown {
  books: string[] = []

  start() {
    this.books = ['a book']
  }
  stop() {
    this.books = []
  }
  async list() {
    console.log('looking for orders')
    await delay(500)
    return this.books
  }
  onApplicationShutdown() {
    console.log('Nest: the app is closed')
  }
}

@Controller('orders')
class Api {
  @Inject(Orders) readonly orders!: Orders

  @Get()
  list() {
    return this.orders.list()
  }
}

@Module({ imports: [ServiceGroupModule.forRoot({ name: 'shop' })], controllers: [Api], providers: [Orders] })
class App {}

const app = await NestFactory.create(App, { logger: ['warn', 'error'], abortOnError: false })
const group = groupOf(app, Number(process.env['PORT'] ?? 8080))
log(group)
await run(group)
