import type { ConsumeMessage } from 'amqplib'
import { BehaviorSubject, filter, isObservable, type Observable, type Subscription, takeWhile } from 'rxjs'
import type { MessageContext, MessageHandler } from './options.ts'

/** How a handler ended: well, by a failure, or because it was asked to give up. */
export type Outcome =
  | { readonly how: 'done' }
  | { readonly how: 'aborted' }
  | { readonly how: 'failed'; readonly error: unknown }

/** The messages that are in the hands of their handlers. */
export interface InFlight {
  /** How many there are, as the number falls to zero; completes there. */
  readonly untilIdle$: Observable<number>
  /** Calls the handler; never throws. Unless it is given up, `onOutcome` is called once. */
  handle(message: ConsumeMessage, onOutcome: (outcome: Outcome) => void): void
  /** Asks all handlers to give up: promises may take their time, Observables are let go at once. */
  abort(): void
  /** Waits no longer for those that still run: these are their messages. What they do from now on is ignored. */
  giveUp(): readonly ConsumeMessage[]
}

interface Handling {
  readonly message: ConsumeMessage
  abort(): void
}

export const inFlight = (handler: MessageHandler): InFlight => {
  const running = new Set<Handling>()
  const count$ = new BehaviorSubject(0)

  const handle: InFlight['handle'] = (message, onOutcome) => {
    let controller: AbortController | undefined
    let subscription: Subscription | undefined
    let aborted = false
    const handling: Handling = {
      message,
      abort: () => {
        if (aborted) return
        aborted = true
        controller?.abort()
        if (!subscription) return
        subscription.unsubscribe()
        settle({ how: 'aborted' })
      },
    }
    const settle = (outcome: Outcome) => {
      if (!running.delete(handling)) return
      onOutcome(outcome)
      count$.next(running.size)
    }
    const done = () => settle({ how: 'done' })
    const fail = (error: unknown) => settle(aborted ? { how: 'aborted' } : { how: 'failed', error })
    // A getter, so that a handler that asks for no signal pays for no AbortController.
    const context: MessageContext = {
      get signal() {
        controller ??= new AbortController()
        if (aborted) controller.abort()
        return controller.signal
      },
    }

    running.add(handling)
    count$.next(running.size)
    try {
      const result = handler(message, context)
      if (isObservable(result)) {
        subscription = result.subscribe({ error: fail, complete: done })
        if (aborted) subscription.unsubscribe()
      } else if (isThenable(result)) result.then(done, fail)
      else done()
    } catch (error) {
      fail(error)
    }
  }

  return {
    untilIdle$: count$.pipe(
      takeWhile(count => count > 0, true),
      // Who was idle from the beginning has nothing to tell.
      filter((count, index) => count > 0 || index > 0),
    ),
    handle,
    abort: () => {
      for (const handling of [...running]) handling.abort()
    },
    giveUp: () => {
      const messages = [...running].map(handling => handling.message)
      running.clear()
      count$.next(0)
      return messages
    },
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
