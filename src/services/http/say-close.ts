import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Connections, isHttp1, requestEvents } from './connections.ts'
import { closeAfter } from './head.ts'
import { intercept } from './intercept.ts'
import type { NodeServer } from './target.ts'

/** Longest delay added to a request, in ms. */
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
  const sayCloseOn = (response: ServerResponse) => closeAfter(response, () => !isLast(response))

  connections.stopRemembering()
  for (const { last } of connections.http1.values()) if (last) sayCloseOn(last)

  // Requests that came in one piece are handed out only when all of them are known, or the first would take itself
  // for the last.
  let held: (() => void)[] | undefined
  const undo = intercept(server, requestEvents, (pass, args) => {
    const [request, response] = args as [IncomingMessage, ServerResponse]
    // A listener of `checkContinue` hands it on as a `request`.
    if (!isHttp1(request) || isLast(response)) return pass()
    connections.remember(request, response)
    sayCloseOn(response)
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
