import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2Server,
  createSecureServer,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'
import { createServer as createHttpsServer, get as getHttps, Agent as HttpsAgent } from 'node:https'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { HttpTarget } from 'rx-service-group/http'
import { certificate } from '../../support/certificate.ts'
import { request } from './driver.ts'

const LOCAL = '127.0.0.1'

export type App = (request: IncomingMessage, response: ServerResponse) => unknown

export interface Asked {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A client that keeps its connection, as clients do. */
export interface Client {
  ask(path?: string): Promise<Asked>
  /** Settles when its connection is closed. */
  readonly gone: Promise<unknown>
  close(): void
}

/** One way to serve, and the clients for it. */
export interface Stack {
  readonly name: string
  readonly tls: boolean
  create(app: App): Exclude<HttpTarget, App>
  client(port: number, host?: string): Promise<Client>
}

const agentClient = (agent: Agent, ask: (path: string) => Promise<Asked>): Client => {
  let closed = () => {}
  const gone = new Promise<void>(resolve => {
    closed = resolve
  })
  const create = agent.createConnection.bind(agent)
  agent.createConnection = (...args) => {
    const socket = create(...args)
    socket?.once('close', closed)
    return socket
  }
  return { ask: (path = '/') => ask(path), gone, close: () => agent.destroy() }
}

export const askHttp2 = (session: ClientHttp2Session, path = '/', method = 'GET'): Promise<Asked> =>
  new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, ':method': method })
    let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {}
    let body = ''
    stream.setEncoding('utf8').on('data', chunk => {
      body += chunk
    })
    stream.on('response', answered => {
      headers = answered
    })
    stream.on('error', reject)
    stream.on('close', () => resolve({ status: headers[':status'], headers, body }))
    stream.end()
  })

export const openSession = async (
  port: number,
  scheme: 'http' | 'https',
  host: string = LOCAL,
): Promise<ClientHttp2Session> => {
  const session = connectHttp2(`${scheme}://${host}:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  await once(session, 'connect')
  return session
}

const http2Client = async (port: number, scheme: 'http' | 'https', host?: string): Promise<Client> => {
  const session = await openSession(port, scheme, host)
  return {
    ask: path => askHttp2(session, path),
    gone: once(session, 'close'),
    close: () => session.destroy(),
  }
}

const askHttps = (port: number, path: string, host: string, agent: HttpsAgent): Promise<Asked> =>
  new Promise((resolve, reject) => {
    getHttps({ host, port, path, agent }, async response => {
      try {
        let body = ''
        for await (const chunk of response.setEncoding('utf8')) body += chunk
        resolve({ status: response.statusCode, headers: response.headers, body })
      } catch (error) {
        reject(error)
      }
    }).on('error', reject)
  })

export const http: Stack = {
  name: 'http',
  tls: false,
  create: app => createServer(app),
  client: async (port, host = LOCAL) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    return agentClient(agent, path => request(port, path, { agent, host }))
  },
}

export const https: Stack = {
  name: 'https',
  tls: true,
  create: app => createHttpsServer(certificate(), app),
  client: async (port, host = LOCAL) => {
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    return agentClient(agent, path => askHttps(port, path, host, agent))
  },
}

export const http2: Stack = {
  name: 'http2',
  tls: true,
  create: app => createSecureServer({ ...certificate(), allowHTTP1: true }, app as never),
  client: (port, host) => http2Client(port, 'https', host),
}

export const http2Plain: Stack = {
  name: 'http2 without TLS',
  tls: false,
  create: app => createHttp2Server(app as never),
  client: (port, host) => http2Client(port, 'http', host),
}

export const stacks: readonly Stack[] = [http, https, http2, http2Plain]

/** A connection by hand, on top of TLS if that is what the server speaks. */
export const byHand = async ({ tls, name }: Stack, port: number) => {
  const socket: Socket = tls
    ? connectTls({
        host: '127.0.0.1',
        port,
        rejectUnauthorized: false,
        ALPNProtocols: [name.startsWith('http2') ? 'h2' : 'http/1.1'],
      })
    : connectTcp({ host: '127.0.0.1', port })
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk)).on('error', () => {})
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await once(socket, tls ? 'secureConnect' : 'connect')
  return { socket, closed, bytes: () => Buffer.concat(chunks), text: () => Buffer.concat(chunks).toString('latin1') }
}

const frame = (type: number, flags: number, stream: number, payload: Buffer, length = payload.length) => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** What begins every connection of HTTP/2: the preface and an empty SETTINGS. */
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))])

/** The first bytes of a request whose head does not come to its end. */
export const halfHead = ({ name }: Stack): Buffer =>
  name.startsWith('http2')
    ? Buffer.concat([PREFACE, frame(1, 4, 1, Buffer.of(0x82, 0x84), 20)])
    : Buffer.from('GET / HTTP/1.1\r\nHost: exam')

/** A whole head, and the first of ten bytes of its body. */
export const halfBody = ({ name }: Stack): Buffer =>
  name.startsWith('http2')
    ? Buffer.concat([
        PREFACE,
        // POST / from the static table, and its authority as a literal.
        frame(1, 4, 1, Buffer.from([0x83, 0x84, name === 'http2' ? 0x87 : 0x86, 0x41, 0x01, 0x78])),
        frame(0, 0, 1, Buffer.from('1')),
      ])
    : Buffer.from('POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 10\r\n\r\n1')

/** What completes that body. */
export const otherHalf = ({ name }: Stack): Buffer =>
  name.startsWith('http2') ? frame(0, 1, 1, Buffer.from('234567890')) : Buffer.from('234567890')
