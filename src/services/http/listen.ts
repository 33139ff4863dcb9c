import type { Server } from 'node:http'
import { ServiceError } from '../../core/errors.ts'
import type { Info } from '../../core/state.ts'
import type { Place } from './target.ts'

/** Resolves when the server listens; rejects with an error that says what to do. */
export const listen = (name: string, server: Server, place: Place, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (server.listening) return resolve()
    const settle = (settled: () => void) => {
      server.off('listening', onListening).off('error', onError).off('close', onClose)
      settled()
    }
    const onListening = () => settle(resolve)
    const onError = (error: NodeJS.ErrnoException) => settle(() => reject(listenError(name, place, error)))
    // A server that is closed before it says so never says that it listens.
    const onClose = () => settle(() => reject(signal.aborted ? signal.reason : new Error('its server was closed')))
    server.on('listening', onListening).on('error', onError).on('close', onClose)
    server.listen(place)
  })

const listenError = (name: string, place: Place, error: NodeJS.ErrnoException): ServiceError => {
  const where = 'path' in place ? place.path : place.host ? `${place.host}:${place.port}` : `port ${place.port}`
  if (error.code === 'EADDRINUSE')
    return new ServiceError(
      'ERR_PORT_IN_USE',
      name,
      `service "${name}" can't listen on ${where}: it is already in use. Stop what uses it, or give another port`,
      { cause: error },
    )
  if (error.code === 'EACCES')
    return new ServiceError(
      'ERR_PORT_FORBIDDEN',
      name,
      `service "${name}" may not listen on ${where}: permission denied. Give a port from 1024 up, ` +
        'or grant the process the right (on Linux CAP_NET_BIND_SERVICE)',
      { cause: error },
    )
  return new ServiceError(
    'ERR_START_FAILED',
    name,
    `service "${name}" can't listen on ${where}: ${error.message}. Check host and port`,
    { cause: error },
  )
}

const isAnyAddress = (address: string) => address === '::' || address === '0.0.0.0'

/** Where it listens, for the running state. */
export const whereabouts = (server: Server): Info => {
  const bound = server.address()
  if (bound === null) return {}
  if (typeof bound === 'string') return { address: bound }
  const { address, port, family } = bound
  const scheme = 'setSecureContext' in server ? 'https' : 'http'
  const host = isAnyAddress(address) ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return { address, port, url: `${scheme}://${host}:${port}` }
}
