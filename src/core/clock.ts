import { asyncScheduler, Observable, type SchedulerLike, Subscription } from 'rxjs'

/**
 * The source of all time. It is an RxJS scheduler, so that a whole shutdown can run under virtual time. The difference
 * of two `now()` is a duration.
 */
export type Clock = SchedulerLike

/**
 * The begin of the process, in milliseconds since the epoch. Read once, since each event reads the clock several times.
 */
const ORIGIN = performance.timeOrigin

/** The time now by the monotonic clock, in milliseconds since the epoch. */
const sinceEpoch = (): number => Math.floor(ORIGIN + performance.now())

/**
 * The clock of the platform. Its `now()` only goes forward, also when the wall clock is set.
 *
 * @example
 * ```ts
 * const before = systemClock.now()
 * const took = () => systemClock.now() - before // milliseconds, whatever becomes of the wall clock
 * ```
 */
export const systemClock: Clock = {
  now: sinceEpoch,
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
}

/** The wall clock's time now, in milliseconds since the epoch. An injected clock is its own wall clock. */
export const wallTime = (clock: Clock): number => (clock === systemClock ? Date.now() : clock.now())

/** Two clocks that nobody has set differ by so many milliseconds at most. */
const ROUNDING = 10

/** A pause between the two looks would pass for a clock that was set, so such a measurement is repeated. */
const measureSkew = (tries = 5): number => {
  const before = sinceEpoch()
  const wall = Math.round(Date.now())
  return sinceEpoch() - before > 1 && tries > 0 ? measureSkew(tries - 1) : wall - before
}

let skew = 0

/**
 * How far the wall clock is ahead of `clock.now()`, in milliseconds. It changes only when the wall clock is set.
 *
 * @param now the time of the clock, if the caller has just read it
 */
export const skewOf = (clock: Clock, now: number = clock.now()): number => {
  if (clock !== systemClock) return 0
  if (Math.abs(Date.now() - now - skew) > ROUNDING) {
    const measured = measureSkew()
    if (Math.abs(measured - skew) > ROUNDING) skew = Math.abs(measured) > ROUNDING ? measured : 0
  }
  return skew
}

/** A moment of a clock, as the wall clock shows it now. */
export const onTheWall = (clock: Clock, moment: number): number => moment + skewOf(clock)

/** The longest timer of the platform, in milliseconds: 31 bits. A longer one would fire at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1

/**
 * Calls back after any number of milliseconds, also beyond the 24.8 days that a timer of the platform can wait.
 * `Infinity` is never. Unsubscribe to cancel.
 *
 * @example
 * ```ts
 * const reminder = after(systemClock, 60_000, () => console.log('a minute has passed'))
 * reminder?.unsubscribe()
 * ```
 */
export const after = (clock: Clock, ms: number, callback: () => void): Subscription | undefined => {
  if (ms === Infinity) return undefined
  return ms > LONGEST_TIMER ? inParts(clock, ms, callback) : clock.schedule(callback, ms)
}

/** Waits by one timer after the other. */
const inParts = (clock: Clock, ms: number, callback: () => void): Subscription => {
  const whole = new Subscription()
  const wait = (left: number): void => {
    const part = Math.min(left, LONGEST_TIMER)
    whole.add(clock.schedule(() => (left > part ? wait(left - part) : callback()), part))
  }
  wait(ms)
  return whole
}

/**
 * Emits once after any number of milliseconds, and completes. `Infinity` is never.
 *
 * @example
 * ```ts
 * const slow = service('slow', { stop: () => timer(20) })
 * ```
 */
export const timer = (ms: number, clock: Clock = systemClock): Observable<0> =>
  new Observable(out =>
    after(clock, ms, () => {
      out.next(0)
      out.complete()
    }),
  )
