import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { ServiceError } from 'rx-service-group'
import { type HttpTarget, http } from 'rx-service-group/http'
import { describe, expect, test } from 'vitest'
import { drive, holdPort, refuses, request } from './driver.ts'

const codeOf = (error: unknown) => (error instanceof ServiceError ? error.code : error)

const expressApp = () => express().get('/', (_, response) => void response.send('hello'))
const listener: HttpTarget = (_, response) => response.end('hello')
const listening = async () => {
  const server = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

describe('start', () => {
  test('is running once it listens, and says where', async () => {
    const life = drive(http('api', listener, { host: '127.0.0.1' }))
    const { info } = await life.until('running')
    const port = await life.port()
    expect(info).toEqual({ address: '127.0.0.1', port, url: `http://127.0.0.1:${port}` })
    expect((await request(port)).body).toBe('hello')
    await life.leave()
  })

  test('listens on every address unless given one, and then says localhost', async () => {
    const life = drive(http('api', listener))
    const { info } = await life.until('running')
    expect(info).toMatchObject({ url: `http://localhost:${await life.port()}` })
    await life.leave()
  })

  test.each<[string, () => HttpTarget | Promise<HttpTarget>]>([
    ['an express app', expressApp],
    ['a request listener', () => listener],
    ['a server', () => createServer(expressApp())],
    ['a server that already listens', listening],
  ])('serves %s, and can be started again after it has ended', async (_, target) => {
    const api = http('api', await target())
    for (const _round of [1, 2]) {
      const life = drive(api)
      const port = await life.port()
      expect((await request(port)).body).toBe('hello')
      await life.leave()
      expect(await refuses(port)).toBe(true)
    }
  })

  test('a server that came listening is brought back to the same place', async () => {
    const server = await listening()
    const { port } = server.address() as AddressInfo
    const api = http('api', server)
    for (const _round of [1, 2]) {
      const life = drive(api)
      expect((await life.until('running')).info).toMatchObject({ address: '127.0.0.1', port })
      await life.leave()
    }
  })

  test('a taken port is an error that names service and port and says what to do', async () => {
    const { port, release } = await holdPort()
    const error = await drive(http('api', listener, { port })).ended()
    release()
    expect(codeOf(error)).toBe('ERR_PORT_IN_USE')
    expect((error as Error).message).toBe(
      `service "api": can't listen on port ${port}: it is already in use; stop what uses it, or give another port`,
    )
  })

  test('a server whose port was taken is left as it was', async () => {
    const { port, release } = await holdPort()
    const server = createServer(listener)
    const before = listenersOf(server)
    await drive(http('api', server, { port })).ended()
    release()
    expect(listenersOf(server)).toEqual(before)
  })

  test('a forbidden port is an error that says what to do', async () => {
    const server = createServer(listener)
    // Whoever runs the tests may be allowed every port.
    server.listen = () => {
      process.nextTick(() => server.emit('error', Object.assign(new Error('listen EACCES'), { code: 'EACCES' })))
      return server
    }
    const error = await drive(http('api', server, { port: 80 })).ended()
    expect(codeOf(error)).toBe('ERR_PORT_FORBIDDEN')
    expect((error as Error).message).toContain('service "api": may not listen on port 80')
  })

  test('an address that is not ours is an error of the start', async () => {
    const error = await drive(http('api', listener, { host: '203.0.113.7' })).ended()
    expect(codeOf(error)).toBe('ERR_START_FAILED')
    expect((error as Error).message).toContain(`service "api": can't listen on 203.0.113.7:0`)
  })

  test.each([-1, 1.5, 65_536, Number.NaN, '8080'])('port %s is refused at the call', port => {
    expect(() => http('api', listener, { port: port as number })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'api' }),
    )
  })

  test.each([undefined, null, {}, 'app', { listen: () => {} }])('%j is no target', target => {
    expect(() => http('api', target as unknown as HttpTarget)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    )
  })

  test('a start that is cancelled leaves nothing listening', async () => {
    for (const step of ['stop', 'force'] as const) {
      const server = createServer(listener)
      const life = drive(http('api', server))
      life.tell(step)
      expect(await life.ended()).toBeUndefined()
      expect(life.states.map(state => state.phase)).not.toContain('running')
      expect(server.listening).toBe(false)
    }
  })

  test('who unsubscribes while a host name is looked up leaves nothing listening', async () => {
    const server = createServer(listener)
    drive(http('api', server, { host: 'localhost' })).abandon()
    if (!server.listening) await once(server, 'listening')
    expect(server.listening).toBe(false)
  })

  test('who unsubscribes from a running service frees its port', async () => {
    const life = drive(http('api', listener))
    const port = await life.port()
    life.abandon()
    expect(await refuses(port)).toBe(true)
  })

  test('a server that errs later fails the service', async () => {
    const server = createServer(listener)
    const life = drive(http('api', server))
    const port = await life.port()
    server.emit('error', new Error('out of file descriptors'))
    expect(codeOf(await life.ended())).toBe('ERR_SERVICE_FAILED')
    expect(await refuses(port)).toBe(true)
  })

  test('a server that someone else closes fails the service', async () => {
    const server = createServer(listener)
    const life = drive(http('api', server))
    await life.until('running')
    server.close()
    expect(String(await life.ended())).toContain('other code closed its server')
  })
})

const listenersOf = (server: Server) =>
  Object.fromEntries(server.eventNames().map(name => [String(name), server.rawListeners(name)]))
