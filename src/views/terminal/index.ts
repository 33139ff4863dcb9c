import { Subscription } from 'rxjs'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { known, namesOf } from '../../core/options.ts'
import { paintFor } from '../../core/text/paint.ts'
import { transitionLines } from '../../core/text/transition-text.ts'
import { isLive } from './terminals.ts'

/** Where a group is drawn. */
export interface TerminalOptions {
  /** Default `process.stdout`. */
  readonly output?: NodeJS.WriteStream
}

const OPTIONS = namesOf<TerminalOptions>({ output: true })

/** Printed where a terminal is, but not both packages. These versions run on all versions of Node that this library does. */
const HINT =
  'terminal: needs the packages log-update and string-width to draw here; npm install log-update@7 string-width@8'

/** The part of a group that a terminal shows. */
export type TerminalGroup = Pick<ServiceGroup<string, never>, 'name' | 'events$' | 'options'>

/**
 * A group on a terminal: a line for each service while it starts, one line once all is up, then only what is not well,
 * and every line again at the shutdown, with the time that is left. The report is left to `run()`, or to you. Where
 * there is no terminal (a pipe, `CI`, `TERM=dumb`) it prints the lines of `log()`.
 *
 * What the process itself writes to standard output and error meanwhile appears above, whole. The cursor is never
 * hidden. The packages `log-update` and `string-width` are loaded when there is a terminal; without them it prints lines.
 *
 * @returns the subscription; it ends with the group by itself. Unsubscribed earlier, the picture goes.
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(task('hello', () => console.log('hello')))
 * terminal(group)
 * await run(group)
 * ```
 */
export const terminal = (group: TerminalGroup, options: TerminalOptions = {}): Subscription => {
  known({ kind: 'terminal', name: '' }, options, OPTIONS)
  const { output = process.stdout } = options
  const write = (text: string): void => void output.write(text)
  if (!isLive(output, process.env)) return printLines(group, output, write)

  const subscription = new Subscription()
  // What happens until it is known how it is shown.
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
      if (!subscription.closed) show(live(group, output))
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

const printLines = (group: TerminalGroup, output: NodeJS.WriteStream, print: (text: string) => void): Subscription => {
  const lineOf = transitionLines(paintFor(output, process.env))
  return group.events$.subscribe(event => {
    const line = lineOf(event)
    if (line !== undefined) print(`${line}\n`)
  })
}
