import type { AddressInfo, Server } from 'node:net'
import type { Info } from '../../core/state.ts'

/** Where to listen: a place on the network, or a unix socket (on Windows a named pipe). */
export type Place = { readonly port: number; readonly host?: string } | { readonly path: string }

export const describePlace = (place: Place): string =>
  'path' in place ? place.path : place.host ? `${place.host}:${place.port}` : `port ${place.port}`

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
  const bound = server.address()
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
