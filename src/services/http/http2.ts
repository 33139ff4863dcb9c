import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { UnderWay } from '../common/cut.ts'
import { asUpgradeRequest, isConnect, streamCarrier } from './carriers.ts'
import type { Connection } from './connection.ts'
import { endAnswer, rememberSource } from './end-answer.ts'
import { laterGap } from './gap.ts'
import { type HandedOver, handOver, type LeaveAlone } from './handed-over.ts'
import { EVENT_STREAM, routeOf } from './request.ts'
import { countAnswer, countUnanswered, type RequestCounts } from './request-counts.ts'

/** A connection of HTTP/2: as many requests at once as there are streams. */
export interface Http2Connection extends Connection {
  readonly session: ServerHttp2Session
  /** When a request last came or was over: where there was one, more may be on their way. */
  readonly stirredAt: () => number
  add(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void
}

interface OpenStream {
  readonly headers: IncomingHttpHeaders
  readonly since: number
  /** After CONNECT it carries another protocol. */
  readonly handedOver: HandedOver | undefined
}

export const http2Connection = (
  opening: Pick<Connection, 'socket' | 'gap'>,
  session: ServerHttp2Session,
  isLeftAlone: LeaveAlone,
  counts: RequestCounts,
): Http2Connection => {
  const { socket } = opening
  const streams = new Map<ServerHttp2Stream, OpenStream>()
  let stirredAt = 0
  let { gap } = opening
  let isCut = false
  function onClose(this: ServerHttp2Stream) {
    // Node ends a stream that its client has cancelled, and says that it is aborted.
    const isWhole = this.writableFinished && !this.aborted
    const isRegular = streams.get(this)?.handedOver !== undefined && !isCut
    streams.delete(this)
    stirredAt = performance.now()
    if (isWhole || isRegular) countAnswer(counts, Number(this.sentHeaders?.[':status'] ?? 0))
    else countUnanswered(counts, 1, isCut)
    counts.changed()
  }
  return {
    socket,
    session,
    get gap() {
      return gap
    },
    stirredAt: () => stirredAt,
    add: (stream, headers) => {
      if (stream.destroyed) return
      const now = performance.now()
      if (streams.size === 0 && stirredAt > 0) gap = laterGap(gap, now - stirredAt)
      stirredAt = now
      const handedOver = isConnect(headers)
        ? handOver(streamCarrier(stream, headers), isLeftAlone(asUpgradeRequest(headers), stream))
        : undefined
      stream.on('pipe', source => rememberSource(stream, stream, source))
      streams.set(stream, { headers, since: stirredAt, handedOver })
      stream.once('close', onClose)
      counts.begun++
      counts.changed()
    },
    count: () => streams.size,
    uncounted: () => streams.size,
    work: () => Array.from(streams.values(), ({ headers, since }): UnderWay => ({ what: route(headers), since })),
    hasten: quietFor => {
      for (const [stream, { headers, handedOver }] of streams)
        if (handedOver) handedOver.leave(quietFor)
        else endIfEndless(stream, headers)
    },
    close: () => {
      // It has said GOAWAY already, but the client keeps the session open.
      if (session.closed) socket.destroy()
      else session.close()
    },
    destroy: () => {
      isCut ||= !session.destroyed
      session.destroy()
      socket.destroy()
    },
  }
}

const route = ({ ':method': method, ':path': path }: IncomingHttpHeaders): string =>
  routeOf(String(method), path === undefined ? undefined : String(path))

const endIfEndless = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
  if (stream.writableEnded || headers[':method'] !== 'GET') return
  if (!EVENT_STREAM.test(String(stream.sentHeaders?.['content-type'] ?? ''))) return
  endAnswer(stream)
}
