import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { serviceGroup } from 'rx-service-group'
import { type HttpOptions, http } from 'rx-service-group/http'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

const GOING_AWAY = Buffer.of(0x88, 0x02, 0x03, 0xe9)
const SOON = 5_000

const sessions: ClientHttp2Session[] = []
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy()
})

const serving = async (
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => unknown,
  options: HttpOptions = {},
) => {
  const server = createServer({ settings: { enableConnectProtocol: true } })
  server.on('stream', onStream)
  const api = http('api', server, { host: '127.0.0.1', ...options })
  const group = serviceGroup('shop').add(api)
  await group.start()
  const session = connect(api.url!)
  sessions.push(session)
  await once(session, 'remoteSettings')
  return {
    group,
    session,
    leave: async () => {
      const begun = performance.now()
      const { ok, errors, services } = await group.stop()
      return { ok, errors, cut: services[0]?.info?.['cut'], took: performance.now() - begun }
    },
  }
}

/** An extended CONNECT (RFC 8441), and all that comes on it. */
const open = (session: ClientHttp2Session, protocol = 'websocket') => {
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': protocol, ':path': '/chat', ':scheme': 'http', ':authority': 'x' },
    { endStream: false },
  )
  const chunks: Buffer[] = []
  stream.on('data', chunk => chunks.push(chunk)).on('error', () => {})
  return { stream, bytes: () => Buffer.concat(chunks), ended: once(stream, 'end') }
}

describe('a WebSocket over HTTP/2', () => {
  test('is told to close (1001), and then comes to its end', async () => {
    const api = await serving(stream => stream.respond({ ':status': 200 }))
    const { stream, bytes, ended } = open(api.session)
    await once(stream, 'response')
    const left = api.leave()
    await ended
    expect(bytes()).toEqual(GOING_AWAY)
    stream.end()
    const { took, ...report } = await left
    expect(report).toEqual({ ok: true, errors: [], cut: undefined })
    expect(took).toBeLessThan(SOON)
  })

  test('whose client does not end is closed all the same', async () => {
    const api = await serving(stream => stream.respond({ ':status': 200 }))
    const { stream, ended } = open(api.session)
    await once(stream, 'response')
    const closed = once(stream, 'close')
    const { took, ok } = await api.leave()
    await Promise.all([ended, closed])
    expect(stream.rstCode).toBe(0)
    expect(ok).toBe(true)
    expect(took).toBeLessThan(SOON)
  })

  test('is told between two frames', async () => {
    let finish = () => {}
    const api = await serving(stream => {
      stream.respond({ ':status': 200 })
      stream.write(Buffer.of(0x81, 0x05))
      finish = () => void stream.write('hello')
    })
    const { stream, bytes, ended } = open(api.session)
    await once(stream, 'data')
    const left = api.leave()
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(bytes()).toHaveLength(2)
    finish()
    await ended
    expect(bytes().subarray(7)).toEqual(GOING_AWAY)
    stream.end()
    expect(await left).toMatchObject({ ok: true, cut: undefined })
  })

  test.each([
    ['that the app has not accepted', (_: ServerHttp2Stream) => {}, 'websocket'],
    ['that the app refused', (stream: ServerHttp2Stream) => stream.respond({ ':status': 404 }), 'websocket'],
    ['of another protocol', (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }), 'echo'],
  ])('%s gets no foreign byte', async (_, answer, protocol) => {
    const api = await serving(answer)
    const { stream, bytes } = open(api.session, protocol)
    await new Promise<void>(resolve => api.session.ping(() => resolve()))
    const left = api.leave()
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(bytes()).toHaveLength(0)
    stream.close()
    expect(await left).toMatchObject({ ok: true, cut: undefined })
  })

  test('that is named by leaveAlone is left alone', async () => {
    const asked: unknown[] = []
    const leaveAlone: HttpOptions['leaveAlone'] = ({ method, url, headers }) => {
      asked.push([method, url, headers[':protocol']])
      return true
    }
    const api = await serving(stream => stream.respond({ ':status': 200 }), { leaveAlone })
    const { stream, bytes } = open(api.session)
    await once(stream, 'response')
    const left = api.leave()
    await new Promise(resolve => setTimeout(resolve, 800))
    expect(bytes()).toHaveLength(0)
    expect(stream.destroyed).toBe(false)
    stream.close()
    expect(await left).toMatchObject({ ok: true })
    expect(asked).toEqual([['CONNECT', '/chat', 'websocket']])
  })

  test('that ws speaks is closed with 1001 at both ends', async () => {
    const closed: unknown[] = []
    const api = await serving(stream => {
      stream.respond({ ':status': 200 })
      speak(stream, true).on('close', code => closed.push(code))
    })
    const { stream } = open(api.session)
    await once(stream, 'response')
    const client = speak(stream, false)
    const [code] = await Promise.all([once(client, 'close').then(([code]) => code), api.leave()])
    expect(code).toBe(1001)
    await expect.poll(() => closed).toEqual([1001])
  })
})

/** What ws does with the socket of an upgrade. */
const speak = (stream: ServerHttp2Stream | ClientHttp2Stream, isServer: boolean): WebSocket => {
  const socket = new WebSocket(null as never, undefined, { autoPong: true }) as WebSocket & {
    _isServer: boolean
    setSocket(stream: unknown, head: Buffer, options: object): void
  }
  socket._isServer = isServer
  const asSocket = Object.assign(stream, { setNoDelay: () => {}, setTimeout: stream.setTimeout.bind(stream) })
  socket.setSocket(asSocket, Buffer.alloc(0), { maxPayload: 1_000_000, skipUTF8Validation: false })
  return socket
}
