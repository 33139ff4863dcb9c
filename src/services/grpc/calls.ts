import type { ServerInterceptor } from '@grpc/grpc-js'
import type { UnderWay } from '../common/cut.ts'
import { type InFlight, makeInFlight } from '../common/in-flight.ts'
import { makeInside } from '../common/inside.ts'

/** A call that is under way. */
export interface Call extends UnderWay {
  /** Answers it with UNAVAILABLE; its handler hears `cancelled`. */
  readonly refuse: () => void
}

export interface Calls {
  readonly open: InFlight<Call>
  /** It must be the first interceptor, next to the wire, so that it sees every call. */
  readonly interceptor: ServerInterceptor
  /** From now on a call that comes is answered with UNAVAILABLE, and every watch of the health ends. */
  readonly refuseNew: () => void
}

/** They are meant to last as long as their connection, so they hold up nothing. */
const WATCH = '/grpc.health.v1.Health/Watch'

/** Follows the calls of a server. One is over when its last byte has been handed to the connection, or that is gone. */
export const trackCalls = ({ ServerInterceptingCall, status }: typeof import('@grpc/grpc-js')): Calls => {
  // No handler has seen such a call, or it hears that it is cut: the client may try elsewhere.
  const leaving = { code: status.UNAVAILABLE, details: 'the server is shutting down' }
  const inside = makeInside()
  const open = makeInFlight<Call>()
  const watches = makeInFlight<Call>()
  let refusing = false

  const interceptor: ServerInterceptor = ({ path }, wire) => {
    const refuse = () => wire.sendStatus(leaving)
    if (refusing) return new ServerInterceptingCall(wire, { start: refuse })
    const call: Call = { what: path, since: performance.now(), refuse }
    const among = path === WATCH ? watches : open
    let started = false
    const over = () => void among.release(call)
    among.take(call)
    const isOpen = () => among.has(call)
    return new ServerInterceptingCall(wire, {
      start: next => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            started = true
            inside(isOpen, () => pass(metadata))
          },
          onReceiveMessage: (message, pass) => inside(isOpen, () => pass(message)),
          onReceiveHalfClose: pass => inside(isOpen, pass),
          // Comes at the end of each call that has started, however that was.
          onCancel: over,
        })
        // The client had left before the interceptors were through.
        if (!started) over()
      },
      sendStatus: (answer, next) => {
        next(answer)
        // Another interceptor has turned it away.
        if (!started) over()
      },
    })
  }

  return {
    open,
    interceptor,
    refuseNew: () => {
      refusing = true
      for (const watch of watches.all()) watch.refuse()
    },
  }
}
