const living = new Set<number>()

/** Kills a process with the processes that it has started. Windows has no groups: there only the process itself. */
export const killGroup = (pid: number): void => {
  if (pid === 0) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // It is gone.
  }
}

const killAll = (): void => {
  for (const pid of living) killGroup(pid)
}

/**
 * Has a process killed when this one exits.
 *
 * @returns takes it out again
 */
export const whenParentExits = (pid: number): (() => void) => {
  if (living.size === 0) process.on('exit', killAll)
  living.add(pid)
  return () => {
    if (living.delete(pid) && living.size === 0) process.off('exit', killAll)
  }
}
