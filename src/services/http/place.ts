import type { Server } from 'node:net'
import { flag, isName, must, portNumber, refuse } from '../../core/options.ts'
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
   * A listening socket that the process inherited, instead of `port`, `host` and `path`: its number, or the name under
   * which systemd passed it (`FileDescriptorName=` of the `.socket` unit). A name of several sockets means all of them.
   * The socket stays open in systemd, or in the parent that passed it, so a restart of the process refuses nobody. The
   * service can't be restarted alone: Node can't open an inherited socket twice in a process.
   *
   * @example
   * ```ts
   * import { http } from 'rx-service-group/http'
   *
   * const place = process.env['LISTEN_FDS'] ? { fd: 'web' } : { port: 8080 }
   * const api = http('api', (_, response) => response.end('hello'), place)
   * ```
   */
  readonly fd?: number | string
  /**
   * Other processes may listen on the same port, if they say so too: a new process beside the old one. Needs Node 22.12
   * or 23.1, and Linux, FreeBSD, DragonFly BSD, Solaris or AIX. As the old process leaves, Linux resets a few
   * connections that it has not accepted yet, unless `net.ipv4.tcp_migrate_req` is 1; `fd` resets none. Default `false`.
   *
   * @example
   * ```ts
   * import { http } from 'rx-service-group/http'
   *
   * const canShare = Number(process.versions.node.split('.')[0]) >= 24
   * const api = http('api', (_, response) => response.end('hello'), { port: 8080, reusePort: canShare })
   * ```
   */
  readonly reusePort?: boolean
  /**
   * Names upgraded sockets, CONNECT tunnels and WebSockets over HTTP/2 that something else brings to their end. Into
   * these nothing is written, and they are not ended. The drain waits for them; at its deadline they are cut like all else.
   * Asked once, when the app is handed the socket. Default: none.
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
export const placesOf = (name: string, options: HttpOptions): Places => {
  const { port, host, path, fd, reusePort } = options
  if (port !== undefined) portNumber(name, port)
  const hosts: readonly unknown[] | undefined = host === undefined ? undefined : [host].flat()
  const goodHosts = !hosts || (hosts.length > 0 && hosts.every(isName))
  must(name, 'host', goodHosts, 'an address or a host name, or several', host)
  must(name, 'path', path === undefined || isName(path), 'that of a unix socket', path)
  flag(name, 'reusePort', reusePort)
  if (fd !== undefined) return [inheritedPlace(name, options)]
  if (reusePort) checkReusePort(name, options)
  const socket: Place[] = path === undefined ? [] : [{ path }]
  if (path !== undefined && port === undefined && host === undefined) return [{ path }]
  const [first, ...rest] = (hosts as readonly string[] | undefined) ?? []
  const anywhere = { port: port ?? 0, ...(reusePort && { reusePort }) }
  if (first === undefined) return [anywhere, ...socket]
  return [{ ...anywhere, host: first }, ...rest.map(one => ({ ...anywhere, host: one })), ...socket]
}

const inheritedPlace = (name: string, { port, host, path, fd, reusePort }: HttpOptions): Place => {
  const isNumber = Number.isInteger(fd) && Number(fd) >= 0
  must(name, 'fd', isNumber || isName(fd), 'a number >= 0, or the name of a socket that is passed', fd)
  const others = Object.entries({ port, host, path, reusePort: reusePort || undefined })
  const [other] = others.find(([, value]) => value !== undefined) ?? []
  if (other) refuse(name, `fd and ${other} exclude each other: a socket that is passed is bound already; leave one out`)
  return { fd: fd as number | string }
}

/** The first versions of Node with `reusePort`, and all later lines. Before them it was ignored. */
const checkReusePort = (name: string, { port, host, path }: HttpOptions): void => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 12) || (major === 23 && minor < 1))
    refuse(
      name,
      `reusePort needs Node 22.12, 23.1 or later, and this is ${process.version}; leave it out, ` +
        'or pass a socket to the process (fd)',
    )
  if (path !== undefined && port === undefined && host === undefined)
    refuse(name, 'reusePort is for a port, and a unix socket has none; leave it out')
}

/** Where it listens, for the running state: the first place in particular, and the urls of all if there are several. */
export const whereaboutsOfAll = (listeners: readonly Server[], scheme: 'http://' | 'https://'): Whereabouts => {
  const all = listeners.map(listener => whereaboutsOf(listener, scheme))
  if (all.length < 2) return all[0] ?? {}
  return { ...all[0], urls: all.flatMap(({ url }) => url ?? []).join(', ') }
}
