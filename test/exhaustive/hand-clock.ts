import type { Clock } from 'rx-service-group'
import { Subscription } from 'rxjs'

interface Timer {
  readonly ms: number
  readonly fire: () => void
}

/** A clock that stands still. Its timers fire when they are told to, in any order. */
export class HandClock {
  readonly #timers: Timer[] = []

  readonly clock: Clock = {
    now: () => 0,
    schedule: (work: (state?: never) => void, ms = 0) => {
      const timer: Timer = { ms, fire: () => work() }
      this.#timers.push(timer)
      return new Subscription(() => this.#drop(timer))
    },
  } as Clock

  /** The waiting timers, by their milliseconds; the same one twice when two of them are alike. */
  get waiting(): readonly number[] {
    return this.#timers.map(({ ms }) => ms)
  }

  fire(at: number): void {
    const timer = this.#timers[at]!
    this.#drop(timer)
    timer.fire()
  }

  #drop(timer: Timer): void {
    const at = this.#timers.indexOf(timer)
    if (at >= 0) this.#timers.splice(at, 1)
  }
}
