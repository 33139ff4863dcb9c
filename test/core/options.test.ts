import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { Server as GrpcServer } from '@grpc/grpc-js'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { type AddOptions, fromObservable, job, type ServiceHooks, service, serviceGroup, task } from 'rx-service-group'
import { amqpConnection, amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { childProcess } from 'rx-service-group/child-process'
import { dashboard } from 'rx-service-group/dashboard'
import { eventLoopDelay } from 'rx-service-group/event-loop'
import { grpc } from 'rx-service-group/grpc'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { memoryUse } from 'rx-service-group/memory'
import { metrics } from 'rx-service-group/metrics'
import { otel } from 'rx-service-group/otel'
import { probes } from 'rx-service-group/probes'
import { schedule } from 'rx-service-group/schedule'
import { terminal } from 'rx-service-group/terminal'
import { fakeService, recordTrace } from 'rx-service-group/testing'
import { worker } from 'rx-service-group/worker'
import { of } from 'rxjs'
import { describe, expect, test } from 'vitest'

const refused = (message: string | RegExp, code = 'ERR_INVALID_OPTION') =>
  expect.objectContaining({ code, message: typeof message === 'string' ? message : expect.stringMatching(message) })

const shop = () => serviceGroup('shop')
const nothing = () => undefined

describe('X5 an option that is not known is refused by name', () => {
  test.each<[string, (typo: never) => unknown, object, string]>([
    [
      'add',
      typo => shop().add(service('db', {}), typo),
      { stopTimout: 5 },
      'service "db": unknown option stopTimout; did you mean stopTimeout?',
    ],
    [
      'restart',
      typo => shop().add(service('db', {}), { restart: typo }),
      { policy: 'permanent', maxRestart: 5 },
      'service "db": unknown option restart.maxRestart; did you mean restart.maxRestarts?',
    ],
    [
      'healthCheck',
      typo => shop().add(service('db', {}), { healthCheck: typo }),
      { check: nothing, intervall: 5 },
      'service "db": unknown option healthCheck.intervall; did you mean healthCheck.interval?',
    ],
    [
      'heartbeat',
      typo => shop().add(service('db', {}), { heartbeat: typo }),
      { interval: 5, treshold: 2 },
      'service "db": unknown option heartbeat.treshold; did you mean heartbeat.threshold?',
    ],
    [
      'serviceGroup',
      typo => serviceGroup('shop', typo),
      { drainDely: 5 },
      'group "shop": unknown option drainDely; did you mean drainDelay?',
    ],
    ['http', typo => http('api', nothing, typo), { prot: 5 }, 'service "api": unknown option prot; did you mean port?'],
    [
      'grpc',
      typo => grpc('rpc', nothing, typo),
      { hots: '' },
      'service "rpc": unknown option hots; did you mean host?',
    ],
    [
      'amqpConsumer',
      typo => amqpConsumer('orders', typo, nothing),
      { url: 'amqp://x', queue: 'q', prefetsch: 5 },
      'service "orders": unknown option prefetsch; did you mean prefetch?',
    ],
    [
      'retry',
      typo => amqpConsumer('orders', { url: 'amqp://x', queue: 'q', retry: typo }, nothing),
      { limits: 5 },
      'service "orders": unknown option retry.limits; did you mean retry.limit?',
    ],
    [
      'amqpPublisher',
      typo => amqpPublisher('out', typo),
      { url: 'amqp://x', exchang: 'x' },
      'service "out": unknown option exchang; did you mean exchange?',
    ],
    [
      'amqpConnection',
      typo => amqpConnection(typo),
      { url: 'amqp://x', heartbeats: 5 },
      'amqpConnection: unknown option heartbeats; did you mean heartbeat?',
    ],
    [
      'schedule',
      typo => schedule('nightly', '@daily', nothing, typo),
      { timeZone: 'UTC' },
      'service "nightly": unknown option timeZone; did you mean timezone?',
    ],
    [
      'worker',
      typo => worker('w', 'x.js', typo),
      { workerdata: 1 },
      'service "w": unknown option workerdata; did you mean workerData?',
    ],
    [
      'childProcess',
      typo => childProcess('c', 'node', [], typo),
      { stopsignal: 'SIGINT' },
      'service "c": unknown option stopsignal; did you mean stopSignal?',
    ],
    [
      'eventLoopDelay',
      typo => eventLoopDelay('e', typo),
      { warning: 5 },
      /^service "e": unknown option warning; /.source,
    ],
    ['memoryUse', typo => memoryUse('m', typo), { warm: 0.5 }, 'service "m": unknown option warm; did you mean warn?'],
    ['log', typo => log(shop(), typo), { fromat: 'json' }, 'log: unknown option fromat; did you mean format?'],
    [
      'terminal',
      typo => terminal(shop(), typo),
      { out: 5 },
      'terminal: unknown option out; known are output, logs, keys',
    ],
    ['probes', typo => probes(shop(), typo), { detail: true }, 'probes: unknown option detail; did you mean details?'],
    [
      'metrics',
      typo => metrics(shop(), typo),
      { register: 5 },
      'metrics: unknown option register; did you mean registry?',
    ],
    ['otel', typo => otel(shop(), typo), { trcer: 5 }, 'otel: unknown option trcer; did you mean tracer?'],
    [
      'dashboard',
      typo => dashboard(shop(), typo),
      { tokn: 5 },
      'dashboard "shop": unknown option tokn; did you mean token?',
    ],
    [
      'recordTrace',
      typo => recordTrace(shop(), typo),
      { time: true },
      'recordTrace: unknown option time; did you mean times?',
    ],
    [
      'fakeService',
      typo => fakeService('db', typo),
      { strat: 'waits' },
      'service "db": unknown option strat; did you mean start?',
    ],
  ])('of %s', (_, call, typo, message) => {
    expect(() => call(typo as never)).toThrow(message.startsWith('^') ? refused(new RegExp(message)) : refused(message))
    expect(() => call(null as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  })

  test('one that is undefined is not there, whatever its name', () => {
    expect(() => shop().add(service('db', {}), { stopTimout: undefined } as AddOptions<never>)).not.toThrow()
  })
})

test.each<[unknown, string]>([
  [{ dependsOn: 'db' }, 'service "api": dependsOn must be an array of names, got "db"'],
  [{ dependsOn: [{}] }, 'service "api": dependsOn must be an array of names, got [{}]'],
  [{ optional: 'yes' }, 'service "api": optional must be true or false, got "yes"'],
  [{ observer: 1 }, 'service "api": observer must be true or false, got 1'],
  [{ onEnd: 'stop' }, 'service "api": onEnd must be "continue", "stop-group", "restart" or "fail", got "stop"'],
  [{ healthCheck: { check: 'db' } }, 'service "api": healthCheck.check must be a function, got "db"'],
  ['5s', 'service "api": options must be an object, got "5s"'],
])('X5 the options %j are refused', (options, message) => {
  const group = shop()
  expect(() => group.add(service('api', {}), options as AddOptions<never>)).toThrow(refused(message))
  expect(group.size).toBe(0)
})

test.each<[string, () => unknown, string]>([
  ['a task', () => task('x', undefined as never), 'service "x": a task needs a function, got undefined'],
  ['a job', () => job('x', 5 as never), 'service "x": a job needs a function, got 5'],
  ['no hooks', () => service('x', undefined as never), /needs an object of hooks, got undefined/.source],
  ['a function', () => service('x', (() => 1) as ServiceHooks), /needs an object of hooks, got a function/.source],
  [
    'a hook that is none',
    () => service('x', { stop: 'now' as never }),
    'service "x": stop must be a function, got "now"',
  ],
  [
    'a hook misspelt',
    () => service('x', { strat: nothing } as ServiceHooks),
    'service "x": unknown hook strat; did you mean start?',
  ],
  [
    'a function for an Observable',
    () => fromObservable('x', (() => of(1)) as never),
    /needs an Observable, got a function/.source,
  ],
  [
    'a group option',
    () => serviceGroup('shop', { strategy: 'all' as never }),
    /strategy must be "one-for-one", /.source,
  ],
  [
    'a clock',
    () => serviceGroup('shop', { clock: {} as never }),
    'group "shop": clock must be an RxJS scheduler, got {}',
  ],
])('X5 %s is refused', (_, make, message) => {
  expect(make).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) }),
  )
})

test.each<[string, unknown, string]>([
  ['an express app', express(), 'http("name", app)'],
  ['a fastify app', fastify(), 'http("name", app.server)'],
  ['a koa app', new Koa(), 'http("name", app.callback())'],
  ['an HTTP server', createHttpServer(), 'http("name", server)'],
  ['a gRPC server', new GrpcServer(), 'grpc("rpc", server => ...)'],
  ['a server', createServer(), 'service("name", { start, stop })'],
  ['a function', () => 1, 'task("name", fn)'],
  ['a class', class Morning {}, 'add(new Name())'],
  ['an Observable', of(1), 'fromObservable("name", source$)'],
  ['a promise', Promise.resolve(), 'job("name", async () => ...)'],
  ['an array', [service('db', {})], 'add() for each of them'],
  ['an object without start()', { stop: nothing }, 'service("name", { start, stop })'],
])('X5 %s is no service, and is told what to use', (what, thing, instead) => {
  expect(() => shop().add(thing as never)).toThrow(
    expect.objectContaining({ code: 'ERR_NOT_A_SERVICE', message: expect.stringContaining(`${what}; use ${instead}`) }),
  )
})

describe('X5 a group', () => {
  const [a, b, c] = [serviceGroup('a'), serviceGroup('b'), serviceGroup('c')]
  a.add(b.add(c))

  test('that holds itself, directly or not, is refused with the path', () => {
    expect(() => c.add(c)).toThrow(refused(/it would hold itself \(c\/c\)/, 'ERR_CIRCULAR_DEPENDENCY'))
    expect(() => c.add(a)).toThrow(refused(/it would hold itself \(a\/b\/c\/a\)/, 'ERR_CIRCULAR_DEPENDENCY'))
    expect([c.size, c.status.list]).toEqual([0, []])
  })

  test('is in one group at a time', async () => {
    expect(() => serviceGroup('d').add(c)).toThrow(refused(/it is in group "b" already/, 'ERR_SERVICE_IN_USE'))
    await b.remove('c')
    expect(serviceGroup('d').add(c).size).toBe(1)
  })
})

test('service() of an instance of a class calls its methods as methods', async () => {
  class Db {
    #rows = ['hello']
    said: string[] = []
    start() {
      this.said.push(`start ${this.#rows.length}`)
    }
    stop() {
      this.said.push(`stop ${this.#rows.length}`)
    }
  }
  const db = new Db()
  const group = shop().add(service('db', db))
  await group.start()
  await group.stop()
  expect(db.said).toEqual(['start 1', 'stop 1'])
})

test('a context can be copied and taken apart: each member is its own', async () => {
  const group = shop().add(
    service('db', {
      start: context => {
        const { setHealth, info } = { ...context }
        info({ members: Object.keys(context).join(' ') })
        setHealth('warn', String({ ...context }.signal === context.signal))
      },
    }),
  )
  await group.start()
  expect(group.status.service('shop/db')?.state).toEqual({
    phase: 'running',
    health: 'warn',
    detail: 'true',
    info: { members: 'signal reason fail setHealth pending info extend heartbeat workFailed' },
  })
  await group.stop()
})

test.each<[string, (context: Parameters<NonNullable<ServiceHooks['start']>>[0]) => void, string]>([
  [
    'health',
    ({ setHealth }) => setHealth('unhealthy' as never),
    'setHealth must be "pass", "warn" or "fail", got "unhealthy"',
  ],
  [
    'detail',
    ({ setHealth }) => setHealth('warn', { why: 1 } as never),
    'the detail of setHealth must be a text, got {"why":1}',
  ],
  ['pending', ({ pending }) => pending('3' as never), 'pending must be a number >= 0, got "3"'],
  ['info', ({ info }) => info(null as never), 'info must be an object, got null'],
])('X5 a %s that is none is refused where it is said', async (_, say, message) => {
  const group = shop().add(service('db', { start: say }))
  await expect(group.start()).rejects.toMatchObject({ cause: refused(`service "db": ${message}`) })
})
