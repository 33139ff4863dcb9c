import 'reflect-metadata'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createAdaptorServer, getRequestListener } from '@hono/node-server'
import { Controller, Get, type INestApplication, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import express from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { type HttpTarget, http } from 'rx-service-group/http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { drive, gate, keepAlive, refuses, request } from './driver.ts'

/** What each app answers with: at once, or at `/slow` when the gate is opened. */
interface Answers {
  readonly came: ReturnType<typeof gate>
  readonly go: ReturnType<typeof gate>
  slow(): Promise<string>
}

const answers = (): Answers => {
  const came = gate()
  const go = gate()
  return {
    came,
    go,
    slow: async () => {
      came.open()
      await go.opened
      return 'done'
    },
  }
}

type Build = (answers: Answers) => ServiceGroup | Promise<ServiceGroup>

const host = '127.0.0.1'
const serving = (target: HttpTarget) => serviceGroup('shop').add(http('api', target, { host }))

const honoApp = ({ slow }: Answers) =>
  new Hono().get('/', context => context.text('hello')).get('/slow', async context => context.text(await slow()))

const fastifyApp = ({ slow }: Answers) =>
  fastify()
    .get('/', async () => 'hello')
    .get('/slow', slow)

const nestApp = async ({ slow }: Answers, log: string[] = []) => {
  @Controller()
  class Api {
    @Get()
    hello() {
      return 'hello'
    }
    @Get('slow')
    slow() {
      return slow()
    }
    onModuleInit() {
      log.push('open')
    }
    onModuleDestroy() {
      log.push('destroyed')
    }
    onApplicationShutdown() {
      log.push('closed')
    }
  }
  @Module({ controllers: [Api] })
  class App {}
  return NestFactory.create(App, { logger: false })
}

const listener =
  ({ slow }: Answers) =>
  async (incoming: IncomingMessage, response: ServerResponse) =>
    void response.end(incoming.url === '/slow' ? await slow() : 'hello')

const frameworks: readonly (readonly [name: string, build: Build])[] = [
  ['a bare listener', all => serving(listener(all))],
  ['a bare server', all => serving(createServer(listener(all)))],
  [
    'express: app',
    ({ slow }) =>
      serving(
        express()
          .get('/', (_, response) => void response.send('hello'))
          .get('/slow', async (_, response) => void response.send(await slow())),
      ),
  ],
  [
    'koa: app.callback()',
    ({ slow }) => {
      const app = new Koa().use(async context => {
        context.body = context.path === '/slow' ? await slow() : 'hello'
      })
      return serving(app.callback())
    },
  ],
  ['hono: getRequestListener(app.fetch)', all => serving(getRequestListener(honoApp(all).fetch))],
  ['hono: createAdaptorServer(app)', all => serving(createAdaptorServer(honoApp(all)) as Server)],
  [
    'fastify: app.server',
    all => {
      const app = fastifyApp(all)
      return serviceGroup('shop')
        .add(service('app', { start: () => app.ready(), stop: () => app.close() }))
        .add(http('api', app.server, { host }))
    },
  ],
  [
    'Nest: app.getHttpServer()',
    async all => {
      const app = await nestApp(all)
      return serviceGroup('shop')
        .add(service('app', { start: () => app.init(), stop: () => app.close() }))
        .add(http('api', app.getHttpServer(), { host }))
    },
  ],
]

const portOf = (group: ServiceGroup) => Number(group.status.service('shop/api')?.state.info?.['port'])

/** What holds the process: sockets, listeners, timers. What the test runner itself has comes and goes. */
const held = () =>
  process
    .getActiveResourcesInfo()
    .filter(kind => /TCP|Timeout|Immediate|FSReq|DNS/.test(kind))
    .sort()

let before: string[]
beforeEach(() => {
  before = held()
})
afterEach(() => expect.poll(held).toEqual(before))

describe.each(frameworks)('%s', (_, build) => {
  test('is drained: what is under way is answered, nobody new is let in, clients are told to close', async () => {
    const all = answers()
    const group = await build(all)
    const life = drive(group)
    await life.until('running')
    const port = portOf(group)
    const [idle, busy] = [keepAlive(), keepAlive()]
    expect(await request(port, '/', { agent: idle })).toMatchObject({ body: 'hello', status: 200 })
    const slow = request(port, '/slow', { agent: busy })
    await all.came.opened

    life.tell('unready')
    const { headers } = await request(port, '/', { agent: idle })
    expect(headers.connection).toBe('close')

    life.tell('drain')
    while (!(await refuses(port)));
    await expect.poll(() => group.status.service('shop/api')?.state).toMatchObject({ phase: 'draining', pending: 1 })
    all.go.open()
    expect(await slow).toMatchObject({ body: 'done', status: 200, headers: { connection: 'close' } })
    const answered = performance.now()
    await life.until('drained')
    life.tell('stop')
    expect(await life.until('stopped')).toMatchObject({ how: 'stopped' })
    // Without help it would be until the connection has been idle for 5 s, with fastify 72 s.
    expect(performance.now() - answered).toBeLessThan(2_000)
    expect(group.report.errors).toEqual([])
  })

  test('is restarted: it serves again, on the same app', async () => {
    const group = await build(answers())
    await group.start()
    for (const lives of [1, 2]) {
      expect(await request(portOf(group)), `life ${lives}`).toMatchObject({ body: 'hello', status: 200 })
      if (lives === 1) await group.restart('api')
    }
    expect(await group.stop()).toMatchObject({ ok: true })
  })
})

const noting =
  (log: string[], listener: RequestListener): RequestListener =>
  (incoming, response) => {
    if (incoming.url === '/slow') response.on('finish', () => log.push('answered'))
    listener(incoming, response)
  }

/** An app that can't be opened again once it is closed: each life builds its own, behind a listener that stays. */
const builtAnew: readonly (readonly [
  name: string,
  (all: Answers, log: string[]) => ServiceGroup,
  opened: readonly string[],
  closed: readonly string[],
])[] = [
  [
    'fastify: app.routing',
    (all, log) => {
      let app: FastifyInstance
      return serviceGroup('shop')
        .add(
          service('app', {
            start: async () => {
              app = fastifyApp(all)
                .addHook('onReady', async () => void log.push('open'))
                .addHook('preClose', async () => void log.push('closing'))
                .addHook('onClose', async () => void log.push('closed'))
              await app.ready()
            },
            stop: () => app.close(),
          }),
        )
        .add(
          http(
            'api',
            noting(log, (incoming, response) => app.routing(incoming, response)),
            { host },
          ),
        )
    },
    ['open'],
    ['closing', 'closed'],
  ],
  [
    'Nest: app.getHttpServer().emit',
    (all, log) => {
      let app: INestApplication<Server>
      return serviceGroup('shop')
        .add(
          service('app', {
            start: async () => {
              app = await nestApp(all, log)
              await app.init()
            },
            stop: () => app.close(),
          }),
        )
        .add(
          http(
            'api',
            noting(log, (incoming, response) => app.getHttpServer().emit('request', incoming, response)),
            { host },
          ),
        )
    },
    ['open'],
    ['destroyed', 'closed'],
  ],
]

describe.each(builtAnew)('%s', (_, build, opened, closed) => {
  test('its own hooks run when the last request is answered, and a restart of both brings a new app', async () => {
    const all = answers()
    const log: string[] = []
    const group = serviceGroup('day').add(build(all, log))
    const port = () => Number(group.status.service('day/shop/api')?.state.info?.['port'])
    await group.start()
    const first = port()
    expect(await request(first)).toMatchObject({ body: 'hello', status: 200 })
    const slow = request(first, '/slow')
    await all.came.opened

    const restarted = group.restart('shop')
    while (!(await refuses(first)));
    all.go.open()
    expect(await slow).toMatchObject({ body: 'done', status: 200 })
    await restarted
    expect(log).toEqual([...opened, 'answered', ...closed, ...opened])
    expect(await request(port())).toMatchObject({ body: 'hello', status: 200 })
    expect(await group.stop()).toMatchObject({ ok: true })
    expect(log).toEqual([...opened, 'answered', ...closed, ...opened, ...closed])
  })
})

test('a Nest app that can not be built fails the start, and the process lives', async () => {
  @Module({
    providers: [
      {
        provide: 'db',
        useFactory: () => {
          throw new Error('no database')
        },
      },
    ],
  })
  class App {}
  const group = serviceGroup('shop').add(
    service('app', { start: () => NestFactory.create(App, { logger: false, abortOnError: false }) }),
  )
  await expect(group.start()).rejects.toThrow(/service "app": .*no database/)
})
