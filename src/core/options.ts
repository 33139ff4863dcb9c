import { type ErrorCode, ServiceError } from './errors.ts'

/** Whose options are checked: the name of a service, or what else it is. It begins the text of each error. */
export type Whose = string | { readonly kind: string; readonly name: string }

/** A group, as the one whose options are checked. */
export const group = (name: string): Whose => ({ kind: 'group', name })

/** Refuses an option: `service "db": stopTimeout must be a number, got "5s"`. */
export const refuse = (whose: Whose, what: string, code: ErrorCode = 'ERR_INVALID_OPTION'): never => {
  const { kind, name } = typeof whose === 'string' ? { kind: 'service', name: whose } : whose
  throw new ServiceError(code, name, `${name === '' ? kind : `${kind} "${name}"`}: ${what}`)
}

/** @throws ServiceError `ERR_INVALID_OPTION`, unless the value is good */
export const must = (whose: Whose, option: string, good: boolean, wanted: string, value: unknown): void => {
  if (!good) refuse(whose, `${option} must be ${wanted}, got ${show(value)}`)
}

/** The names of the options of a type: the compiler sees to it that none is missing. */
export const namesOf = <T>(names: Readonly<Record<keyof T, true>>): readonly string[] => Object.keys(names)

/**
 * Refuses options that are no object, and any that is not known.
 *
 * @param prefix of the names in an error: `restart.`
 * @throws ServiceError `ERR_INVALID_OPTION`
 */
export const known = (whose: Whose, options: unknown, names: readonly string[], prefix = ''): void => {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return refuse(whose, `${prefix === '' ? 'options' : prefix.slice(0, -1)} must be an object, got ${show(options)}`)
  for (const name of Object.keys(options)) {
    if (names.includes(name) || (options as Record<string, unknown>)[name] === undefined) continue
    const similar = closest(name, names)
    const hint = similar ? `did you mean ${prefix}${similar}?` : `known are ${names.join(', ')}`
    refuse(whose, `unknown option ${prefix}${show(name).slice(1, -1)}; ${hint}`)
  }
}

/** A function. */
export const callable = (whose: Whose, option: string, value: unknown): void =>
  must(whose, option, typeof value === 'function', 'a function', value)

/** `true`, `false`, or left out. */
export const flag = (whose: Whose, option: string, value: unknown): void =>
  must(whose, option, value === undefined || typeof value === 'boolean', 'true or false', value)

/** One of some words. */
export const oneOf = (whose: Whose, option: string, words: readonly string[], value: unknown): void => {
  if (typeof value === 'string' && words.includes(value)) return
  const all = words.map(word => `"${word}"`)
  must(whose, option, false, `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`, value)
}

/** A whole number, at least one. */
export const count = (whose: Whose, option: string, value: number | undefined, fallback: number): number => {
  if (value === undefined) return fallback
  must(whose, option, Number.isSafeInteger(value) && value >= 1, 'a whole number >= 1', value)
  return value
}

const milliseconds = (whose: Whose, option: string, good: boolean, wanted: string, value: unknown): void => {
  if (good) return
  refuse(whose, `${option} must be a number of milliseconds ${wanted}, got ${show(value)}`, 'ERR_INVALID_DURATION')
}

const isDuration = (value: unknown): value is number => typeof value === 'number' && value >= 0

/** A duration in milliseconds; `Infinity` for no limit. */
export const duration = (whose: Whose, option: string, value: number | undefined, fallback: number): number => {
  if (value === undefined) return fallback
  milliseconds(whose, option, isDuration(value), '>= 0', value)
  return value
}

/** A duration of more than zero milliseconds. */
export const positive = (whose: Whose, option: string, value: number): number => {
  milliseconds(whose, option, isDuration(value) && value > 0, '> 0', value)
  return value
}

/** A duration that comes to an end. */
export const finite = (whose: Whose, option: string, value: number): number => {
  milliseconds(whose, option, isDuration(value) && value < Infinity, '>= 0 and finite', value)
  return value
}

const LONGEST_SHOWN = 60

/** A value in a few words; what can't be shown is named by its type. */
export const show = (value: unknown): string => {
  if (typeof value === 'function') return 'a function'
  try {
    const text = typeof value === 'object' ? JSON.stringify(value) : undefined
    const shown = typeof value === 'string' ? JSON.stringify(value) : (text ?? String(value))
    return shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}...` : shown
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** The known name that was most likely meant, if one is similar: at most so many slips away, by default a third of it. */
export const closest = (
  name: string,
  names: readonly string[],
  most: number = Math.max(1, Math.floor(name.length / 3)),
): string | undefined => {
  const lower = name.toLowerCase()
  let found: string | undefined
  let least = most + 1
  for (const other of names) {
    const away = slips(lower, other.toLowerCase())
    if (away >= least) continue
    found = other
    least = away
  }
  return found
}

/** How many letters are missing, too many, wrong, or changed places with the next. */
const slips = (a: string, b: string): number => {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1))
      row.push(swapped ? Math.min(least, before[j - 2]! + 1) : least)
    }
    before = above
    above = row
  }
  return above[b.length]!
}
