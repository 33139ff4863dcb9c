import type { ServerInterceptor } from '@grpc/grpc-js'
import type { Info } from '../../core/state.ts'
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
  /** The calls that are open, and what became of those that are over. Nothing before the first call. */
  readonly figures: () => Info
}

/** They are meant to last as long as their connection, so they hold up nothing. */
const WATCH = '/grpc.health.v1.Health/Watch'

/**
 * Follows the calls of a server. One is over when its last byte has been handed to the connection, or that is gone.
 *
 * @param changed called whenever a call begins or is over
 */
export const trackCalls = (
  { ServerInterceptingCall, status }: typeof import('@grpc/grpc-js'),
  changed: () => void,
): Calls => {
  // No handler has seen such a call, or it hears that it is cut: the client may try elsewhere.
  const leaving = { code: status.UNAVAILABLE, details: 'the server is shutting down' }
  const inside = makeInside()
  const open = makeInFlight<Call>()
  const watches = makeInFlight<Call>()
  let refusing = false
  // By OpenTelemetry's conventions for gRPC: the codes that are faults of the server.
  const { UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS } = status
  const faults: ReadonlySet<number> = new Set([
    UNKNOWN,
    DEADLINE_EXCEEDED,
    UNIMPLEMENTED,
    INTERNAL,
    UNAVAILABLE,
    DATA_LOSS,
  ])
  let begun = 0
  let handled = 0
  let failed = 0
  let aborted = 0
  /** @param code the status that was sent, if any was */
  const count = (code: number | undefined, isCut: boolean): void => {
    if (code !== undefined) handled++
    else if (!isCut) aborted++
    if (code !== undefined && faults.has(code)) failed++
    changed()
  }

  const interceptor: ServerInterceptor = ({ path }, wire) => {
    let isCut = false
    const refuse = () => {
      isCut = true
      wire.sendStatus(leaving)
    }
    if (refusing) return new ServerInterceptingCall(wire, { start: refuse })
    const call: Call = { what: path, since: performance.now(), refuse }
    const among = path === WATCH ? watches : open
    let started = false
    let code: number | undefined
    const over = () => {
      if (!among.has(call)) return
      // Before `pending` is told, whose state has the figures too.
      if (among === open) count(code, isCut)
      among.release(call)
    }
    among.take(call)
    if (among === open) {
      begun++
      changed()
    }
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
        code = answer.code ?? UNKNOWN
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
    figures: () =>
      begun === 0
        ? {}
        : { inFlight: open.size, handled, ...(failed > 0 && { failed }), ...(aborted > 0 && { aborted }) },
  }
}
