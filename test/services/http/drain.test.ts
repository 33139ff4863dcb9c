import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { setTimeout as passed } from 'node:timers/promises'
import express from 'express'
import { http } from 'rx-service-group/http'
import { describe, expect, test } from 'vitest'
import { drive, gate, keepAlive, rawConnection, refuses, request } from './driver.ts'

/** Long before node would close a connection by itself, also on a busy machine. */
const SOON = 1_000

const hello = (_: unknown, response: ServerResponse) => response.end('hello')

describe('drain', () => {
  test('finishes a request of 300 ms, and is over promptly after it', async () => {
    const life = drive(
      http(
        'api',
        express().get('/slow', (_, response) => {
          setTimeout(() => response.send('done'), 300)
          life.tell('drain')
        }),
      ),
    )
    const port = await life.port()
    const start = performance.now()
    const answer = request(port, '/slow', { agent: keepAlive() }).then(({ headers, body }) => ({
      connection: headers.connection,
      body,
      after: performance.now() - start,
    }))
    await life.until('draining')
    await life.until('drained')
    const took = performance.now() - start
    const { after, ...rest } = await answer
    expect(rest).toEqual({ connection: 'close', body: 'done' })
    expect(after).toBeGreaterThan(290)
    expect(took).toBeLessThan(after + SOON)
    await life.leave()
  })

  test('refuses new connections while it finishes', async () => {
    const go = gate()
    const came = gate()
    const life = drive(
      http('api', async (_, response) => {
        came.open()
        await go.opened
        response.end('done')
      }),
    )
    const port = await life.port()
    const answer = request(port)
    await came.opened
    life.tell('drain')
    await untilRefused(port)
    expect(life.states.at(-1)).toMatchObject({ phase: 'draining', pending: 1 })
    go.open()
    expect((await answer).body).toBe('done')
    await life.leave()
  })

  test('idle keep-alive connections are closed, and none is left', async () => {
    const life = drive(http('api', hello))
    const port = await life.port()
    const agents = Array.from({ length: 10 }, keepAlive)
    await Promise.all(agents.map(agent => request(port, '/', { agent })))
    const sockets = agents.flatMap(agent => Object.values(agent.freeSockets).flat())
    expect(sockets).toHaveLength(10)
    const closed = Promise.all(sockets.map(socket => once(socket!, 'close')))
    expect(await life.leave()).toBeLessThan(SOON)
    await closed
  })

  test('a client that writes on its idle connection is answered, even when the listener is closed', async () => {
    const life = drive(http('api', hello))
    const port = await life.port()
    const agent = keepAlive()
    await request(port, '/', { agent })
    life.tell('drain')
    await untilRefused(port)
    expect(await request(port, '/', { agent })).toMatchObject({ body: 'hello', headers: { connection: 'close' } })
    await life.leave()
  })

  test.each([
    ['that never sent a byte', ''],
    ['with half a head', 'GET / HTTP/1.1\r\nHost: exam'],
  ])('a connection %s is closed soon', async (_, sent) => {
    const life = drive(http('api', hello))
    const port = await life.port()
    const { socket, closed } = await rawConnection(port)
    if (sent) await new Promise<void>(resolve => socket.write(sent, () => resolve()))
    expect(await life.leave()).toBeLessThan(SOON)
    await closed
  })

  test.each<[string, (response: ServerResponse) => void]>([
    ['setHeader', response => response.setHeader('Content-Type', 'text/event-stream').flushHeaders()],
    ['writeHead', response => void response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })],
  ])('an event stream begun with %s is ended, also when the app writes on', async (_, begin) => {
    const life = drive(
      http('api', (_, response) => {
        begin(response)
        const timer = setInterval(() => response.write('data: tick\n\n'), 1)
        response.on('close', () => clearInterval(timer))
      }),
    )
    const port = await life.port()
    const { socket, closed, text } = await rawConnection(port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    expect(await life.leave()).toBeLessThan(SOON)
    await closed
    expect(text()).toMatch(/0\r\n\r\n$/)
  })

  test('an event stream is ended, also when its client lags behind and the app writes on', async () => {
    const wroteAfterEnd = gate()
    const life = drive(
      http('api', (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(Buffer.alloc(20_000_000))
        const timer = setInterval(() => {
          if (response.writableEnded) wroteAfterEnd.open()
          response.write('data: tick\n\n')
        }, 1)
        response.on('close', () => clearInterval(timer))
      }),
    )
    const { socket, closed } = await rawConnection(await life.port())
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    socket.pause()
    life.tell('drain')
    await wroteAfterEnd.opened
    socket.resume()
    await closed
    await life.leave()
  })

  test('a stream that answers a POST is finite, and finished', async () => {
    const go = gate()
    const life = drive(
      http('api', async (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('first;')
        await go.opened
        response.end('last')
      }),
    )
    const port = await life.port()
    const { socket, closed, text } = await rawConnection(port)
    socket.write('POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 0\r\n\r\n')
    await once(socket, 'data')
    life.tell('drain')
    await untilRefused(port)
    go.open()
    await closed
    expect(text()).toContain('last')
    await life.leave()
  })

  test('an upgraded socket is told to close, and the drain is over when it does', async () => {
    const { server } = upgrading()
    const life = drive(http('api', server))
    const { socket, bytes } = await upgraded(await life.port())
    life.tell('drain')
    const [frame] = await once(socket, 'data')
    expect(frame).toEqual(Buffer.of(0x88, 0x02, 0x03, 0xe9))
    expect(life.states.at(-1)).toMatchObject({ phase: 'draining', pending: 1 })
    socket.end()
    await life.until('drained')
    expect(bytes().subarray(-4)).toEqual(frame)
    await life.leave()
  })

  test('an upgraded socket that does not listen does not hang the stop', async () => {
    const { server } = upgrading()
    const life = drive(http('api', server))
    const { socket, closed } = await upgraded(await life.port())
    life.tell('drain')
    await once(socket, 'data')
    life.tell('stop')
    expect((await life.until('stopped')).info).toMatchObject({
      cut: 1,
      cutWork: expect.stringMatching(/^an upgraded socket \(\d+ ms\)$/),
    })
    await closed
  })

  test('tells how many requests are under way, each count once, down to none', async () => {
    const gates = [gate(), gate(), gate()]
    const all = gate()
    let came = 0
    const life = drive(
      http('api', async (incoming, response) => {
        if (++came === 3) all.open()
        await gates[Number(incoming.url?.slice(1))]?.opened
        response.end()
      }),
    )
    const port = await life.port()
    const answers = [0, 1, 2].map(i => request(port, `/${i}`))
    await all.opened
    const pending = () => life.states.flatMap(state => (state.phase === 'draining' ? (state.pending ?? []) : []))
    life.tell('drain')
    for (const [i, { open }] of gates.entries()) {
      await life.until(() => pending().includes(3 - i))
      await passed(20)
      open()
    }
    await Promise.all(answers)
    await life.leave()
    expect(pending()).toEqual([3, 2, 1, 0])
  })

  test("a server of the user's is given back as it was", async () => {
    const server = createServer(hello)
    server.on('upgrade', (_, socket) => socket.destroy())
    const before = traces(server)
    const life = drive(http('api', server))
    await request(await life.port(), '/', { agent: keepAlive() })
    await life.leave()
    expect(traces(server)).toEqual(before)
    expect(server.listening).toBe(false)
  })
})

const untilRefused = async (port: number): Promise<void> => {
  while (!(await refuses(port)));
}

const traces = (server: Server) => ({
  listeners: server.eventNames().map(name => [name, server.rawListeners(name)]),
  own: Object.keys(server).filter(key => typeof Reflect.get(server, key) === 'function'),
  emit: server.emit,
})

const upgrading = () => {
  const server = createServer(hello)
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    socket.on('end', () => socket.end()).resume()
  })
  return { server }
}

const upgraded = async (port: number) => {
  const connection = await rawConnection(port)
  connection.socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  await once(connection.socket, 'data')
  return connection
}
