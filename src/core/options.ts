import { LONGEST_TIMER } from './clock.ts'
import { type ErrorCode, ServiceError } from './errors.ts'
import { hideSecrets, withoutUserinfo } from './secrets.ts'

/** The owner of the options: the name of a service, or a kind and a name. It begins the text of each error. */
export type Whose = string | { readonly kind: string; readonly name: string }

/** A group as the owner of options. */
export const group = (name: string): Whose => ({ kind: 'group', name })

/** An error in the one form of all: `service "db": <what is wrong>; <what to do>`. */
export const refusal = (
  whose: Whose,
  what: string,
  code: ErrorCode = 'ERR_INVALID_OPTION',
  cause?: unknown,
): ServiceError => {
  const { kind, name } = typeof whose === 'string' ? { kind: 'service', name: whose } : whose
  const text = `${name === '' ? kind : `${kind} "${name}"`}: ${what}`
  return new ServiceError(code, name, text, cause === undefined ? {} : { cause })
}

/** Throws a `refusal`: `service "db": stopTimeout must be a number, got "5s"`. */
export const refuse = (...all: Parameters<typeof refusal>): never => {
  throw refusal(...all)
}

/** @throws ServiceError `ERR_INVALID_OPTION`, unless the value is good */
export const must = (whose: Whose, option: string, good: boolean, wanted: string, value: unknown): void => {
  if (!good) refuse(whose, `${option} must be ${wanted}, got ${show(value)}`)
}

/** The names of the options of a type. The compiler checks that none is missing. */
export const namesOf = <T>(names: Readonly<Record<keyof T, true>>): readonly string[] => Object.keys(names)

/**
 * Refuses options that are no object, and options with an unknown name.
 *
 * @param prefix stands before the names in an error: `restart.`
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

/** Refuses a value that is no function. */
export const callable = (whose: Whose, option: string, value: unknown): void =>
  must(whose, option, typeof value === 'function', 'a function', value)

/** Refuses a value that is neither `true` nor `false` nor left out. */
export const flag = (whose: Whose, option: string, value: unknown): void =>
  must(whose, option, value === undefined || typeof value === 'boolean', 'true or false', value)

/** Refuses a value that is none of the words. */
export const oneOf = (whose: Whose, option: string, words: readonly string[], value: unknown): void => {
  if (typeof value === 'string' && words.includes(value)) return
  const all = words.map(word => `"${word}"`)
  must(whose, option, false, `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`, value)
}

/** A whole number >= 1, checked. */
export const count = (whose: Whose, option: string, value: number | undefined, fallback: number): number => {
  if (value === undefined) return fallback
  must(whose, option, Number.isSafeInteger(value) && value >= 1, 'a whole number >= 1', value)
  return value
}

const checkMilliseconds = (whose: Whose, option: string, good: boolean, wanted: string, value: unknown): void => {
  if (good) return
  refuse(whose, `${option} must be a number of milliseconds ${wanted}, got ${show(value)}`, 'ERR_INVALID_DURATION')
}

const isDuration = (value: unknown): value is number => typeof value === 'number' && value >= 0

/** A duration in milliseconds, checked. `Infinity`: no limit. */
export const duration = (whose: Whose, option: string, value: number | undefined, fallback: number): number => {
  if (value === undefined) return fallback
  checkMilliseconds(whose, option, isDuration(value), '>= 0', value)
  return value
}

/** A duration of more than zero milliseconds, checked. */
export const positive = (whose: Whose, option: string, value: number): number => {
  checkMilliseconds(whose, option, isDuration(value) && value > 0, '> 0', value)
  return value
}

/** A finite duration in milliseconds, checked. */
export const finite = (whose: Whose, option: string, value: number): number => {
  checkMilliseconds(whose, option, isDuration(value) && value < Infinity, '>= 0 and finite', value)
  return value
}

/** A duration in milliseconds that one timer of the platform can wait, such as that of a socket or a broker. */
export const timerDuration = (
  whose: Whose,
  option: string,
  value: number,
  least: number,
  orInfinity = false,
): number => {
  const good = isDuration(value) && value >= least && (value <= LONGEST_TIMER || (orInfinity && value === Infinity))
  checkMilliseconds(whose, option, good, `from ${least} to ${LONGEST_TIMER}${orInfinity ? ', or Infinity' : ''}`, value)
  return value
}

/** Refuses a value that is no port. 0 lets the system choose one. */
export const portNumber = (whose: Whose, value: unknown): void =>
  must(whose, 'port', Number.isInteger(value) && isBetween(value, 0, 65_535), 'an integer from 0 to 65535', value)

const isBetween = (value: unknown, least: number, most: number): boolean =>
  Number(value) >= least && Number(value) <= most

/** Whether a value is a string and not empty, as names are. */
export const isName = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Whether a value is an object that can hold options. */
export const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null

const LONGEST_SHOWN = 60

/** A value in a few words, without passwords. A value that can't be shown is named by its type. */
export const show = (value: unknown): string => {
  if (typeof value === 'function') return 'a function'
  try {
    const text = typeof value === 'object' ? JSON.stringify(value, hideSecrets) : undefined
    const shown = withoutUserinfo(typeof value === 'string' ? JSON.stringify(value) : (text ?? String(value)))
    return shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}...` : shown
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/**
 * The known name that was most likely meant, if a name is similar.
 *
 * @param most how many slips away a name may be. Default: a third of its letters.
 */
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

/** The number of letters that are missing, too many, wrong, or swapped with the next. */
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
