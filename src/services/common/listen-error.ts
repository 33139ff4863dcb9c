import { serviceError } from '../../core/errors.ts'
import { describePlace, type Place } from './place.ts'
import { isSocketFile } from './socket-file.ts'

/** The codes of the errors of a server that can't listen. */
export type ListenErrorCode = 'ERR_PORT_IN_USE' | 'ERR_PORT_FORBIDDEN'

type Code = ListenErrorCode | 'ERR_START_FAILED'

/** @param what where, why not, and what to do: `fd 3: it is not a socket; pass a listening socket` */
export const cannotListen = (name: string, what: string, code: Code = 'ERR_START_FAILED', cause?: unknown): Error =>
  serviceError(code, name, `can't listen on ${what}`, cause === undefined ? {} : { cause })

/** The error of a server that could not listen. An error without a code is not about listening, and stays as it is. */
export const listenError = (name: string, place: Place, thrown: unknown): unknown => {
  const error = thrown as NodeJS.ErrnoException
  if (typeof error.code !== 'string') return error
  const where = describePlace(place)
  if ('fd' in place) {
    const inUse = error.code === 'EEXIST'
    const why = inUse
      ? 'other code of this process uses it; give each server a socket of its own'
      : `${error.message}; pass a listening socket of TCP, or a unix socket`
    return cannotListen(name, `${where}: ${why}`, inUse ? 'ERR_PORT_IN_USE' : 'ERR_START_FAILED', error)
  }
  if (error.code === 'EADDRINUSE') return cannotListen(name, `${where}: ${whyInUse(place)}`, 'ERR_PORT_IN_USE', error)
  if (error.code === 'EACCES') {
    const what =
      'path' in place
        ? `may not listen on ${where}; give a path in a directory that exists and that the process may write to`
        : `may not listen on ${where}: permission denied; give a port from 1024 up, ` +
          'or grant the process the right (on Linux CAP_NET_BIND_SERVICE)'
    return serviceError('ERR_PORT_FORBIDDEN', name, what, { cause: error })
  }
  const why =
    error.code === 'ENOTSUP' && !('path' in place) && place.reusePort
      ? 'this system does not support reusePort; leave it out'
      : `${error.message}; check ${'path' in place ? 'the path' : 'host and port'}`
  return cannotListen(name, `${where}: ${why}`, 'ERR_START_FAILED', error)
}

const whyInUse = (place: Exclude<Place, { fd: unknown }>): string => {
  if ('path' in place)
    return isSocketFile(place.path)
      ? 'another process listens there; stop it, or give another path'
      : 'a file is there that is no socket; give another path'
  if (place.reusePort)
    return 'it is already in use by a server that does not share it; start that one with reusePort too, or stop it'
  return 'it is already in use; stop what uses it, or give another port'
}
