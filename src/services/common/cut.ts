import type { Info } from '../../core/state.ts'
import { milliseconds } from '../../core/units.ts'

/** A piece of work that is under way, as people know it. */
export interface UnderWay {
  readonly what: string
  /** When it began, on the clock of `performance`. */
  readonly since: number
}

const AT_MOST = 5

/**
 * The work that is cut, for people, and how long it had been under way: `GET /slow (2, up to 12.3 s), POST /orders (40
 * ms)`.
 */
export const describeCut = (work: readonly UnderWay[], now: number): string => {
  const kinds = new Map<string, { count: number; since: number }>()
  for (const { what, since } of work) {
    const kind = kinds.get(what)
    kinds.set(what, kind ? { count: kind.count + 1, since: Math.min(kind.since, since) } : { count: 1, since })
  }
  const all = [...kinds].sort(([, a], [, b]) => b.count - a.count || a.since - b.since)
  const shown = all.slice(0, AT_MOST).map(([what, { count, since }]) => {
    const age = milliseconds(now - since)
    return count === 1 ? `${what} (${age})` : `${what} (${count}, up to ${age})`
  })
  const more = all.slice(AT_MOST).reduce((sum, [, { count }]) => sum + count, 0)
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ')
}

/**
 * The work that is cut at the end of a drain, as particulars for `info()`:
 * `{ cut: 3, cutWork: 'GET /slow (2, up to 12.3 s), ...' }`.
 *
 * @example
 * ```ts
 * const since = performance.now()
 * console.log(cutInfo([{ what: 'GET /slow', since }, { what: 'GET /slow', since }])['cut']) // 2
 * ```
 */
export const cutInfo = (work: readonly UnderWay[]): Info => ({
  cut: work.length,
  cutWork: describeCut(work, performance.now()),
})
