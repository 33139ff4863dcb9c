import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

/** Has Node run TypeScript as these tests have it. */
export const TSX: readonly string[] = ['--import', 'tsx']

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Standard output and error, as they came. */
  readonly output: string
  /** Milliseconds from the last signal to the end. */
  readonly took: number
}

export interface Child {
  /** Settles with the output once it holds a text; rejects if the process ends without it. */
  says(text: string | RegExp): Promise<string>
  kill(signal: NodeJS.Signals): void
  readonly pid: number
  readonly ended: Promise<Ended>
}

const children = new Set<ChildProcess>()

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** Runs a TypeScript program as a real process; it does not outlive its test file. */
export const startProgram = (
  program: URL,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Child => startNode([...TSX, fileURLToPath(program), ...args], env)

/** Runs node with arguments as a real process; it does not outlive its test file. */
export const startNode = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Child =>
  startCommand(process.execPath, args, env)

/**
 * Runs any command as a real process; it does not outlive its test file.
 *
 * @param fds descriptors that the process inherits as 3, 4 and so on
 */
export const startCommand = (
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  fds: readonly number[] = [],
): Child => {
  const child = spawn(command, args, {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...fds],
  })
  children.add(child)
  let output = ''
  let signalled = performance.now()
  const listeners = new Set<() => void>()
  const take = (text: string): void => {
    output += text
    for (const listener of listeners) listener()
  }
  child.stdout!.setEncoding('utf8').on('data', take)
  child.stderr!.setEncoding('utf8').on('data', take)
  const ended = once(child, 'close').then(([code, signal]) => ({
    code,
    signal,
    output,
    took: performance.now() - signalled,
  }))
  return {
    pid: child.pid!,
    ended,
    says: text =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (typeof text === 'string' ? !output.includes(text) : !text.test(output)) return
          listeners.delete(look)
          resolve(output)
        }
        listeners.add(look)
        look()
        void ended.then(() => reject(new Error(`it ended without saying "${text}":\n${output}`)))
      }),
    kill: signal => {
      signalled = performance.now()
      child.kill(signal)
    },
  }
}
