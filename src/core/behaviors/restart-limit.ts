import { duration, must, type Whose } from '../options.ts'

/** How many restarts there may be within so many milliseconds. */
export interface RestartLimit {
  readonly maxRestarts: number
  readonly period: number
}

/**
 * An exact sliding window: the restarts that count once there is one more, or `undefined` when the limit is reached. A
 * restart counts for less than a `period`, so that no stretch of that length ever holds more than `maxRestarts`. The
 * list never grows longer than that. Without a limit there is nothing to remember.
 *
 * @param restarts the times of the restarts before, as returned by the last call
 */
export const admit = (
  restarts: readonly number[],
  at: number,
  { maxRestarts, period }: RestartLimit,
): readonly number[] | undefined => {
  if (maxRestarts === Infinity) return restarts
  const counting = restarts.filter(then => at - then < period)
  return counting.length < maxRestarts ? [...counting, at] : undefined
}

/**
 * The limit that was asked for, checked.
 *
 * @param prefix of the options' names in an error
 * @throws ServiceError `ERR_INVALID_OPTION`, `ERR_INVALID_DURATION`
 */
export const restartLimitOf = (
  whose: Whose,
  { maxRestarts, period }: Partial<RestartLimit>,
  fallback: RestartLimit,
  prefix = '',
): RestartLimit => {
  const most = maxRestarts ?? fallback.maxRestarts
  const good = most === Infinity || (Number.isInteger(most) && most >= 0)
  must(whose, `${prefix}maxRestarts`, good, 'a whole number >= 0, or Infinity', most)
  return { maxRestarts: most, period: duration(whose, `${prefix}period`, period, fallback.period) }
}
