import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Milliseconds since it was told to end, or `undefined`: it ended by itself. */
  readonly took: number | undefined
}

export interface Child {
  readonly ended: Promise<Ended>
  /** The first signal it was sent. */
  readonly told: NodeJS.Signals | undefined
  tell(signal: NodeJS.Signals): void
}

/** Runs a program as a process that ends with this one, however this one ends. */
export const startProcess = (program: string, args: readonly (string | number)[]): Child => {
  const script = fileURLToPath(new URL(program, import.meta.url))
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', script, ...args.map(String)], {
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  let at: number | undefined
  let told: NodeJS.Signals | undefined
  return {
    ended: once(child, 'exit').then(([code, signal]) => ({
      code,
      signal,
      took: at === undefined ? undefined : performance.now() - at,
    })),
    get told() {
      return told
    },
    tell: signal => {
      at ??= performance.now()
      told ??= signal
      child.kill(signal)
    },
  }
}
