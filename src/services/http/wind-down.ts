import type { ServerResponse } from 'node:http'
import { type Connection, type Connections, isUnderWay, isUpgraded } from './connections.ts'

/** How long a connection is quiet before it is closed. At 25 ms many a busy client is still about to write. */
const QUIET = 45
/** One that was accepted while leaving is about to send its first request; a busy machine may be slow in that. */
const QUIET_NEWCOMER = 90
const SWEEP_EVERY = 5
/** How much longer is waited for each millisecond that our own timer was late: where we are late, clients are too. */
const PER_LATE = 4

/** A WebSocket close frame, 1001: going away. */
const GOING_AWAY = Buffer.of(0x88, 0x02, 0x03, 0xe9)

/**
 * Lets the connections come to their end: answers under way are finished, endless ones ended, upgraded sockets told,
 * quiet ones closed. Tells how many are under way whenever that has changed. Returns what ends it.
 */
export const windDown = (connections: Connections, pending: (count: number) => void): (() => void) => {
  const start = performance.now()
  let told = -1
  let swept = start
  let late = 0
  const tell = (count: number) => {
    if (count === told) return
    told = count
    pending(count)
  }
  const sweep = () => {
    const now = performance.now()
    late = Math.max(late, now - swept - SWEEP_EVERY)
    swept = now
    let underWay = 0
    for (const connection of connections.open.values()) {
      if (isUpgraded(connection)) sayGoingAway(connection)
      else if (!isUnderWay(connection)) {
        closeIfQuiet(connection, now, start, PER_LATE * late)
        continue
      } else {
        connection.quietSince = now
        endIfEndless(connection.last!)
      }
      underWay++
    }
    tell(underWay)
  }

  // Right after the poll phase: what has arrived by now has been read, so no request is cut that was already here.
  let immediate: NodeJS.Immediate | undefined
  const timer = setInterval(() => {
    immediate = setImmediate(sweep)
  }, SWEEP_EVERY)
  for (const connection of connections.open.values()) connection.quietSince = start
  sweep()
  return () => {
    clearInterval(timer)
    clearImmediate(immediate)
    tell(0)
  }
}

const sayGoingAway = (connection: Connection) => {
  const { socket } = connection
  // An app that has not accepted the upgrade yet is not interrupted.
  if (connection.toldToClose || socket.bytesWritten === 0 || !socket.writable) return
  connection.toldToClose = true
  socket.write(GOING_AWAY)
}

const closeIfQuiet = (connection: Connection, now: number, start: number, longer: number) => {
  const { socket } = connection
  if (socket.bytesRead !== connection.bytesRead) {
    connection.bytesRead = socket.bytesRead
    connection.quietSince = now
    return
  }
  const isNewcomer = socket.bytesRead === 0 && connection.quietSince > start
  if (now - connection.quietSince >= (isNewcomer ? QUIET_NEWCOMER : QUIET) + longer) socket.destroy()
}

const EVENT_STREAM = /^content-type: *text\/event-stream/im

const endIfEndless = (answer: ServerResponse & { _header?: string | null }) => {
  // `getHeader` does not know what was given to `writeHead` alone.
  if (answer.writableEnded || answer.req.method !== 'GET' || !EVENT_STREAM.test(answer._header ?? '')) return
  // The app does not know yet, and an event written now would be an uncaught error.
  answer.on('error', () => {})
  answer.end()
}
