import cluster from 'node:cluster'
import { connect, type Server, type Socket } from 'node:net'

/** How long to look for a good moment. Meanwhile new requests are held back, so it is short. */
const PATIENCE = 20
/** How long a queue that was cut short may take: only a very busy process needs it, and then each turn takes one off. */
const SHORTENED_PATIENCE = 100
/** Node's own. */
const BACKLOG = 511

/** Node keeps the listening socket to itself; of a cluster worker's it has only a stand-in. */
interface ListeningHandle {
  readonly fd?: number
  listen?(backlog: number): number
}
interface PeerHandle {
  getpeername?(out: object): number
}

/**
 * Closes the listener at a moment when nobody waits to be accepted: whoever does is reset by the system, with the
 * request perhaps already sent. Being refused is harmless by comparison.
 *
 * An event-loop turn in which nothing arrived says that the queue was empty a moment ago. On Linux we can make sure,
 * by filling the queue ourselves: see `fillsQueue`. A queue that does not get empty is shortened, so that it must.
 */
export const closeListener = async (server: Server, ours: boolean): Promise<void> => {
  const handle = ours ? handleOf(server) : undefined
  let arrived = true
  const onArrival = () => {
    arrived = true
  }
  const start = performance.now()
  let shortened = false
  server.on('connection', onArrival)
  // We may be within a poll, which has perhaps not yet come to the listener.
  await eventLoopTurn()
  while (server.listening) {
    const waited = performance.now() - start
    if (waited > (handle ? SHORTENED_PATIENCE : PATIENCE)) break
    if (waited > PATIENCE && !shortened) {
      shortened = true
      handle?.listen(1)
    }
    arrived = false
    await eventLoopTurn()
    if (arrived || !server.listening) continue
    if (!handle || (await fillsQueue(server, handle))) break
    if (!shortened) handle.listen(BACKLOG)
  }
  server.off('connection', onArrival)
  closeNow(server)
}

/** Closes only the listener. `server.close()` also cuts idle connections, with requests perhaps on their way. */
export const closeNow = (server: Server & { closeIdleConnections?: () => void }): void => {
  if (!server.listening) return
  const own = Object.getOwnPropertyDescriptor(server, 'closeIdleConnections')
  server.closeIdleConnections = () => {}
  server.close()
  if (own) Object.defineProperty(server, 'closeIdleConnections', own)
  else delete server.closeIdleConnections
}

const eventLoopTurn = () => new Promise<void>(resolve => setImmediate(resolve))

const handleOf = (server: Server): Required<ListeningHandle> | undefined => {
  const handle = (server as { _handle?: ListeningHandle })._handle
  if (process.platform !== 'linux' || cluster.isWorker || typeof server.address() === 'string') return undefined
  return handle?.fd !== undefined && handle.fd >= 0 && handle.listen ? (handle as Required<ListeningHandle>) : undefined
}

/**
 * Linux queues one connection more than the backlog and ignores all others, to be tried again a second later. With a
 * backlog of 1 and two connections of our own in the queue, nobody else is in it, and nobody comes. (Backlog 0 makes
 * the kernel log a SYN flood.) Loopback connections are made within the call, so that no turn passes until the close.
 */
const fillsQueue = async (server: Server, handle: Required<ListeningHandle>): Promise<boolean> => {
  handle.listen(1)
  const fillers = [connectTo(server), connectTo(server)]
  // `connect` calls the system on the next tick.
  await new Promise<void>(resolve => process.nextTick(resolve))
  const full = fillers.every(isConnected)
  if (full) closeNow(server)
  for (const filler of fillers) filler.destroy()
  return full
}

const connectTo = (server: Server): Socket => {
  const bound = server.address() as { address: string; port: number }
  const host = bound.address === '::' ? '::1' : bound.address === '0.0.0.0' ? '127.0.0.1' : bound.address
  return connect({ host, port: bound.port }).on('error', () => {})
}

const isConnected = (socket: Socket & { _handle?: PeerHandle }): boolean => socket._handle?.getpeername?.({}) === 0
