/** Every error this library gives carries one of these codes; they are stable. */
export type ErrorCode =
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
  | 'ERR_PORT_IN_USE'
  | 'ERR_PORT_FORBIDDEN'
  | 'ERR_AMQP_URL'
  | 'ERR_AMQP_UNREACHABLE'
  | 'ERR_AMQP_CREDENTIALS'
  | 'ERR_AMQP_VHOST'
  | 'ERR_AMQP_QUEUE'
  | 'ERR_AMQP_EXCHANGE'
  | 'ERR_AMQP_BODY'
  | 'ERR_AMQP_UNROUTABLE'
  | 'ERR_AMQP_NACKED'
  | 'ERR_AMQP_REFUSED'
  | 'ERR_AMQP_BUFFER_FULL'
  | 'ERR_AMQP_UNCONFIRMED'
  | 'ERR_AMQP_CLOSED'
  | 'ERR_MISSING_PACKAGE'

/** An error as plain JSON, causes kept: what states, events and reports carry. */
export interface ErrorInfo {
  readonly name: string
  readonly message: string
  readonly code?: string
  /** The service it concerns, or a path (`shop/db`) when it comes from a group. */
  readonly service?: string
  readonly stack?: string
  readonly cause?: ErrorInfo
  /** All errors that came together, first cause first. */
  readonly errors?: readonly ErrorInfo[]
}

/**
 * What went wrong with which service. `code` is stable, `cause` is what was thrown,
 * `errors` holds everything that came together, first cause first.
 *
 * @example
 * ```ts
 * const error = new ServiceError('ERR_START_FAILED', 'db', 'service "db" failed to start: no route', {
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
}

/** The text of anything that was thrown; what has none, not even when asked, is said to be an object. */
export const messageOf = (error: unknown): string => {
  try {
    return error instanceof Error ? String(error.message) || error.name : String(error)
  } catch {
    return Object.prototype.toString.call(error)
  }
}

/** A thrown thing as a `ServiceError`; one of this very service, or of what is inside it, passes unchanged. */
export const asServiceError = (code: ErrorCode, service: string, did: string, cause: unknown): ServiceError =>
  cause instanceof ServiceError && (cause.service === service || cause.service.startsWith(`${service}/`))
    ? cause
    : new ServiceError(code, service, `service "${service}" ${did}: ${messageOf(cause)}`, { cause })

/** What a lifecycle errored with, as the failure of its service. */
export const asFailure = (service: string, starting: boolean, cause: unknown): ServiceError =>
  starting
    ? asServiceError('ERR_START_FAILED', service, 'failed to start', cause)
    : asServiceError('ERR_SERVICE_FAILED', service, 'failed', cause)

/** Several errors as one, the first cause first; a single one stays itself. */
export const combine = (first: ServiceError, rest: readonly unknown[]): ServiceError => {
  if (rest.length === 0) return first
  const more = rest.length === 1 ? messageOf(rest[0]) : `${rest.length} more errors`
  return new ServiceError(first.code, first.service, `${first.message} (then: ${more})`, {
    cause: first.cause ?? first,
    errors: [first, ...rest],
  })
}

/** Causes of causes are told this far down. */
const DEPTH = 8

/** Anything thrown, as plain JSON. What was told already, as the cause of another or in a circle, is only named again. */
export const errorInfo = (error: unknown): ErrorInfo => tell(error, DEPTH, new Set())

const tell = (error: unknown, depth: number, told: Set<unknown>): ErrorInfo => {
  if (!(error instanceof Error)) return { name: 'Error', message: messageOf(error) }
  const { code, service, stack, cause, errors } = error as Partial<ServiceError>
  const named = {
    name: error.name,
    message: messageOf(error),
    ...(typeof code === 'string' && { code }),
    ...(typeof service === 'string' && { service }),
  }
  if (told.has(error)) return named
  told.add(error)
  return {
    ...named,
    ...(stack !== undefined && { stack }),
    ...(cause !== undefined && depth > 0 && { cause: tell(cause, depth - 1, told) }),
    ...(Array.isArray(errors) &&
      errors.length > 0 &&
      depth > 0 && { errors: errors.map(e => tell(e, depth - 1, told)) }),
  }
}

/** The error an ErrorInfo tells of, for code that needs one to throw. */
export const fromErrorInfo = (info: ErrorInfo): ServiceError =>
  new ServiceError(info.code as ErrorCode, info.service ?? '', info.message, {
    ...(info.cause && { cause: fromErrorInfo(info.cause) }),
  })
