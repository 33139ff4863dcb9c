import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import { connect, type Server, type Socket } from 'node:net'
import { hideSocketFile } from '../common/socket-file.ts'
import { closeNow } from './close-now.ts'

/** How long to look for a good moment. Meanwhile new requests are held back, so it is short. */
const PATIENCE = 20
/**
 * How long to insist after that: a few turns, which a busy machine makes long. Who knocks meanwhile is only delayed.
 */
const INSISTENCE = 1_000
/** Node's own. */
const BACKLOG = 511
/** Linux queues one connection more than the backlog says. (At backlog 0 it logs a SYN flood.) */
const SHORT_BACKLOG = 1
const PLACES = 2

/** Node keeps the listening socket to itself; of a cluster worker's it has only a stand-in. */
interface ListeningHandle {
  readonly fd?: number
  listen?(backlog: number): number
}

/**
 * Closes the listener at a moment when nobody waits to be accepted: whoever does is reset by the system, with the
 * request perhaps already sent. Being refused is harmless by comparison.
 *
 * An event-loop turn in which nothing arrived says that the queue was empty a moment ago. On Linux we make sure: the
 * queue is cut short and all its places taken by connections of our own, so that nobody else is in it and nobody
 * comes, for Linux ignores whoever finds it full, to be tried again a second later. Where arrivals never pause, the
 * queue stays short and places are taken as they get free. To a unix socket nobody comes once its file is gone.
 */
export const closeListener = async (server: Server, ours: boolean): Promise<void> => {
  hideSocketFile(server)
  const handle = ours ? handleOf(server) : undefined
  const places = new Set<number | undefined>()
  let arrived = false
  let tried = false
  let insisting = false
  const closeIfOurs = async () => {
    if (!server.listening) return
    handle?.listen(SHORT_BACKLOG)
    await takePlaces(server, places)
    if (places.size === PLACES && !isSomeoneHalfway(server)) closeNow(server)
    else if (!insisting) handle?.listen(BACKLOG)
  }
  const onArrival = (socket: Socket) => {
    arrived = true
    places.delete(socket.remotePort)
    // Before anyone else takes the place that got free.
    if (insisting) closeIfOurs()
  }
  const start = performance.now()
  server.on('connection', onArrival)
  // We may be within a poll, which has perhaps not yet come to the listener.
  await eventLoopTurn()
  while (server.listening) {
    arrived = false
    await eventLoopTurn()
    const waited = performance.now() - start
    if (waited > (handle ? INSISTENCE : PATIENCE)) break
    insisting = waited > PATIENCE
    if (arrived) tried = false
    if (arrived && !insisting) continue
    // Not even our own connections arrived: we can't reach ourselves.
    if (!handle || tried) break
    await closeIfOurs()
    tried = places.size === 0
  }
  server.off('connection', onArrival)
  closeNow(server)
}

const eventLoopTurn = () => new Promise<void>(resolve => setImmediate(resolve))

const handleOf = (server: Server): Required<ListeningHandle> | undefined => {
  const handle = (server as { _handle?: ListeningHandle })._handle
  if (process.platform !== 'linux' || cluster.isWorker || typeof server.address() === 'string') return undefined
  return handle?.fd !== undefined && handle.fd >= 0 && handle.listen ? (handle as Required<ListeningHandle>) : undefined
}

/**
 * Loopback connections are made within the call, so no event-loop turn passes. One that is closed at once keeps its
 * place until it is accepted.
 */
const takePlaces = async (server: Server, places: Set<number | undefined>): Promise<void> => {
  const fillers: Socket[] = []
  while (fillers.length < PLACES - places.size) fillers.push(connectTo(server))
  if (fillers.length === 0) return
  // `connect` calls the system on the next tick.
  await new Promise<void>(resolve => process.nextTick(resolve))
  for (const filler of fillers) {
    if (isConnected(filler)) places.add(filler.localPort)
    filler.destroy()
  }
}

/**
 * Whether somebody believes to be connected whom the system could not queue: its last word came while we took the
 * places. It is let in when it repeats itself, which takes it a fifth of a second.
 */
const isSomeoneHalfway = (server: Server): boolean => {
  const { port } = server.address() as { port: number }
  const halfway = RegExp(`^ *\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, '0')} [0-9A-F:]+ 03 `, 'm')
  return ['/proc/net/tcp', '/proc/net/tcp6'].some(file => {
    try {
      return halfway.test(readFileSync(file, 'latin1'))
    } catch {
      // Nobody can tell, as in some sandboxes.
      return false
    }
  })
}

const connectTo = (server: Server): Socket => {
  const bound = server.address() as { address: string; port: number }
  const host = bound.address === '::' ? '::1' : bound.address === '0.0.0.0' ? '127.0.0.1' : bound.address
  return connect({ host, port: bound.port }).on('error', () => {})
}

/** Node tells only later, but the system knows. */
const isConnected = (socket: Socket & { _handle?: { getpeername?(out: object): number } }): boolean =>
  socket._handle?.getpeername?.({}) === 0
