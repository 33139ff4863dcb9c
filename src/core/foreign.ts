import { builtinModule } from './platform.ts'

/**
 * Reads values of users' code: thrown, returned or passed. Reading such a value may throw (a getter, a revoked proxy).
 * Nothing escapes from here.
 */

/** A property of any value. `undefined` when the property is missing or can't be read. */
export const peek = (value: unknown, key: PropertyKey): unknown => {
  try {
    return (value as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key]
  } catch {
    return undefined
  }
}

/** A property that is a string and not empty. */
export const peekText = (value: unknown, key: PropertyKey): string | undefined => {
  const text = peek(value, key)
  return typeof text === 'string' && text !== '' ? text : undefined
}

/** `[object Error]` and the like. It also recognises errors of other realms. */
export const tagOf = (value: unknown): string => {
  try {
    return Object.prototype.toString.call(value)
  } catch {
    return '[object that can not be read]'
  }
}

export const isObjectLike = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

/** Longest text of an inspected value, in characters. */
const LONGEST = 1_000

/**
 * Any value on one line, as `util.inspect` shows it. A platform without `node:util` shows it as JSON. Never throws.
 */
export const inspect = (value: unknown): string => {
  const shown = inspected(value)
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}... ${shown.length - LONGEST} more characters` : shown
}

type Util = { inspect(value: unknown, options: object): string }

const inspected = (value: unknown): string => {
  try {
    const util = builtinModule<Util>('node:util')
    if (util) return util.inspect(value, { breakLength: Infinity, compact: true, maxStringLength: LONGEST })
    const json = isObjectLike(value) ? JSON.stringify(value) : undefined
    return json ?? (typeof value === 'string' ? JSON.stringify(value) : String(value))
  } catch {
    return tagOf(value)
  }
}
