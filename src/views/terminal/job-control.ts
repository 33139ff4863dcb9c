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
