import { type AddressInfo, createServer, type Server, type ServerOpts, type Socket } from 'node:net'
import { listen } from '../common/listen.ts'
import { inheritedFds } from '../common/passed-sockets.ts'
import { isShared, type Place } from '../common/place.ts'
import { closeListener } from './close-listener.ts'
import { closeNow } from './close-now.ts'
import type { Places } from './place.ts'
import type { Incarnation } from './target.ts'

/** How often the system is asked for another port when the one it chose on the first address is taken on the next. */
const TRIES = 10

export interface Listeners {
  /** All that listen, the server itself first. */
  readonly all: () => readonly Server[]
  /** Listens everywhere; or rejects, and listens nowhere. */
  readonly open: (signal: AbortSignal) => Promise<void>
  /** Closes each at a good moment. */
  readonly close: () => Promise<void>
  readonly closeNow: () => void
  /** Those besides the server itself are closed, and the connections that came there gone. */
  readonly gone: () => Promise<void>
}

/**
 * Where a server listens. It can do so at one place; what comes to the others is handed to it as if it had come there.
 */
export const listenersOf = (name: string, { server, places, ours }: Incarnation): Listeners => {
  let others: Server[] = []
  let left: Promise<unknown>[] = []
  const early: Socket[] = []
  /** Listeners whose socket or port is not theirs alone. */
  const shared = new Set<Server>()
  let opening: Server | undefined
  let ready = false

  const handOver = (socket: Socket) => {
    if (ready) server.emit('connection', socket)
    else early.push(socket)
  }
  const listenOn = async (listener: Server, place: Place, signal: AbortSignal) => {
    opening = listener
    if (isShared(place)) shared.add(listener)
    await listen(name, listener, place, signal).finally(() => {
      opening = undefined
    })
    signal.throwIfAborted()
  }
  /** The server itself comes last, so that it need not be closed again when another place is taken. */
  const openAll = async ([home, ...elsewhere]: Places, signal: AbortSignal) => {
    let port = 0
    const at = (place: Place) => ('port' in place && place.port === 0 ? { ...place, port } : place)
    for (const place of elsewhere) {
      const other = createServer(optionsOf(server), handOver)
      others.push(other)
      left.push(new Promise(resolve => other.once('close', resolve)))
      await listenOn(other, at(place), signal)
      const bound = other.address() as AddressInfo | string | null
      if (bound && typeof bound === 'object') port = bound.port
    }
    await listenOn(server, at(home), signal)
    ready = true
    for (const socket of early.splice(0)) handOver(socket)
  }
  const closeOthers = () => {
    for (const other of others) closeNow(other)
    for (const socket of early.splice(0)) socket.destroy()
  }
  const isFree = (place: Place) => 'port' in place && place.port === 0
  return {
    all: () => [server, ...others],
    open: async signal => {
      const all = server.listening ? places : passed(name, places)
      for (let tried = 1; ; tried++) {
        try {
          return await openAll(all, signal)
        } catch (error) {
          closeOthers()
          others = []
          left = []
          const { code } = error as { code?: unknown }
          const again = code === 'ERR_PORT_IN_USE' && all.filter(isFree).length > 1 && tried < TRIES
          if (!again || signal.aborted) throw error
        }
      }
    },
    close: async () => {
      const close = (one: Server, made: boolean) => closeListener(one, made && !shared.has(one))
      await Promise.all([close(server, ours), ...others.map(other => close(other, true))])
    },
    closeNow: () => {
      // A host name that is still being looked up can't be called back.
      const late = opening
      late?.once('listening', () => closeNow(late))
      closeOthers()
      closeNow(server)
    },
    gone: async () => void (await Promise.all(left)),
  }
}

/** The places, with each named one as all the sockets that were passed under its name. */
const passed = (name: string, places: Places): Places =>
  places.flatMap<Place>(place => ('fd' in place ? inheritedFds(name, place.fd).map(fd => ({ fd })) : place)) as [
    Place,
    ...Place[],
  ]

/** What a server gives the sockets that come to it. */
const optionsOf = (server: Server): ServerOpts => {
  const { allowHalfOpen, noDelay, keepAlive, keepAliveInitialDelay, highWaterMark } = server as Server & ServerOpts
  return {
    allowHalfOpen: allowHalfOpen ?? false,
    noDelay: noDelay ?? false,
    keepAlive: keepAlive ?? false,
    keepAliveInitialDelay: keepAliveInitialDelay ?? 0,
    ...(highWaterMark !== undefined && { highWaterMark }),
  }
}
