import type { Socket } from 'node:net'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import { patienceFor } from './gap.ts'

/** How long a connection is quiet at least before it is closed. At 25 ms many a busy client is still about to write. */
const QUIET = 45
/**
 * A connection that was accepted while leaving is about to send its first request; a busy machine may be slow in that.
 */
const QUIET_NEWCOMER = 90
const SWEEP_EVERY = 5
/** How much longer is waited for each millisecond that our own timer was late: where we are late, clients are too. */
const PER_LATE = 4

/** When a byte was last seen to have come or gone, and how many had by then. */
interface Quiet {
  since: number
  bytes: number
  /** When something was last under way. */
  idleSince: number
  readonly isNewcomer: boolean
}

const bytesOf = ({ bytesRead, bytesWritten }: Socket) => bytesRead + bytesWritten

/**
 * Lets the connections come to their end: answers under way are finished, endless ones ended, upgraded sockets told,
 * quiet ones closed. Tells how many are under way whenever that has changed. Returns what ends it.
 */
export const windDown = (connections: Connections, pending: (count: number) => void): (() => void) => {
  const quiets = new WeakMap<Connection, Quiet>()
  let told = -1
  let swept = performance.now()
  let late = 0
  let longestGap = 0
  const tell = (count: number) => {
    if (count === told) return
    told = count
    pending(count)
  }
  const meet = (connection: Connection, isNewcomer: boolean): Quiet => {
    const bytes = isNewcomer ? 0 : bytesOf(connection.socket)
    const quiet = { since: swept, bytes, idleSince: swept, isNewcomer }
    quiets.set(connection, quiet)
    return quiet
  }
  /** For how long no byte came or went, in ms. */
  const listen = ({ socket }: Connection, quiet: Quiet): number => {
    const bytes = bytesOf(socket)
    if (bytes !== quiet.bytes) quiet.since = swept
    quiet.bytes = bytes
    return swept - quiet.since
  }
  const closeIfQuiet = (connection: Connection, quiet: Quiet, quietFor: number) => {
    const atLeast = quiet.isNewcomer && connection.socket.bytesRead === 0 ? QUIET_NEWCOMER : QUIET
    // A client that has asked only once may be as far away as the others.
    const enough = Math.max(atLeast, patienceFor(connection.gap || longestGap))
    if (Math.min(quietFor, swept - quiet.idleSince) < enough + PER_LATE * late) return
    quiet.idleSince = swept
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
      const quietFor = listen(connection, quiet)
      if (count === 0) closeIfQuiet(connection, quiet, quietFor)
      else {
        quiet.idleSince = now
        connection.hasten(quietFor)
      }
    }
    tell(underWay)
  }

  // Right after the poll phase: what has arrived by now has been read, so no request is cut that was already here.
  let immediate: NodeJS.Immediate | undefined
  const timer = setInterval(() => {
    immediate = setImmediate(sweep)
  }, SWEEP_EVERY)
  for (const connection of connections.all()) {
    longestGap = Math.max(longestGap, connection.gap)
    meet(connection, false)
  }
  sweep()
  return () => {
    clearInterval(timer)
    clearImmediate(immediate)
    tell(0)
  }
}
