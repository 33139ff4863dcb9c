import type { Subscription } from 'rxjs'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { known, must, namesOf, oneOf, refuse } from '../../core/options.ts'
import { jsonLine } from '../../core/status/recording.ts'
import { paintFor } from '../../core/text/paint.ts'
import { lineParts, transitionLines } from '../../core/text/transition-text.ts'
import { hasLevels, type LogFunction, type Logger, levelOf, writerFor } from './logger.ts'

export { formatReport } from '../../core/text/report-text.ts'
export type { LogFunction, Logger, LogLevel } from './logger.ts'

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
  /**
   * A logger, instead of `format` and `output`: pino, bunyan, winston, the console, or any with `info`, `warn` and
   * `error`. pino, bunyan and winston get the path, phase and particulars of the service as fields too. `error` is for
   * what failed, `warn` for what is not well or will be tried again, `info` for all else. Or a function that is given
   * level, message and fields, for any other logger.
   */
  readonly to?: Logger | LogFunction
}

const LOG = { kind: 'log', name: '' }

const OPTIONS = namesOf<LogOptions>({ format: true, output: true, to: true })

/**
 * One readable line for each transition of a group and all inside it, for each failed piece of work, and for each
 * request from outside, from now to its end.
 *
 * @returns the subscription; the log ends with the group by itself.
 * @throws ServiceError `ERR_INVALID_OPTION`
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * log(group)
 * await group.start()
 * await group.stop()
 * ```
 * @example
 * To a logger, with fields where it takes them: `{ service: 'shop/db', phase: 'running', ... }`
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * log(group, { to: console }) // or pino(), bunyan.createLogger(...), winston.createLogger(...)
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
  if (options.to !== undefined) return logTo(group, options.to, options)
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

const logTo = (group: Pick<ServiceGroup<string, never>, 'events$'>, to: Logger | LogFunction, options: LogOptions) => {
  must(LOG, 'to', typeof to === 'function' || hasLevels(to), 'a logger with info, warn and error, or a function', to)
  if (options.format !== undefined || options.output !== undefined)
    refuse(LOG, 'a logger writes in its own format; leave out format and output, or leave out `to`')
  const write = writerFor(to)
  const partsOf = lineParts()
  return group.events$.subscribe(event => {
    const parts = partsOf(event)
    if (!parts) return
    const { path, phase, detail } = parts
    const message = `${path} ${phase}${detail === '' ? '' : `: ${detail}`}`
    if (event.kind === 'transition') write(levelOf(event.state), message, { service: event.path, ...event.state })
    else if (event.kind === 'failure') {
      const { what, error, omitted } = event
      write('error', message, { service: event.path, what, error, ...(omitted !== undefined && { omitted }) })
    } else if (event.kind === 'request') {
      const { kind, seq, at, clockSet, path: service, ...told } = event
      write(told.outcome === 'refused' ? 'warn' : 'info', message, { service, ...told })
    }
  })
}
