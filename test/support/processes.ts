import { readFileSync } from 'node:fs'

/** Whether a process runs. One that has ended and waits for its parent to ask how does not. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2)[0]!)
  } catch {
    return false
  }
}
