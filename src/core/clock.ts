import { asyncScheduler, type SchedulerLike, type Subscription } from 'rxjs'

/** The one source of time: an RxJS scheduler, so that a whole shutdown can run under virtual time. */
export type Clock = SchedulerLike

export const systemClock: Clock = asyncScheduler

/** Timers of the platform hold 31 bits; what is longer would fire at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1

/** Calls back after some milliseconds; `Infinity` turns the clock off. */
export const after = (clock: Clock, ms: number, callback: () => void): Subscription | undefined =>
  ms > LONGEST_TIMER ? undefined : clock.schedule(callback, ms)

export { count, duration, finite, positive } from './options.ts'
