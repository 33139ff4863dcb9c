import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { unknownCarrier } from './carriers.ts'
import type { Connection } from './connection.ts'
import { endAnswer } from './end-answer.ts'
import { type HandedOver, handOver } from './handed-over.ts'
import { headOf } from './head.ts'
import { EVENT_STREAM, routeOf } from './request.ts'

/** A connection of HTTP/1: one answer at a time, so the one begun last tells whether something is under way. */
export interface Http1Connection extends Connection {
  last: ServerResponse | undefined
  /** When that was begun; before the first, when the connection came. */
  since: number
  gap: number
  /** When the last answer was given. 0: it was not, or is not measured. */
  answeredAt: number
  /** How many requests have come. */
  requests: number
  /** Its state after an upgrade or CONNECT. */
  handedOver: HandedOver | undefined
}

export const http1Connection = (socket: Socket): Http1Connection => {
  const connection: Http1Connection = {
    socket,
    last: undefined,
    since: performance.now(),
    gap: 0,
    answeredAt: 0,
    requests: 0,
    handedOver: undefined,
    count: () => (!socket.destroyed && (isUpgraded(connection) || isUnderWay(connection.last)) ? 1 : 0),
    work: () =>
      connection.count() === 0
        ? []
        : [
            {
              what: isUpgraded(connection) ? 'an upgraded socket' : route(connection.last!.req),
              since: connection.since,
            },
          ],
    hasten: quietFor => {
      if (!isUpgraded(connection)) return endIfEndless(connection.last!)
      connection.handedOver ??= handOver(unknownCarrier(socket), false)
      connection.handedOver.leave(quietFor)
    },
    close: () => socket.destroy(),
    destroy: () => socket.destroy(),
  }
  return connection
}

const isUnderWay = (answer: ServerResponse | undefined): boolean => answer !== undefined && !answer.writableFinished

/** Node takes its parser off a socket that it hands over. */
const isUpgraded = ({ handedOver, socket }: Http1Connection): boolean =>
  handedOver !== undefined || (socket as Socket & { parser?: unknown }).parser === null

/** Express rewrites `url` and keeps the original. */
const route = (request: IncomingMessage & { originalUrl?: string }): string =>
  routeOf(request.method, request.originalUrl ?? request.url)

const endIfEndless = (answer: ServerResponse) => {
  // `getHeader` does not know what was given to `writeHead` alone.
  const type = /^content-type: *(.*)/im.exec(headOf(answer))?.[1]
  if (answer.writableEnded || answer.req.method !== 'GET' || !EVENT_STREAM.test(type ?? '')) return
  endAnswer(answer)
}
