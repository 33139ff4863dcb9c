import type { ConsumeMessage } from 'amqplib'
import { filter, isObservable, type Observable, Subject, type Subscription, startWith, takeWhile } from 'rxjs'
import type { MessageContext, MessageHandler } from './options.ts'
import type { Session } from './session.ts'

/** How a handler ended: well, by a failure, or because it was asked to give up. */
export type Outcome =
  | { readonly how: 'done' }
  | { readonly how: 'aborted' }
  | { readonly how: 'failed'; readonly error: unknown }

/** A message, and the session that delivered it, which alone can acknowledge it. */
export interface Delivery {
  readonly message: ConsumeMessage
  readonly session: Session
}

/** The messages that are in the hands of their handlers. */
export interface InFlight {
  /** How many there are, as the number falls to zero; completes there. */
  readonly untilIdle$: () => Observable<number>
  /** Calls the handler; never throws. */
  handle(message: ConsumeMessage, session: Session): void
  /** Asks all handlers to give up: promises may take their time, Observables are let go at once. */
  abort(): void
  /** Waits no longer for those that still run, and returns what they hold. What they do from now on is ignored. */
  giveUp(): readonly Delivery[]
}

/** @param onOutcome Called once for each message, unless it is given up. */
export const inFlight = (
  handler: MessageHandler,
  onOutcome: (delivery: Delivery, outcome: Outcome) => void,
): InFlight => {
  const running = new Set<Handling>()
  const changed$ = new Subject<number>()
  const settle = (handling: Handling, outcome: Outcome) => {
    if (!running.delete(handling)) return
    onOutcome(handling, outcome)
    changed$.next(running.size)
  }
  return {
    untilIdle$: () =>
      changed$.pipe(
        startWith(running.size),
        takeWhile(count => count > 0, true),
        // Who was idle from the beginning has nothing to tell.
        filter((count, index) => count > 0 || index > 0),
      ),
    handle: (message, session) => {
      const handling = new Handling(message, session, settle)
      running.add(handling)
      handling.run(handler)
    },
    abort: () => {
      for (const handling of [...running]) handling.abort()
    },
    giveUp: () => {
      const given = [...running]
      running.clear()
      changed$.next(0)
      return given
    },
  }
}

const DONE: Outcome = { how: 'done' }
const ABORTED: Outcome = { how: 'aborted' }

/**
 * One call of the handler, and the context it is given. A class, and the signal a getter, because there is one for every
 * message: who asks for no signal pays for no AbortController.
 */
class Handling implements Delivery, MessageContext {
  readonly message: ConsumeMessage
  readonly session: Session
  readonly #settle: (handling: Handling, outcome: Outcome) => void
  #controller: AbortController | undefined
  #subscription: Subscription | undefined
  #aborted = false

  constructor(message: ConsumeMessage, session: Session, settle: (handling: Handling, outcome: Outcome) => void) {
    this.message = message
    this.session = session
    this.#settle = settle
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort()
    return this.#controller.signal
  }

  run(handler: MessageHandler): void {
    const done = () => this.#settle(this, DONE)
    const fail = (error: unknown) => this.#settle(this, this.#aborted ? ABORTED : { how: 'failed', error })
    try {
      const result = handler(this.message, this)
      if (isObservable(result)) {
        this.#subscription = result.subscribe({ error: fail, complete: done })
        // Aborted by what it did on subscription.
        if (this.#aborted) this.#unsubscribe()
      } else if (isThenable(result)) result.then(done, fail)
      else done()
    } catch (error) {
      fail(error)
    }
  }

  abort(): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#controller?.abort()
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
