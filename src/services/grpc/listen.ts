import type { Server } from 'node:net'
import { ServiceError } from '../../core/errors.ts'
import type { Info } from '../../core/state.ts'

export interface Place {
  readonly port: number
  readonly host?: string
}

/** Resolves when the server listens; rejects with an error that says what to do. */
export const listen = (name: string, server: Server, place: Place, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      server.off('listening', onListening).off('error', onError).off('close', onClose)
      settled()
    }
    const onListening = () => settle(resolve)
    const onError = (error: NodeJS.ErrnoException) => settle(() => reject(listenError(name, place, error)))
    const onClose = () => settle(() => reject(signal.aborted ? signal.reason : new Error('its listener was closed')))
    server.on('listening', onListening).on('error', onError).on('close', onClose)
    server.listen(place)
  })

const listenError = (name: string, { host, port }: Place, cause: NodeJS.ErrnoException): ServiceError => {
  const where = host ? `${host}:${port}` : `port ${port}`
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ServiceError(
        'ERR_PORT_IN_USE',
        name,
        `service "${name}" can't listen on ${where}: it is already in use. Stop what uses it, or give another port`,
        { cause },
      )
    case 'EACCES':
      return new ServiceError(
        'ERR_PORT_FORBIDDEN',
        name,
        `service "${name}" may not listen on ${where}: permission denied. Give a port from 1024 up, ` +
          'or grant the process the right (on Linux CAP_NET_BIND_SERVICE)',
        { cause },
      )
    default:
      return new ServiceError(
        'ERR_START_FAILED',
        name,
        `service "${name}" can't listen on ${where}: ${cause.message}. Check host and port`,
        { cause },
      )
  }
}

/** Where it listens, for the running state; a client takes the `url` as it is. */
export const whereabouts = (server: Server): Info => {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return {}
  const { address, port, family } = bound
  const isAny = address === '::' || address === '0.0.0.0'
  const host = isAny ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return { address, port, url: `dns:${host}:${port}` }
}
