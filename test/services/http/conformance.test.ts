import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StateOf } from 'rx-service-group'
import { type HttpOptions, type HttpTarget, http } from 'rx-service-group/http'
import { type ConformanceSubject, serviceConformance } from 'rx-service-group/testing'
import { describe, test } from 'vitest'
import { gate, request } from './driver.ts'
import { type App, type Asked, stacks } from './stacks.ts'

/** Answers at once, or when it is let. */
const api = () => {
  const waiting = gate()
  const go = gate()
  const app: App = async ({ url }, response) => {
    if (url === '/slow') {
      waiting.open()
      await go.opened
    }
    response.end('hello')
  }
  return { app, waiting, go }
}

type Where = StateOf<'running'>['info']
type Ask = (where: Where, path: string) => Promise<unknown>

const subject = (create: (app: App) => HttpTarget, options: HttpOptions, ask: Ask): ConformanceSubject => {
  let latest: ReturnType<typeof api>
  let served: HttpTarget
  return {
    create: () => {
      latest = api()
      served = create(latest.app)
      return http('api', served, options)
    },
    use: ({ info }) => ask(info, '/'),
    work: async ({ info }) => {
      const done = ask(info, '/slow')
      done.catch(() => undefined)
      await latest.waiting.opened
      return { done, finish: latest.go.open }
    },
    broken: () => http('api', create(api().app), { port: 1, host: '203.0.113.7' }),
    ...(typeof create(() => {}) === 'function'
      ? {}
      : {
          crash: () => {
            if (typeof served !== 'function') served.emit('error', new Error('out of file descriptors'))
          },
        }),
  }
}

const portOf = (where: Where) => Number(where?.['port'])

describe('an http service for a listener is like any other service', () => {
  const ask: Ask = (where, path) => request(portOf(where), path)
  for (const { name, run } of serviceConformance(subject(app => app, {}, ask))) test(name, run)
})

describe.each(stacks)('an http service for a $name server is like any other service', stack => {
  const ask: Ask = async (where, path): Promise<Asked> => {
    const client = await stack.client(portOf(where))
    try {
      return await client.ask(path)
    } finally {
      client.close()
    }
  }
  for (const { name, run } of serviceConformance(subject(stack.create, {}, ask))) test(name, run)
})

describe('an http service at several addresses is like any other service', () => {
  const ask: Ask = (where, path) => request(portOf(where), path, { host: '127.0.0.2' })
  const options = { host: ['127.0.0.1', '127.0.0.2'] }
  for (const { name, run } of serviceConformance(subject(createServer, options, ask))) test(name, run)
})

describe('an http service on a unix socket is like any other service', () => {
  const path = join(tmpdir(), `conformance-${process.pid}.sock`)
  const ask: Ask = async (where, route) => {
    const asked = get({ socketPath: String(where?.['address']), path: route, agent: false })
    const [response] = await once(asked, 'response')
    await once(response.resume(), 'end')
  }
  for (const { name, run } of serviceConformance(subject(createServer, { path }, ask))) test(name, run)
})
