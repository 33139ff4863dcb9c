import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A connection, and the last answer begun on it: while that is not written, something is under way. */
export interface Connection {
  readonly socket: Socket
  last: ServerResponse | undefined
  /** When a byte was last seen to have come, and how many had come by then: only looked at while draining. */
  quietSince: number
  bytesRead: number
  toldToClose: boolean
}

export interface Connections {
  readonly open: ReadonlyMap<Socket, Connection>
  /** Notes an answer as the last one of its connection. */
  remember(request: IncomingMessage, response: ServerResponse): Connection
  /** From now on someone else remembers: the leave-taking does it before the app sees the request. */
  stopRemembering(): void
  /** Connections that still come are turned away, and the ones there are cut off. */
  destroyAll(): void
  untrack(): void
}

/** Events that hand a request to the app. A listener for one of the last two changes what node does itself. */
export const requestEvents = ['request', 'checkContinue', 'checkExpectation'] as const

export const isUnderWay = ({ last }: Connection): boolean => last !== undefined && !last.writableFinished

/** Node takes its parser off a socket that it hands over, to a WebSocket for example. */
export const isUpgraded = ({ socket }: Connection): boolean =>
  (socket as { parser?: unknown }).parser === null && !socket.destroyed

/**
 * Follows the connections of a server. A request costs one look-up and one assignment: whether it is under way is
 * asked of its answer, when it matters.
 */
export const trackConnections = (server: Server): Connections => {
  const open = new Map<Socket, Connection>()
  let turningAway = false

  const add = (socket: Socket): Connection => {
    const connection = { socket, last: undefined, quietSince: performance.now(), bytesRead: 0, toldToClose: false }
    open.set(socket, connection)
    socket.once('close', onClose)
    return connection
  }
  function onClose(this: Socket) {
    open.delete(this)
  }
  const onConnection = (socket: Socket) => {
    if (turningAway) socket.destroy()
    else add(socket)
  }
  // TLS wraps the raw socket that came first; from now on the wrapper speaks for both.
  const onSecureConnection = (socket: Socket & { _parent?: Socket }) => {
    if (socket._parent) open.delete(socket._parent)
    onConnection(socket)
  }
  const remember = (request: IncomingMessage, response: ServerResponse) => {
    const connection = open.get(request.socket) ?? add(request.socket)
    connection.last = response
    return connection
  }

  const rememberedEvents = requestEvents.filter(event => event === 'request' || server.listenerCount(event) > 0)
  for (const event of rememberedEvents) server.prependListener(event, remember)
  server.on('connection', onConnection).on('secureConnection', onSecureConnection)

  const stopRemembering = () => {
    for (const event of rememberedEvents) server.off(event, remember)
  }
  return {
    open,
    remember,
    stopRemembering,
    destroyAll: () => {
      turningAway = true
      for (const socket of open.keys()) socket.destroy()
      // Those that were there before us.
      server.closeAllConnections()
    },
    untrack: () => {
      stopRemembering()
      server.off('connection', onConnection).off('secureConnection', onSecureConnection)
      for (const socket of open.keys()) socket.off('close', onClose)
    },
  }
}
