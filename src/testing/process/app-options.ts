import { fileURLToPath } from 'node:url'
import { duration, isName, isRecord, known, must, namesOf, refuse } from '../../core/options.ts'

/** How an app is started. Times are milliseconds. */
export interface AppOptions {
  /** Arguments of the app. Default: none. */
  readonly args?: readonly string[]
  /** Options of Node, before the file: `['--import', 'tsx']`. Not for a command. Default: none. */
  readonly execArgv?: readonly string[]
  /** Added to the environment of this process. A value of `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The working directory. Default: that of this process. */
  readonly cwd?: string
  /** The app is ready when its output matches. Default: when each group that it runs with `run()` is ready. */
  readonly ready?: RegExp
  /** How long the app may take to be ready. Default 10,000. */
  readonly readyTimeout?: number
  /** How long the app may take to end after `stop()`, before it is killed. Default 30,000. */
  readonly stopTimeout?: number
}

const OPTIONS = namesOf<AppOptions>({
  args: true,
  execArgv: true,
  env: true,
  cwd: true,
  ready: true,
  readyTimeout: true,
  stopTimeout: true,
})

/** The name of an app in errors. */
export const nameOf = (program: string | URL | readonly string[]): string =>
  Array.isArray(program) ? program.join(' ') : String(program)

/** The command and its arguments, checked. */
export const commandOf = (program: string | URL | readonly string[], options: AppOptions): readonly string[] => {
  const whose = { kind: 'app', name: nameOf(program) }
  known(whose, options, OPTIONS)
  const { args = [], execArgv = [], env = {}, ready, readyTimeout, stopTimeout } = options
  const texts = (list: unknown): boolean => Array.isArray(list) && list.every(text => typeof text === 'string')
  must(whose, 'args', texts(args), 'a list of texts', args)
  must(whose, 'execArgv', texts(execArgv), 'a list of texts', execArgv)
  must(whose, 'env', isRecord(env), 'an object', env)
  must(whose, 'ready', ready === undefined || ready instanceof RegExp, 'a regular expression', ready)
  duration(whose, 'readyTimeout', readyTimeout, 0)
  duration(whose, 'stopTimeout', stopTimeout, 0)
  if (program instanceof URL) return [process.execPath, ...execArgv, fileURLToPath(program), ...args]
  if (typeof program === 'string') return [process.execPath, ...execArgv, program, ...args]
  if (!texts(program) || !isName(program[0])) refuse(whose, 'give a file, or a command as a list: ["npm", "start"]')
  return [...program, ...args]
}
