import { lstatSync } from 'node:fs'
import { link, rename, unlink } from 'node:fs/promises'
import { connect } from 'node:net'

export const isSocketFile = (path: string): boolean => {
  try {
    return lstatSync(path).isSocket()
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
