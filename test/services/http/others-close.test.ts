import { once } from 'node:events'
import { createServer } from 'node:http'
import { Server as NetServer } from 'node:net'
import { http } from 'rx-service-group/http'
import { startApp } from 'rx-service-group/testing/process'
import { describe, expect, test } from 'vitest'
import { TSX } from '../../support/child.ts'
import { drive, gate, keepAlive, request } from './driver.ts'

describe('old code that ends the server on SIGTERM, too', () => {
  test.each([
    ['before', ['close']],
    ['after', ['close']],
    ['before', ['close', 'closeIdleConnections']],
    ['after', ['closeIdleConnections', 'close', 'close']],
    ['before', ['close', 'closeAllConnections', 'close']],
    ['before', ['closeIdleConnections', 'closeAllConnections']],
  ])('registered %s the group runs, calling %j: the leaving stays graceful', async (order, calls) => {
    const program = new URL('./old-code-process.ts', import.meta.url)
    await using app = await startApp(program, { execArgv: TSX, args: [order, ...calls] })
    const port = Number(app.status.service('shop/api')!.state.info!['port'])
    const agent = keepAlive()
    await request(port, '/', { agent })
    const slow = request(port, '/slow')
    // The slow request is under way when a later one is answered.
    await request(port)
    app.signal('SIGTERM')
    await app.until(/old code ran\n/)
    expect(await request(port, '/', { agent })).toMatchObject({ body: 'hello', headers: { connection: 'close' } })
    expect(await request(port)).toMatchObject({ body: 'hello' })
    expect(await slow).toMatchObject({ body: 'slow' })
    const { code, output, report } = await app.ended
    const heldBack = [...new Set(calls)].map(call => `server.${call}()`).join(', ')
    expect({ code, ok: report?.ok, info: report?.services[0]?.info }).toMatchObject({
      code: 0,
      ok: true,
      info: { heldBack },
    })
    expect(output.match(/^closed.*/gm) ?? []).toEqual(calls.flatMap(call => (call === 'close' ? ['closed well'] : [])))
  })
})

describe('a server that someone else ends', () => {
  test('while no one is asked to leave is closed after all, and the service fails', async () => {
    const server = createServer((_, response) => response.end())
    const life = drive(http('api', server))
    const port = await life.port()
    const agent = keepAlive()
    await request(port, '/', { agent })
    const [socket] = Object.values(agent.freeSockets).flat()
    const gone = once(socket!, 'close')
    const called = new Promise(resolve => server.close(resolve))
    expect(String(await life.ended())).toContain('other code closed its server')
    await Promise.all([gone, called])
  })

  test('keeps its own ways: idle connections are closed when that alone is asked for', async () => {
    const server = createServer((_, response) => response.end())
    const life = drive(http('api', server))
    const port = await life.port()
    const agent = keepAlive()
    await request(port, '/', { agent })
    const [socket] = Object.values(agent.freeSockets).flat()
    const gone = once(socket!, 'close')
    server.closeIdleConnections()
    await gone
    await life.leave()
  })

  test('is given back with the methods that it had', async () => {
    const server = createServer((_, response) => response.end())
    let calls = 0
    const close = server.close.bind(server)
    server.close = callback => {
      calls++
      return close(callback)
    }
    const before = Object.getOwnPropertyDescriptors(server)
    const life = drive(http('api', server))
    await life.port()
    await life.leave()
    for (const method of ['close', 'closeIdleConnections', 'closeAllConnections'] as const)
      expect(Object.getOwnPropertyDescriptor(server, method)).toEqual(before[method])
    expect(calls).toBe(1)
  })

  test('and is asked to leave within its close() drains, and then calls back', async () => {
    const came = gate()
    const go = gate()
    const server = createServer(async (_, response) => {
      came.open()
      await go.opened
      response.end('done')
    })
    const life = drive(http('api', server))
    const answer = request(await life.port())
    await came.opened
    const called = new Promise(resolve => server.close(resolve))
    life.tell('drain')
    go.open()
    expect((await answer).body).toBe('done')
    await life.leave()
    expect(await called).toBeUndefined()
    expect((await life.until('stopped')).info).toMatchObject({ heldBack: 'server.close()' })
  })

  test('past its own methods, while the service leaves, ends it well', async () => {
    const server = createServer()
    const life = drive(http('api', server))
    await life.port()
    life.tell('unready')
    const closed = once(server, 'close')
    NetServer.prototype.close.call(server)
    await closed
    await life.leave()
    expect(life.phases().at(-1)).toBe('stopped')
  })

  test('after it has gone is told so by Node', async () => {
    const server = createServer()
    const life = drive(http('api', server))
    await life.port()
    await life.leave()
    const error = await new Promise<NodeJS.ErrnoException | undefined>(resolve => server.close(resolve))
    expect(error?.code).toBe('ERR_SERVER_NOT_RUNNING')
  })
})
