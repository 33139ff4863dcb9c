import type { ErrorCode } from '../../core/errors.ts'
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
  type Whose,
} from '../../core/options.ts'

/**
 * Checks of options. Each throws `ERR_INVALID_OPTION`, of a duration `ERR_INVALID_DURATION`, in the one form of all
 * errors: `service "mails": batch must be a whole number >= 1, got 0`. Its first argument is the owner of the option,
 * mostly the name of the service.
 */
export interface Checks {
  /** The options are an object, and none has an unknown name. `prefix` stands before names in an error: `restart.` */
  known(whose: Whose, options: unknown, names: readonly string[], prefix?: string): void
  /** The names of the options of a type, for `known`. The compiler checks that none is missing. */
  namesOf<T>(names: Readonly<Record<keyof T, true>>): readonly string[]
  /** The value is a function. */
  callable(whose: Whose, option: string, value: unknown): void
  /** The value is `true`, `false`, or left out. */
  flag(whose: Whose, option: string, value: unknown): void
  /** The value is one of the words. */
  oneOf(whose: Whose, option: string, words: readonly string[], value: unknown): void
  /** Returns a whole number >= 1. */
  count(whose: Whose, option: string, value: number | undefined, fallback: number): number
  /** Returns milliseconds >= 0. `Infinity`: no limit. */
  duration(whose: Whose, option: string, value: number | undefined, fallback: number): number
  /** Returns milliseconds > 0. */
  positive(whose: Whose, option: string, value: number): number
  /** Returns milliseconds >= 0 that are not `Infinity`. */
  finite(whose: Whose, option: string, value: number): number
  /** Returns milliseconds that one timer of the platform can wait, such as that of a socket or a broker. */
  timerDuration(whose: Whose, option: string, value: number, least: number, orInfinity?: boolean): number
  /** The value is an integer from 0 to 65535. 0 lets the system choose a port. */
  port(whose: Whose, value: unknown): void
  /** Any other rule. `wanted` says what the option must be: `'a URL'`. */
  must(whose: Whose, option: string, good: boolean, wanted: string, value: unknown): void
  /** Throws. `what` says what is wrong and what to do. The default of `code` is `ERR_INVALID_OPTION`. */
  refuse(whose: Whose, what: string, code?: ErrorCode, cause?: unknown): never
  /** Whether a value is a string and not empty, as names are. */
  isName(value: unknown): value is string
  /** Whether a value is an object that can hold options. */
  isRecord(value: unknown): value is object
  /** A value in a few words, without passwords. A value that can't be shown is named by its type. */
  show(value: unknown): string
}

/**
 * The checks of options that the library makes itself. A service makes them when it is made, not when it starts.
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
export const check: Checks = {
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
