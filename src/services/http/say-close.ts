import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { type Connections, isHttp1, requestEvents } from './connections.ts'
import { intercept } from './intercept.ts'
import type { NodeServer } from './target.ts'

type Headers = OutgoingHttpHeaders | readonly OutgoingHttpHeader[]
type WriteHead = (status: number, reason?: string | Headers, headers?: Headers) => ServerResponse

/** What a request may be late by. */
const HOLD_AT_MOST = 30

export interface SayingClose {
  /**
   * Keeps new requests from the app until what it returns is called: clients whose answers wait don't connect anew,
   * so that the queue of the listener has a chance to get empty.
   */
  readonly hold: () => () => void
  readonly undo: () => void
}

/**
 * From now on every answer of HTTP/1 says `Connection: close`, whatever the app writes. Of pipelined requests only the
 * last one says it, for the client stops reading there.
 */
export const sayClose = (server: NodeServer, connections: Connections): SayingClose => {
  const isLast = (response: ServerResponse) => connections.http1.get(response.req.socket)?.last === response
  const closeOnHead = (response: ServerResponse) => {
    const writeHead = response.writeHead as WriteHead
    response.writeHead = ((status, reason, headers) => {
      if (!isLast(response)) return writeHead.call(response, status, reason, headers)
      response.removeHeader('keep-alive')
      response.setHeader('connection', 'close')
      return typeof reason === 'string'
        ? writeHead.call(response, status, reason, withoutConnection(headers))
        : writeHead.call(response, status, withoutConnection(reason ?? headers))
    }) as ServerResponse['writeHead'] & WriteHead
  }

  connections.stopRemembering()
  for (const { last } of connections.http1.values()) if (last && !last.headersSent) closeOnHead(last)

  // Requests that came in one piece are handed out only when all of them are known, or the first would take itself
  // for the last.
  let held: (() => void)[] | undefined
  const undo = intercept(server, requestEvents, (pass, args) => {
    const [request, response] = args as [IncomingMessage, ServerResponse]
    // A listener of `checkContinue` hands it on as a `request`.
    if (!isHttp1(request) || isLast(response)) return pass()
    connections.remember(request, response)
    closeOnHead(response)
    const handOut = () => {
      if (!request.socket.destroyed) pass()
    }
    if (held) held.push(AsyncResource.bind(handOut))
    else queueMicrotask(handOut)
    return true
  })
  let timer: NodeJS.Timeout | undefined
  const release = () => {
    clearTimeout(timer)
    const handOuts = held ?? []
    held = undefined
    for (const handOut of handOuts) queueMicrotask(handOut)
  }
  return {
    hold: () => {
      held = []
      timer = setTimeout(release, HOLD_AT_MOST)
      return release
    },
    undo: () => {
      clearTimeout(timer)
      undo()
    },
  }
}

const isConnection = (name: unknown) => /^(connection|keep-alive)$/i.test(String(name))

/** Headers as `writeHead` takes them (an object, a flat list or pairs), without those about the connection. */
const withoutConnection = (headers: Headers | undefined): Headers | undefined => {
  if (!headers) return headers
  if (!Array.isArray(headers))
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)))
  const flat: OutgoingHttpHeader[] = Array.isArray(headers[0]) ? headers.flat() : headers
  return flat.filter((_, i) => !isConnection(flat[i - (i % 2)]))
}
