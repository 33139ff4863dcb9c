import { once } from 'node:events'
import { createServer, get, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { describe, expect, test } from 'vitest'
import { targetOf } from '../../../src/services/http/target.ts'
import { gate, keepAlive, rawConnection, request } from './driver.ts'

const SOON = 1_500

/** A server that listened, and was used, before it becomes a service. */
const listening = async (app: RequestListener = (_, response) => response.end('hello')) => {
  const server = createServer({ keepAliveTimeout: 60_000 }, app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

const adopt = async (server: ReturnType<typeof createServer>) => {
  const group = serviceGroup('shop').add(http('api', server))
  await group.start()
  return async () => {
    const begun = performance.now()
    const { ok } = await group.stop()
    return { ok, took: performance.now() - begun }
  }
}

const outcome = (port: number) =>
  new Promise<string | undefined>(resolve => {
    get({ host: '127.0.0.1', port, agent: false }, response =>
      response.resume().on('end', () => resolve('answered')),
    ).on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })

describe('a server that was listening already', () => {
  test('resets no client of the same process that connects after the stop began', async () => {
    const seen = new Set<string | undefined>()
    for (let round = 0; round < 10; round++) {
      const { server, port } = await listening()
      const leave = await adopt(server)
      const left = leave()
      const asked: Promise<string | undefined>[] = []
      for (let i = 0; i < 40; i++) {
        asked.push(outcome(port))
        await new Promise(resolve => setImmediate(resolve))
      }
      for (const what of await Promise.all(asked)) seen.add(what)
      expect(await left).toMatchObject({ ok: true })
    }
    // Whether a client came before the last moment, and is answered, is a matter of luck; it is never reset.
    expect([...seen].filter(what => what !== 'answered' && what !== 'ECONNREFUSED')).toEqual([])
  }, 30_000)

  test('closes idle connections that came before', async () => {
    const { server, port } = await listening()
    const agent = keepAlive()
    await request(port, '/', { agent })
    const silent = await rawConnection(port)
    const [socket] = Object.values(agent.freeSockets).flat()
    const closed = Promise.all([once(socket!, 'close'), silent.closed])
    const { ok, took } = await (await adopt(server))()
    await closed
    expect(ok).toBe(true)
    expect(took).toBeLessThan(SOON)
  })

  test('finishes a request that came before, and says Connection: close', async () => {
    const came = gate()
    const go = gate()
    const { server, port } = await listening(async (_, response) => {
      came.open()
      await go.opened
      response.end('done')
    })
    const answer = request(port, '/', { agent: keepAlive() })
    await came.opened
    const leave = await adopt(server)
    const left = leave()
    setTimeout(go.open, 100)
    expect(await answer).toMatchObject({ body: 'done', headers: { connection: 'close' } })
    expect(await left).toMatchObject({ ok: true })
  })

  test('ends an upgraded socket that came before, and writes nothing into it', async () => {
    const { server, port } = await listening()
    server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
      socket.on('end', () => socket.end()).resume()
    })
    const { socket, bytes, closed } = await rawConnection(port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
    await once(socket, 'data')
    const before = bytes().length
    const { ok, took } = await (await adopt(server))()
    await closed
    expect(bytes()).toHaveLength(before)
    expect(ok).toBe(true)
    expect(took).toBeLessThan(SOON)
  })
})

test('the backlog of a socket that was handed over by another process is left as it is', async () => {
  // What a server has that listens on a file descriptor.
  const { server } = await listening()
  const newServer = targetOf(server, [{ port: 0 }])
  expect(newServer().ours).toBe(true)
  Object.assign(server, { _connectionKey: 'null:null:null' })
  expect(newServer().ours).toBe(false)
  server.close()
})
