import { ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'

/** A call that is under way. */
export interface Call {
  /** `/package.Service/Method` */
  readonly path: string
  /** On the clock of `performance`. */
  readonly since: number
  /** Answers it with UNAVAILABLE; its handler hears `cancelled`. */
  readonly refuse: () => void
}

export interface Calls {
  readonly open: ReadonlySet<Call>
  /** To be the first one, next to the wire, so that nothing passes it by. */
  readonly interceptor: ServerInterceptor
  /** Tells how many are open, now and whenever that changes; resolves when there are none. */
  readonly untilNone: (tell: (count: number) => void) => Promise<void>
  /** From now on a call that comes is answered with UNAVAILABLE, and whoever watches the health has heard enough. */
  readonly refuseNew: () => void
}

/** They are meant to last as long as their connection, so they hold up nothing. */
const WATCH = '/grpc.health.v1.Health/Watch'

/** No handler has seen such a call, or it hears that it is cut: the client may try elsewhere. */
const LEAVING = { code: status.UNAVAILABLE, details: 'the server is shutting down' }

/** Follows the calls of a server. One is over when its last byte has been handed to the connection, or that is gone. */
export const trackCalls = (): Calls => {
  const open = new Set<Call>()
  const watches = new Set<Call>()
  let refusing = false
  let onChange = () => {}

  const interceptor: ServerInterceptor = ({ path }, wire) => {
    const refuse = () => wire.sendStatus(LEAVING)
    if (refusing) return new ServerInterceptingCall(wire, { start: refuse })
    const call: Call = { path, since: performance.now(), refuse }
    const among = path === WATCH ? watches : open
    let started = false
    const over = () => {
      if (among.delete(call) && among === open) onChange()
    }
    among.add(call)
    return new ServerInterceptingCall(wire, {
      start: next => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            started = true
            pass(metadata)
          },
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
    untilNone: tell =>
      new Promise(resolve => {
        onChange = () => {
          tell(open.size)
          if (open.size === 0) resolve()
        }
        if (open.size === 0) resolve()
        else tell(open.size)
      }),
    refuseNew: () => {
      refusing = true
      for (const watch of [...watches]) watch.refuse()
    },
  }
}

const AT_MOST = 5

/** Calls, for people, with the age of the oldest: `/shop.Orders/Place (2, 9.8 s), /shop.Stock/Feed (31.0 s), 4 more`. */
export const describeCalls = (calls: Iterable<Call>, now: number): string => {
  const methods = new Map<string, { count: number; since: number }>()
  for (const { path, since } of calls) {
    const method = methods.get(path) ?? { count: 0, since }
    methods.set(path, { count: method.count + 1, since: Math.min(method.since, since) })
  }
  const sorted = [...methods].sort(([, a], [, b]) => b.count - a.count)
  const shown = sorted.slice(0, AT_MOST).map(([path, { count, since }]) => {
    const age = `${((now - since) / 1_000).toFixed(1)} s`
    return `${path} (${count === 1 ? age : `${count}, ${age}`})`
  })
  const more = sorted.slice(AT_MOST).reduce((sum, [, { count }]) => sum + count, 0)
  return more === 0 ? shown.join(', ') : `${shown.join(', ')}, ${more} more`
}
