import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** What can be served: a request listener (an express app is one), or a node server of `node:http` or `node:https`. */
export type HttpTarget = Server | ((request: IncomingMessage, response: ServerResponse) => unknown)

/** Where to listen: a place on the network, or, for a server that came listening on one, a unix socket. */
export type Place = { readonly port: number; readonly host?: string } | { readonly path: string }

/** One incarnation: the server, and where it is to listen. */
export interface Incarnation {
  readonly server: Server
  readonly place: Place
  /** Nobody else had a hand in its listening socket, so it may be changed to our ends. */
  readonly ours: boolean
}

/** HTTP/2 servers lack `closeAllConnections`, and have sessions instead of sockets that can be reaped. */
export const isServer = (target: unknown): target is Server =>
  typeof target === 'object' &&
  target !== null &&
  'listen' in target &&
  typeof (target as Partial<Server>).closeAllConnections === 'function'

/**
 * The server of each incarnation: a fresh one for a listener, always the same for a server. One that came listening
 * is brought back to where it was.
 */
export const targetOf = (target: HttpTarget, place: Place): (() => Incarnation) => {
  if (typeof target === 'function') return () => ({ server: createServer(target), place, ours: true })
  let home = place
  return () => {
    if (!target.listening) return { server: target, place: home, ours: true }
    const address = target.address()
    if (typeof address === 'string') home = { path: address }
    else if (address) home = { port: address.port, host: address.address }
    return { server: target, place: home, ours: false }
  }
}
