import type { Subscription } from 'rxjs'
import { after, type Clock } from './clock.ts'

/** Hands on the first value at once, then one an interval at most, and always the last one. */
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

  /** Hands on what it holds, and begins anew. */
  flush(): void {
    const held = this.#held
    this.stop()
    if (held) this.#handOn(held.value)
  }

  /** Drops what it holds. */
  stop(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    this.#held = undefined
  }
}
