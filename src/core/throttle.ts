import type { Subscription } from 'rxjs'
import { after, type Clock } from './clock.ts'

/** Passes on the first value at once, then at most one value an interval, and always the last value. */
export class Throttle<T> {
  readonly #clock: Clock
  readonly #interval: number
  readonly #handOn: (value: T) => void
  #timer: Subscription | undefined
  #held: { readonly value: T } | undefined

  /** @param interval in milliseconds */
  constructor(clock: Clock, interval: number, handOn: (value: T) => void) {
    this.#clock = clock
    this.#interval = interval
    this.#handOn = handOn
  }

  offer(value: T): void {
    if (this.#timer) {
      this.#held = { value }
      return
    }
    this.#handOn(value)
    this.#timer = after(this.#clock, this.#interval, () => {
      this.#timer = undefined
      const held = this.#held
      this.#held = undefined
      if (held) this.offer(held.value)
    })
  }

  /** Passes on the held value, and begins a new interval with the next value. */
  flush(): void {
    const held = this.#held
    this.stop()
    if (held) this.#handOn(held.value)
  }

  /** Drops the held value. */
  stop(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    this.#held = undefined
  }
}
