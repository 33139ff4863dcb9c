import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Windows knows no process groups. */
export const HAS_GROUPS: boolean = process.platform !== 'win32'

/** Sends a signal to every process of a group; `false` when there is none left. */
export const signalGroup = (leader: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(-leader, signal)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** How long to wait before each next look, in milliseconds; the last goes on. */
const LOOKS = [1, 2, 5, 10, 20, 50]

/** Settles when nothing of a group runs any more. There is no event for it: only a leader's own end is told. */
export const groupGone = async (leader: number): Promise<void> => {
  for (let look = 0; signalGroup(leader, 0) && !isAllDead(leader); look++)
    await delay(LOOKS[Math.min(look, LOOKS.length - 1)])
}

/**
 * Whether all that is left has ended, and only waits for a parent to ask how. In a container whose first process is
 * no init, nobody ever does, and the system still counts them.
 */
const isAllDead = (leader: number): boolean => {
  if (process.platform !== 'linux') return false
  try {
    return readdirSync('/proc').every(entry => !/^\d+$/.test(entry) || !isAliveIn(entry, leader))
  } catch {
    return false
  }
}

const isAliveIn = (pid: string, leader: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in brackets may hold anything, spaces and brackets too.
    const [state = '', , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return group === String(leader) && !'ZX'.includes(state)
  } catch {
    // It has ended while we looked.
    return false
  }
}

const living = new Set<number>()

const killAll = (): void => {
  for (const leader of living) signalGroup(leader, 'SIGKILL')
}

/**
 * Groups of their own outlive this process, so they are killed when it exits by itself, whoever ends it. One that is
 * killed can do nothing.
 *
 * @returns takes the group out again.
 */
export const killAtExit = (leader: number): (() => void) => {
  if (living.size === 0) process.on('exit', killAll)
  living.add(leader)
  return () => {
    if (living.delete(leader) && living.size === 0) process.off('exit', killAll)
  }
}
