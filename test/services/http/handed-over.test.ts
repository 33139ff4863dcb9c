import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import proxy from 'http-proxy'
import { type Report, serviceGroup } from 'rx-service-group'
import { type HttpOptions, http } from 'rx-service-group/http'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { gate, rawConnection } from './driver.ts'

const GOING_AWAY = Buffer.of(0x88, 0x02, 0x03, 0xe9)
/** What never ends would take so long: a test that is quicker has not waited for it. */
const FOREVER = 25_000
const SOON = 5_000

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A group with one service, that hands sockets over to `app`. */
const serving = async (
  event: 'upgrade' | 'connect',
  app: (socket: Socket, request: IncomingMessage, head: Buffer) => unknown,
  { drainTimeout = FOREVER, ...options }: HttpOptions & { readonly drainTimeout?: number } = {},
) => {
  const server = createServer((_, response) => response.end('hello'))
  const handedOver = gate()
  server.on(event, (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    app(socket as Socket, request, head)
    handedOver.open()
  })
  const api = http('api', server, { host: '127.0.0.1', ...options })
  const group = serviceGroup('shop', { shutdownTimeout: 2 * FOREVER }).add(api, { drainTimeout })
  await group.start()
  ends.push(() => group.stop())
  return {
    port: api.port!,
    handedOver: handedOver.opened,
    group,
    health: () => group.status.service('shop/api')!.state,
    leave: async (): Promise<Report & { readonly took: number }> => {
      const begun = performance.now()
      const report = await group.stop()
      return { ...report, took: performance.now() - begun }
    },
  }
}

const ask = (port: number, lines: readonly string[]) =>
  rawConnection(port).then(connection => {
    connection.socket.write(`${lines.join('\r\n')}\r\nHost: x\r\n\r\n`)
    ends.push(() => connection.socket.destroy())
    return connection
  })
const webSocket = (port: number) =>
  ask(port, [
    'GET /chat HTTP/1.1',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ])
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'

/** All that came after the head. */
const body = (bytes: Buffer) => bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)

/** A TCP server that echoes, and its connections. */
const echo = async () => {
  const sockets: Socket[] = []
  const server = createNetServer({ allowHalfOpen: true }, socket => {
    sockets.push(socket)
    socket.on('error', () => {}).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => server.close())
  return { port: (server.address() as AddressInfo).port, sockets }
}

/** A WebSocket server behind, each of its sockets told. */
const behind = async (onSocket: (socket: WebSocket) => unknown = () => {}) => {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', onSocket)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

const frame = (payload: Buffer) => {
  const head = Buffer.alloc(10)
  head.writeUInt8(0x82, 0)
  head.writeUInt8(127, 1)
  head.writeBigUInt64BE(BigInt(payload.length), 2)
  return [head, payload] as const
}

const good = ({ ok, errors, services }: Report) => ({ ok, errors, cut: services[0]?.info?.['cut'] })
const GOOD = { ok: true, errors: [], cut: undefined }

describe('a CONNECT tunnel', () => {
  const tunnel = (target: number) => (socket: Socket) => {
    const upstream = connect(target, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
  }

  test('carries what it is given while draining, and is then ended at both ends without a foreign byte', async () => {
    const target = await echo()
    const api = await serving('connect', tunnel(target.port))
    const client = await ask(api.port, [`CONNECT 127.0.0.1:${target.port} HTTP/1.1`])
    await once(client.socket, 'data')
    client.socket.write('before;')
    await once(client.socket, 'data')
    const ended = Promise.all([once(client.socket, 'end'), once(target.sockets[0]!, 'close')])
    const left = api.leave()
    for (let i = 0; i < 5; i++) {
      await new Promise(resolve => setTimeout(resolve, 50))
      client.socket.write(`${i};`)
    }
    const report = await left
    await ended
    expect(body(client.bytes()).toString()).toBe('before;0;1;2;3;4;')
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SOON)
  })

  test('that its app relays by hand is ended, too', async () => {
    const target = await echo()
    const api = await serving('connect', socket => {
      const upstream = connect(target.port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
      upstream.on('data', bytes => socket.write(bytes)).on('end', () => socket.end())
      socket.on('data', bytes => upstream.write(bytes)).on('end', () => upstream.end())
    })
    const client = await ask(api.port, [`CONNECT 127.0.0.1:${target.port} HTTP/1.1`])
    await once(client.socket, 'data')
    client.socket.write('hello')
    await once(client.socket, 'data')
    const report = await api.leave()
    await client.closed
    expect(body(client.bytes()).toString()).toBe('hello')
    expect(good(report)).toEqual(GOOD)
  })

  test('whose client does not end is let go', async () => {
    const target = await echo()
    const api = await serving('connect', tunnel(target.port))
    const client = connect({ port: api.port, host: '127.0.0.1', allowHalfOpen: true })
    ends.push(() => client.destroy())
    client.on('error', () => {}).write('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(client, 'data')
    const report = await api.leave()
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SOON)
  })
})

describe('an upgrade', () => {
  test('to another protocol gets no foreign byte, and is ended when it is quiet', async () => {
    const api = await serving('upgrade', socket => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
      socket.pipe(socket)
    })
    const client = await ask(api.port, ['GET / HTTP/1.1', 'Upgrade: echo', 'Connection: Upgrade'])
    await once(client.socket, 'data')
    client.socket.write('hello')
    await once(client.socket, 'data')
    const report = await api.leave()
    await client.closed
    expect(body(client.bytes()).toString()).toBe('hello')
    expect(good(report)).toEqual(GOOD)
  })

  test('that the app has not answered yet gets no foreign byte; accepted while draining, it is told to close', async () => {
    let accept = () => {}
    const api = await serving('upgrade', socket => {
      socket.on('end', () => socket.end()).resume()
      accept = () => void socket.write(SWITCHING)
    })
    const client = await webSocket(api.port)
    await api.handedOver
    const left = api.leave()
    await expect.poll(() => api.health()).toMatchObject({ phase: 'draining', pending: 1 })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(client.bytes()).toHaveLength(0)
    accept()
    await once(client.socket, 'data')
    await expect.poll(() => body(client.bytes())).toEqual(GOING_AWAY)
    client.socket.end()
    expect(good(await left)).toEqual(GOOD)
  })

  test('that the app refuses gets what the app says', async () => {
    let refuse = () => {}
    const api = await serving('upgrade', socket => {
      refuse = () => void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
    })
    const client = await webSocket(api.port)
    await api.handedOver
    const left = api.leave()
    refuse()
    await client.closed
    expect(client.text()).toBe('HTTP/1.1 401 Unauthorized\r\n\r\n')
    expect(good(await left)).toEqual(GOOD)
  })
})

describe('a WebSocket that the app frames itself', () => {
  test('is told to close after the message that is half written', async () => {
    const payload = Buffer.alloc(70_000, 7)
    const [head, data] = frame(payload)
    let finish = () => {}
    const api = await serving('upgrade', socket => {
      socket.write(SWITCHING)
      socket.write(head)
      finish = () => void socket.write(data)
      socket.on('end', () => socket.end()).resume()
    })
    const client = await webSocket(api.port)
    await api.handedOver
    const left = api.leave()
    await expect.poll(() => api.health()).toMatchObject({ phase: 'draining', pending: 1 })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(body(client.bytes())).toEqual(head)
    finish()
    await expect.poll(() => body(client.bytes()).length).toBe(head.length + data.length + GOING_AWAY.length)
    expect(body(client.bytes())).toEqual(Buffer.concat([head, data, GOING_AWAY]))
    client.socket.end()
    expect(good(await left)).toEqual(GOOD)
  })

  test('is not told between the fragments of a message', async () => {
    let finish = () => {}
    const api = await serving('upgrade', socket => {
      socket.write(SWITCHING)
      socket.write(Buffer.of(0x01, 1, 0x61))
      finish = () => void socket.write(Buffer.of(0x80, 1, 0x62))
      socket.on('end', () => socket.end()).resume()
    })
    const client = await webSocket(api.port)
    await api.handedOver
    const left = api.leave()
    await expect.poll(() => api.health()).toMatchObject({ phase: 'draining', pending: 1 })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(body(client.bytes())).toHaveLength(3)
    finish()
    await expect.poll(() => body(client.bytes()).subarray(6)).toEqual(GOING_AWAY)
    client.socket.end()
    expect(good(await left)).toEqual(GOOD)
  })

  test('comes whole to a slow client, also a message of 20 MB, and is closed with 1001', async () => {
    const sockets = new WebSocketServer({ noServer: true })
    const api = await serving('upgrade', (socket, request, head) =>
      sockets.handleUpgrade(request, socket, head, client => client.send(Buffer.alloc(20_000_000, 1))),
    )
    const client = new WebSocket(`ws://127.0.0.1:${api.port}`)
    client.on('open', () => client.pause())
    await once(client, 'open')
    const left = api.leave()
    await expect.poll(() => api.health()).toMatchObject({ phase: 'draining', pending: 1 })
    const message = once(client, 'message')
    const closed = once(client, 'close')
    client.resume()
    expect((await message)[0]).toHaveLength(20_000_000)
    expect((await closed)[0]).toBe(1001)
    expect(good(await left)).toEqual(GOOD)
  })
})

describe('a WebSocket behind http-proxy', () => {
  const proxied = async (target: number, options = {}) => {
    const relay = proxy.createProxyServer({ target: `http://127.0.0.1:${target}`, ws: true })
    const failures: Error[] = []
    relay.on('error', error => failures.push(error))
    const api = await serving('upgrade', (socket, request, head) => relay.ws(request, socket, head), options)
    return { ...api, failures }
  }

  test('is ended at both ends, without a foreign byte', async () => {
    const target = await behind()
    const api = await proxied(target.port)
    const accepted = once(target.sockets, 'connection')
    const client = await webSocket(api.port)
    const [[upstream]] = (await Promise.all([accepted, once(client.socket, 'data')])) as [[WebSocket], unknown]
    const gone = once(upstream, 'close')
    const report = await api.leave()
    expect((await gone)[0]).toBe(1006)
    await client.closed
    expect(body(client.bytes())).toHaveLength(0)
    expect(good(report)).toEqual(GOOD)
    expect(report.took).toBeLessThan(SOON)
    expect(api.failures).toEqual([])
  })

  test('brings a message of 2 MB through that was on its way, to a client that is slow', async () => {
    const message = Buffer.from(Array.from({ length: 2_000_000 }, (_, i) => i % 251))
    const target = await behind(socket => socket.send(message))
    const api = await proxied(target.port)
    const client = new WebSocket(`ws://127.0.0.1:${api.port}`)
    ends.push(() => client.terminate())
    const received: Buffer[] = []
    const errors: Error[] = []
    client.on('message', data => received.push(data as Buffer)).on('error', error => errors.push(error))
    client.on('open', () => client.pause())
    await once(client, 'open')
    const closed = once(client, 'close')
    const left = api.leave()
    await new Promise(resolve => setTimeout(resolve, 800))
    client.resume()
    const report = await left
    expect((await closed)[0]).toBe(1006)
    expect(errors).toEqual([])
    expect(received.map(data => data.equals(message))).toEqual([true])
    expect(good(report)).toEqual(GOOD)
  })

  test('waits for the rest of a message that its sender is slow to write, and is cut at the deadline', async () => {
    const raw = createNetServer(socket => {
      socket.on('error', () => {}).once('data', () => socket.write(`${SWITCHING}\x82\x7e\x01\x00half`))
    }).listen(0, '127.0.0.1')
    await once(raw, 'listening')
    ends.push(() => raw.close())
    const api = await proxied((raw.address() as AddressInfo).port, { drainTimeout: 1_200 })
    const client = await webSocket(api.port)
    await once(client.socket, 'data')
    const report = await api.leave()
    await client.closed
    expect(body(client.bytes()).toString('latin1')).toMatch(/half$/)
    expect(report.ok).toBe(false)
    expect(report.services[0]).toMatchObject({ timedOut: ['drain'], info: { cut: 1 } })
  })
})

describe('a WebSocket that the app relays by hand', () => {
  test('gets no foreign byte once a message came in pieces', async () => {
    const message = Buffer.alloc(2_000_000, 5)
    const target = await behind(socket => socket.send(message))
    const api = await serving('upgrade', (socket, request) => {
      const upstream = connect(target.port, '127.0.0.1')
      const { rawHeaders } = request
      const lines = rawHeaders.flatMap((name, i) => (i % 2 ? [] : `${name}: ${rawHeaders[i + 1]}`))
      upstream.write(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      upstream.on('data', bytes => socket.write(bytes)).on('end', () => socket.end())
      socket.on('data', bytes => upstream.write(bytes)).on('end', () => upstream.end())
    })
    const client = await webSocket(api.port)
    await expect.poll(() => body(client.bytes()).length).toBe(message.length + 10)
    const report = await api.leave()
    await client.closed
    expect(body(client.bytes())).toHaveLength(message.length + 10)
    expect(good(report)).toEqual(GOOD)
  })
})

describe('leaveAlone', () => {
  const accepting = (socket: Socket) => {
    socket.write(SWITCHING)
    socket.on('end', () => socket.end()).resume()
  }

  test('names sockets that are neither told nor ended; the drain waits for them', async () => {
    const asked: unknown[] = []
    const api = await serving('upgrade', accepting, {
      leaveAlone: ({ url }, socket) => {
        asked.push([url, socket.constructor.name])
        return url === '/chat'
      },
    })
    const client = await webSocket(api.port)
    await once(client.socket, 'data')
    let over = false
    const left = api.leave().finally(() => {
      over = true
    })
    await new Promise(resolve => setTimeout(resolve, 1_200))
    expect(over).toBe(false)
    expect(body(client.bytes())).toHaveLength(0)
    expect(client.socket.readyState).toBe('open')
    client.socket.end()
    expect(good(await left)).toEqual(GOOD)
    expect(asked).toEqual([['/chat', 'Socket']])
  })

  test('one that throws leaves the socket alone, and the service tells of it', async () => {
    const api = await serving('upgrade', accepting, {
      leaveAlone: () => {
        throw new Error('no idea')
      },
    })
    const client = await webSocket(api.port)
    await once(client.socket, 'data')
    expect(api.health()).toMatchObject({ health: 'warn', detail: expect.stringContaining('no idea') })
    const left = api.leave()
    client.socket.end()
    expect(good(await left)).toEqual(GOOD)
    expect(body(client.bytes())).toHaveLength(0)
  })

  test('anything but a function is refused', () => {
    expect(() => http('api', () => {}, { leaveAlone: 'all' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    )
  })
})
