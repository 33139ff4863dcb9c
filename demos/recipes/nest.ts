/**
 * Nest as one service of a group: the app is opened first and closed last, so that its own hooks run when the last
 * request is answered.
 *
 *   node --import tsx demos/recipes/nest.ts      (PORT=8080), then curl localhost:8080/orders, and press Ctrl-C
 *
 * Leave out `enableShutdownHooks()`: `run` has the signals. A gateway or a module that asks for the server gets the
 * one that `http` is given.
 */
import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import { Controller, Get, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { run, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'

@Injectable()
class Orders implements OnApplicationShutdown {
  async list() {
    console.log('looking for orders')
    await delay(500)
    return ['a book']
  }
  onApplicationShutdown() {
    console.log('Nest: the orders are closed')
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

@Module({ controllers: [Api], providers: [Orders] })
class App {}

const app = await NestFactory.create(App, { logger: ['warn', 'error'], abortOnError: false })
const nest = serviceGroup('nest')
  .add(service('app', { start: () => app.init(), stop: () => app.close() }))
  .add(http('http', app.getHttpServer(), { port: Number(process.env['PORT'] ?? 8080) }))

const group = serviceGroup('shop').add(nest)
log(group)
await run(group)
