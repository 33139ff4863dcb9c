import type { Server } from 'node:net'
import { serviceError } from '../../core/errors.ts'
import { describePlace, type Place } from './place.ts'
import { isSocketFile, removeIfDead } from './socket-file.ts'

/** The codes of the errors of a server that can't listen. */
export type ListenErrorCode = 'ERR_PORT_IN_USE' | 'ERR_PORT_FORBIDDEN'

/**
 * Makes a server listen, at most once. Resolves when it does. A socket file that a dead process left is replaced.
 *
 * @throws (as a rejection) ServiceError `ERR_PORT_IN_USE`, `ERR_PORT_FORBIDDEN`, `ERR_START_FAILED`, each with what to
 * do; the reason of the signal if that aborts
 * @example
 * ```ts
 * import { createServer } from 'node:net'
 *
 * const server = createServer()
 * await listen('echo', server, { port: 0, host: '127.0.0.1' }, new AbortController().signal)
 * server.close()
 * ```
 */
export const listen = async (name: string, server: Server, place: Place, signal: AbortSignal): Promise<void> => {
  if (server.listening) return
  try {
    await listenAt(server, place, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !('path' in place) || signal.aborted)
      throw listenError(name, place, error)
    if (!(await removeIfDead(place.path))) throw listenError(name, place, error)
    signal.throwIfAborted()
    await listenAt(server, place, signal).catch(again => {
      throw listenError(name, place, again)
    })
  }
}

const listenAt = (server: Server, place: Place, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      server.off('listening', onListening).off('error', onError).off('close', onClose)
      settled()
    }
    const onListening = () => settle(resolve)
    const onError = (error: Error) => settle(() => reject(error))
    // A server that is closed before it says so never says that it listens.
    const onClose = () => settle(() => reject(signal.aborted ? signal.reason : new Error('its server was closed')))
    server.on('listening', onListening).on('error', onError).on('close', onClose)
    server.listen(place)
  })

const listenError = (name: string, place: Place, thrown: unknown): unknown => {
  const error = thrown as NodeJS.ErrnoException
  // Not of the listening: it was cancelled, or closed by someone.
  if (typeof error.code !== 'string') return error
  const where = describePlace(place)
  const failed = (code: ListenErrorCode | 'ERR_START_FAILED', what: string) =>
    serviceError(code, name, what, { cause: error })
  if (error.code === 'EADDRINUSE') {
    if (!('path' in place))
      return failed(
        'ERR_PORT_IN_USE',
        `can't listen on ${where}: it is already in use; stop what uses it, or give another port`,
      )
    return failed(
      'ERR_PORT_IN_USE',
      isSocketFile(place.path)
        ? `can't listen on ${where}: another process listens there; stop it, or give another path`
        : `can't listen on ${where}: a file is there that is no socket; give another path`,
    )
  }
  if (error.code === 'EACCES')
    return failed(
      'ERR_PORT_FORBIDDEN',
      'path' in place
        ? `may not listen on ${where}; give a path in a directory that exists and that the process may write to`
        : `may not listen on ${where}: permission denied; give a port from 1024 up, ` +
            'or grant the process the right (on Linux CAP_NET_BIND_SERVICE)',
    )
  return failed(
    'ERR_START_FAILED',
    `can't listen on ${where}: ${error.message}; check ${'path' in place ? 'the path' : 'host and port'}`,
  )
}
