import { createServer } from 'node:http'
import express from 'express'
import { http } from 'rx-service-group/http'
import { describe, expect, test } from 'vitest'
import { drive, gate, keepAlive, rawConnection, request } from './driver.ts'

const three = 'GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n'

describe('unready', () => {
  test('still accepts connections, and every answer says Connection: close', async () => {
    const life = drive(
      http(
        'api',
        express().get('/', (_, response) => void response.send('hello')),
      ),
    )
    const port = await life.port()
    const agent = keepAlive()
    expect((await request(port, '/', { agent })).headers.connection).toBe('keep-alive')
    life.tell('unready')
    // One on the old socket, which it retires, one on a new one.
    for (const _ of [1, 2]) {
      const answer = await request(port, '/', { agent })
      expect(answer.headers.connection).toBe('close')
      expect(answer.body).toBe('hello')
    }
    expect(life.states.at(-1)).toMatchObject({ phase: 'running', leaving: { by: 'call' } })
    await life.leave()
  })

  test('a request that was under way before is answered with Connection: close, too', async () => {
    const came = gate()
    const go = gate()
    const life = drive(
      http('api', async (_, response) => {
        came.open()
        await go.opened
        response.end('done')
      }),
    )
    const port = await life.port()
    const answer = request(port, '/', { agent: keepAlive() })
    await came.opened
    life.tell('unready')
    go.open()
    expect((await answer).headers.connection).toBe('close')
    await life.leave()
  })

  test.each<[string, Parameters<typeof createServer>[1] & object]>([
    ['setHeader', (_, response) => response.setHeader('Connection', 'keep-alive').end()],
    ['writeHead', (_, response) => response.writeHead(200, { connection: 'keep-alive', 'X-Own': '1' }).end()],
    ['writeHead with a reason', (_, response) => response.writeHead(200, 'Fine', { Connection: 'keep-alive' }).end()],
    [
      'writeHead with a list',
      (_, response) => response.writeHead(200, ['Connection', 'keep-alive', 'X-Own', '1']).end(),
    ],
    [
      'writeHead with pairs',
      (_, response) =>
        response
          .writeHead(200, [
            ['Connection', 'keep-alive'],
            ['X-Own', '1'],
          ] as never)
          .end(),
    ],
    [
      'both',
      (_, response) => response.setHeader('Keep-Alive', 'timeout=9').writeHead(200, { CONNECTION: 'keep-alive' }).end(),
    ],
    [
      'sending the head early',
      (_, response) => response.setHeader('Connection', 'keep-alive').write('') && response.end(),
    ],
  ])('an app that says keep-alive by %s is overridden', async (how, app) => {
    const life = drive(http('api', app))
    const port = await life.port()
    life.tell('unready')
    const { headers } = await request(port, '/', { agent: keepAlive() })
    expect(headers.connection).toBe('close')
    expect(headers['keep-alive']).toBeUndefined()
    if (how === 'writeHead with pairs' || how === 'writeHead with a list') expect(headers['x-own']).toBe('1')
    await life.leave()
  })

  test('pipelined requests are all answered, and only the last one says close', async () => {
    const life = drive(http('api', (incoming, response) => response.end(`answer ${incoming.url};`)))
    const { socket, closed, text } = await rawConnection(await life.port())
    life.tell('unready')
    socket.write(three)
    await closed
    expect(text().match(/answer \/\d;/g)).toEqual(['answer /1;', 'answer /2;', 'answer /3;'])
    expect(text().match(/^connection: \S+/gim)).toEqual([
      'Connection: keep-alive',
      'Connection: keep-alive',
      expect.stringMatching(/^connection: close$/i),
    ])
    await life.leave()
  })

  test('pipelined requests that were under way before are all answered, and only the last one says close', async () => {
    const go = gate()
    const all = gate()
    let came = 0
    const life = drive(
      http('api', async (incoming, response) => {
        if (++came === 3) all.open()
        await go.opened
        response.end(`answer ${incoming.url};`)
      }),
    )
    const { socket, closed, text } = await rawConnection(await life.port())
    socket.write(three)
    await all.opened
    life.tell('drain')
    go.open()
    await closed
    expect(text().match(/answer \/\d;/g)).toEqual(['answer /1;', 'answer /2;', 'answer /3;'])
    expect(text().match(/^connection: close/gim)).toHaveLength(1)
    await life.leave()
  })

  test("a server of the user's sees the same events in the same way", async () => {
    const server = createServer((_, response) => response.end('plain'))
    server.on('checkContinue', (incoming, response) => {
      response.writeContinue()
      server.emit('request', incoming, response)
    })
    const life = drive(http('api', server))
    const port = await life.port()
    life.tell('unready')
    const answer = await request(port, '/', { headers: { expect: '100-continue' } })
    expect(answer).toMatchObject({ body: 'plain', headers: { connection: 'close' } })
    await life.leave()
  })
})
