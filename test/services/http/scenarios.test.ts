import { once } from 'node:events'
import { formatReport, type Report, serviceGroup } from 'rx-service-group'
import { http as httpService } from 'rx-service-group/http'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { gate, rawConnection, refuses } from './driver.ts'
import {
  type App,
  byHand,
  type Client,
  halfBody,
  halfHead,
  http,
  http2,
  https,
  otherHalf,
  type Stack,
  stacks,
} from './stacks.ts'

/** What a busy machine may add to any time. */
const SLACK = 1_000
const DRAIN_TIMEOUT = 400
/** What never ends would take so long: a test that is quicker has not waited for it. */
const FOREVER = 25_000

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A group with one service, whose app answers `/` at once. */
const start = async (
  stack: Stack,
  app: App = () => {},
  { drainTimeout = FOREVER, drainDelay = 0, prepare = (_: ReturnType<Stack['create']>) => {} } = {},
) => {
  const server = stack.create((request, response) =>
    request.url === '/' ? response.end('hello') : app(request, response),
  )
  prepare(server)
  const group = serviceGroup('shop', { drainDelay }).add(httpService('api', server, { host: '127.0.0.1' }), {
    drainTimeout,
  })
  await group.start()
  ends.push(() => group.stop())
  const state = () => group.status.service('shop/api')!.state
  return {
    group,
    server,
    port: Number(state().info?.['port']),
    pending: async (count: number) => {
      await expect.poll(() => (state() as { pending?: number }).pending).toBe(count)
    },
    leave: async (): Promise<Report & { readonly took: number }> => {
      const begun = performance.now()
      const report = await group.stop()
      return { ...report, took: performance.now() - begun }
    },
    info: () => state().info,
  }
}

const clientOf = async (stack: Stack, port: number): Promise<Client> => {
  const client = await stack.client(port)
  ends.push(client.close)
  return client
}

const GOOD = { ok: true, errors: [] }
const good = ({ ok, errors }: Report) => ({ ok, errors })

describe.each(stacks)('$name', stack => {
  const isHttp2 = stack.name.startsWith('http2')

  test('in flight 300 ms: it is finished, and that is the end', async () => {
    const came = gate()
    const api = await start(stack, (_, response) => {
      came.open()
      setTimeout(() => response.end('done'), 300)
    })
    const client = await clientOf(stack, api.port)
    const answer = client.ask('/slow')
    await came.opened
    const left = api.leave()
    expect(await answer).toMatchObject({ status: 200, body: 'done' })
    const report = await left
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeGreaterThan(200)
    expect(report.took).toBeLessThan(300 + SLACK)
    await client.gone
  })

  test('long request: it is cut at the deadline, and told with its route and its age', async () => {
    const came = gate()
    const api = await start(stack, () => came.open(), { drainTimeout: DRAIN_TIMEOUT })
    const client = await clientOf(stack, api.port)
    const answer = client.ask('/slow?token=secret').catch(error => error)
    await came.opened
    const report = await api.leave()
    await answer
    expect(report.ok).toBe(false)
    expect(report.services[0]).toMatchObject({
      outcome: 'stopped',
      timedOut: ['drain'],
      info: { cut: 1, cutWork: expect.stringMatching(/^GET \/slow \(\d+ ms\)$/) },
    })
    const age = Number(/\d+/.exec(String(api.info()?.['cutWork']))?.[0])
    expect(age).toBeGreaterThanOrEqual(DRAIN_TIMEOUT - 10)
    expect(formatReport(report)).toMatch(/^ {2}cut api: GET \/slow \(\d+ ms\)$/m)
    expect(report.took).toBeLessThan(DRAIN_TIMEOUT + SLACK)
    await client.gone
  })

  test.each([
    ['without a byte', Buffer.alloc(0)],
    ['with the first bytes of what may be a TLS handshake', Buffer.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01)],
  ])('silent connection %s: it holds up nothing', async (_, bytes) => {
    const api = await start(stack)
    const { socket, closed } = await rawConnection(api.port)
    if (bytes.length > 0) await new Promise<void>(resolve => socket.write(bytes, () => resolve()))
    const report = await api.leave()
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SLACK)
    await closed
  })

  test('silent connection after its handshake: it holds up nothing', async () => {
    const api = await start(stack)
    const { closed } = await byHand(stack, api.port)
    const report = await api.leave()
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SLACK)
    await closed
  })

  test('half head: it holds up nothing', async () => {
    const api = await start(stack)
    const { socket, closed } = await byHand(stack, api.port)
    await new Promise<void>(resolve => socket.write(halfHead(stack), () => resolve()))
    const report = await api.leave()
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SLACK)
    await closed
  })

  test('half body that comes to its end: it is answered', async () => {
    const came = gate()
    const api = await start(stack, undefined, {
      prepare: server => {
        server.removeAllListeners('request').on('request', async (request, response) => {
          came.open()
          let body = ''
          for await (const chunk of request) body += chunk
          response.end(`got ${body}`)
        })
      },
    })
    const { socket, closed, text } = await byHand(stack, api.port)
    socket.write(halfBody(stack))
    await came.opened
    const left = api.leave()
    await api.pending(1)
    socket.write(otherHalf(stack))
    expect(good(await left)).toEqual(GOOD)
    await closed
    expect(text()).toContain('got 1234567890')
  })

  test('half body that does not: it is cut at the deadline', async () => {
    const came = gate()
    const api = await start(stack, undefined, {
      drainTimeout: DRAIN_TIMEOUT,
      prepare: server => {
        server.removeAllListeners('request').on('request', (request, response) => {
          came.open()
          request.on('error', () => {}).resume()
          request.on('end', () => response.end())
        })
      },
    })
    const { socket, closed } = await byHand(stack, api.port)
    socket.write(halfBody(stack))
    await came.opened
    const report = await api.leave()
    expect(report.services[0]?.info).toMatchObject({ cut: 1, cutWork: expect.stringMatching(/^POST \/ \(/) })
    expect(report.took).toBeLessThan(DRAIN_TIMEOUT + SLACK)
    await closed
  })

  test('SSE: the stream is ended', async () => {
    const came = gate()
    const api = await start(stack, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
      const timer = setInterval(() => response.write('data: more\n\n'), 1)
      response.on('close', () => clearInterval(timer))
      came.open()
    })
    const client = await clientOf(stack, api.port)
    const stream = client.ask('/events')
    await came.opened
    const report = await api.leave()
    expect((await stream).body).toMatch(/^data: one\n\n/)
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SLACK)
    await client.gone
  })

  test('new connection while draining: it is refused, and what is in flight is finished', async () => {
    const go = gate()
    const came = gate()
    const api = await start(stack, async (_, response) => {
      came.open()
      await go.opened
      response.end('done')
    })
    const client = await clientOf(stack, api.port)
    const answer = client.ask('/slow')
    await came.opened
    const left = api.leave()
    await expect.poll(() => refuses(api.port)).toBe(true)
    await api.pending(1)
    go.open()
    expect(await answer).toMatchObject({ status: 200, body: 'done' })
    expect(good(await left)).toEqual(GOOD)
  })

  test('new connection in the lame duck: it is served', async () => {
    const api = await start(stack, undefined, { drainDelay: 200 })
    const left = api.leave()
    const clients = await Promise.all([clientOf(stack, api.port), clientOf(stack, api.port)])
    for (const client of clients) expect(await client.ask()).toMatchObject({ status: 200, body: 'hello' })
    const report = await left
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(200 + SLACK)
    await Promise.all(clients.map(client => client.gone))
  })

  test('stop twice: one teardown, one report', async () => {
    const came = gate()
    const api = await start(stack, (_, response) => {
      came.open()
      setTimeout(() => response.end('done'), 100)
    })
    const client = await clientOf(stack, api.port)
    const answer = client.ask('/slow')
    await came.opened
    const [first, second] = await Promise.all([api.group.stop(), api.group.stop()])
    expect(second).toBe(first)
    expect(await api.group.stop()).toBe(first)
    expect(good(first)).toEqual(GOOD)
    expect(await answer).toMatchObject({ status: 200, body: 'done' })
  })

  if (!isHttp2) return

  test('HTTP/2 idle: the session is closed with GOAWAY', async () => {
    const api = await start(stack)
    const client = await clientOf(stack, api.port)
    expect((await client.ask()).body).toBe('hello')
    const report = await api.leave()
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SLACK)
    await client.gone
  })

  test('HTTP/2 stream in flight: all of them are finished, counted one by one', async () => {
    const go = gate()
    const all = gate()
    let came = 0
    const api = await start(stack, async (_, response) => {
      if (++came === 3) all.open()
      await go.opened
      response.end('done')
    })
    const client = await clientOf(stack, api.port)
    const answers = [1, 2, 3].map(i => client.ask(`/slow/${i}`))
    await all.opened
    const left = api.leave()
    await api.pending(3)
    go.open()
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ status: 200, body: 'done' })
    expect(good(await left)).toEqual(GOOD)
    await client.gone
  })
})

describe.each([http, https, http2])('WebSocket over $name', stack => {
  const open = async (drainTimeout: number) => {
    const sockets = new WebSocketServer({ noServer: true })
    const api = await start(stack, undefined, {
      drainTimeout,
      prepare: server => {
        server.on('upgrade', (request, socket, head) => {
          sockets.handleUpgrade(request, socket, head, client => sockets.emit('connection', client))
        })
      },
    })
    const client = new WebSocket(`${stack.tls ? 'wss' : 'ws'}://127.0.0.1:${api.port}/chat`, {
      rejectUnauthorized: false,
    })
    ends.push(() => client.terminate())
    const [[server]] = await Promise.all([once(sockets, 'connection'), once(client, 'open')])
    return { api, client, server: server as WebSocket }
  }

  test('WebSocket: both sides are closed with 1001', async () => {
    const { api, client, server } = await open(FOREVER)
    const codes = Promise.all([once(client, 'close'), once(server, 'close')])
    const report = await api.leave()
    expect((await codes).map(([code]) => code)).toEqual([1001, 1001])
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SLACK)
  })

  test('WebSocket that does not listen: it is cut at the deadline, and counted', async () => {
    const { api, client } = await open(DRAIN_TIMEOUT)
    client.pause()
    const report = await api.leave()
    expect(report.services[0]).toMatchObject({
      timedOut: ['drain'],
      info: { cut: 1, cutWork: expect.stringMatching(/^an upgraded socket \(\d+ ms\)$/) },
    })
    expect(report.took).toBeLessThan(DRAIN_TIMEOUT + SLACK)
    client.resume()
    await once(client, 'close')
  })
})
