import { callable, known, namesOf, refuse } from '../../core/options.ts'
import { checkName } from '../../core/service.ts'
import { type ListeningService, listeningService } from '../common/listening.ts'
import { type HttpOptions, placesOf } from './place.ts'
import { serve } from './serve.ts'
import { type HttpTarget, isServer, targetOf } from './target.ts'

export type { ListenErrorCode } from '../common/listen-error.ts'
export type { ListeningService } from '../common/listening.ts'
export type { LeaveAlone, UpgradeRequest } from './handed-over.ts'
export type { HttpOptions } from './place.ts'
export type { HttpTarget, NodeServer } from './target.ts'

const OPTIONS = namesOf<HttpOptions>({
  port: true,
  host: true,
  path: true,
  fd: true,
  reusePort: true,
  leaveAlone: true,
})

/**
 * An HTTP server as a service. It knows its `port` and `url` from the moment it listens until its listener is closed,
 * which is when it drains; before and after, both are `undefined`. After a restart they are those of the new
 * incarnation. A server that listened already is known from its start on.
 *
 * - `port`: also the one that the system chose for port 0. `undefined` on a unix socket alone.
 * - `url`: `http://localhost:8080`, or `https:` for a server of `node:https` or `createSecureServer`. A server on all
 *   addresses (`0.0.0.0`, `::`) says `localhost`; an address of IPv6 stands in brackets (`http://[::1]:8080`). On a
 *   unix socket: `unix:/run/api.sock`. At several places it is the first one; `info.urls` tells all.
 *
 * @example
 * ```ts
 * import { http, type HttpService } from 'rx-service-group/http'
 *
 * const api: HttpService<'api'> = http('api', (request, response) => response.end('hello'))
 * const group = serviceGroup('shop').add(api)
 * await group.start()
 * const answer = await fetch(api.url!)
 * console.log(await answer.text(), api.port === Number(new URL(api.url!).port)) // hello true
 * await group.stop()
 * console.log(api.port) // undefined
 * ```
 */
export interface HttpService<Name extends string = string> extends ListeningService<Name> {}

/**
 * An HTTP server as a service: running when it listens, with `info: { address, port, url }` in its state (`urls` too
 * where it listens at several places). The service itself tells `port` and `url` too, while it listens.
 *
 * Asked to leave, it serves on and says `Connection: close` in every answer, so that each client retires its own
 * socket; of HTTP/2, GOAWAY to every session in use. Draining, it closes the listeners, finishes every request under
 * way (`pending` tells how many) and ends `text/event-stream` answers. WebSockets that the app frames itself are told
 * to close (1001); tunnels and proxied WebSockets are ended once they are quiet for 500 ms. Connections are closed once
 * they are quiet for 45 ms, or for one and a half of the time that their client takes to its next request. What is left
 * when the drain time is over is cut, and told: `info: { cut: 2, cutWork: 'GET /slow (2, up to 12.3 s)' }`.
 *
 * Calls of others that end the server while it leaves are held back, and named: `info: { heldBack: 'server.close()' }`.
 *
 * With `fd` it listens on a socket that it inherits, from systemd or a parent, and that lives on without it.
 *
 * From the first request on `info` tells the figures `inFlight` (an open WebSocket or tunnel too), `handled` (answered
 * in this incarnation), `failed` (of those, with a status from 500 on) and `aborted` (left by their clients before
 * that): in each state, and while it runs once a second at most when they have changed. Draining, `inFlight` is what is
 * pending.
 *
 * A server that already listens is taken as it is, and where to listen is not looked at. A server of yours
 * is given back at the end without a listener, socket or timer of ours. An app that brings its own server to hand out:
 * pass koa's `app.callback()`, fastify's `app.server` once it is ready.
 *
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_OPTION`; its lifecycle fails with `ERR_PORT_IN_USE`,
 * `ERR_PORT_FORBIDDEN`, `ERR_START_FAILED` when it can't listen, `ERR_SERVICE_FAILED` when the server dies later
 * @example
 * ```ts
 * import { http } from 'rx-service-group/http'
 *
 * const api = http('api', (request, response) => response.end('hello'), { port: 8080 })
 * ```
 */
export const http = <const Name extends string>(
  name: Name,
  target: HttpTarget,
  options: HttpOptions = {},
): HttpService<Name> => {
  checkName(name)
  known(name, options, OPTIONS)
  const places = placesOf(name, options)
  if (typeof target !== 'function' && !isServer(target))
    refuse(
      name,
      'give an express app, a request listener, or a server of node:http, node:https or node:http2 ' +
        '(koa: app.callback(), fastify: app.server)',
    )
  const { leaveAlone = () => false } = options
  callable(name, 'leaveAlone', leaveAlone)
  const newServer = targetOf(target, places)
  return listeningService(name, changed => serve(name, newServer(), leaveAlone, changed))
}
