import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { run } from 'rx-service-group'
import { GroupService, groupOf, ServiceGroupModule } from 'rx-service-group/nest'

let isOpen = false

@GroupService({ name: 'db' })
class Database {
  start() {
    isOpen = true
    console.log('db starts')
  }
  // Slow enough for a signal that Nest repeats at its own end to come in between.
  async stop() {
    await delay(300)
    isOpen = false
    console.log('db stops')
  }
}

@Controller()
class Api {
  @Get('slow')
  async slow() {
    console.log('a request')
    await delay(700)
    return `db ${isOpen}`
  }
}

@Module({ imports: [ServiceGroupModule.forRoot({ name: 'shop' })], controllers: [Api], providers: [Database] })
class App {}

const app = await NestFactory.create(App, { logger: ['error'] })
app.enableShutdownHooks()
if (process.env['LED'] === 'run') {
  const group = groupOf(app, 0, '127.0.0.1')
  void run(group)
  await group.ready
} else await app.listen(0, '127.0.0.1')
console.log(`listens at ${await app.getUrl()}`)
