import { inspect, isObjectLike, peek, peekText, tagOf } from './foreign.ts'

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

/** An error as plain JSON with its causes, as states, events and reports carry it. */
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

/**
 * Whether a value is an error. Its shape decides, so that errors of another realm, thread or copy of a library count.
 *
 * @example
 * ```ts
 * console.log(isError(new Error('no')), isError({ message: 'no' }), isError('no')) // true true false
 * ```
 */
export const isError = (value: unknown): value is Error => {
  if (!isObjectLike(value)) return false
  const tag = tagOf(value)
  return tag === '[object Error]' || tag === '[object DOMException]' || typeof peek(value, 'message') === 'string'
}

/** Whether an error is a `ServiceError`, also of another copy of this library. */
export const isServiceError = (error: unknown): error is ServiceError =>
  peek(error, 'name') === 'ServiceError' &&
  typeof peek(error, 'code') === 'string' &&
  typeof peek(error, 'service') === 'string' &&
  typeof peek(error, 'message') === 'string'

/**
 * The text of any value that was thrown. A value that is no error is shown as `util.inspect` does. Never throws.
 *
 * @example
 * ```ts
 * console.log(messageOf(new Error('no route')), messageOf({ status: 503 })) // no route { status: 503 }
 * ```
 */
export const messageOf = (error: unknown): string => {
  if (typeof error === 'string') return error
  if (error === undefined || error === null) return `${error}, thrown instead of an Error`
  if (!isError(error)) return inspect(error)
  const { message, name } = { message: peek(error, 'message'), name: peekText(error, 'name') }
  if (message === '' && severalOf(error).length > 0) return severalMessages(severalOf(error))
  if (typeof message === 'string') return message || name || 'an error without a message'
  return `${name ?? 'an error'} whose message can't be read`
}

/** How many messages tell of an AggregateError that has no message of its own, at most. */
const MOST_MESSAGES = 3

/** Node throws such an error for a host with several addresses. */
const severalMessages = (errors: readonly unknown[]): string => {
  const more = errors.length > MOST_MESSAGES ? [`and ${errors.length - MOST_MESSAGES} more`] : []
  return [...errors.slice(0, MOST_MESSAGES).map(inner => messageOf(inner)), ...more].join('; ')
}

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

/**
 * Any value that was thrown, as plain JSON. An error that was told before, for example as its own cause, is only named.
 *
 * @example
 * ```ts
 * console.log(errorInfo(new TypeError('no address')).name) // TypeError
 * ```
 */
export const errorInfo = (error: unknown): ErrorInfo => tell(error, DEPTH, new Set())

const tell = (error: unknown, depth: number, told: Set<unknown>): ErrorInfo => {
  if (!isError(error)) return { name: 'Error', message: messageOf(error), ...codes(error) }
  const service = peek(error, 'service')
  const named = {
    name: peekText(error, 'name') ?? 'Error',
    message: messageOf(error),
    ...codes(error),
    ...(typeof service === 'string' && { service }),
  }
  if (told.has(error)) return named
  told.add(error)
  const stack = peek(error, 'stack')
  const cause = peek(error, 'cause')
  const errors = depth > 0 ? severalOf(error) : []
  return {
    ...named,
    ...(typeof stack === 'string' && { stack }),
    ...(cause !== undefined && depth > 0 && { cause: tell(cause, depth - 1, told) }),
    ...(errors.length > 0 && { errors: tellAll(errors, depth - 1, told) }),
  }
}

/** Code and status. The numeric code of a `DOMException` only repeats its name. */
const codes = (error: unknown): Pick<ErrorInfo, 'code' | 'status'> => {
  const [code, status] = [peek(error, 'code'), peek(error, 'status')]
  const telling = typeof code === 'string' || (typeof code === 'number' && tagOf(error) !== '[object DOMException]')
  return { ...(telling && { code: String(code) }), ...(typeof status === 'number' && { status }) }
}

/** The errors inside an AggregateError, or inside any value of its shape. */
const severalOf = (error: unknown): readonly unknown[] => {
  const errors = peek(error, 'errors')
  try {
    return Array.isArray(errors) ? [...errors] : []
  } catch {
    return []
  }
}

const tellAll = (errors: readonly unknown[], depth: number, told: Set<unknown>): readonly ErrorInfo[] => {
  const first = errors.slice(0, MOST_ERRORS).map(error => tell(error, depth, told))
  const rest = errors.length - first.length
  return rest === 0 ? first : [...first, { name: 'Error', message: `and ${rest} more errors` }]
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
