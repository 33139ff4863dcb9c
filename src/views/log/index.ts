import type { Subscription } from 'rxjs'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { known, namesOf, oneOf } from '../../core/options.ts'
import { jsonLine } from '../../core/status/recording.ts'
import { paintFor } from '../../core/text/paint.ts'
import { transitionLines } from '../../core/text/transition-text.ts'

export { formatReport } from '../../core/text/report-text.ts'

/** Where lines go: any writable stream. On a terminal they are coloured. */
export interface LogOutput {
  write(text: string): unknown
  readonly isTTY?: boolean
  hasColors?(): boolean
}

/** How a log is written, and where to. */
export interface LogOptions {
  /** `text` for people, `json` (one event a line, the report last) for machines. Default `text`. */
  readonly format?: 'text' | 'json'
  /** Default `process.stdout`. */
  readonly output?: LogOutput
}

const LOG = { kind: 'log', name: '' }

const OPTIONS = namesOf<LogOptions>({ format: true, output: true })

/**
 * One readable line for each transition of a group and all inside it, from now to its end.
 *
 * @returns the subscription; the log ends with the group by itself.
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * log(group)
 * await group.start()
 * await group.stop()
 * ```
 */
export const log = (
  group: Pick<ServiceGroup<string, never>, 'events$' | 'report'>,
  options: LogOptions = {},
): Subscription => {
  known(LOG, options, OPTIONS)
  const { format = 'text', output = process.stdout } = options
  oneOf(LOG, 'format', ['text', 'json'], format)
  if (format === 'json') {
    const line = (value: object): unknown => output.write(`${jsonLine(value)}\n`)
    return group.events$.subscribe({ next: line, complete: () => line({ kind: 'report', ...group.report }) })
  }
  const lineOf = transitionLines(paintFor(output, process.env))
  return group.events$.subscribe(event => {
    const line = lineOf(event)
    if (line !== undefined) output.write(`${line}\n`)
  })
}
