import type { IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
// @ts-expect-error express 4 has no types under this name
import express4 from 'express4'
import fc from 'fast-check'
import { http } from 'rx-service-group/http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withClose } from '../../../src/services/http/head.ts'
import { drive, gate, rawConnection } from './driver.ts'

type App = (request: IncomingMessage, response: ServerResponse) => unknown

/** The same apps, by path, in a service that runs and in one that is asked to leave. */
const apps = new Map<string, App>()
const serveAll = () => drive(http('api', (request, response) => apps.get(request.url!)!(request, response)))
const lives = { before: serveAll(), leaving: serveAll() }
const ports = { before: 0, leaving: 0 }

beforeAll(async () => {
  ports.before = await lives.before.port()
  ports.leaving = await lives.leaving.port()
  lives.leaving.tell('unready')
})
afterAll(() => Promise.all([lives.before.leave(), lives.leaving.leave()]))

interface Ask {
  readonly method?: string
  readonly version?: string
  readonly headers?: string
}

let asked = 0
/** All bytes of the answer. The date is the only header that changes from one answer to the next. */
const bytesOf = async (port: number, app: App, { method = 'GET', version = '1.1', headers = '' }: Ask) => {
  const path = `/${++asked}`
  const { socket, closed, bytes } = await rawConnection(port)
  const answered = new Promise<void>(resolve => {
    apps.set(path, (request, response) => {
      response.on('close', resolve)
      return app(request, response)
    })
  })
  socket.write(`${method} ${path} HTTP/${version}\r\nHost: x\r\n${headers}\r\n`)
  await answered
  // Node closes a connection that was kept when its client is gone.
  socket.end()
  await closed
  apps.delete(path)
  return bytes().toString('latin1')
}

const DATE = /^Date: .*GMT\r\n/gm
const NEVER = /^(connection|keep-alive):.*\r\n/gim

/** Asks twice; returns both answers without what says how long the connection lives. */
const both = async (app: App, ask: Ask = {}) => {
  const before = await bytesOf(ports.before, app, ask)
  const leaving = await bytesOf(ports.leaving, app, ask)
  const without = (answer: string) => answer.replace(DATE, 'Date: now\r\n').replace(NEVER, '')
  return { before: without(before), leaving: without(leaving), raw: { before, leaving } }
}

const saysClose = (answer: string) => /^connection: (.*, )?close(, .*)?\r\n/im.test(answer)

/** Compares them, and sees that a final answer says that the connection ends. */
const same = async (app: App, ask: Ask = {}) => {
  const { before, leaving, raw } = await both(app, ask)
  expect(leaving).toBe(before)
  expect(raw.leaving).toSatisfy(saysClose)
  return raw
}

const list = ['Set-Cookie', 'a=1', 'x-CASE', 'Kept', 'Set-Cookie', 'b=2', 'Via', 'one', 'via', 'two']
const pairs = Array.from({ length: list.length / 2 }, (_, i) => list.slice(2 * i, 2 * i + 2))

describe('leaving, an answer differs only in Connection: close', () => {
  test.each<[string, App, Ask?]>([
    ['nothing but the end', (_, response) => response.end('hello')],
    ['a list of headers', (_, response) => response.writeHead(200, list).end('hello')],
    ['pairs of headers', (_, response) => response.writeHead(200, pairs as never).end('hello')],
    ['a list and a status message', (_, response) => response.writeHead(200, 'Fine', list).end()],
    [
      'an object of headers',
      (_, response) => response.writeHead(200, { B: '1', 'set-cookie': ['a', 'b'], a: 2 }).end(),
    ],
    ['an object that inherits', (_, response) => response.writeHead(200, Object.create({ 'x-not': 'own' })).end()],
    ['setHeader before a list', (_, response) => response.setHeader('X-First', '1').writeHead(200, list).end()],
    [
      'a status message of its own',
      (_, response) => {
        response.statusCode = 404
        response.statusMessage = 'Gone Fishing'
        response.end('no')
      },
    ],
    [
      'Headers',
      (_, response) =>
        response
          .setHeaders(
            new Headers([
              ['b', '1'],
              ['a', '2'],
            ]),
          )
          .end(),
    ],
    [
      'a Map',
      (_, response) =>
        response
          .setHeaders(
            new Map([
              ['B', '1'],
              ['Set-Cookie', ['a', 'b']],
            ] as never),
          )
          .end(),
    ],
    ['repeated appendHeader', (_, response) => response.appendHeader('X', '1').appendHeader('x', '2').end()],
    ['no date', (_, response) => Object.assign(response, { sendDate: false }).end('x')],
    ['204', (_, response) => response.writeHead(204, list).end()],
    ['304', (_, response) => response.writeHead(304, { ETag: '"1"' }).end()],
    ['304 to HEAD', (_, response) => response.writeHead(304, list).end(), { method: 'HEAD' }],
    ['HEAD', (_, response) => response.writeHead(200, { 'Content-Length': '5' }).end('hello'), { method: 'HEAD' }],
    ['a length', (_, response) => response.writeHead(200, { 'content-length': 5 }).end('hello')],
    [
      'trailers',
      (_, response) => {
        response.writeHead(200, { Trailer: 'Content-MD5' }).write('body')
        response.addTrailers({ 'Content-MD5': '1' })
        response.end()
      },
    ],
    [
      'early hints and 102',
      (_, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' })
        response.writeProcessing()
        response.writeHead(200, list).end('x')
      },
    ],
    ['100-continue', (_, response) => response.end('x'), { method: 'POST', headers: 'Expect: 100-continue\r\n' }],
    ['HTTP/1.0', (_, response) => response.writeHead(200, list).end('x'), { version: '1.0' }],
    [
      'HTTP/1.0 with keep-alive',
      (_, response) => response.writeHead(200, [...list, 'Content-Length', '1']).end('x'),
      { version: '1.0', headers: 'Connection: keep-alive\r\n' },
    ],
    [
      'a head that waits',
      (_, response) => {
        response.writeHead(200, list)
        setImmediate(() => response.end('x'))
      },
    ],
    [
      'a head flushed early',
      (_, response) => {
        response.setHeader('X', '1').flushHeaders()
        response.end('x')
      },
    ],
    [
      'no connection header',
      (_, response) => {
        response.removeHeader('connection')
        response.end('x')
      },
    ],
    ['latin1', (_, response) => response.setHeader('X', 'caf\xe9').end('x')],
  ])('%s', async (_, app, ask) => void (await same(app, ask)))

  test.each([
    ['keep-alive', 'close'],
    ['Keep-Alive, Upgrade', 'Upgrade, close'],
    ['upgrade', 'upgrade, close'],
    ['close', 'close'],
    ['Close, X-Hop', 'Close, X-Hop'],
    ['X-Hop,keep-alive,X-Other', 'X-Hop, X-Other, close'],
  ])('an app that says Connection: %s says Connection: %s', async (said, wanted) => {
    for (const app of [
      (_, response) =>
        response.writeHead(426, { CONNECTION: said, 'Keep-Alive': 'timeout=9', Upgrade: 'websocket' }).end(),
      (_, response) => response.setHeader('CONNECTION', said).setHeader('Upgrade', 'websocket').end(),
      (_, response) => response.writeHead(426, ['CONNECTION', said, 'Upgrade', 'websocket']).end(),
    ] satisfies App[]) {
      const { leaving } = await same(app)
      expect(leaving.match(/^connection:.*/gim)).toEqual([`CONNECTION: ${wanted}`])
      expect(leaving).not.toMatch(/^keep-alive:/im)
    }
  })

  test('an app that accepts an upgrade as an answer is not contradicted', async () => {
    const head = { Connection: 'Upgrade', Upgrade: 'echo' }
    const { raw } = await both((_, response) => void response.writeHead(101, head).end())
    expect(raw.leaving).toContain('Connection: Upgrade\r\n')
  })

  test('a head that was complete but not sent when the leaving began says it, too', async () => {
    const came = gate()
    let answer: ServerResponse | undefined
    const life = drive(
      http('api', (_, response) => {
        answer = response.writeHead(200, list)
        came.open()
      }),
    )
    const { socket, closed, text } = await rawConnection(await life.port())
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await came.opened
    life.tell('unready')
    answer!.end('x')
    await closed
    expect(text()).toSatisfy(saysClose)
    await life.leave()
  })

  describe.each([
    ['express 5', express],
    ['express 4', express4 as unknown as typeof express],
  ])('of %s', (_, make) => {
    const app = make()
      .get('/json', (_, response) => void response.cookie('a', '1').cookie('b', '2').json({ hello: 'world' }))
      .get('/redirect', (_, response) => response.redirect('/json'))
      .get('/hop', (_, response) => void response.set('Connection', 'keep-alive').vary('Accept').send('x'))
      .get('/raw', (_, response) => void response.append('X', '1').writeHead(200, list).end())
      .get('/cached', (_, response) => void response.set('ETag', '"1"').send('x'))
      .get('/fail', () => {
        throw Object.assign(new Error('teapot'), { status: 418, stack: 'at home' })
      })
    test.each(['/json', '/redirect', '/hop', '/raw', '/cached', '/fail', '/nowhere'])('%s', async url => {
      for (const method of ['GET', 'HEAD'])
        await same((request, response) => app(Object.assign(request, { url }), response), {
          method,
          headers: 'If-None-Match: "1"\r\n',
        })
    })
  })

  test('whatever an app writes, in whatever form', async () => {
    const name = fc.constantFrom('X-A', 'x-a', 'B', 'Set-Cookie', 'Connection', 'Keep-Alive', 'Vary', 'connection')
    const value = fc.constantFrom('1', 'keep-alive', 'close', 'a, b', 'upgrade', 'Keep-Alive, X-A', '')
    const entry = fc.tuple(name, value)
    const before = fc.array(fc.record({ how: fc.constantFrom('setHeader', 'appendHeader', 'removeHeader'), entry }), {
      maxLength: 3,
    })
    const form = fc.constantFrom('list', 'pairs', 'object', 'none')
    const plan = fc.record({
      before,
      form,
      entries: fc.array(entry, { maxLength: 4 }),
      status: fc.constantFrom(200, 201, 204, 304, 404, 500),
      message: fc.option(fc.constantFrom('Fine', 'connection: close'), { nil: undefined }),
      method: fc.constantFrom('GET', 'HEAD', 'POST'),
      version: fc.constantFrom('1.0', '1.1'),
      body: fc.constantFrom('', 'hello'),
      chunks: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ method, version, ...answer }) => {
        const { before, leaving, raw } = await both(
          (_, response) => {
            try {
              for (const { how, entry } of answer.before) response[how as 'setHeader'](...entry)
              if (answer.form !== 'none') {
                const { entries } = answer
                const headers = { list: entries.flat(), pairs: entries, object: Object.fromEntries(entries) }
                response.writeHead(answer.status, answer.message as string, headers[answer.form as 'list'])
              }
              if (answer.chunks) response.write('chunk;')
              response.end(answer.body)
            } catch (error) {
              // The same on both sides, where the app is wrong.
              if (!response.headersSent) for (const header of response.getHeaderNames()) response.removeHeader(header)
              response.end(String(error))
            }
          },
          { method, version },
        )
        expect(leaving).toBe(before)
        expect(raw.leaving).toSatisfy(saysClose)
        expect(raw.leaving).not.toMatch(/^keep-alive:/im)
      }),
      { numRuns: 200 },
    )
  })
})

test.each([
  [
    'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nA: b\r\n\r\n',
    'Connection: close\r\nA: b\r\n',
  ],
  ['HTTP/1.1 200 OK\r\nA: b\r\n\r\n', 'A: b\r\nConnection: close\r\n'],
  ['HTTP/1.1 200 OK\r\n\r\n', 'Connection: close\r\n'],
  ['HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nConnection: x\r\n\r\n', 'connection: close\r\nConnection: x\r\n'],
  [
    'HTTP/1.1 200 OK\r\nConnection: x, close\r\nX-Connection: keep-alive\r\n\r\n',
    'Connection: x, close\r\nX-Connection: keep-alive\r\n',
  ],
  ['HTTP/1.1 200 OK\r\nConnection: \r\n\r\n', 'Connection: close\r\n'],
])('the head %j comes to say %j', (head, wanted) => {
  expect(withClose(head)).toBe(`HTTP/1.1 200 OK\r\n${wanted}\r\n`)
})
