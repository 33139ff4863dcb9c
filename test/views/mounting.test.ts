import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import express from 'express'
// @ts-expect-error: it has no types of its own.
import express4 from 'express4'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { Registry } from 'prom-client'
import { service, serviceGroup } from 'rx-service-group'
import { dashboard, type ViewListener } from 'rx-service-group/dashboard'
import { metrics } from 'rx-service-group/metrics'
import { probes } from 'rx-service-group/probes'
import { Subscription } from 'rxjs'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { watch } from './dashboard/watch.ts'

const token = 'correct horse battery staple'

interface Views {
  readonly shown: ViewListener
  readonly probed: ViewListener
  readonly scraped: ViewListener
}

/** The views as the docs say to mount them: the dashboard in the folder `/ops/`, the others beside it. */
const mountings: Readonly<Record<string, (views: Views) => Server | Promise<Server>>> = {
  'express 5': ({ shown, probed, scraped }) =>
    createServer(express().use('/ops', shown).use('/checks', probed).use('/checks/metrics', scraped)),
  'express 4': ({ shown, probed, scraped }) =>
    createServer((express4 as unknown as typeof express)().use('/ops', shown).use('/checks', probed, scraped)),
  'express 5, behind a parser of bodies': ({ shown, probed, scraped }) =>
    createServer(express().use(express.json()).use('/ops', shown).use('/checks', scraped, probed)),
  fastify: async ({ shown, probed, scraped }) => {
    const app = fastify()
    const mount = (path: string, listener: ViewListener): void =>
      void app.all(path, ({ raw, body }, reply) => {
        reply.hijack()
        listener(Object.assign(raw, { body }), reply.raw)
      })
    mount('/ops/*', shown)
    mount('/checks/*', probed)
    mount('/checks/metrics', scraped)
    await app.ready()
    return app.server
  },
  koa: ({ shown, probed, scraped }) => {
    const listenerOf = (path: string): ViewListener | undefined => {
      if (path === '/checks/metrics') return scraped
      return path.startsWith('/ops/') ? shown : path.startsWith('/checks/') ? probed : undefined
    }
    const app = new Koa().use(async (context, next) => {
      const listener = listenerOf(context.path)
      if (!listener) return next()
      context.respond = false
      listener(context.req, context.res)
    })
    return createServer(app.callback())
  },
  hono: ({ shown, probed, scraped }) => {
    const app = new Hono<{ Bindings: HttpBindings }>()
    const mount = (path: string, listener: ViewListener): void =>
      void app.all(path, ({ env }) => {
        listener(env.incoming, env.outgoing)
        return RESPONSE_ALREADY_SENT
      })
    mount('/ops/*', shown)
    mount('/checks/metrics', scraped)
    mount('/checks/*', probed)
    return createServer(getRequestListener(app.fetch as never))
  },
  'node:http': ({ shown, probed, scraped }) =>
    createServer((request, response) => {
      const { url = '' } = request
      if (url.startsWith('/ops/')) shown(request, response)
      else if (url === '/checks/metrics') scraped(request, response)
      else probed(request, response)
    }),
}

const open = async (mount: (views: Views) => Server | Promise<Server>) => {
  const group = serviceGroup('shop').add(service('db', {}))
  const registry = new Registry()
  const server = await mount({
    shown: dashboard(group, { token }),
    probed: probes(group),
    scraped: metrics(group, { registry }),
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await group.stop()
  })
  await group.start()
  const { port } = server.address() as { readonly port: number }
  const url = `http://127.0.0.1:${port}`
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, { redirect: 'manual', ...init })
    const { status, headers } = response
    return { status, headers: Object.fromEntries(headers), body: await response.text() }
  }
  const act = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    ask('/ops/actions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { group, port, url, ask, act }
}

describe.each(Object.entries(mountings))('mounted in %s', (_, mount) => {
  beforeEach(() => {
    // Hono complains of every HEAD that was answered by somebody else.
    vi.spyOn(console, 'error').mockReturnValue()
  })

  test('the page and its files are served, and not sent again when they are known', async () => {
    const { ask } = await open(mount)
    for (const [path, type] of [
      ['/ops/', 'text/html'],
      ['/ops/?tab=1', 'text/html'],
      ['/ops/page.js', 'text/javascript'],
      ['/ops/page.css', 'text/css'],
    ] as const) {
      const { status, headers, body } = await ask(path)
      expect({ path, status }).toEqual({ path, status: 200 })
      expect(headers).toMatchObject({ 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache' })
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers['content-length']).toBe(String(Buffer.byteLength(body)))
      expect(await ask(path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
      const known = { headers: { 'if-none-match': `"other", W/${headers['etag']}` } }
      expect(await ask(path, known)).toMatchObject({ status: 304, body: '' })
    }
  })

  test('events are streamed, and the status is told', async () => {
    const { group, port, ask } = await open(mount)
    const page = await watch(port, { path: '/ops/events' })
    await page.until(({ folded }) => folded?.ready)
    expect(page.headers['content-type']).toBe('text/event-stream')
    await group.restart('db')
    await page.until(({ folded }) => folded?.seq === group.status.seq)
    const { status, headers, body } = await ask('/ops/status')
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'application/json; charset=utf-8' })
    expect(JSON.parse(body)).toMatchObject({ name: 'shop', ready: true })
    expect(await ask('/ops/events', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  test('actions are done, and bad ones are refused', async () => {
    const { group, act } = await open(mount)
    const { seq } = group.status.service('db')!
    expect(await act({ action: 'restart', service: 'db' })).toMatchObject({ status: 202 })
    await vi.waitFor(() => {
      expect(group.status.service('db')!.seq).toBeGreaterThan(seq)
      expect(group.status.service('db')!.state.phase).toBe('running')
    })
    expect(await act({ action: 'restart' })).toMatchObject({ status: 400 })
    expect(await act({ action: 'restart', service: 'db' }, { authorization: 'Bearer no' })).toMatchObject({
      status: 401,
    })
    expect(await act({ action: 'restart', service: 'db' }, { origin: 'https://evil.example' })).toMatchObject({
      status: 403,
    })
  })

  test('another method is answered with what may be asked, and other paths are not', async () => {
    const { ask } = await open(mount)
    expect(await ask('/ops/status', { method: 'DELETE' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    })
    expect(await ask('/ops/actions')).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    for (const path of ['/ops/nothing', '/ops/page.html', '/checks/nothing'])
      expect({ path, ...(await ask(path)) }).toMatchObject({ path, status: 404 })
  })

  test('probes and metrics are answered', async () => {
    const { ask } = await open(mount)
    for (const probe of ['livez', 'readyz', 'startupz', 'healthz'])
      expect(await ask(`/checks/${probe}`)).toMatchObject({
        status: 200,
        headers: { 'content-type': 'application/health+json' },
        body: '{"status":"pass"}\n',
      })
    expect(JSON.parse((await ask('/checks/readyz?verbose')).body)).toMatchObject({ checks: { 'shop/db': [{}] } })
    const { status, headers, body } = await ask('/checks/metrics')
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: Registry.PROMETHEUS_CONTENT_TYPE })
    expect(body).toContain('service_group_ready{group="shop"} 1')
  })
})

describe('a listener that is a whole server', () => {
  const whole = (pick: (views: Views) => ViewListener) => open(views => createServer(pick(views)))

  test('serves the dashboard at any folder', async () => {
    const { ask } = await whole(({ shown }) => shown)
    for (const path of ['/', '/status', '/page.js', '/behind/a/proxy/', '/behind/a/proxy/status'])
      expect({ path, status: (await ask(path)).status }).toEqual({ path, status: 200 })
    expect(await ask('/nothing')).toMatchObject({ status: 404, body: expect.stringContaining('ERR_NOT_FOUND') })
  })

  test('serves probes, with a slash at the end or without', async () => {
    const { ask } = await whole(({ probed }) => probed)
    for (const path of ['/livez', '/livez/', '/health/readyz', '/readyz?verbose'])
      expect({ path, status: (await ask(path)).status }).toEqual({ path, status: 200 })
    expect((await ask('/')).status).toBe(404)
  })

  test('is asked for a whole address by a proxy', async () => {
    const { port } = await open(({ probed }) => createServer(express().use(probed)))
    const asked = request({ host: '127.0.0.1', port, path: 'http://shop.example/livez' }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    expect(response.resume().statusCode).toBe(200)
  })
})

test('the routes of an app are left alone, also where they end like ours', async () => {
  const { ask } = await open(({ shown, probed, scraped }) =>
    createServer(
      express()
        .use(scraped, probed, shown)
        .get('/orders/status', (_, response) => void response.send('an order'))
        .get('/orders/metrics', (_, response) => void response.send('all orders')),
    ),
  )
  expect(await ask('/orders/status')).toMatchObject({ status: 200, body: 'an order' })
  expect(await ask('/orders/metrics')).toMatchObject({ status: 200, body: 'all orders' })
  expect((await ask('/metrics')).headers['content-type']).toBe(Registry.PROMETHEUS_CONTENT_TYPE)
  expect((await ask('/')).headers['content-type']).toMatch(/^text\/html/)
})

test('metrics that were added to a subscription leave the registry with it', async () => {
  const registry = new Registry()
  const all = new Subscription()
  all.add(metrics(serviceGroup('shop'), { registry }))
  expect(await registry.metrics()).toContain('service_group_ready{group="shop"}')
  all.unsubscribe()
  expect(await registry.metrics()).not.toContain('shop')
})
