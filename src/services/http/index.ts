import { defer, finalize } from 'rxjs'
import { callable, known, namesOf, refuse } from '../../core/options.ts'
import { checkName, type Service, service } from '../../core/service.ts'
import { type HttpOptions, placesOf } from './place.ts'
import { serve } from './serve.ts'
import { type HttpTarget, isServer, targetOf } from './target.ts'

export type { ListenErrorCode } from '../common/listen.ts'
export type { LeaveAlone, UpgradeRequest } from './handed-over.ts'
export type { HttpOptions } from './place.ts'
export type { HttpTarget } from './target.ts'

const OPTIONS = namesOf<HttpOptions>({ port: true, host: true, path: true, leaveAlone: true })

/**
 * An HTTP server as a service: running when it listens, with `info: { address, port, url }` in its state (`urls` too
 * where it listens at several places).
 *
 * Asked to leave, it serves on and says `Connection: close` in every answer, so that each client retires its own
 * socket; of HTTP/2, GOAWAY to every session in use. Draining, it closes the listeners, finishes every request under way
 * (`pending` tells how many) and ends `text/event-stream` answers. WebSockets that the app frames itself are told to close
 * (1001); tunnels and proxied WebSockets are ended once they are quiet for 500 ms. Connections are closed once they are
 * quiet for 45 ms, or for one and a half of the time that their client takes to its next request. What is left when the
 * drain time is over is cut, and told: `info: { cut: 2, cutWork: 'GET /slow (2, up to 12.3 s)' }`.
 *
 * Calls of others that end the server while it leaves are held back, and named: `info: { heldBack: 'server.close()' }`.
 *
 * A server that already listens is taken as it is, and `port`, `host` and `path` are not looked at. A server of yours is
 * given back at the end without a listener, socket or timer of ours. An app that brings its own server to hand out: pass
 * koa's `app.callback()`, fastify's `app.server` once it is ready.
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
): Service<Name> => {
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
  return {
    name,
    lifecycle: shutdown$ =>
      defer(() => {
        const { hooks, letGo } = serve(name, newServer(), leaveAlone)
        return service(name, hooks).lifecycle(shutdown$).pipe(finalize(letGo))
      }),
  }
}
