import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'

/** How long a connection is quiet before it is closed. At 25 ms many a busy client is still about to write. */
const QUIET = 45
/** One that was accepted while leaving is about to send its first request; a busy machine may be slow in that. */
const QUIET_NEWCOMER = 90
const SWEEP_EVERY = 5
/** How much longer is waited for each millisecond that our own timer was late: where we are late, clients are too. */
const PER_LATE = 4

/** When a byte was last seen to have come, and how many had come by then. */
interface Quiet {
  since: number
  bytesRead: number
  readonly isNewcomer: boolean
}

/**
 * Lets the connections come to their end: answers under way are finished, endless ones ended, upgraded sockets told,
 * quiet ones closed. Tells how many are under way whenever that has changed. Returns what ends it.
 */
export const windDown = (connections: Connections, pending: (count: number) => void): (() => void) => {
  const quiets = new WeakMap<Connection, Quiet>()
  let told = -1
  let swept = performance.now()
  let late = 0
  const tell = (count: number) => {
    if (count === told) return
    told = count
    pending(count)
  }
  const meet = (connection: Connection, isNewcomer: boolean): Quiet => {
    const quiet = { since: swept, bytesRead: isNewcomer ? 0 : connection.socket.bytesRead, isNewcomer }
    quiets.set(connection, quiet)
    return quiet
  }
  const closeIfQuiet = (connection: Connection, quiet: Quiet) => {
    const { bytesRead } = connection.socket
    if (bytesRead !== quiet.bytesRead) {
      quiet.bytesRead = bytesRead
      quiet.since = swept
      return
    }
    const enough = quiet.isNewcomer && bytesRead === 0 ? QUIET_NEWCOMER : QUIET
    if (swept - quiet.since < enough + PER_LATE * late) return
    quiet.since = swept
    connection.close()
  }
  const sweep = () => {
    const now = performance.now()
    late = Math.max(late, now - swept - SWEEP_EVERY)
    swept = now
    let underWay = 0
    for (const connection of connections.all()) {
      const quiet = quiets.get(connection) ?? meet(connection, true)
      const count = connection.count()
      underWay += count
      if (count === 0) closeIfQuiet(connection, quiet)
      else {
        quiet.since = now
        connection.hasten()
      }
    }
    tell(underWay)
  }

  // Right after the poll phase: what has arrived by now has been read, so no request is cut that was already here.
  let immediate: NodeJS.Immediate | undefined
  const timer = setInterval(() => {
    immediate = setImmediate(sweep)
  }, SWEEP_EVERY)
  for (const connection of connections.all()) meet(connection, false)
  sweep()
  return () => {
    clearInterval(timer)
    clearImmediate(immediate)
    tell(0)
  }
}
