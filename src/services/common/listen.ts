import type { Server } from 'node:net'
import { takeInherited } from './inherited.ts'
import { cannotListen, listenError } from './listen-error.ts'
import { inheritedFds } from './passed-sockets.ts'
import type { Place } from './place.ts'
import { removeIfDead } from './socket-file.ts'

/**
 * Makes a server listen, at most once. Resolves when it does. A socket file that a dead process left is replaced.
 * On an inherited socket a process can listen once: Node closes it with the listener.
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
  if ('fd' in place) return listenOnInherited(name, server, place.fd, signal)
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

const listenOnInherited = async (
  name: string,
  server: Server,
  named: number | string,
  signal: AbortSignal,
): Promise<void> => {
  const [fd, ...more] = inheritedFds(name, named)
  if (more.length > 0)
    throw cannotListen(
      name,
      `fd "${named}": ${more.length + 1} sockets of that name were passed; give each a name of its own ` +
        '(FileDescriptorName= in the .socket unit)',
    )
  const giveBack = takeInherited(name, server, fd)
  await listenAt(server, { fd }, signal).catch(error => {
    giveBack()
    throw listenError(name, { fd }, error)
  })
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
