import { AsyncResource } from 'node:async_hooks'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Connections } from './connections.ts'
import type { Http2Connection } from './http2.ts'
import { intercept } from './intercept.ts'
import type { NodeServer } from './target.ts'

/** How long nothing must have begun or ended: a client may take so long to go on after an answer. */
const SETTLED = 20
/** ... and where its answers take long to be taken note of, so many times that. */
const ROUND_TRIPS = 3
/** How long to look for a good moment, which a request may be late by. */
const PATIENCE = 100
/** How long to wait for a client that does not even answer. */
const LAST_PATIENCE = 1_000

/**
 * From now on each session says GOAWAY while a request is under way, before its answer, so that the client asks
 * elsewhere next. One that is idle is left alone: it would say it to a client that is perhaps just asking.
 *
 * A stream that a client opens before it has read GOAWAY is refused. HTTP/2 has a warning for this (a first GOAWAY with
 * the highest stream id), but node can't give it: after any GOAWAY it ignores new streams, and then the client waits
 * for ever. So it is said at a moment when no request is likely to be on the wire: new ones are held back, and none has
 * come or been answered for a while before a PING that has come back.
 */
export const sayGoaway = (server: NodeServer, connections: Connections): (() => void) => {
  const timers = new Set<NodeJS.Timeout>()
  const later = (ms: number, step: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      step()
    }, ms)
    timers.add(timer)
  }
  const goodbyes = new WeakMap<Http2Connection, (handOut: () => void) => void>()

  const begin = ({ session, stirredAt }: Http2Connection) => {
    const start = performance.now()
    let held: (() => void)[] | undefined = []
    const tell = () => {
      if (!session.closed) session.close()
      const handOuts = held ?? []
      held = undefined
      for (const handOut of handOuts) handOut()
    }
    const ask = () => {
      if (!held || session.closed || session.destroyed) return tell()
      const asked = performance.now()
      session.ping(() => {
        const now = performance.now()
        const settled = Math.max(SETTLED, ROUND_TRIPS * (now - asked))
        if (asked - stirredAt() >= settled || now - start >= PATIENCE) tell()
        else later(Math.max(stirredAt() + settled - now, 1), ask)
      })
    }
    later(LAST_PATIENCE, tell)
    ask()
    return (handOut: () => void) => {
      if (held) held.push(handOut)
      else handOut()
    }
  }
  const holding = (connection: Http2Connection) => {
    const hold = goodbyes.get(connection) ?? begin(connection)
    goodbyes.set(connection, hold)
    return hold
  }

  for (const connection of connections.http2.values()) if (connection.count() > 0) holding(connection)
  const undo = intercept(server, ['stream'], (pass, args) => {
    const [stream, headers] = args as [ServerHttp2Stream, IncomingHttpHeaders]
    holding(connections.rememberStream(stream, headers))(
      AsyncResource.bind(() => {
        if (!stream.destroyed) pass()
      }),
    )
    return true
  })
  return () => {
    for (const timer of timers) clearTimeout(timer)
    undo()
  }
}
