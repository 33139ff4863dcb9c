import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { currentWork, enter, type Work } from '../../core/work.ts'
import { HANDING_OVER, requestEvents } from './connections.ts'
import { intercept } from './intercept.ts'
import { isHttp2, type NodeServer } from './target.ts'

/**
 * Makes each request a piece of work of the service that calls this, until it has been answered: a handler that awaits
 * the end of its own service is known to hold it up. Returns what ends it.
 */
export const requestsAsWork = (server: NodeServer): (() => void) => {
  const within = currentWork()
  if (!within) return () => {}
  const events = [...(isHttp2(server) ? ['stream'] : []), ...requestEvents, ...HANDING_OVER]
  return intercept(server, events, (pass, [first, second], event) => {
    if (HANDING_OVER.has(event) && !isAnswer(second)) return enter(handedOver(within, second as Socket), pass)
    const answer = (isAnswer(second) ? second : first) as ServerResponse | ServerHttp2Stream
    return enter({ within, exact: true, isOpen: () => !answer.writableEnded && !answer.destroyed }, pass)
  })
}

/**
 * A socket that is handed to the app, such as a WebSocket: what the app does with it, now and at each event, is work of
 * the service. Nothing waits for the end of that work.
 */
const handedOver = (within: Work, socket: Socket): Work => {
  const work: Work = { within, isOpen: () => false }
  const { emit } = socket
  socket.emit = ((...args: Parameters<typeof emit>) => enter(work, () => emit.apply(socket, args))) as typeof emit
  return work
}

/** The second argument of `request` is the answer, that of `stream` are headers. */
const isAnswer = (argument: unknown): boolean =>
  typeof (argument as Partial<ServerResponse> | undefined)?.setHeader === 'function'
