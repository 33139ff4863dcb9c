import cluster from 'node:cluster'
import { lstatSync, renameSync, unlinkSync } from 'node:fs'
import { link, rename, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'

export const isSocketFile = (path: string): boolean => {
  try {
    return lstatSync(path, { bigint: true }).isSocket()
  } catch {
    return false
  }
}

/**
 * Removes a socket file that a process left behind, being killed; tells whether it is gone. Nobody listens on it, then,
 * so nobody can be reached. That is asked again of the file set aside, for at its old place another process may have
 * come up meanwhile: one that turns out to be alive is put back.
 */
export const removeIfDead = async (path: string): Promise<boolean> => {
  if (!isSocketFile(path) || !(await isDead(path))) return false
  const aside = `${path}.${process.pid}.stale`
  try {
    await rename(path, aside)
    const dead = await isDead(aside)
    if (!dead) await link(aside, path)
    await unlink(aside)
    return dead
  } catch {
    // Not ours to move, or someone else was quicker.
    return false
  }
}

const isDead = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(path)
    const answer = (dead: boolean) => {
      socket.destroy()
      resolve(dead)
    }
    socket.on('connect', () => answer(false))
    socket.on('error', (error: NodeJS.ErrnoException) => answer(error.code === 'ECONNREFUSED'))
  })

const hidden = new WeakMap<Server, string>()

/** Takes away the file of a server that listens on one: nobody can come any more, and who has come is let in. */
export const hideSocketFile = (server: Server): void => {
  const path = server.address()
  // A cluster shares its socket, and the file is the primary's.
  if (typeof path !== 'string' || cluster.isWorker || !isSocketFile(path)) return
  try {
    unlinkSync(path)
    hidden.set(server, path)
  } catch {
    // Not ours to remove. Node tries again as it closes.
  }
}

/** Node removes the file at its path as it closes the server. By then it may be another's, if ours was hidden. */
export const besideNewcomer = (server: Server, close: () => void): void => {
  const path = hidden.get(server)
  hidden.delete(server)
  if (path === undefined || !isSocketFile(path)) return close()
  const aside = `${path}.${process.pid}.aside`
  renameSync(path, aside)
  try {
    close()
  } finally {
    renameSync(aside, path)
  }
}
