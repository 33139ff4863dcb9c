import {
  callable,
  count,
  duration,
  finite,
  flag,
  isName,
  isRecord,
  known,
  must,
  namesOf,
  oneOf,
  portNumber,
  positive,
  refuse,
  show,
  timerDuration,
} from '../../core/options.ts'

/**
 * Checks of options, to be made when the service is made. Each throws `ERR_INVALID_OPTION` (a duration
 * `ERR_INVALID_DURATION`) with an error in the one form of all: `service "mails": batch must be a whole number >= 1,
 * got 0`. The first argument is the name of the service.
 *
 * | check | |
 * |---|---|
 * | `known(name, options, names)` | options are an object, and none has an unknown name |
 * | `namesOf<Options>({ batch: true })` | those names; the compiler checks that none is missing |
 * | `callable(name, 'handler', value)` | a function |
 * | `flag(name, 'ack', value)` | `true`, `false`, or left out |
 * | `oneOf(name, 'mode', ['a', 'b'], value)` | one of the words |
 * | `count(name, 'batch', value, fallback)` | returns a whole number >= 1 |
 * | `duration(name, 'every', value, fallback)` | returns milliseconds >= 0, `Infinity` included |
 * | `positive`, `finite` | return milliseconds > 0; milliseconds that are not `Infinity` |
 * | `timerDuration(name, 'every', value, least)` | returns milliseconds that one timer of the platform can wait |
 * | `port(name, value)` | an integer from 0 to 65535 |
 * | `must(name, 'url', isGood, 'a URL', value)` | any other rule |
 * | `refuse(name, what)` | throws; `what` says what is wrong and what to do |
 * | `isName`, `isRecord`, `show` | a text that is not empty; an object; a value in a few words, without passwords |
 *
 * @example
 * ```ts
 * interface MailerOptions {
 *   readonly batch?: number
 * }
 * const OPTIONS = check.namesOf<MailerOptions>({ batch: true })
 *
 * const mailer = (name: string, options: MailerOptions = {}) => {
 *   check.known(name, options, OPTIONS)
 *   const batch = check.count(name, 'batch', options.batch, 10)
 *   return service(name, { start: () => console.log(`sends ${batch} at a time`) })
 * }
 * mailer('mails', { batch: 3 })
 * ```
 */
export const check: {
  readonly callable: typeof callable
  readonly count: typeof count
  readonly duration: typeof duration
  readonly finite: typeof finite
  readonly flag: typeof flag
  readonly isName: typeof isName
  readonly isRecord: typeof isRecord
  readonly known: typeof known
  readonly must: typeof must
  readonly namesOf: typeof namesOf
  readonly oneOf: typeof oneOf
  readonly port: typeof portNumber
  readonly positive: typeof positive
  readonly refuse: typeof refuse
  readonly show: typeof show
  readonly timerDuration: typeof timerDuration
} = {
  callable,
  count,
  duration,
  finite,
  flag,
  isName,
  isRecord,
  known,
  must,
  namesOf,
  oneOf,
  port: portNumber,
  positive,
  refuse,
  show,
  timerDuration,
}
