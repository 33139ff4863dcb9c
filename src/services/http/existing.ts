import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { NodeServer } from './target.ts'

/** Sockets that a server has. Node keeps no public list of them, and those that came before us told us nothing. */
export const socketsOf = (server: NodeServer): readonly Socket[] => {
  const sockets = new Set<Socket>(parsersOf(server).flatMap(({ socket }) => socket ?? []))
  // A socket of TLS stands on another one, which has no parser.
  const below = new Set([...sockets].map(socket => (socket as { _parent?: Socket })._parent))
  for (const handle of handles()) if (belongsTo(handle, server) && !below.has(handle)) sockets.add(handle)
  return [...sockets]
}

/** The answer under way on a socket. */
export const answerOn = (socket: Socket): ServerResponse | undefined =>
  (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined

const handles = (): readonly unknown[] =>
  (process as { _getActiveHandles?: () => readonly unknown[] })._getActiveHandles?.() ?? []

const belongsTo = (handle: unknown, server: NodeServer): handle is Socket =>
  handle instanceof Socket && (handle as { server?: unknown }).server === server

interface Parser {
  readonly socket?: Socket | null
}

const parsersOf = (server: NodeServer): readonly Parser[] => {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'http.server.connections')
  const list = key && (Reflect.get(server, key) as { all?: () => readonly Parser[] })
  return list?.all?.() ?? []
}
