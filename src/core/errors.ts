import { bounded, LONGEST_TEXT } from './bounded.ts'
import { peek, peekText } from './foreign.ts'
import { codesOf, isError, LONGEST_NAME, messageOf, severalOf, wholeMessageOf } from './thrown.ts'

export { isError, messageOf } from './thrown.ts'

/** The codes of the core. They are stable. */
export type CoreErrorCode =
  | 'ERR_INVALID_NAME'
  | 'ERR_DUPLICATE_NAME'
  | 'ERR_NOT_A_SERVICE'
  | 'ERR_UNKNOWN_DEPENDENCY'
  | 'ERR_CIRCULAR_DEPENDENCY'
  | 'ERR_INVALID_DURATION'
  | 'ERR_INVALID_OPTION'
  | 'ERR_GROUP_STOPPING'
  | 'ERR_GROUP_STOPPED'
  | 'ERR_ALREADY_STARTED'
  | 'ERR_NOT_STARTED'
  | 'ERR_UNKNOWN_SERVICE'
  | 'ERR_AMBIGUOUS_NAME'
  | 'ERR_SERVICE_IN_USE'
  | 'ERR_START_FAILED'
  | 'ERR_START_TIMEOUT'
  | 'ERR_ILLEGAL_STATE'
  | 'ERR_DEPENDENCY_FAILED'
  | 'ERR_SERVICE_FAILED'
  | 'ERR_UNHEALTHY'
  | 'ERR_STALLED'
  | 'ERR_UNREADY_FAILED'
  | 'ERR_DRAIN_FAILED'
  | 'ERR_STOP_FAILED'
  | 'ERR_STOP_TIMEOUT'
  | 'ERR_ABANDONED'
  | 'ERR_RESTART_LIMIT'
  | 'ERR_GROUP_FAILED'
  | 'ERR_INVALID_RECORDING'
  | 'ERR_MISSING_PACKAGE'

/**
 * Every error of this library carries a code. Each adapter adds codes of its own, and so may any other: their types
 * stand beside them (`AmqpErrorCode`, `ListenErrorCode`).
 */
export type ErrorCode = CoreErrorCode | (string & {})

/**
 * An error as plain JSON with its causes, as states, events and reports carry it. It has at most 3 kB of message, 3 kB
 * of stack, eight causes of causes, and 16 kB with all errors inside it. Longer texts say `… 12 kB more` at their end.
 */
export interface ErrorInfo {
  readonly name: string
  readonly message: string
  readonly code?: string
  /** The HTTP status, if the error has one. */
  readonly status?: number
  /** The service it concerns, or a path (`shop/db`) when it comes from a group. */
  readonly service?: string
  readonly stack?: string
  readonly cause?: ErrorInfo
  /** All errors that came together, the first cause first. */
  readonly errors?: readonly ErrorInfo[]
}

/**
 * An error of a service. `code` is stable. `cause` is the value that was thrown. `errors` holds all errors that came
 * together, the first cause first.
 *
 * @example
 * ```ts
 * const error = new ServiceError('ERR_START_FAILED', 'db', 'service "db": start failed: no route', {
 *   cause: new Error('no route'),
 * })
 * console.log(error.code, error.service) // ERR_START_FAILED db
 * ```
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly service: string
  readonly errors: readonly unknown[]

  constructor(
    code: ErrorCode,
    service: string,
    message: string,
    options: { readonly cause?: unknown; readonly errors?: readonly unknown[] } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.service = service
    this.errors = options.errors ?? []
  }

  /** Recognises also an error of another copy of this library, by its shape. A subclass knows its own instances. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: it is the class, or a subclass, that is asked.
    return super[Symbol.hasInstance](value) || (this === ServiceError && isServiceError(value))
  }
}

/**
 * An error of a service, in the one form of all: `service "db": <what is wrong>; <what to do>`. `code` may be one of
 * your own: declare them as a type (`type MailErrorCode = 'ERR_MAIL_REFUSED'`), and keep them stable.
 *
 * @example
 * ```ts
 * const code: 'ERR_MAIL_REFUSED' = 'ERR_MAIL_REFUSED'
 * const error = serviceError(code, 'mails', 'the server refused the login; check user and password')
 * console.log(error.message) // service "mails": the server refused the login; check user and password
 * ```
 */
export const serviceError = (
  code: ErrorCode,
  service: string,
  what: string,
  options: ConstructorParameters<typeof ServiceError>[3] = {},
): ServiceError => new ServiceError(code, service, `service "${service}": ${what}`, options)

/** Whether an error is a `ServiceError`, also of another copy of this library. */
export const isServiceError = (error: unknown): error is ServiceError =>
  peek(error, 'name') === 'ServiceError' &&
  typeof peek(error, 'code') === 'string' &&
  typeof peek(error, 'service') === 'string' &&
  typeof peek(error, 'message') === 'string'

/**
 * A thrown value as a `ServiceError`. An error of this service, or of a service inside it, passes unchanged.
 *
 * @example
 * ```ts
 * const error = asServiceError('ERR_START_FAILED', 'mails', 'login failed', new Error('535'))
 * console.log(error.message) // service "mails": login failed: 535
 * ```
 */
export const asServiceError = (code: ErrorCode, service: string, did: string, cause: unknown): ServiceError =>
  isServiceError(cause) && (cause.service === service || cause.service.startsWith(`${service}/`))
    ? cause
    : serviceError(code, service, `${did}: ${messageOf(cause)}`, { cause })

/** The error of a lifecycle, as the failure of its service. */
export const asFailure = (service: string, starting: boolean, cause: unknown): ServiceError =>
  starting
    ? asServiceError('ERR_START_FAILED', service, 'start failed', cause)
    : asServiceError('ERR_SERVICE_FAILED', service, 'failed', cause)

/** Several errors as one, the first cause first. A single error stays as it is. */
export const combine = (first: ServiceError, rest: readonly unknown[]): ServiceError => {
  if (rest.length === 0) return first
  const more = rest.length === 1 ? messageOf(rest[0]) : `${rest.length} more errors`
  return new ServiceError(first.code, first.service, `${first.message} (then: ${more})`, {
    cause: first.cause ?? first,
    errors: [first, ...rest],
  })
}

/** How many causes of causes are told. */
const DEPTH = 8

/** How many errors that came together are told. The others are counted. */
const MOST_ERRORS = 50

/** Longest message, with the names before it, and longest stack of an error, in bytes. */
const [LONGEST_MESSAGE, LONGEST_STACK] = [LONGEST_TEXT + 1_000, 3_000]

/** Most of an error with all errors inside it, in bytes. What goes beyond is counted, or left out. */
const MOST_BYTES = 16_000

/** Of which so many are for messages only, so that many errors lose their stacks before their messages. */
const FOR_MESSAGES = 8_000

/** The bytes that each error takes besides its texts: the names of its fields. */
const OVERHEAD = 100

/** The errors that are told, and the bytes that are left for more. */
interface Telling {
  readonly told: Set<unknown>
  left: number
}

/**
 * Any value that was thrown, as plain JSON. An error that was told before, for example as its own cause, is only named.
 *
 * @example
 * ```ts
 * console.log(errorInfo(new TypeError('no address')).name) // TypeError
 * ```
 */
export const errorInfo = (error: unknown): ErrorInfo => tell(error, DEPTH, { told: new Set(), left: MOST_BYTES })

const tell = (error: unknown, depth: number, telling: Telling): ErrorInfo => {
  const known = isError(error)
  const [message, service] = [known ? wholeMessageOf(error) : messageOf(error), known && peek(error, 'service')]
  const named = {
    name: bounded((known && peekText(error, 'name')) || 'Error', LONGEST_NAME),
    message: bounded(message, LONGEST_MESSAGE),
    ...codesOf(error),
    ...(typeof service === 'string' && { service: bounded(service, LONGEST_NAME) }),
  }
  telling.left -= named.message.length + OVERHEAD
  if (!known || telling.told.has(error)) return named
  telling.told.add(error)
  const stack = stackOf(error, message, named.message, Math.min(LONGEST_STACK, telling.left - FOR_MESSAGES))
  telling.left -= stack?.length ?? 0
  const cause = depth > 0 && telling.left > 0 ? peek(error, 'cause') : undefined
  const errors = depth > 0 ? severalOf(error) : []
  return {
    ...named,
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && { cause: tell(cause, depth - 1, telling) }),
    ...(errors.length > 0 && { errors: tellAll(errors, depth - 1, telling) }),
  }
}

/** The stack of an error, with the message as it was cut: a long message leaves room for the places. */
const stackOf = (error: unknown, message: string, cut: string, most: number): string | undefined => {
  const stack = peek(error, 'stack')
  if (typeof stack !== 'string' || most < OVERHEAD) return undefined
  const at = cut === message ? -1 : stack.indexOf(message)
  if (at < 0) return bounded(stack, most)
  const head = bounded(message, LONGEST_NAME)
  return bounded(`${stack.slice(0, at)}${head}${stack.slice(at + message.length)}`, most)
}

const tellAll = (errors: readonly unknown[], depth: number, telling: Telling): readonly ErrorInfo[] => {
  const told: ErrorInfo[] = []
  for (const error of errors.slice(0, MOST_ERRORS)) {
    if (telling.left <= 0) break
    told.push(tell(error, depth, telling))
  }
  const rest = errors.length - told.length
  return rest === 0 ? told : [...told, { name: 'Error', message: `and ${rest} more errors` }]
}

/** An ErrorInfo as an error to throw, with the same name, code, stack and causes. */
export const fromErrorInfo = (info: ErrorInfo): ServiceError => {
  const error = new ServiceError(info.code ?? '', info.service ?? '', info.message, {
    ...(info.cause && { cause: fromErrorInfo(info.cause) }),
    ...(info.errors && { errors: info.errors.map(fromErrorInfo) }),
  })
  const { name, stack, status } = info
  return Object.assign(error, { name, ...(stack !== undefined && { stack }), ...(status !== undefined && { status }) })
}

/** The names and codes by which libraries tell that a signal was aborted. */
const ABORTED: ReadonlySet<unknown> = new Set([
  'AbortError',
  'CanceledError',
  'CancelError',
  'CancelledError',
  'ABORT_ERR',
  'ERR_ABORTED',
  'ERR_CANCELED',
  'UND_ERR_ABORTED',
])

/**
 * Whether an error only tells that a signal was aborted, perhaps wrapped as the cause of another. It does not tell
 * which signal: call this only after an abort of your own.
 *
 * @param reason the reason of the aborted signal
 * @example
 * ```ts
 * const controller = new AbortController()
 * controller.abort()
 * const { signal } = controller
 * await fetch('http://127.0.0.1:9', { signal }).catch(error => console.log(isAbortEcho(error, signal.reason))) // true
 * ```
 */
export const isAbortEcho = (error: unknown, reason: unknown, depth: number = DEPTH): boolean => {
  if (error === undefined) return false
  if (error === reason || ABORTED.has(peek(error, 'name')) || ABORTED.has(peek(error, 'code'))) return true
  if (peek(error, 'isCanceled') === true) return true
  if (depth === 0) return false
  const several = severalOf(error)
  const all = several.length > 0 && several.every(inner => isAbortEcho(inner, reason, depth - 1))
  return all || isAbortEcho(peek(error, 'cause'), reason, depth - 1)
}
