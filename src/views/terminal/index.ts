import { Subscription } from 'rxjs'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { flag, known, namesOf, refuse } from '../../core/options.ts'
import { paintFor } from '../../core/text/paint.ts'
import { transitionLines } from '../../core/text/transition-text.ts'
import { listenToConsole } from '../../process/console-lines.ts'
import { canAct, type GroupActions } from '../common/act.ts'
import type { Printed } from './printed.ts'
import { isLive } from './terminals.ts'

/** How a group is drawn, and where. */
export interface TerminalOptions {
  /** Default `process.stdout`. */
  readonly output?: NodeJS.WriteStream
  /**
   * Shows the last lines that a service has printed below it, as long as it is not well: three at most. Lines are
   * printed above the picture all the same. With `keys` all lines that are kept can be searched. Without a terminal the
   * option does nothing. Default false.
   */
  readonly logs?: boolean
  /**
   * Reads keys, so that a person can start, stop and restart each service, nested ones too, and search the console
   * lines that `logs` keeps. A line tells the keys. Standard input is in raw mode until the group is over, and shows
   * nothing that is typed; Ctrl-C, Ctrl-Z and Ctrl-\ do what they always do. Where standard input or the output is no
   * terminal the option does nothing. Default false: nothing is read from standard input.
   */
  readonly keys?: boolean
}

const WHOSE = { kind: 'terminal', name: '' }

const OPTIONS = namesOf<TerminalOptions>({ output: true, logs: true, keys: true })

/**
 * Printed where a terminal is, but not both packages. These versions run on all versions of Node that this library
 * does.
 */
const HINT =
  'terminal: needs the packages log-update and string-width to draw here; npm install log-update@7 string-width@8'

/** The part of a group that a terminal shows, and for `keys` what can be asked of it. */
export type TerminalGroup = Pick<ServiceGroup<string, never>, 'name' | 'events$' | 'options'> & Partial<GroupActions>

/**
 * A group on a terminal: a line for each service while it starts, one line once all is up, then only what is not well,
 * and every line again at the shutdown, with the time that is left. The report is left to `run()`, or to you. Where
 * there is no terminal (a pipe, `CI`, `TERM=dumb`) it prints the lines of `log()`.
 *
 * What the process itself writes to standard output and error meanwhile appears above, whole. The cursor is never
 * hidden. The packages `log-update` and `string-width` are loaded when there is a terminal; without them it prints
 * lines.
 *
 * @returns the subscription; it ends with the group by itself. Unsubscribed earlier, the picture goes.
 * @throws ServiceError `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(task('hello', () => console.log('hello')))
 * terminal(group)
 * await run(group)
 * ```
 * @example
 * With keys that start, stop and restart services and search what they print:
 * ```ts
 * const group = serviceGroup('shop').add(task('hello', () => console.log('hello')))
 * terminal(group, { keys: true, logs: true })
 * await run(group)
 * ```
 */
export const terminal = (group: TerminalGroup, options: TerminalOptions = {}): Subscription => {
  known(WHOSE, options, OPTIONS)
  const { output = process.stdout, logs = false, keys = false } = options
  flag(WHOSE, 'logs', logs)
  flag(WHOSE, 'keys', keys)
  if (keys && !canAct(group)) refuse(WHOSE, 'keys needs a group with restart() and stop(); leave out keys')
  const acted = keys && canAct(group) ? group : undefined
  const write = (text: string): void => void output.write(text)
  if (!isLive(output, process.env)) return printLines(group, output, write)

  const subscription = new Subscription()
  const printed = logs ? hearPrinted(group.name, subscription) : undefined
  // The lines until it is known how to show them.
  let early = ''
  let print = (text: string): void => {
    early += text
  }
  const lines = printLines(group, output, text => print(text))
  subscription.add(lines)
  /** Whichever way it is shown, both end together. */
  const show = (shown: Subscription): void => {
    subscription.add(shown)
    shown.add(subscription)
  }
  import('./live.ts').then(
    ({ live }) => {
      lines.unsubscribe()
      if (!subscription.closed) show(live(group, output, printed, acted))
    },
    () => {
      if (subscription.closed) return
      write(`${HINT}\n${early}`)
      print = write
      show(lines)
    },
  )
  return subscription
}

/** From now on, so that nothing is missed until it is known how the group is shown. */
const hearPrinted = (name: string, until: Subscription): Printed => {
  let act = (): void => {}
  const { rings, stop } = listenToConsole(name, () => act())
  until.add(stop)
  return {
    rings,
    onLine: given => {
      act = given
    },
  }
}

const printLines = (group: TerminalGroup, output: NodeJS.WriteStream, print: (text: string) => void): Subscription => {
  const lineOf = transitionLines(paintFor(output, process.env))
  return group.events$.subscribe(event => {
    const line = lineOf(event)
    if (line !== undefined) print(`${line}\n`)
  })
}
