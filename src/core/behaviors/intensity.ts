import { duration, must, type Whose } from '../options.ts'

/** How often something may be restarted: at most so many times within so many milliseconds. */
export interface Intensity {
  readonly maxRestarts: number
  readonly period: number
}

/**
 * An exact sliding window: the restarts that count once there is one more, or `undefined` when that is one too many.
 * A restart counts for less than a `period`, so that no stretch of that length ever holds more than `maxRestarts`. The
 * list never grows longer than that; without a limit there is nothing to remember.
 *
 * @param restarts the times of those before, as returned by the last call
 */
export const admit = (
  restarts: readonly number[],
  at: number,
  { maxRestarts, period }: Intensity,
): readonly number[] | undefined => {
  if (maxRestarts === Infinity) return restarts
  const counting = restarts.filter(then => at - then < period)
  return counting.length < maxRestarts ? [...counting, at] : undefined
}

/**
 * How often, checked.
 *
 * @param prefix of the options' names in an error
 * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`
 */
export const intensityOf = (
  whose: Whose,
  { maxRestarts, period }: Partial<Intensity>,
  fallback: Intensity,
  prefix = '',
): Intensity => {
  const most = maxRestarts ?? fallback.maxRestarts
  const good = most === Infinity || (Number.isInteger(most) && most >= 0)
  must(whose, `${prefix}maxRestarts`, good, 'a whole number >= 0, or Infinity', most)
  return { maxRestarts: most, period: duration(whose, `${prefix}period`, period, fallback.period) }
}
