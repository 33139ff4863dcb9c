import { type ErrorInfo, fromErrorInfo } from '../../core/errors.ts'
import type { ServiceState } from '../../core/state.ts'

/** The levels that are used: `error` for what failed, `warn` for what is not well, `info` for all else. */
export type LogLevel = 'info' | 'warn' | 'error'

/** A logger: pino, winston, bunyan, the console, or any other with these methods. */
export interface Logger {
  info(...args: never[]): unknown
  warn(...args: never[]): unknown
  error(...args: never[]): unknown
}

/** Writes one entry. `fields`: `{ service: 'shop/db', phase: 'failed', error, ... }`, plain JSON. */
export type LogFunction = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => unknown

/**
 * Writes to a logger in the order of arguments that it takes: fields first for pino and bunyan, with the error as
 * `err`; the message first for winston; the message alone for the console and loggers that are not known. pino knows an
 * Error. Bunyan would leave out the message and the stack of one, unless it was given a serializer.
 */
export const writerFor = (logger: Logger | LogFunction): LogFunction => {
  if (typeof logger === 'function' && !hasLevels(logger)) return logger
  // Loggers are called as methods, since most use `this`.
  const methods = logger as Readonly<Record<LogLevel, (...args: unknown[]) => unknown>>
  if (isPino(logger))
    return (level, message, { error, ...fields }) =>
      methods[level](error ? { ...fields, err: fromErrorInfo(error as ErrorInfo) } : fields, message)
  if (isBunyan(logger))
    return (level, message, { error, ...fields }) => methods[level](error ? { ...fields, err: error } : fields, message)
  if (isWinston(logger)) return (level, message, fields) => methods[level](message, fields)
  return (level, message) => methods[level](message)
}

const has = (thing: object, ...names: readonly string[]): boolean => names.every(name => name in thing)

/** Whether a value is a logger. */
export const hasLevels = (value: unknown): value is Logger =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  (['info', 'warn', 'error'] as const).every(level => typeof (value as Partial<Logger>)[level] === 'function')

const isPino = (logger: object): boolean => has(logger, 'child', 'bindings', 'setBindings')

const isBunyan = (logger: object): boolean => has(logger, 'child', 'addStream', 'addSerializers')

/** A logger of winston, a child of one, or the module itself, which is its default logger. */
const isWinston = (logger: object): boolean => has(logger, 'transports', 'configure', 'log')

/** The level of a state. */
export const levelOf = (state: ServiceState): LogLevel => {
  switch (state.phase) {
    case 'failed':
      return 'error'
    case 'backoff':
      return 'warn'
    case 'running':
      return state.health === 'fail' ? 'error' : state.health === 'warn' ? 'warn' : 'info'
    case 'drained':
      return state.timedOut ? 'warn' : 'info'
    case 'stopped':
      return state.how === 'abandoned' || state.error ? 'error' : state.how === 'forced' ? 'warn' : 'info'
    default:
      return 'info'
  }
}
