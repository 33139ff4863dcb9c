import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import { setTimeout as passed } from 'node:timers/promises'
import { type ServiceState, serviceGroup } from 'rx-service-group'
import { http as httpService } from 'rx-service-group/http'
import { afterAll, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { drive, gate, rawConnection, request } from './driver.ts'
import { type App, askHttp2, byHand, http, http2Plain, openSession, stacks } from './stacks.ts'

// These wait for the second after which figures are told, and do so side by side.
const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const NAMES = ['inFlight', 'handled', 'failed', 'aborted'] as const
type Figures = Partial<Record<(typeof NAMES)[number], number>>

const figuresOf = ({ info }: ServiceState): Figures =>
  Object.fromEntries(NAMES.flatMap(name => (info?.[name] === undefined ? [] : [[name, info[name]]])))

/** Of the states of a start: starting, starting with its address, running. */
const QUIET: readonly Figures[] = [{}, {}, {}]

/** A server of this stack that runs, and the figures of each of its states so far. */
const serving = async (app: App, stack = http) => {
  const life = drive(httpService('api', stack.create(app), { host: '127.0.0.1' }))
  const port = await life.port()
  ends.push(() => life.leave().catch(() => {}))
  const told = () => life.states.map(figuresOf)
  return {
    life,
    port,
    told,
    client: async () => {
      const client = await stack.client(port)
      ends.push(() => client.close())
      return client
    },
    until: (figures: Figures) =>
      life.until(
        state => Object.entries(figures).every(([name, value]) => state.info?.[name] === value),
        JSON.stringify(figures),
      ),
    /** The figures of its last state, after it has ended. */
    end: async () => {
      await life.leave()
      return figuresOf(life.states.at(-1)!)
    },
  }
}

const byPath: App = ({ url }, response) => {
  if (url === '/fault') response.statusCode = 503
  if (url === '/unknown') response.statusCode = 404
  response.end('answered')
}

describe.concurrent.each(stacks)('a server of $name', stack => {
  test('says nothing of requests before the first one, and no state while it is idle', async () => {
    const { life, told, client, port } = await serving(byPath, stack)
    await client()
    const { socket, closed } = await byHand(stack, port)
    await passed(1_500)
    socket.destroy()
    await closed
    await life.leave()
    expect(told()).toEqual(life.states.map(() => ({})))
    expect(life.states.filter(({ phase }) => phase === 'running')).toHaveLength(2)
  })

  test('tells a rush of requests once, and all of it, when the rush is over', async () => {
    const { life, client, until, told } = await serving(byPath, stack)
    const { ask } = await client()
    for (let n = 0; n < 20; n++) await ask()
    expect(told()).toEqual(QUIET)
    await until({ inFlight: 0, handled: 20 })
    await passed(1_500)
    expect(told()).toEqual([...QUIET, { inFlight: 0, handled: 20 }])
    expect(life.states.at(-1)).toMatchObject({ phase: 'running', health: 'pass', info: { address: '127.0.0.1' } })
  })

  test('tells one that takes long while it is under way, and its end', async () => {
    const { open, opened } = gate()
    const { client, until, told } = await serving(async (_, response) => {
      await opened
      response.end()
    }, stack)
    const answer = (await client()).ask()
    await until({ inFlight: 1, handled: 0 })
    await passed(1_500)
    open()
    await answer
    await until({ inFlight: 0, handled: 1 })
    expect(told()).toEqual([...QUIET, { inFlight: 1, handled: 0 }, { inFlight: 0, handled: 1 }])
  })

  test('counts answers with a status from 500 on as failed, too, on one connection and on several', async () => {
    const { client, end } = await serving(byPath, stack)
    const [one, other] = [await client(), await client()]
    for (const path of ['/', '/fault', '/unknown', '/fault']) await one.ask(path)
    await other.ask('/fault')
    expect(await end()).toEqual({ inFlight: 0, handled: 5, failed: 3 })
  })

  test('counts a request whose client leaves as aborted, and no longer as in flight', async () => {
    const { client, until, end } = await serving(({ url }, response) => {
      if (url === '/slow') response.write('the first half')
      else response.end()
    }, stack)
    const [one, other] = [await client(), await client()]
    await one.ask('/')
    one.ask('/slow').catch(() => {})
    other.ask('/slow').catch(() => {})
    await until({ inFlight: 2, handled: 1 })
    one.close()
    await until({ inFlight: 1, handled: 1, aborted: 1 })
    other.close()
    await until({ inFlight: 0, handled: 1, aborted: 2 })
    expect(await end()).toEqual({ inFlight: 0, handled: 1, aborted: 2 })
  })

  test('counts an answer that the app destroys as aborted', async () => {
    const { client, end } = await serving((_, response) => void response.destroy(), stack)
    await (await client()).ask().catch(() => {})
    expect(await end()).toEqual({ inFlight: 0, handled: 0, aborted: 1 })
  })

  test('tells in each state of a drain as many in flight as are pending', async () => {
    const open: ServerResponse[] = []
    const { life, client, until, end } = await serving((_, response) => void open.push(response), stack)
    const clients = await Promise.all([client(), client(), client()])
    const answers = clients.map(({ ask }) => ask())
    await until({ inFlight: 3, handled: 0 })
    life.tell('drain')
    for (const response of open) {
      response.end()
      const { length } = life.states
      await life.until(() => life.states.length > length, 'another state')
    }
    await Promise.all(answers)
    expect(await end()).toEqual({ inFlight: 0, handled: 3 })
    const drained = life.states.filter(({ phase }) => phase === 'draining')
    // The first is said before the drain has begun to count.
    expect(drained.slice(1).map(state => [(state as { pending?: number }).pending, figuresOf(state)])).toEqual([
      [3, { inFlight: 3, handled: 0 }],
      [2, { inFlight: 2, handled: 1 }],
      [1, { inFlight: 1, handled: 2 }],
      [0, { inFlight: 0, handled: 3 }],
    ])
  })

  test('counts what it cuts neither as handled nor as aborted', async () => {
    const { life, client, until } = await serving(({ url }, response) => void (url === '/' && response.end()), stack)
    const [one, other] = [await client(), await client()]
    await one.ask('/')
    one.ask('/slow').catch(() => {})
    other.ask('/slow').catch(() => {})
    await until({ inFlight: 2, handled: 1 })
    life.tell('force')
    await life.gone()
    expect(life.states.at(-1)).toMatchObject({ phase: 'stopped', info: { cut: 2, inFlight: 0, handled: 1 } })
    expect(life.states.at(-1)!.info).not.toHaveProperty('aborted')
  })

  test('counts from nothing again in its next incarnation', async () => {
    const group = serviceGroup('shop').add(httpService('api', stack.create(byPath), { host: '127.0.0.1' }))
    await group.start()
    ends.push(() => group.stop())
    const state = () => group.status.service('shop/api')!.state
    const ask = async () => {
      const client = await stack.client(Number(state().info?.['port']))
      await client.ask()
      client.close()
    }
    await ask()
    await ask()
    await group.restart('api')
    expect(figuresOf(state())).toEqual({})
    await ask()
    await expect.poll(() => figuresOf(state()), { timeout: 5_000 }).toEqual({ inFlight: 0, handled: 1 })
  })
})

describe.concurrent('a server of HTTP/1', () => {
  test('counts each of the requests that come in one piece', async () => {
    const open: ServerResponse[] = []
    const { port, life, until, end } = await serving((_, response) => void open.push(response))
    const { socket, text } = await rawConnection(port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4))
    await until({ inFlight: 4, handled: 0 })
    open[0]!.end('one')
    await until({ inFlight: 3, handled: 1 })
    life.tell('drain')
    await life.until(state => state.phase === 'draining' && state.pending === 3, '3 pending')
    for (const response of open) response.end('more')
    expect(await end()).toEqual({ inFlight: 0, handled: 4 })
    expect(text().match(/HTTP\/1.1 200/g)).toHaveLength(4)
  })

  test('names each of them when it cuts them', async () => {
    const { port, life, until } = await serving(() => {})
    const { socket } = await rawConnection(port)
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2))
    await until({ inFlight: 2 })
    life.tell('force')
    await life.gone()
    expect(life.states.at(-1)!.info).toMatchObject({
      cut: 2,
      cutWork: expect.stringMatching(/^GET \/slow \(2, up to/),
      inFlight: 0,
      handled: 0,
    })
  })

  test('counts those that a client did not wait for as aborted when it leaves', async () => {
    const { port, until } = await serving(() => {})
    const { socket } = await rawConnection(port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3))
    await until({ inFlight: 3, handled: 0 })
    socket.destroy()
    await until({ inFlight: 0, handled: 0, aborted: 3 })
  })

  test('counts a HEAD request, an answer without a body, and one that the app continues, each once', async () => {
    const server = createServer(({ url }, response) => void response.writeHead(url === '/204' ? 204 : 200).end())
    server.on('checkContinue', (incoming, response) => {
      response.writeContinue()
      server.emit('request', incoming, response)
    })
    const life = drive(httpService('api', server, { host: '127.0.0.1' }))
    const port = await life.port()
    await request(port, '/', { method: 'HEAD' })
    await request(port, '/204')
    const { socket, closed } = await rawConnection(port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n')
    await closed
    await life.leave()
    expect(figuresOf(life.states.at(-1)!)).toEqual({ inFlight: 0, handled: 3 })
  })

  test('does not count what node answers by itself', async () => {
    const { port, end } = await serving(() => {})
    const { socket, closed, text } = await rawConnection(port)
    socket.write('no request at all\r\n\r\n')
    await closed
    expect(text()).toContain('400 Bad Request')
    expect(await end()).toEqual({})
  })

  test('counts a WebSocket as in flight while it is open, and as handled once it is closed', async () => {
    const server = createServer()
    const sockets = new WebSocketServer({ server })
    const life = drive(httpService('chat', server, { host: '127.0.0.1' }))
    const port = await life.port()
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`)
      await once(socket, 'open')
      return socket
    }
    const [one, other] = [await open(), await open()]
    const until = (figures: Figures) =>
      life.until(state => JSON.stringify(figuresOf(state)) === JSON.stringify(figures), JSON.stringify(figures))
    await until({ inFlight: 2, handled: 0 })
    one.close()
    await until({ inFlight: 1, handled: 1 })
    life.tell('drain')
    await once(other, 'close')
    await life.leave()
    expect(figuresOf(life.states.at(-1)!)).toEqual({ inFlight: 0, handled: 2 })
    sockets.close()
  })

  test('counts an event stream that its client leaves as aborted, and one that the drain ends as handled', async () => {
    const { client, until, end } = await serving((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: 1\n\n')
    })
    const [one, other] = [await client(), await client()]
    one.ask().catch(() => {})
    other.ask().catch(() => {})
    await until({ inFlight: 2, handled: 0 })
    one.close()
    await until({ inFlight: 1, handled: 0, aborted: 1 })
    expect(await end()).toEqual({ inFlight: 0, handled: 1, aborted: 1 })
  })

  test('counts what was under way on a server that listened before', async () => {
    const open: ServerResponse[] = []
    const server = createServer((_, response) => void open.push(response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const answer = request(port)
    await expect.poll(() => open.length).toBe(1)
    const life = drive(httpService('api', server))
    expect(figuresOf(await life.until('running'))).toEqual({ inFlight: 1, handled: 0 })
    open[0]!.end()
    await answer
    await life.leave()
    expect(figuresOf(life.states.at(-1)!)).toEqual({ inFlight: 0, handled: 1 })
  })

  test('tells its last figures before it fails', async () => {
    const server = createServer(({ url }, response) => void (url === '/' && response.end()))
    const life = drive(httpService('api', server, { host: '127.0.0.1' }))
    const port = await life.port()
    await request(port)
    const slow = request(port, '/slow').catch(() => {})
    await life.until(({ info }) => info?.['inFlight'] === 1, 'a request in flight')
    server.emit('error', new Error('no more files'))
    await life.failure()
    await slow
    expect(figuresOf(life.states.at(-1)!)).toEqual({ inFlight: 0, handled: 1 })
  })

  test('tells them outside the context of any request', async () => {
    const context = new AsyncLocalStorage<string>()
    const server = createServer((_, response) => void response.end())
    const { emit } = server
    // As tracers do.
    server.emit = ((...args: Parameters<typeof emit>) =>
      context.run('a request', () => emit.apply(server, args))) as typeof emit
    const seen: (string | undefined)[] = []
    const group = serviceGroup('shop').add(httpService('api', server, { host: '127.0.0.1' }))
    await group.start()
    ends.push(() => group.stop())
    group.events$.subscribe(event => {
      if (event.kind === 'transition') seen.push(context.getStore())
    })
    await request(Number(group.status.service('shop/api')!.state.info?.['port']))
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual([undefined])
  })
})

describe.concurrent('a server of HTTP/2', () => {
  test('counts a HEAD request as handled, and a stream that its client cancels as aborted', async () => {
    const { port, until, end } = await serving(({ url }, response) => void (url === '/' && response.end()), http2Plain)
    const session = await openSession(port, 'http')
    ends.push(() => session.destroy())
    await askHttp2(session, '/', 'HEAD')
    const stream = session.request({ ':path': '/slow' })
    stream.on('error', () => {}).end()
    await until({ inFlight: 1, handled: 1 })
    stream.close(constants.NGHTTP2_CANCEL)
    await until({ inFlight: 0, handled: 1, aborted: 1 })
    expect(await end()).toEqual({ inFlight: 0, handled: 1, aborted: 1 })
  })
})
