import { once } from 'node:events'
import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2'
import { Agent, get } from 'node:https'
import { http } from 'rx-service-group/http'
import { afterEach, describe, expect, test } from 'vitest'
import { certificate } from '../../support/certificate.ts'
import { drive, gate } from './driver.ts'
import { askHttp2, byHand, halfBody, http2, http2Plain, openSession, otherHalf } from './stacks.ts'

const hello = (_: unknown, response: { end(text: string): unknown }) => response.end('hello')

const sessions: { destroy(): void }[] = []
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy()
})
const sessionTo = async (port: number, scheme: 'http' | 'https' = 'http') => {
  const session = await openSession(port, scheme)
  sessions.push(session)
  const closed = once(session, 'close')
  return { session, closed, ask: (path?: string) => askHttp2(session, path) }
}

describe('unready', () => {
  test('an idle session is left open, and its next request is told GOAWAY before it is answered', async () => {
    const life = drive(http('api', http2Plain.create(hello)))
    const { session, closed, ask } = await sessionTo(await life.port())
    await ask()
    const seen: string[] = []
    session.on('goaway', code => seen.push(`goaway ${code}`))
    life.tell('unready')
    // What has been said by now has come before the answer to a PING.
    await new Promise<void>(resolve => session.ping(() => resolve()))
    expect(seen).toEqual([])
    const stream = session.request({ ':path': '/' })
    stream.on('response', headers => seen.push(`answered ${headers[':status']}`))
    stream.resume()
    await once(stream, 'close')
    expect(seen).toEqual(['goaway 0', 'answered 200'])
    await closed
    expect(life.states.at(-1)).toMatchObject({ phase: 'running', leaving: { by: 'call' } })
    await life.leave()
  })

  test('a session with requests under way is told at once, and all of them are answered', async () => {
    const go = gate()
    const all = gate()
    let came = 0
    const life = drive(
      http(
        'api',
        http2Plain.create(async (_, response) => {
          if (++came === 3) all.open()
          await go.opened
          response.end('done')
        }),
      ),
    )
    const { session, closed, ask } = await sessionTo(await life.port())
    const answers = [ask(), ask(), ask()]
    await all.opened
    life.tell('unready')
    await once(session, 'goaway')
    go.open()
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['done', 'done', 'done'])
    await closed
    await life.leave()
  })

  test('no answer has a connection header, which HTTP/2 forbids', async () => {
    const life = drive(http('api', http2Plain.create(hello)))
    const { ask } = await sessionTo(await life.port())
    life.tell('unready')
    const { status, headers } = await ask()
    expect(status).toBe(200)
    expect(headers).not.toHaveProperty('connection')
    await life.leave()
  })

  test('requests that come together on one session are all answered', async () => {
    const life = drive(http('api', http2.create(hello)))
    const { ask, closed } = await sessionTo(await life.port(), 'https')
    life.tell('unready')
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()))
    expect(answers.map(({ body }) => body)).toEqual(Array(20).fill('hello'))
    await closed
    await life.leave()
  })

  test('requests that follow one upon the other are all answered: GOAWAY waits until none has come for a while', async () => {
    const life = drive(http('api', http2Plain.create(hello)))
    const { session, ask, closed } = await sessionTo(await life.port())
    life.tell('unready')
    const answers: ReturnType<typeof ask>[] = []
    for (let i = 0; i < 6; i++) {
      answers.push(ask())
      await new Promise<void>(resolve => session.ping(() => resolve()))
    }
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(Array(6).fill('hello'))
    await closed
    await life.leave()
  })

  test('a client that answers no PING is served and told all the same', async () => {
    const life = drive(http('api', http2Plain.create(hello)))
    const { socket, closed, text } = await byHand(http2Plain, await life.port())
    life.tell('unready')
    socket.write(Buffer.concat([halfBody(http2Plain), otherHalf(http2Plain)]))
    await expect.poll(text).toContain('hello')
    life.tell('drain')
    await closed
    await life.leave()
  })
})

describe('a server that speaks both', () => {
  test('serves both, and takes leave of each in its own way', async () => {
    const server = createSecureServer({ ...certificate(), allowHTTP1: true }, hello)
    const life = drive(http('api', server))
    const port = await life.port()
    const { ask, closed } = await sessionTo(port, 'https')
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    const askHttp1 = () =>
      new Promise<[string, string | undefined]>((resolve, reject) => {
        get({ host: '127.0.0.1', port, agent }, response => {
          response.resume().on('end', () => resolve([response.httpVersion, response.headers.connection]))
        }).on('error', reject)
      })
    expect(await askHttp1()).toEqual(['1.1', 'keep-alive'])
    expect((await ask()).body).toBe('hello')
    life.tell('unready')
    const [one, two] = await Promise.all([askHttp1(), ask()])
    expect(one).toEqual(['1.1', 'close'])
    expect(two.body).toBe('hello')
    await closed
    await life.leave()
    agent.destroy()
  })
})

describe('drain', () => {
  test('an event stream that is written through the stream itself is ended, also when the app writes on', async () => {
    const server = createServer()
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/event-stream; charset=utf-8' })
      const timer = setInterval(() => {
        if (!stream.destroyed) stream.write('data: tick\n\n')
      }, 1)
      stream.on('close', () => clearInterval(timer))
    })
    const life = drive(http('api', server))
    const { session, closed } = await sessionTo(await life.port())
    const events = session.request({ ':path': '/events' })
    await once(events, 'data')
    life.tell('drain')
    await once(events.resume(), 'end')
    await closed
    await life.leave()
  })

  test('a stream that answers a POST is finite, and finished', async () => {
    const go = gate()
    const life = drive(
      http(
        'api',
        http2Plain.create(async (_, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('first;')
          await go.opened
          response.end('last')
        }),
      ),
    )
    const { session } = await sessionTo(await life.port())
    const answer = session.request({ ':path': '/', ':method': 'POST' })
    let body = ''
    answer.setEncoding('utf8').on('data', chunk => {
      body += chunk
    })
    answer.end()
    await expect.poll(() => body).toBe('first;')
    life.tell('drain')
    await once(session, 'goaway')
    go.open()
    await once(answer, 'close')
    expect(body).toBe('first;last')
    await life.leave()
  })

  test('a large answer comes whole to a client that is slow to read it', async () => {
    const came = gate()
    const life = drive(
      http(
        'api',
        http2Plain.create((_, response) => {
          came.open()
          response.end(Buffer.alloc(5_000_000))
        }),
      ),
    )
    const { session } = await sessionTo(await life.port())
    const answer = session.request({ ':path': '/' })
    await came.opened
    life.tell('drain')
    await once(session, 'goaway')
    let length = 0
    for await (const chunk of answer) {
      length += (chunk as Buffer).length
      if (length < 500_000) await new Promise(resolve => setTimeout(resolve, 10))
    }
    expect(length).toBe(5_000_000)
    await life.leave()
  })

  test('tells how many streams are under way, each count once, down to none', async () => {
    const gates = [gate(), gate(), gate()]
    const all = gate()
    let came = 0
    const life = drive(
      http(
        'api',
        http2Plain.create(async (request, response) => {
          if (++came === 3) all.open()
          await gates[Number(request.url?.slice(1))]?.opened
          response.end()
        }),
      ),
    )
    const port = await life.port()
    const [one, two] = [await sessionTo(port), await sessionTo(port)]
    const answers = [one.ask('/0'), one.ask('/1'), two.ask('/2')]
    await all.opened
    const pending = () => life.states.flatMap(state => (state.phase === 'draining' ? (state.pending ?? []) : []))
    life.tell('drain')
    for (const [i, { open }] of gates.entries()) {
      await life.until(() => pending().includes(3 - i))
      open()
      await answers[i]
    }
    await life.leave()
    expect(pending()).toEqual([3, 2, 1, 0])
  })
})

describe('what is left', () => {
  test('is cut by force, and every session with it', async () => {
    const all = gate()
    let came = 0
    const life = drive(
      http(
        'api',
        http2.create(() => {
          if (++came === 3) all.open()
        }),
      ),
    )
    const port = await life.port()
    const [one, two, idle] = [
      await sessionTo(port, 'https'),
      await sessionTo(port, 'https'),
      await sessionTo(port, 'https'),
    ]
    const answers = [one.ask('/a?token=secret'), one.ask('/a'), two.ask('/b')]
    const failed = Promise.allSettled(answers)
    await all.opened
    life.tell('force')
    const { how, info } = await life.until('stopped')
    expect(how).toBe('forced')
    expect(info).toMatchObject({
      cut: 3,
      cutWork: expect.stringMatching(/^GET \/a \(2, up to \d+ ms\), GET \/b \(\d+ ms\)$/),
    })
    await Promise.all([failed, one.closed, two.closed, idle.closed])
  })

  test.each([http2, http2Plain])("of a server of the user's ($name) is nothing of ours", async stack => {
    const server = stack.create(hello)
    const traces = () => ({
      listeners: server.eventNames().map(name => [name, server.rawListeners(name as string)]),
      own: Object.keys(server).filter(key => typeof Reflect.get(server, key) === 'function'),
      emit: server.emit,
      close: server.close,
    })
    const before = traces()
    const api = http('api', server)
    for (const _round of [1, 2]) {
      const life = drive(api)
      const { ask, closed } = await sessionTo(await life.port(), stack.tls ? 'https' : 'http')
      await ask()
      await life.leave()
      await closed
      expect(traces()).toEqual(before)
      expect(server.listening).toBe(false)
    }
  })

  test('a server that only listens for streams does not begin to wrap them', async () => {
    const server = createServer()
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 })
      stream.end('plain')
    })
    const life = drive(http('api', server))
    const { ask } = await sessionTo(await life.port())
    expect((await ask()).body).toBe('plain')
    expect(server.listenerCount('request')).toBe(0)
    expect(server.listenerCount('stream')).toBe(2)
    await life.leave()
    expect(server.listenerCount('stream')).toBe(1)
  })
})
