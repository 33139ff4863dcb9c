import { HEALTHS, type Health } from '../../core/state.ts'

/** The delays, in milliseconds, from which on an event loop is not well. */
export interface Limits {
  readonly warn: number
  readonly fail: number
}

/** The health that one sample alone stands for. */
export const levelOf = (delay: number, { warn, fail }: Limits): Health =>
  delay >= fail ? 'fail' : delay >= warn ? 'warn' : 'pass'

/**
 * The health after some samples: it leaves where it is only as far as all of the last few agree on, for the worse and
 * for the better. One long pause changes nothing by that, nor does one calm moment in between.
 *
 * @param last the levels of the last samples, as many as have to agree
 */
export const judge = (health: Health, last: readonly Health[]): Health => {
  const levels = last.map(level => HEALTHS.indexOf(level))
  const at = HEALTHS.indexOf(health)
  return HEALTHS[Math.max(Math.min(...levels), Math.min(Math.max(...levels), at))]!
}
