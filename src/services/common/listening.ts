import { defer, finalize } from 'rxjs'
import { type Service, type ServiceHooks, service } from '../../core/service.ts'
import type { Info } from '../../core/state.ts'
import { liveFigures } from './live-figures.ts'
import type { Whereabouts } from './place.ts'

/** A service that listens, and knows where. */
export interface ListeningService<Name extends string = string> extends Service<Name> {
  /** The port it listens on. `undefined` while it does not listen, and when it listens on a unix socket only. */
  readonly port: number | undefined
  /** The address for a client on this machine. `undefined` while it does not listen. */
  readonly url: string | undefined
}

/** One incarnation of a server. */
export interface ListeningIncarnation {
  readonly hooks: ServiceHooks
  /** Where the server listens now; nothing while it does not. */
  readonly whereabouts: () => Whereabouts
  /**
   * The figures now, such as `{ inFlight: 2, handled: 17 }`: each state has them in its `info`. Empty while there is
   * nothing to tell. Default: none.
   */
  readonly figures?: () => Info
  /** Releases everything that the incarnation holds, whatever has happened before. */
  readonly letGo: () => void
}

/**
 * A service from the incarnations of a server: each subscription makes a new one. The service tells where the latest
 * one listens.
 *
 * @param newIncarnation is given a function to call when `figures` may have changed: while the service runs, its state
 * is then said again, once a second at most
 * @example
 * ```ts
 * import { createServer } from 'node:net'
 *
 * const echo = listeningService('echo', () => {
 *   const server = createServer(socket => socket.pipe(socket))
 *   const close = () => void server.close()
 *   return {
 *     hooks: { start: ({ signal }) => listen('echo', server, { port: 0 }, signal), stop: close },
 *     whereabouts: () => whereaboutsOf(server, 'tcp://'),
 *     letGo: close,
 *   }
 * })
 * console.log(echo.port) // undefined
 * ```
 */
export const listeningService = <Name extends string>(
  name: Name,
  newIncarnation: (changed: () => void) => ListeningIncarnation,
): ListeningService<Name> => {
  let latest: ListeningIncarnation | undefined
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const figures = liveFigures(() => incarnation.figures?.() ?? {})
        const incarnation = newIncarnation(figures.changed)
        latest = incarnation
        const end = (): void => {
          incarnation.letGo()
          if (latest === incarnation) latest = undefined
        }
        return figures.addTo(service(name, incarnation.hooks).lifecycle(shutdown$)).pipe(finalize(end))
      }),
    get port() {
      return latest?.whereabouts().port
    },
    get url() {
      return latest?.whereabouts().url
    },
  }
}
