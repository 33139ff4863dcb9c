import type { AddressInfo, Server } from 'node:net'
import type { Info } from '../../core/state.ts'

/**
 * Where to listen: a place on the network, a unix socket (on Windows a named pipe), or an inherited listening socket, by
 * its number or by the name under which a service manager passed it. `reusePort`: other processes may listen there too.
 */
export type Place =
  | { readonly port: number; readonly host?: string; readonly reusePort?: boolean }
  | { readonly path: string }
  | { readonly fd: number | string }

export const describePlace = (place: Place): string => {
  if ('path' in place) return place.path
  if ('fd' in place) return `fd ${place.fd}`
  return place.host ? `${place.host}:${place.port}` : `port ${place.port}`
}

/** Whether other processes may listen on the same socket or port. */
export const isShared = (place: Place): boolean => 'fd' in place || ('port' in place && place.reusePort === true)

/** The paths of inherited unix sockets, which Node does not tell. */
const paths = new WeakMap<Server, string>()

export const notePath = (server: Server, path: string): void => void paths.set(server, path)

/** Where a server listens, as the running state tells it. Empty while the server does not listen. */
export type Whereabouts = Info & { readonly address?: string; readonly port?: number; readonly url?: string }

/**
 * Where a server listens now.
 *
 * @param scheme stands before host and port in the url: `http://`
 * @example
 * ```ts
 * import { createServer } from 'node:net'
 *
 * console.log(whereaboutsOf(createServer(), 'tcp://')) // {}
 * ```
 */
export const whereaboutsOf = (server: Server, scheme: string): Whereabouts => {
  const bound = server.address() ?? (server.listening ? (paths.get(server) ?? null) : null)
  if (bound === null) return {}
  if (typeof bound === 'string') return { address: bound, url: `unix:${bound}` }
  const { address, port } = bound
  return { address, port, url: `${scheme}${reachableAt(bound)}` }
}

/** Host and port as a client on this machine writes them. */
const reachableAt = ({ address, port, family }: AddressInfo): string => {
  const isAny = address === '::' || address === '0.0.0.0'
  return `${isAny ? 'localhost' : family === 'IPv6' ? `[${address}]` : address}:${port}`
}
