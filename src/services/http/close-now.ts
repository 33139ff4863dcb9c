import type { Server } from 'node:net'
import { besideNewcomer } from '../common/socket-file.ts'
import { realClose } from './others-close.ts'

/** Closes only the listener. `server.close()` also cuts idle connections, with requests perhaps on their way. */
export const closeNow = (server: Server): void => {
  if (!server.listening) return
  const sessions = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'sessions')
  const restore = [
    replace(server, 'closeIdleConnections', () => {}),
    // From Node 24 on it closes the sessions of HTTP/2 as well.
    sessions ? replace(server, sessions, new Set()) : () => {},
  ]
  besideNewcomer(server, () => realClose(server))
  for (const step of restore) step()
}

const replace = (server: Server, key: PropertyKey, value: unknown): (() => void) => {
  const own = Object.getOwnPropertyDescriptor(server, key)
  Object.defineProperty(server, key, { value, configurable: true, writable: true })
  return () => {
    if (own) Object.defineProperty(server, key, own)
    else Reflect.deleteProperty(server, key)
  }
}
