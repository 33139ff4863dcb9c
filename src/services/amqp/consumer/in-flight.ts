import { filter, isObservable, type Observable, Subject, type Subscription, startWith, takeWhile } from 'rxjs'
import type { Delivery } from './delivery.ts'
import type { MessageHandler } from './options.ts'

/** How a handler ended: well, by a failure, or because it was asked to give up. */
export type Ended =
  | { readonly how: 'done' }
  | { readonly how: 'aborted' }
  | { readonly how: 'failed'; readonly error: unknown }

/** The messages that are in the hands of their handlers. */
export interface InFlight {
  /** How many there are, as the number falls to zero; completes there. */
  readonly untilIdle$: () => Observable<number>
  /** Calls the handler; never throws. */
  handle(delivery: Delivery): void
  /** Asks all handlers to give up: promises may take their time, Observables are let go at once. */
  abort(): void
  /** Waits no longer for those that still run, and returns what they hold. What they do from now on is ignored. */
  giveUp(): readonly Delivery[]
}

/** @param onEnded Called once for each message, unless it is given up. */
export const inFlight = (handler: MessageHandler, onEnded: (delivery: Delivery, ended: Ended) => void): InFlight => {
  const running = new Set<Handling>()
  const changed$ = new Subject<number>()
  const settle = (handling: Handling, ended: Ended) => {
    if (!running.delete(handling)) return
    onEnded(handling.delivery, ended)
    if (changed$.observed) changed$.next(running.size)
  }
  return {
    untilIdle$: () =>
      changed$.pipe(
        startWith(running.size),
        takeWhile(count => count > 0, true),
        // Who was idle from the beginning has nothing to tell.
        filter((count, index) => count > 0 || index > 0),
      ),
    handle: delivery => {
      const handling = new Handling(delivery, settle)
      running.add(handling)
      handling.run(handler)
    },
    abort: () => {
      for (const handling of [...running]) handling.abort()
    },
    giveUp: () => {
      const given = [...running].map(({ delivery }) => delivery)
      running.clear()
      changed$.next(0)
      return given
    },
  }
}

const DONE: Ended = { how: 'done' }
const ABORTED: Ended = { how: 'aborted' }

/** One call of the handler. */
class Handling {
  readonly delivery: Delivery
  readonly #settle: (handling: Handling, ended: Ended) => void
  #subscription: Subscription | undefined

  constructor(delivery: Delivery, settle: (handling: Handling, ended: Ended) => void) {
    this.delivery = delivery
    this.#settle = settle
  }

  run(handler: MessageHandler): void {
    const { delivery } = this
    const done = () => this.#settle(this, DONE)
    const fail = (error: unknown) => this.#settle(this, delivery.aborted ? ABORTED : { how: 'failed', error })
    try {
      const result = handler(delivery.message, delivery)
      if (isObservable(result)) {
        this.#subscription = result.subscribe({ error: fail, complete: done })
        // Aborted by what it did on subscription.
        if (delivery.aborted) this.#unsubscribe()
      } else if (isThenable(result)) result.then(done, fail)
      else done()
    } catch (error) {
      fail(error)
    }
  }

  abort(): void {
    if (this.delivery.aborted) return
    this.delivery.abort()
    this.#unsubscribe()
  }

  #unsubscribe(): void {
    if (!this.#subscription) return
    this.#subscription.unsubscribe()
    this.#settle(this, ABORTED)
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
