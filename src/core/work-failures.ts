import type { Subscription } from 'rxjs'
import { after, type Clock } from './clock.ts'

/** A piece of work that failed, such as the handler of a message or a scheduled run. Its service lives on. */
export interface WorkFailure {
  /** The work, for people: `message of queue "orders"`. */
  readonly what: string
  readonly error: unknown
}

/** The time over which failures are counted, in milliseconds. */
const WINDOW = 1_000
/** How many failures are told in that time. */
const MOST = 10

/**
 * Passes on the failures of one service: ten a second at most. The last failure of a second is always passed on, with
 * the number of those that were left out before it.
 */
export class WorkFailures {
  readonly #clock: Clock
  readonly #handOn: (failure: WorkFailure, omitted: number) => void
  #window: Subscription | undefined
  #told = 0
  #held: WorkFailure | undefined
  #omitted = 0

  constructor(clock: Clock, handOn: (failure: WorkFailure, omitted: number) => void) {
    this.#clock = clock
    this.#handOn = handOn
  }

  offer(failure: WorkFailure): void {
    this.#window ??= after(this.#clock, WINDOW, () => {
      this.#window = undefined
      this.#told = 0
      this.#release()
    })
    if (this.#told < MOST) return this.#pass(failure, 0)
    if (this.#held) this.#omitted++
    this.#held = failure
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

  #pass(failure: WorkFailure, omitted: number): void {
    this.#told++
    this.#handOn(failure, omitted)
  }
}
