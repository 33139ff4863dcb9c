import { bounded } from './bounded.ts'
import { errorInfo, messageOf } from './errors.ts'
import { isObjectLike, peek, peekText } from './foreign.ts'
import type { StopReason } from './state.ts'

/**
 * The reason that a caller gave for a stop, in the form that states, events and reports carry. No value is refused: a
 * stop that fails because of its reason would leave all services running.
 */
export const stopReasonOf = (given: unknown): StopReason => {
  if (given === undefined || given === null) return { by: 'call' }
  if (!isObjectLike(given)) return { by: 'call', message: messageOf(given) }
  const by = peek(given, 'by')
  const service = shortText(given, 'service')
  const error = peek(given, 'error')
  if (by === 'signal') {
    const signal = shortText(given, 'signal')
    if (signal !== undefined) return { by, signal }
  }
  if (by === 'failure' && service !== undefined && error !== undefined) return { by, service, error: errorInfo(error) }
  if (by === 'uncaught' && error !== undefined) return { by, error: errorInfo(error) }
  if (by === 'end') return service === undefined ? { by } : { by, service }
  if (by === 'call') {
    const message = peek(given, 'message')
    return message === undefined ? { by } : { by, message: messageOf(message) }
  }
  return { by: 'call', message: messageOf(given) }
}

const shortText = (given: object, key: string): string | undefined => {
  const text = peekText(given, key)
  return text === undefined ? undefined : bounded(text)
}
