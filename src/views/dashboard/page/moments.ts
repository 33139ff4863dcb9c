import { preciseTimeOfDay, timeOfDay } from '../../../core/units.ts'

const DAY = 24 * 60 * 60 * 1_000

/** When today began where the reader is. */
export const today = (): number => new Date().setHours(0, 0, 0, 0)

const two = (n: number): string => String(n).padStart(2, '0')

/** `2026-11-27 `, unless that is today. */
const dayOf = (at: number, day: number): string => {
  if (at >= day && at < day + DAY) return ''
  const date = new Date(at)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `
}

/**
 * `14:02:03`, and before it the date once that is another than today's.
 *
 * @param day when today began
 */
export const moment = (at: number, day: number = today()): string => dayOf(at, day) + timeOfDay(at)

/** The same to the millisecond. */
export const preciseMoment = (at: number, day: number = today()): string => dayOf(at, day) + preciseTimeOfDay(at)
