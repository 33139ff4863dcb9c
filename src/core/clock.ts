import { asyncScheduler, Observable, type SchedulerLike, Subscription } from 'rxjs'

/**
 * The one source of time: an RxJS scheduler, so that a whole shutdown can run under virtual time. Differences of its
 * `now()` are durations.
 */
export type Clock = SchedulerLike

/** When the process began, in milliseconds since the epoch. Read once: there are several looks at the clock an event. */
const ORIGIN = performance.timeOrigin

/** The begin of the process, and the time that has passed since. */
const sinceEpoch = (): number => Math.floor(ORIGIN + performance.now())

/** The time of the platform. Its `now()` only goes forward, also when the wall clock is set. */
export const systemClock: Clock = {
  now: sinceEpoch,
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
}

/** The wall clock's time now, in milliseconds since the epoch. An injected clock is its own wall clock. */
export const wallTime = (clock: Clock): number => (clock === systemClock ? Date.now() : clock.now())

/** Two looks at two clocks differ by so many milliseconds without either having been set. */
const ROUNDING = 10

/** A pause between two looks would pass for a clock that was set: such a measurement is made again. */
const measureSkew = (tries = 5): number => {
  const before = sinceEpoch()
  const wall = Math.round(Date.now())
  return sinceEpoch() - before > 1 && tries > 0 ? measureSkew(tries - 1) : wall - before
}

let skew = 0

/**
 * By how many milliseconds the wall clock is ahead of `clock.now()`. It changes only when the wall clock is set.
 *
 * @param now of the clock, for callers that have just looked at it
 */
export const skewOf = (clock: Clock, now: number = clock.now()): number => {
  if (clock !== systemClock) return 0
  if (Math.abs(Date.now() - now - skew) > ROUNDING) {
    const measured = measureSkew()
    if (Math.abs(measured - skew) > ROUNDING) skew = Math.abs(measured) > ROUNDING ? measured : 0
  }
  return skew
}

/** A moment of a clock as the wall clock of now would show it. */
export const onTheWall = (clock: Clock, moment: number): number => moment + skewOf(clock)

/** Timers of the platform hold 31 bits; what is longer would fire at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1

/** Calls back after some milliseconds, however many; `Infinity` is never. */
export const after = (clock: Clock, ms: number, callback: () => void): Subscription | undefined => {
  if (ms === Infinity) return undefined
  return ms > LONGEST_TIMER ? inParts(clock, ms, callback) : clock.schedule(callback, ms)
}

/** One timer after the other. */
const inParts = (clock: Clock, ms: number, callback: () => void): Subscription => {
  const whole = new Subscription()
  const wait = (left: number): void => {
    const part = Math.min(left, LONGEST_TIMER)
    whole.add(clock.schedule(() => (left > part ? wait(left - part) : callback()), part))
  }
  wait(ms)
  return whole
}

/** Emits once after some milliseconds, however many, and completes; `Infinity` is never. */
export const timer = (ms: number, clock: Clock = systemClock): Observable<0> =>
  new Observable(out =>
    after(clock, ms, () => {
      out.next(0)
      out.complete()
    }),
  )
