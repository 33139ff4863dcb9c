import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as NetServer } from 'node:net'
import type { Places } from './place.ts'

/** A target that can be served: a request listener (an express app is one), or a server of node's. */
export type HttpTarget = NodeServer | ((request: IncomingMessage, response: ServerResponse) => unknown)

/** A server of `node:http`, `node:https` (which has the same methods) or `node:http2`. */
export type NodeServer = Server | Http2Server | Http2SecureServer

/** One incarnation: the server, and where it is to listen. */
export interface Incarnation {
  readonly server: NodeServer
  readonly places: Places
  /** The listening socket belongs to this server alone, so that its backlog may be changed. */
  readonly ours: boolean
}

export const isHttp2 = (server: NetServer): server is Http2Server | Http2SecureServer => 'updateSettings' in server

export const isServer = (target: unknown): target is NodeServer =>
  typeof target === 'object' &&
  target !== null &&
  'listen' in target &&
  (typeof (target as Partial<Server>).closeAllConnections === 'function' || isHttp2(target as NetServer))

/**
 * The server of each incarnation: a fresh one for a listener, always the same for a server. One that came listening
 * is brought back to where it was.
 */
export const targetOf = (target: HttpTarget, places: Places): (() => Incarnation) => {
  if (typeof target === 'function') return () => ({ server: createServer(target), places, ours: true })
  let home: Places = places
  return () => {
    if (!target.listening) return { server: target, places: home, ours: true }
    const address = target.address()
    if (typeof address === 'string') home = [{ path: address }]
    else if (address) home = [{ port: address.port, host: address.address }]
    return { server: target, places: home, ours: bindsItself(target) }
  }
}

/** Whether a listening server made its socket: one that it was given, by systemd or a parent, has other owners. */
const bindsItself = (server: NodeServer & { _connectionKey?: string }): boolean =>
  /^[46]:/.test(server._connectionKey ?? '')
