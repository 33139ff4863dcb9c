import type { Subscription } from 'rxjs'
import { after, type Clock } from './clock.ts'

/** The time over which values are counted, in milliseconds. */
const WINDOW = 1_000
/** How many values are passed on in that time. */
const MOST = 10

/**
 * Passes on the values of one source: ten a second at most. The last value of a second is always passed on, with the
 * number of those that were left out before it.
 */
export class Ration<T extends object> {
  readonly #clock: Clock
  readonly #handOn: (value: T, omitted: number) => void
  #window: Subscription | undefined
  #told = 0
  #held: T | undefined
  #omitted = 0

  constructor(clock: Clock, handOn: (value: T, omitted: number) => void) {
    this.#clock = clock
    this.#handOn = handOn
  }

  offer(value: T): void {
    this.#window ??= after(this.#clock, WINDOW, () => {
      this.#window = undefined
      this.#told = 0
      this.#release()
    })
    if (this.#told < MOST) return this.#pass(value, 0)
    if (this.#held) this.#omitted++
    this.#held = value
  }

  /** Passes on what is held, and waits for nothing any more. */
  end(): void {
    this.stop()
    this.#release()
  }

  /** Drops what is held. */
  stop(): void {
    this.#window?.unsubscribe()
    this.#window = undefined
    this.#told = 0
  }

  #release(): void {
    const [held, omitted] = [this.#held, this.#omitted]
    this.#held = undefined
    this.#omitted = 0
    if (held) this.#pass(held, omitted)
  }

  #pass(value: T, omitted: number): void {
    this.#told++
    this.#handOn(value, omitted)
  }
}
