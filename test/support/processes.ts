import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A signal within 500 ms of the first repeats it. What comes after this is one of its own, on a busy machine too. */
export const afterRepeats = (): Promise<void> => sleep(1_000)

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
