import { spawn } from 'node:child_process'
import type { ServiceError } from '../../core/errors.ts'
import { refusal, refuse, type Whose } from '../../core/options.ts'
import type { Report } from '../../core/status/report.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { milliseconds } from '../../core/units.ts'
import { type AppOptions, commandOf, nameOf } from './app-options.ts'
import { killGroup, whenParentExits } from './kill.ts'
import { reasonsText } from './reasons-text.ts'
import { Recordings } from './recordings.ts'

/** The codes of the errors of an app that is started for a test. */
export type AppErrorCode = 'ERR_APP_ENDED' | 'ERR_APP_TIMEOUT'

/** How an app ended. */
export interface AppEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The report of `run()`, of the first group if it ran several. `undefined`: it was killed or crashed before that. */
  readonly report: Report | undefined
  readonly reports: readonly Report[]
  /** Standard output and error, as they came. */
  readonly output: string
  /** It did not end by itself: this helper killed it. */
  readonly killed: boolean
  /** Processes that it had started were still there a second after its end. They were killed. */
  readonly orphans: boolean
  /** Milliseconds from the last signal that was sent to the end. */
  readonly took: number
}

/** An app that runs as a process of its own. */
export interface App extends AsyncDisposable {
  readonly pid: number
  /** Standard output and error so far. */
  readonly output: string
  /** The status of its first group now. Throws when the app has not begun to run one. */
  readonly status: GroupStatus
  /**
   * Waits until the output matches, or the status of the first group is as wanted.
   *
   * @throws (as a rejection) ServiceError `ERR_APP_ENDED`, `ERR_APP_TIMEOUT`, with the last lines of its output
   */
  until(what: RegExp | ((status: GroupStatus) => boolean), timeout?: number): Promise<void>
  /** Sends a signal to the process, and to no process that it has started. */
  signal(name: NodeJS.Signals): void
  /** Sends a signal, and waits for the end. After `stopTimeout` the app is killed. Default `SIGTERM`. */
  stop(signal?: NodeJS.Signals): Promise<AppEnd>
  /** Kills the app with all processes that it has started, and waits for the end. `await using` does so too. */
  kill(): Promise<AppEnd>
  readonly ended: Promise<AppEnd>
}

/** How often output and recordings are looked at, in milliseconds. */
const LOOK = 20
/** How long what an ended process has started may keep its output open, in milliseconds. */
const CLOSING = 1_000
const LAST_LINES = 20

/**
 * Starts an app as a process of its own, and waits until it is ready: the groups that it runs with `run()` tell so, and
 * their report, through a file. Nothing of the app has to be changed for that. It ends with the test that has it by
 * `await using`, also when that fails, and at the latest with this process.
 *
 * @param program the file of the app, run by Node; or a command with its arguments, `['npm', 'start']`
 * @throws (as a rejection) ServiceError `ERR_APP_ENDED` when it ends before it is ready, `ERR_APP_TIMEOUT` when it is
 * not ready in time, both with the last lines of its output; `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`
 * @example
 * ```ts
 * const program = `
 *   import { run, service, serviceGroup } from 'rx-service-group'
 *   await run(serviceGroup('shop').add(service('db', {})))
 * `
 * // A file as a rule, startApp('dist/main.js'); and in a test: await using app = ...
 * const app = await startApp(['node', '--input-type=module', '-e', program])
 * console.log(app.status.health) // pass
 * const { code, report } = await app.stop('SIGTERM')
 * console.log(code, report?.outcome) // 0 stopped
 * ```
 */
export const startApp = async (program: string | URL | readonly string[], options: AppOptions = {}): Promise<App> => {
  const app = new SpawnedApp(nameOf(program), commandOf(program, options), options)
  try {
    await app.ready()
    return app
  } catch (error) {
    await app.kill()
    throw error
  }
}

class SpawnedApp implements App {
  readonly pid: number
  readonly ended: Promise<AppEnd>
  readonly #name: string
  readonly #options: AppOptions
  readonly #child
  readonly #recordings = new Recordings()
  #output = ''
  #signalled = performance.now()
  #killed = false
  #end: AppEnd | undefined

  constructor(name: string, [command = '', ...args]: readonly string[], options: AppOptions) {
    this.#name = name
    const env = { ...process.env, ...options.env, RX_SERVICE_GROUP_RECORDINGS: this.#recordings.folder }
    // A group of its own, so that what it starts can be killed with it.
    const detached = process.platform !== 'win32'
    const { cwd } = options
    this.#options = options
    this.#child = spawn(command, args, { env, detached, stdio: ['ignore', 'pipe', 'pipe'], ...(cwd && { cwd }) })
    this.pid = this.#child.pid ?? 0
    const take = (text: string): void => {
      this.#output += text
    }
    this.#child.stdout.setEncoding('utf8').on('data', take)
    this.#child.stderr.setEncoding('utf8').on('data', take)
    this.ended = this.#watch()
  }

  get output(): string {
    return this.#output
  }

  get status(): GroupStatus {
    this.#look()
    const [status] = this.#recordings.statuses
    return status ?? refuse(this.#whose, 'it has not begun to run a group; wait until it is ready', 'ERR_NOT_STARTED')
  }

  ready(): Promise<void> {
    const { ready, readyTimeout } = this.#options
    const isReady = (): boolean => {
      if (ready) return ready.test(this.#output)
      const all = this.#recordings.statuses
      return all.length > 0 && all.every(status => status.ready)
    }
    return this.#until(isReady, 'ready', readyTimeout ?? 10_000)
  }

  until(what: RegExp | ((status: GroupStatus) => boolean), timeout = 10_000): Promise<void> {
    const holds = (): boolean => {
      if (what instanceof RegExp) return what.test(this.#output)
      const [status] = this.#recordings.statuses
      return status !== undefined && what(status)
    }
    return this.#until(holds, what instanceof RegExp ? `saying ${what}` : 'as wanted', timeout)
  }

  signal(name: NodeJS.Signals): void {
    this.#signalled = performance.now()
    this.#child.kill(name)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<AppEnd> {
    this.signal(signal)
    const timer = setTimeout(() => void this.kill(), this.#options.stopTimeout ?? 30_000)
    try {
      return await this.ended
    } finally {
      clearTimeout(timer)
    }
  }

  kill(): Promise<AppEnd> {
    if (!this.#end && this.#child.exitCode === null && this.#child.signalCode === null) this.#killed = true
    killGroup(this.pid)
    return this.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  get #whose(): Whose {
    return { kind: 'app', name: this.#name }
  }

  /** Follows the process to its end. */
  #watch(): Promise<AppEnd> {
    const forget = whenParentExits(this.pid)
    const child = this.#child
    return new Promise(resolve => {
      let orphans = false
      let closing: NodeJS.Timeout | undefined
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        clearTimeout(closing)
        forget()
        this.#look()
        const { reports } = this.#recordings
        this.#recordings.remove()
        const took = performance.now() - this.#signalled
        const told = { code, signal, report: reports[0], reports, output: this.#output }
        this.#end = { ...told, killed: this.#killed, orphans, took }
        resolve(this.#end)
      }
      child.once('error', error => {
        this.#output += `${error.message}\n`
        if (this.pid === 0) end(null, null)
      })
      child.once('exit', () => {
        closing = setTimeout(() => {
          orphans = true
          killGroup(this.pid)
          child.stdout.destroy()
          child.stderr.destroy()
        }, CLOSING)
      })
      child.once('close', end)
    })
  }

  #look(): void {
    if (!this.#end) this.#recordings.read()
  }

  async #until(holds: () => boolean, wanted: string, timeout: number): Promise<void> {
    const deadline = performance.now() + timeout
    for (;;) {
      this.#look()
      if (holds()) return
      if (this.#end) throw this.#problem('ERR_APP_ENDED', `ended without being ${wanted} ${endText(this.#end)}`)
      if (performance.now() > deadline)
        throw this.#problem('ERR_APP_TIMEOUT', `not ${wanted} within ${milliseconds(timeout)}${this.#reasons()}`)
      await new Promise(resolve => setTimeout(resolve, LOOK))
    }
  }

  #reasons(): string {
    const all = this.#recordings.statuses
    if (all.length === 0) return '; it has not begun to run() a group: give `ready`, if it does so without run()'
    return all.map(reasonsText).join('')
  }

  #problem(code: AppErrorCode, what: string): ServiceError {
    const lines = this.#output.trimEnd().split('\n').slice(-LAST_LINES)
    const said = this.#output.trim() === '' ? 'it has printed nothing' : `its last output:\n  ${lines.join('\n  ')}`
    return refusal(this.#whose, `${what}; ${said}`, code)
  }
}

const endText = ({ code, signal }: AppEnd): string => `(${signal ?? `exit code ${code}`})`
