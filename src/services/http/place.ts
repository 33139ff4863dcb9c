import type { Server } from 'node:net'
import { isName, must, portNumber } from '../../core/options.ts'
import { type Place, type Whereabouts, whereaboutsOf } from '../common/place.ts'
import type { LeaveAlone } from './handed-over.ts'

/** At least one. */
export type Places = readonly [Place, ...Place[]]

/** Where an HTTP server listens. */
export interface HttpOptions {
  /** 0 to 65535; 0 lets the system choose a free one, which the running state tells. Default 0. */
  readonly port?: number
  /** The address or host name to listen on, or several, on the same port. Default: all addresses, as node does. */
  readonly host?: string | readonly string[]
  /**
   * A unix socket to listen on: instead of a port, or besides one that is given. A socket file whose process is gone
   * is replaced; the file is removed at the end.
   */
  readonly path?: string
  /**
   * Names upgraded sockets, CONNECT tunnels and WebSockets over HTTP/2 that something else brings to their end. Into
   * these nothing is written, and they are not ended. The drain waits for them; at its deadline they are cut like all
   * else. Asked once, when the app is handed the socket. Default: none.
   *
   * @example
   * ```ts
   * import { http } from 'rx-service-group/http'
   *
   * const api = http('api', (_, response) => response.end('hello'), {
   *   port: 8080,
   *   leaveAlone: ({ url }) => url === '/devtools',
   * })
   * ```
   */
  readonly leaveAlone?: LeaveAlone
}

/**
 * All places that the options name.
 *
 * @throws ServiceError `ERR_INVALID_OPTION`
 */
export const placesOf = (name: string, { port, host, path }: HttpOptions): Places => {
  if (port !== undefined) portNumber(name, port)
  const hosts: readonly unknown[] | undefined = host === undefined ? undefined : [host].flat()
  const goodHosts = !hosts || (hosts.length > 0 && hosts.every(isName))
  must(name, 'host', goodHosts, 'an address or a host name, or several', host)
  must(name, 'path', path === undefined || isName(path), 'that of a unix socket', path)
  const socket: Place[] = path === undefined ? [] : [{ path }]
  if (path !== undefined && port === undefined && host === undefined) return [{ path }]
  const [first, ...rest] = (hosts as readonly string[] | undefined) ?? []
  if (first === undefined) return [{ port: port ?? 0 }, ...socket]
  return [{ port: port ?? 0, host: first }, ...rest.map(one => ({ port: port ?? 0, host: one })), ...socket]
}

/** Where it listens, for the running state: the first place in particular, and the urls of all if there are several. */
export const whereaboutsOfAll = (listeners: readonly Server[], scheme: 'http://' | 'https://'): Whereabouts => {
  const all = listeners.map(listener => whereaboutsOf(listener, scheme))
  if (all.length < 2) return all[0] ?? {}
  return { ...all[0], urls: all.map(({ url }) => url).join(', ') }
}
