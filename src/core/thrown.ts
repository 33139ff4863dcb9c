import { bounded } from './bounded.ts'
import { inspect, isObjectLike, peek, peekText, tagOf } from './foreign.ts'

/** Reads values that were thrown, whatever they are. Nothing escapes from here. */

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

/**
 * The text of any value that was thrown, of 2 kB at most. A value that is no error is shown as `util.inspect` does.
 * Never throws.
 *
 * @example
 * ```ts
 * console.log(messageOf(new Error('no route')), messageOf({ status: 503 })) // no route { status: 503 }
 * ```
 */
export const messageOf = (error: unknown): string => bounded(wholeMessageOf(error))

/** The text of any value that was thrown, however long it is. Never throws. */
export const wholeMessageOf = (error: unknown): string => {
  if (typeof error === 'string') return error
  if (error === undefined || error === null) return `${error}, thrown instead of an Error`
  if (!isError(error)) return inspect(error)
  const { message, name } = { message: peek(error, 'message'), name: peekText(error, 'name') }
  if (message === '' && severalOf(error).length > 0) return severalMessages(severalOf(error))
  if (typeof message === 'string') return message || name || 'an error without a message'
  return `${name ?? 'an error'} whose message can't be read`
}

/** Longest name or code of an error, in bytes. */
export const LONGEST_NAME = 200

/** How many messages tell of an AggregateError that has no message of its own, at most. */
const MOST_MESSAGES = 3

/** Node throws such an error for a host with several addresses. */
const severalMessages = (errors: readonly unknown[]): string => {
  const more = errors.length > MOST_MESSAGES ? [`and ${errors.length - MOST_MESSAGES} more`] : []
  return [...errors.slice(0, MOST_MESSAGES).map(inner => messageOf(inner)), ...more].join('; ')
}

/** Code and status. The numeric code of a `DOMException` only repeats its name. */
export const codesOf = (error: unknown): { readonly code?: string; readonly status?: number } => {
  const [code, status] = [peek(error, 'code'), peek(error, 'status')]
  const telling = typeof code === 'string' || (typeof code === 'number' && tagOf(error) !== '[object DOMException]')
  return {
    ...(telling && { code: bounded(String(code), LONGEST_NAME) }),
    ...(typeof status === 'number' && { status }),
  }
}

/** The errors inside an AggregateError, or inside any value of its shape. */
export const severalOf = (error: unknown): readonly unknown[] => {
  const errors = peek(error, 'errors')
  try {
    return Array.isArray(errors) ? [...errors] : []
  } catch {
    return []
  }
}
