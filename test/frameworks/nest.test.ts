import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import { Controller, Get, Inject, Injectable, Module, Scope } from '@nestjs/common'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { HealthCheckService, TerminusModule } from '@nestjs/terminus'
import { Test } from '@nestjs/testing'
import { run, type ServiceContext, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import {
  GroupService,
  groupOf,
  SERVICE_GROUP,
  ServiceGroupHealthIndicator,
  ServiceGroupModule,
} from 'rx-service-group/nest'
import { afterEach, describe, expect, test } from 'vitest'
import { gate } from '../services/http/driver.ts'
import { startProgram } from '../support/child.ts'

let said: string[] = []
let came = gate()
let go = gate()
afterEach(() => {
  said = []
  came = gate()
  go = gate()
})

@Injectable()
@GroupService({ name: 'db' })
class Database {
  isOpen = false
  setHealth: ServiceContext['setHealth'] | undefined
  start({ setHealth }: ServiceContext) {
    this.setHealth = setHealth
    this.isOpen = true
    said.push('db starts')
  }
  async stop() {
    await delay(50)
    this.isOpen = false
    said.push('db stops')
  }
}

@Injectable()
@GroupService({ dependsOn: [Database] })
class Mailer {
  @Inject(Database) readonly db!: Database
  start() {
    said.push(`Mailer starts, db ${this.db.isOpen}`)
  }
  stop() {
    said.push(`Mailer stops, db ${this.db.isOpen}`)
  }
  onApplicationShutdown() {
    said.push('Nest: shutdown')
  }
}

@Controller()
class Api {
  @Inject(Database) readonly db!: Database

  @Get('slow')
  async slow() {
    came.open()
    await go.opened
    return { isOpen: this.db.isOpen }
  }
}

@Module({ providers: [Database], exports: [Database] })
class DatabaseModule {}

@Module({
  imports: [ServiceGroupModule.forRoot({ name: 'shop' }), DatabaseModule],
  controllers: [Api],
  providers: [
    Mailer,
    { provide: 'CACHE', useFactory: () => service('cache', { stop: () => void said.push('cache stops') }) },
  ],
})
class App {}

const compile = (root: object = App) => Test.createTestingModule({ imports: [root as never] }).compile()
const groupIn = (app: { get(token: unknown): unknown }) => app.get(SERVICE_GROUP) as ServiceGroup
const stateOf = (group: ServiceGroup, name: string) => group.status.services[`shop/${name}`]?.state

const platforms = [
  ['express', async () => (await compile()).createNestApplication()],
  ['fastify', async () => (await compile()).createNestApplication(new FastifyAdapter())],
] as const

describe.each(platforms)('with %s', (_, create) => {
  test('the group starts with the app, in order, and stops with it, in reverse', async () => {
    const app = await create()
    await app.init()
    expect(said).toEqual(['db starts', 'Mailer starts, db true'])
    expect(Object.keys(groupIn(app).status.services)).toEqual(['shop/db', 'shop/Mailer', 'shop/cache'])
    await app.close()
    expect(said.slice(2)).toEqual(expect.arrayContaining(['Mailer stops, db true', 'db stops']))
    expect(said.indexOf('Mailer stops, db true')).toBeLessThan(said.indexOf('db stops'))
    expect(groupIn(app).report).toMatchObject({ ok: true, trigger: { by: 'call', message: 'Nest: app.close()' } })
  })

  test('a request under way is answered before the services stop that it needs, and is told as pending', async () => {
    const app = await create()
    await app.listen(0, '127.0.0.1')
    const group = groupIn(app)
    await expect.poll(() => stateOf(group, 'http')).toMatchObject({ phase: 'running' })
    const answer = fetch(`${await app.getUrl()}/slow`).then(response => response.json())
    await came.opened
    const closed = app.close()
    await expect.poll(() => stateOf(group, 'http')).toMatchObject({ phase: 'draining', pending: 1 })
    go.open()
    expect(await answer).toEqual({ isOpen: true })
    await closed
    expect(group.report).toMatchObject({ ok: true })
  })

  test('run leads the group and the app, and both are stopped by one signal', async () => {
    const app = await create()
    const group = groupOf(app, 0, '127.0.0.1')
    const over = run(group, { report: false })
    await group.ready
    expect(said).toEqual(['db starts', 'Mailer starts, db true'])
    await expect.poll(() => stateOf(group, 'http')).toMatchObject({ phase: 'running' })
    const answer = fetch(`${await app.getUrl()}/slow`).then(response => response.json())
    await came.opened
    process.kill(process.pid, 'SIGTERM')
    await expect.poll(() => stateOf(group, 'http')).toMatchObject({ phase: 'draining', pending: 1 })
    go.open()
    expect(await answer).toEqual({ isOpen: true })
    expect(await over).toMatchObject({ ok: true, trigger: { by: 'signal', signal: 'SIGTERM' } })
    expect(said.indexOf('Nest: shutdown')).toBeLessThan(said.indexOf('db stops'))
  })

  test('close of the app is told to the run', async () => {
    const app = await create()
    const group = groupOf(app, 0, '127.0.0.1')
    const over = run(group, { report: false })
    await group.ready
    await app.close()
    expect(await over).toMatchObject({ ok: true, trigger: { by: 'call', message: 'Nest: app.close()' } })
    expect(said.filter(one => one === 'Nest: shutdown')).toHaveLength(1)
  })
})

test('a start that fails is the failure of init, and what has started is stopped', async () => {
  @GroupService({ dependsOn: ['db'] })
  class Broken {
    start() {
      throw new Error('no route')
    }
  }
  @Module({ imports: [ServiceGroupModule.forRoot(), DatabaseModule], providers: [Broken] })
  class Root {}
  const app = (await compile(Root)).createNestApplication()
  await expect(app.init()).rejects.toThrow(/no route/)
  expect(said).toEqual(['db starts', 'db stops'])
})

test('a context without a server starts and stops the group too', async () => {
  const context = await (await compile()).init()
  expect(said).toEqual(['db starts', 'Mailer starts, db true'])
  await context.close()
  expect(said).toContain('db stops')
})

test('a provider may inject the group and add to it', async () => {
  @Injectable()
  class Workers {
    @Inject(SERVICE_GROUP) readonly group!: ServiceGroup
    onModuleInit() {
      this.group.add(service('worker', {}))
    }
  }
  @Module({ imports: [ServiceGroupModule.forRoot({ name: 'shop' })], providers: [Workers] })
  class Root {}
  const app = await (await compile(Root)).createNestApplication().init()
  expect(stateOf(groupIn(app), 'worker')).toMatchObject({ phase: 'running' })
  await app.close()
})

test('forRootAsync makes the options from what is injected', async () => {
  @Module({ providers: [{ provide: 'NAME', useValue: 'mall' }], exports: ['NAME'] })
  class Config {}
  @Module({
    imports: [
      ServiceGroupModule.forRootAsync({
        imports: [Config],
        inject: ['NAME'],
        useFactory: async (name: string) => ({ name, shutdownTimeout: 5_000 }),
      }),
    ],
  })
  class Root {}
  const app = await (await compile(Root)).createNestApplication().init()
  expect(groupIn(app).name).toBe('mall')
  expect(groupIn(app).options.shutdownTimeout).toBe(5_000)
  await app.close()
})

test('the health indicator of terminus tells who is not well', async () => {
  @Module({
    imports: [ServiceGroupModule.forRoot({ name: 'shop' }), DatabaseModule, TerminusModule.forRoot({ logger: false })],
  })
  class Root {}
  const app = await (await compile(Root)).createNestApplication().init()
  const indicator = app.get(ServiceGroupHealthIndicator)
  const health = app.get(HealthCheckService)
  const check = () => health.check([async () => indicator.isHealthy()])
  expect(await check()).toMatchObject({ status: 'ok', details: { shop: { status: 'up' } } })
  app.get(Database, { strict: false }).setHealth?.('warn', 'slow')
  expect(await check()).toMatchObject({ details: { shop: { status: 'up', notes: ['shop/db: warn'] } } })
  app.get(Database, { strict: false }).setHealth?.('fail', 'gone')
  await expect(check()).rejects.toMatchObject({
    response: { status: 'error', error: { shop: { status: 'down', notes: ['shop/db: fail'] } } },
  })
  await app.close()
})

test('a provider with a scope of its own is refused by name', async () => {
  @Injectable({ scope: Scope.REQUEST })
  @GroupService()
  class PerRequest {
    start() {}
  }
  @Module({ imports: [ServiceGroupModule.forRoot()], providers: [PerRequest] })
  class Root {}
  const app = (await compile(Root)).createNestApplication()
  await expect(app.init()).rejects.toThrow('service "PerRequest": its provider has a scope of its own')
})

test.each([
  ['an unknown option', () => ServiceGroupModule.forRoot({ drainTime: 5 } as object), /unknown option drainTime/],
  ['no factory', () => ServiceGroupModule.forRootAsync({} as never), /useFactory must be a function/],
  ['a dependency that is no list', () => GroupService({ dependsOn: 'db' as never }), /dependsOn must be a list/],
  [
    'an app without the module',
    () =>
      groupOf({
        get: () => {
          throw new Error('none')
        },
      } as never),
    /the app has none/,
  ],
])('refuses %s', (_, made, message) => {
  expect(made).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(message) }))
})

test('a group in the module is a service like any other', async () => {
  @Module({
    imports: [ServiceGroupModule.forRoot({ name: 'shop' })],
    providers: [{ provide: 'WORKERS', useFactory: () => serviceGroup('workers').add(service('one', {})) }],
  })
  class Root {}
  const app = await (await compile(Root)).createNestApplication().init()
  expect(groupIn(app).status.services['shop/workers/one']?.state.phase).toBe('running')
  await app.close()
})

test('an error of its own tells of a group that goes down by itself', async () => {
  const app = (await compile()).createNestApplication()
  const told: unknown[] = []
  app.useLogger({ log: () => {}, warn: () => {}, error: (...all: unknown[]) => void told.push(...all) })
  await app.init()
  await groupIn(app).stop('by hand')
  expect(told).toContain('the group "shop" is over: stopped')
  await app.close()
})

test.each([
  ['enableShutdownHooks: Nest leads, and its signal ends the process', {}, { code: null, signal: 'SIGTERM' }],
  [
    'run leads although enableShutdownHooks was called: its report and its exit code count',
    { LED: 'run' },
    { code: 0 },
  ],
])(
  '%s',
  async (_, env, ending) => {
    const child = startProgram(new URL('nest-process.ts', import.meta.url), env)
    const [, url] = /listens at (\S+)/.exec(await child.says(/listens at \S+/))!
    const answer = fetch(`${url}/slow`).then(response => response.text())
    await child.says('a request')
    child.kill('SIGTERM')
    expect(await answer).toBe('db true')
    const ended = await child.ended
    expect(ended).toMatchObject(ending)
    expect(ended.output).toMatch(/db starts[\s\S]*db stops/)
    if (ending.code === 0) expect(ended.output).toContain('shop stopped gracefully')
  },
  20_000,
)
