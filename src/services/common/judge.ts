import { HEALTHS, type Health } from '../../core/state.ts'

/** The values from which on a measured thing is not well. */
export interface Limits {
  readonly warn: number
  readonly fail: number
}

/** The health that one value stands for. */
export const levelOf = (value: number, { warn, fail }: Limits): Health =>
  value >= fail ? 'fail' : value >= warn ? 'warn' : 'pass'

/** The worst of some levels. */
export const worstOf = (levels: readonly Health[]): Health =>
  HEALTHS[Math.max(...levels.map(level => HEALTHS.indexOf(level)))]!

/**
 * The health after some samples. It changes only as far as all of the last few agree, for the worse and for the better.
 * So neither one bad sample nor one good sample in between changes it.
 *
 * @param last the levels of the last samples, as many as have to agree
 */
export const judge = (health: Health, last: readonly Health[]): Health => {
  const levels = last.map(level => HEALTHS.indexOf(level))
  const at = HEALTHS.indexOf(health)
  return HEALTHS[Math.max(Math.min(...levels), Math.min(Math.max(...levels), at))]!
}
