import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { socketCarrier } from './carriers.ts'
import type { Connection } from './connection.ts'
import { rememberFront, rememberSource } from './end-answer.ts'
import { answerOn, socketsOf } from './existing.ts'
import { gapOfHandshake, laterGap } from './gap.ts'
import { handOver, type LeaveAlone } from './handed-over.ts'
import { type Http1Connection, http1Connection, isUpgraded } from './http1.ts'
import { type Http2Connection, http2Connection } from './http2.ts'
import { overhear } from './intercept.ts'
import type { RequestCounts } from './request-counts.ts'
import { isHttp2, type NodeServer } from './target.ts'

export interface Connections {
  /** Connections that speak HTTP/1, or have not said yet what they speak. */
  readonly http1: ReadonlyMap<Socket, Http1Connection>
  readonly http2: ReadonlyMap<ServerHttp2Session, Http2Connection>
  readonly all: () => readonly Connection[]
  /** Notes an answer as the last one of its connection. */
  remember(request: IncomingMessage, response: ServerResponse): void
  /** Notes a stream as under way on its session. */
  rememberStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Http2Connection
  /** From now on someone else remembers: the leave-taking does it before the app sees the request. */
  stopRemembering(): void
  /** Connections that still come are turned away, and the ones there are cut off. */
  destroyAll(): void
  untrack(): void
}

/** Events that hand a request to the app. A listener for one of the last two changes what node does itself. */
export const requestEvents = ['request', 'checkContinue', 'checkExpectation'] as const

const REQUEST: ReadonlySet<unknown> = new Set(['request'])

/** The gaps after so many first requests are measured, and after that one in so many: a listener costs. */
const MEASURED = 4
const MEASURED_EVERY = 8

/** Events that hand a socket to the app. Without a listener Node answers such a request itself. */
export const HANDING_OVER: ReadonlySet<string> = new Set(['upgrade', 'connect'])

/** A request of HTTP/2 comes as a stream first, and is remembered as that. */
export const isHttp1 = (request: IncomingMessage): boolean => request.httpVersionMajor === 1

/** Cheaper than a look-up; and a session shows its socket through a proxy, which can only be asked for properties. */
const CONNECTION = Symbol('connection')
type Marked = Socket & { [CONNECTION]?: Http1Connection }

function onAnswered(this: ServerResponse) {
  const connection = (this.req.socket as Marked)[CONNECTION]
  if (connection?.last === this) connection.answeredAt = performance.now()
}

function onPipe(this: ServerResponse, source: Readable) {
  rememberSource(this, this, source)
}
/** The answer of HTTP/2 as the app sees it, which is not its stream. */
const onHttp2Request = (request: IncomingMessage, response: ServerResponse & { stream?: object }) => {
  const { stream } = response
  if (isHttp1(request) || !stream) return
  rememberFront(stream, response)
  response.on('pipe', source => rememberSource(stream, response, source))
}

/**
 * Follows the connections of a server. A request of HTTP/1 costs a glance at the clock and some assignments:
 * whether it is under way is asked of its answer, when it matters.
 */
export const trackConnections = (server: NodeServer, isLeftAlone: LeaveAlone, counts: RequestCounts): Connections => {
  const http1 = new Map<Socket, Http1Connection>()
  const http2 = new Map<ServerHttp2Session, Http2Connection>()
  let turningAway = false

  const add = (socket: Marked): Http1Connection => {
    const connection = http1Connection(socket, counts)
    http1.set(socket, connection)
    socket[CONNECTION] = connection
    socket.once('close', onClose)
    return connection
  }
  function onClose(this: Marked) {
    http1.delete(this)
    this[CONNECTION]?.closed()
  }
  const onConnection = (socket: Socket) => {
    if (turningAway) socket.destroy()
    else add(socket)
  }
  // TLS wraps the raw socket that came first; from now on the wrapper speaks for both.
  const onSecureConnection = (socket: Socket & { _parent?: Socket }) => {
    const raw = socket._parent && http1.get(socket._parent)
    if (raw) http1.delete(raw.socket)
    onConnection(socket)
    const connection = http1.get(socket)
    if (raw && connection) connection.gap = gapOfHandshake(performance.now() - raw.since)
  }
  const onSession = (session: ServerHttp2Session): Http2Connection => {
    const opening = (session.socket as Marked)[CONNECTION] ?? { socket: session.socket as Socket, gap: 0 }
    const connection = http2Connection(opening, session, isLeftAlone, counts)
    http1.delete(opening.socket)
    http2.set(session, connection)
    session.once('close', () => http2.delete(session))
    if (turningAway) connection.destroy()
    return connection
  }
  const remember = (request: IncomingMessage, response: ServerResponse) => {
    const connection = (request.socket as Marked)[CONNECTION] ?? add(request.socket)
    // A listener of `checkContinue` hands it on as a `request`.
    if (connection.knows(response)) return
    const now = performance.now()
    if (connection.answeredAt > 0) connection.gap = laterGap(connection.gap, now - connection.answeredAt)
    connection.answeredAt = 0
    connection.begin(response, now)
    response.on('pipe', onPipe)
    if (connection.requests++ < MEASURED || connection.requests % MEASURED_EVERY === 0)
      response.on('finish', onAnswered)
  }
  const onHandOver = (request: IncomingMessage, socket: Socket) => {
    // A request of HTTP/2 is told here as well.
    if (!isHttp1(request)) return
    const connection = (socket as Marked)[CONNECTION] ?? add(socket)
    connection.since = performance.now()
    connection.upgraded()
    connection.handedOver = handOver(socketCarrier(socket, request), isLeftAlone(request, socket))
  }
  const rememberIfHttp1 = (request: IncomingMessage, response: ServerResponse) => {
    if (isHttp1(request)) remember(request, response)
  }
  const rememberStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const session = stream.session as ServerHttp2Session
    const connection = http2.get(session) ?? onSession(session)
    connection.add(stream, headers)
    return connection
  }

  const speaksHttp2 = isHttp2(server)
  const onRequest = speaksHttp2 ? rememberIfHttp1 : remember
  // To listen for requests makes an HTTP/2 server wrap every stream.
  const rememberedEvents = requestEvents.filter(
    event => (event === 'request' && !speaksHttp2) || server.listenerCount(event) > 0,
  )
  for (const event of rememberedEvents) server.prependListener(event, onRequest)
  if (speaksHttp2) server.prependListener('stream', rememberStream)
  // Before node makes it a session.
  server.prependListener('connection', onConnection).prependListener('secureConnection', onSecureConnection)
  server.on('session', onSession)
  const stopOverhearing = [overhear(server, HANDING_OVER, onHandOver)]
  if (speaksHttp2) stopOverhearing.unshift(overhear(server, REQUEST, onHttp2Request))
  for (const socket of server.listening ? socketsOf(server) : []) {
    const connection = add(socket)
    const answer = answerOn(socket)
    if (isUpgraded(connection)) connection.upgraded()
    else if (answer) connection.begin(answer, connection.since)
  }

  const stopRemembering = () => {
    for (const event of rememberedEvents) server.off(event, onRequest)
    server.off('stream', rememberStream)
  }
  const all = () => [...http1.values(), ...http2.values()]
  return {
    http1,
    http2,
    all,
    remember,
    rememberStream,
    stopRemembering,
    destroyAll: () => {
      turningAway = true
      for (const connection of all()) connection.destroy()
      // Sessions that came before us are known to nobody.
      for (const socket of socketsOf(server)) socket.destroy()
    },
    untrack: () => {
      stopRemembering()
      for (const stop of stopOverhearing) stop()
      server.off('connection', onConnection).off('secureConnection', onSecureConnection).off('session', onSession)
      for (const socket of http1.keys()) socket.off('close', onClose)
    },
  }
}
