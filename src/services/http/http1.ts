import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { UnderWay } from '../common/cut.ts'
import { unknownCarrier } from './carriers.ts'
import type { Connection } from './connection.ts'
import { endAnswer } from './end-answer.ts'
import { type HandedOver, handOver } from './handed-over.ts'
import { headOf } from './head.ts'
import { EVENT_STREAM, routeOf } from './request.ts'
import { countAnswer, countUnanswered, type RequestCounts } from './request-counts.ts'

/** A connection of HTTP/1: the answer that was begun last, and those before it that a client did not wait for. */
export interface Http1Connection extends Connection {
  readonly last: ServerResponse | undefined
  /** When that was begun; before the first, when the connection came. */
  since: number
  gap: number
  /** When the last answer was given. 0: it was not, or is not measured. */
  answeredAt: number
  /** How many requests have come. */
  requests: number
  /** Its state after an upgrade or CONNECT. */
  handedOver: HandedOver | undefined
  /** Whether the answer is known already. */
  knows(answer: ServerResponse): boolean
  /** Counts an answer as begun, and as the last one. */
  begin(answer: ServerResponse, now: number): void
  /** Counts the connection as one request from now until its end: it was handed over. */
  upgraded(): void
  /** Counts what was under way when the socket closed. */
  closed(): void
}

/** A request that is under way. */
interface Begun {
  readonly answer: ServerResponse
  readonly since: number
}

export const http1Connection = (socket: Socket, counts: RequestCounts): Http1Connection => {
  let last: ServerResponse | undefined
  /** The end of the last one was counted. */
  let isCounted = true
  let isFollowed = false
  let isOneRequest = false
  let isCut = false
  /** When pipelined requests began: those before the last one that are not counted. */
  let earlier: Map<ServerResponse, number> | undefined

  const countLast = (): void => {
    if (isCounted || !last || isUnderWay(last)) return
    isCounted = true
    countAnswer(counts, last.statusCode)
  }
  /** Counts the ends of requests since the last time. Nobody is told of them, since a listener costs. */
  const countEnds = (): void => {
    for (const answer of earlier?.keys() ?? [])
      if (!isUnderWay(answer)) {
        earlier?.delete(answer)
        countAnswer(counts, answer.statusCode)
      }
    countLast()
  }
  const uncounted = (): number => (earlier?.size ?? 0) + Number(!isCounted) + Number(isOneRequest)
  /** The socket is destroyed, which is the regular end of what it was handed over for, and of nothing else. */
  const countAll = (): void => {
    countEnds()
    const isRegular = isOneRequest && !isCut
    countUnanswered(counts, uncounted() - Number(isRegular), isCut)
    earlier = undefined
    isCounted = true
    isOneRequest = false
  }
  const underWay = (): readonly Begun[] => {
    const all = Array.from(earlier ?? [], ([answer, since]) => ({ answer, since }))
    if (last) all.push({ answer: last, since: connection.since })
    return all.filter(({ answer }) => isUnderWay(answer))
  }
  const count = (): number => {
    if (socket.destroyed) return 0
    if (isUpgraded(connection)) return 1
    return earlier ? underWay().length : Number(isUnderWay(last))
  }

  const connection: Http1Connection = {
    socket,
    get last() {
      return last
    },
    since: performance.now(),
    gap: 0,
    answeredAt: 0,
    requests: 0,
    handedOver: undefined,
    knows: answer => answer === last || earlier?.has(answer) === true,
    begin: (answer, now) => {
      countLast()
      if (last && !isCounted) {
        earlier ??= new Map()
        earlier.set(last, connection.since)
        if (!isFollowed) last.once('close', counts.changed)
      }
      last = answer
      isCounted = false
      isFollowed = false
      connection.since = now
      counts.begun++
      counts.changed()
    },
    upgraded: () => {
      if (isOneRequest) return
      isOneRequest = true
      counts.begun++
      counts.changed()
    },
    closed: () => {
      countAll()
      counts.changed()
    },
    count,
    uncounted: () => {
      if (socket.destroyed) countAll()
      else countEnds()
      // An answer that takes longer is told when it is over.
      if (last && !isCounted && !isFollowed) last.once('close', counts.changed)
      isFollowed = true
      return uncounted()
    },
    work: () => {
      if (socket.destroyed) return []
      if (isUpgraded(connection)) return [{ what: 'an upgraded socket', since: connection.since }]
      return underWay().map(asWork)
    },
    hasten: quietFor => {
      if (!isUpgraded(connection)) {
        for (const { answer } of underWay()) endIfEndless(answer)
        return
      }
      connection.handedOver ??= handOver(unknownCarrier(socket), false)
      connection.handedOver.leave(quietFor)
    },
    close: () => socket.destroy(),
    destroy: () => {
      isCut ||= !socket.destroyed
      socket.destroy()
    },
  }
  return connection
}

const isUnderWay = (answer: ServerResponse | undefined): boolean => answer !== undefined && !answer.writableFinished

/** Node takes its parser off a socket that it hands over. */
export const isUpgraded = ({ handedOver, socket }: Pick<Http1Connection, 'handedOver' | 'socket'>): boolean =>
  handedOver !== undefined || (socket as Socket & { parser?: unknown }).parser === null

const asWork = ({ answer, since }: Begun): UnderWay => ({ what: route(answer.req), since })

/** Express rewrites `url` and keeps the original. */
const route = (request: IncomingMessage & { originalUrl?: string }): string =>
  routeOf(request.method, request.originalUrl ?? request.url)

const endIfEndless = (answer: ServerResponse) => {
  // `getHeader` does not know what was given to `writeHead` alone.
  const type = /^content-type: *(.*)/im.exec(headOf(answer))?.[1]
  if (answer.writableEnded || answer.req.method !== 'GET' || !EVENT_STREAM.test(type ?? '')) return
  endAnswer(answer)
}
