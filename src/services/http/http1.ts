import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Connection } from './connection.ts'
import { headOf } from './head.ts'
import { EVENT_STREAM, routeOf } from './request.ts'

/** A connection of HTTP/1: one answer at a time, so the one begun last tells whether something is under way. */
export interface Http1Connection extends Connection {
  last: ServerResponse | undefined
  /** When that was begun; before the first, when the connection came. */
  since: number
}

/** A WebSocket close frame, 1001: going away. */
const GOING_AWAY = Buffer.of(0x88, 0x02, 0x03, 0xe9)

export const http1Connection = (socket: Socket): Http1Connection => {
  let toldToClose = false
  const sayGoingAway = () => {
    // An app that has not accepted the upgrade yet is not interrupted.
    if (toldToClose || socket.bytesWritten === 0 || !socket.writable) return
    toldToClose = true
    socket.write(GOING_AWAY)
  }
  const connection: Http1Connection = {
    socket,
    last: undefined,
    since: performance.now(),
    count: () => (!socket.destroyed && (isUpgraded(socket) || isUnderWay(connection.last)) ? 1 : 0),
    work: () =>
      connection.count() === 0
        ? []
        : [{ what: isUpgraded(socket) ? 'an upgraded socket' : route(connection.last!.req), since: connection.since }],
    hasten: () => {
      if (isUpgraded(socket)) sayGoingAway()
      else endIfEndless(connection.last!)
    },
    close: () => socket.destroy(),
    destroy: () => socket.destroy(),
  }
  return connection
}

const isUnderWay = (answer: ServerResponse | undefined): boolean => answer !== undefined && !answer.writableFinished

/** Node takes its parser off a socket that it hands over, to a WebSocket for example. */
const isUpgraded = (socket: Socket & { parser?: unknown }): boolean => socket.parser === null

/** Express rewrites `url` and keeps the original. */
const route = (request: IncomingMessage & { originalUrl?: string }): string =>
  routeOf(request.method, request.originalUrl ?? request.url)

const endIfEndless = (answer: ServerResponse) => {
  // `getHeader` does not know what was given to `writeHead` alone.
  const type = /^content-type: *(.*)/im.exec(headOf(answer))?.[1]
  if (answer.writableEnded || answer.req.method !== 'GET' || !EVENT_STREAM.test(type ?? '')) return
  // The app does not know yet, and an event written now would be an uncaught error.
  answer.on('error', () => {})
  answer.end()
}
