import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { currentWork, enter } from '../../core/work.ts'
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
    // Nothing waits for the end of what the app does with a socket of its own.
    if (HANDING_OVER.has(event)) return enter({ within, isOpen: () => false }, pass)
    const answer = (isAnswer(second) ? second : first) as ServerResponse | ServerHttp2Stream
    return enter({ within, exact: true, isOpen: () => !answer.writableEnded && !answer.destroyed }, pass)
  })
}

/** The second argument of `request` is the answer, that of `stream` are headers. */
const isAnswer = (argument: unknown): boolean =>
  typeof (argument as Partial<ServerResponse> | undefined)?.setHeader === 'function'
