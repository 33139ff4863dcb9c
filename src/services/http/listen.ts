import type { Server } from 'node:http'
import { ServiceError } from '../../core/errors.ts'
import type { Info } from '../../core/state.ts'
import type { Place } from './target.ts'

/** Resolves when the server listens; rejects with an error that says what to do. */
export const listen = (name: string, server: Server, place: Place): Promise<void> =>
  new Promise((resolve, reject) => {
    if (server.listening) return resolve()
    const onListening = () => {
      server.off('error', onError)
      resolve()
    }
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening)
      reject(listenError(name, place, error))
    }
    server.once('listening', onListening).once('error', onError)
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
