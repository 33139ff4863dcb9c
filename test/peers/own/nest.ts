import 'reflect-metadata'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Controller, Get, Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus'
import { db, drainDelay, hello, port, slow } from '../../../demos/migration/shop.ts'
import { closeAll, forceAtSecondSignal, openAll, orders } from './own-code.ts'

forceAtSecondSignal()

class Resources implements OnModuleInit, OnApplicationShutdown {
  onModuleInit = () => openAll(db, orders)
  onApplicationShutdown = () => closeAll(orders, db)
}

@Controller()
class Api {
  @Inject(HealthCheckService) readonly health!: HealthCheckService
  @Get() hello() {
    return hello()
  }
  @Get('slow') slow() {
    return slow()
  }
  @Get('ready') @HealthCheck() ready() {
    return this.health.check([])
  }
}
@Module({
  imports: [TerminusModule.forRoot({ gracefulShutdownTimeoutMs: drainDelay })],
  controllers: [Api],
  providers: [Resources],
})
class App {}

const app = await NestFactory.create(App, { logger: ['error'] })
let isLeaving = false
process.on('SIGTERM', () => {
  isLeaving = true
})
app.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
  response.once('finish', () => {
    if (isLeaving) request.socket.end()
  })
  next()
})
app.enableShutdownHooks([], { useProcessExit: true })
await app.listen(port)
