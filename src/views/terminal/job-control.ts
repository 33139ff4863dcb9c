import { readFileSync } from 'node:fs'

/**
 * Calls back when the process goes on after it was stopped: `fg` after Ctrl-Z. A stopped process is not told that its
 * terminal has another size. Node reads the size when SIGWINCH comes, and tells it as `resize` if it has changed.
 *
 * @returns what ends it
 */
export const whenContinued = (callback: () => void): (() => void) => {
  const onContinue = (): void => {
    callback()
    process.kill(process.pid, 'SIGWINCH')
  }
  process.on('SIGCONT', onContinue)
  return () => void process.off('SIGCONT', onContinue)
}

/** The signals that keys of a terminal stand for. */
export type KeySignal = 'SIGINT' | 'SIGQUIT' | 'SIGTSTP'

/**
 * Sends a signal as the terminal does when its key is pressed: to all processes of the foreground, such as the `npm
 * run` that has started this one. The group of this process is the foreground, since it reads keys.
 */
export const signalForeground = (signal: KeySignal): void => {
  // On Windows there are no such groups, and a signal that is sent ends the process whether it is heard or not.
  if (process.platform !== 'win32') process.kill(0, signal)
  else if (!process.emit(signal, signal) && signal === 'SIGINT') process.kill(process.pid, signal)
}

/** Whether the process has a handler for a signal, and decides by itself what comes of it. */
export const isHandled = (signal: KeySignal): boolean => process.listenerCount(signal) > 0

/** Calls back at the very end of the process, at which only what is done at once is done. Returns what ends it. */
export const whenExiting = (callback: () => void): (() => void) => {
  process.on('exit', callback)
  return () => void process.off('exit', callback)
}

/**
 * Whether the terminal is this process's to set, as far as that can be known. The system stops a process of the
 * background that tries: one that was started with `&`, or that goes on by `bg`.
 */
export const isForeground = (): boolean => {
  if (process.platform !== 'linux') return true
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Not a positive number: the terminal is none that stops processes, or its foreground is outside the container.
    return group === foreground || Number(foreground) <= 0
  } catch {
    return true
  }
}
