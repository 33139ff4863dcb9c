const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * A duration for people, measured or set: `340 ms`, `1.34 s`, `12.3 s`, `10 s`, `10 min`, `1 min 30 s`, `2 h`.
 * Below a minute it has three significant digits at most, and zeros at the end are dropped. From a minute on it has two
 * units at most.
 *
 * @example
 * ```ts
 * console.log(milliseconds(1_340), milliseconds(90_000)) // 1.34 s 1 min 30 s
 * ```
 */
export const milliseconds = (ms: number): string => {
  // The clocks of two machines differ.
  if (Math.round(ms) < SECOND) return `${Math.max(0, Math.round(ms))} ms`
  // 9.996 s is 10 s, not 10.00 s.
  if (ms < 59_950) return `${Number((ms / SECOND).toFixed(ms < 9_995 ? 2 : 1))} s`
  return long(Math.round(ms / SECOND) * SECOND)
}

/** A duration that counts up on a screen: no digit changes faster than a person can read. */
export const elapsed = (ms: number): string =>
  ms < 10 * SECOND ? `${(Math.floor(Math.max(0, ms) / 100) / 10).toFixed(1)} s` : wholeSeconds(ms)

/** A duration that counts once a second. */
export const wholeSeconds = (ms: number): string =>
  ms < MINUTE ? `${Math.floor(Math.max(0, ms) / SECOND)} s` : long(ms)

/** At least a minute, in its two largest units. The rest is cut off. */
const long = (ms: number): string => {
  if (ms < HOUR) return pair(ms, MINUTE, 'min', SECOND, 's')
  return ms < DAY ? pair(ms, HOUR, 'h', MINUTE, 'min') : pair(ms, DAY, 'd', HOUR, 'h')
}

const pair = (ms: number, large: number, largeName: string, small: number, smallName: string): string => {
  const rest = Math.floor((ms % large) / small)
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`
}

/** A number of bytes for people: `340 B`, `12 kB`, `1.3 MB`. A kilobyte is 1,000 bytes. */
export const size = (bytes: number): string => {
  if (bytes < 1_000) return `${bytes} B`
  return bytes < 999_500 ? `${Math.round(bytes / 1_000)} kB` : `${Number((bytes / 1e6).toFixed(1))} MB`
}

/**
 * A size of memory for people: `64 MB`, `480.5 MB`, `1.9 GB`. A megabyte is 2^20 bytes here, as it is for the limits of
 * V8 (`--max-old-space-size=64`), Docker (`512m`) and Kubernetes (`512Mi`).
 */
export const memorySize = (bytes: number): string => {
  const mebibytes = bytes / 2 ** 20
  return mebibytes < 1_023.95 ? `${Number(mebibytes.toFixed(1))} MB` : `${Number((mebibytes / 1_024).toFixed(1))} GB`
}

/** A number of times for people: once, twice, 3 times. */
export const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`)

/** A number of restarts for people: restarted once, restarted 3 times. */
export const restarted = (count: number): string => `restarted ${times(count)}`

const two = (n: number): string => String(n).padStart(2, '0')

/** The time of day where the reader is: `12:03:04`. */
export const timeOfDay = (at: number): string => {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
}

/** The time of day to the millisecond: `12:03:04.005`. */
export const preciseTimeOfDay = (at: number): string =>
  `${timeOfDay(at)}.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`
