import cluster from 'node:cluster'
import { fstatSync, readFileSync, type Stats } from 'node:fs'
import type { Server } from 'node:net'
import { show } from '../../core/options.ts'
import { cannotListen } from './listen-error.ts'
import { notePath } from './place.ts'

interface Taken {
  readonly service: string
  readonly inode: number
}

/** The sockets that were taken, by number. Node closes a descriptor with its listener; then its inode is another. */
const taken = new Map<number, Taken>()

/**
 * Takes an inherited socket for a service, until Node closes it with its listener. The returned function gives the
 * socket back after a failure to listen, if Node did not close it.
 *
 * @throws ServiceError `ERR_PORT_IN_USE`, `ERR_START_FAILED` when the descriptor is no socket that can listen
 */
export const takeInherited = (name: string, server: Server, fd: number): (() => void) => {
  // Node asks the primary for its descriptor of that number.
  if (cluster.isWorker) return () => {}
  const stats = statsOf(fd)
  const before = taken.get(fd)
  if (before && before.inode !== stats?.ino)
    throw cannotListen(
      name,
      `fd ${fd} again: Node closed it with the listener of service ${show(before.service)}, and can't open it twice; ` +
        'restart the process instead of the service',
    )
  if (before)
    throw cannotListen(
      name,
      `fd ${fd}: service ${show(before.service)} listens on it; give each service a socket of its own`,
      'ERR_PORT_IN_USE',
    )
  if (!stats)
    throw cannotListen(name, `fd ${fd}: it is not open in this process; pass a listening socket under that number`)
  if (!stats.isSocket()) throw cannotListen(name, `fd ${fd}: it is not a socket; pass a listening socket`)
  const socket = lookUp(stats.ino)
  // An attempt to listen would make Node close it.
  if (socket && !socket.listens)
    throw cannotListen(
      name,
      `fd ${fd}: it is a socket that does not listen; pass one that does (in a .socket unit: Accept=no)`,
    )
  if (socket?.path) notePath(server, socket.path)
  taken.set(fd, { service: name, inode: stats.ino })
  return () => {
    if (statsOf(fd)?.ino === stats.ino) taken.delete(fd)
  }
}

const statsOf = (fd: number): Stats | undefined => {
  try {
    return fstatSync(fd)
  } catch {
    return undefined
  }
}

/** A line of a table of sockets, as Linux has them. */
const TCP = /^ *\d+: \S+ \S+ (?<state>\S+) \S+ \S+ \S+ +\d+ +\d+ (?<inode>\d+) /gm
const UNIX = /^\S+: \S+ \S+ (?<state>\S+) \S+ \S+ +(?<inode>\d+)(?: (?<path>.*))?$/gm
const TABLES = [
  { file: 'tcp', line: TCP, listening: '0A' },
  { file: 'tcp6', line: TCP, listening: '0A' },
  { file: 'unix', line: UNIX, listening: '00010000' },
]

/** A socket as the system knows it. Undefined where that is not told: other systems, another network namespace. */
const lookUp = (inode: number): { readonly listens: boolean; readonly path: string | undefined } | undefined => {
  for (const { file, line, listening } of TABLES) {
    for (const { groups = {} } of tableOf(file).matchAll(line))
      if (groups['inode'] === String(inode)) return { listens: groups['state'] === listening, path: groups['path'] }
  }
  return undefined
}

const tableOf = (file: string): string => {
  try {
    return readFileSync(`/proc/self/net/${file}`, 'utf8')
  } catch {
    return ''
  }
}
