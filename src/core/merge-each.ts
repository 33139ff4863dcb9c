import { Observable, type Observer, type OperatorFunction, type Subscriber, type Subscription } from 'rxjs'
import { listen } from './listener.ts'

/**
 * `mergeMap`, for many Observables that come and go. RxJS keeps inner subscribers in a list, and searches it when one
 * of them ends. Each of those subscribers takes some 600 bytes more than one here.
 */
export const mergeEach =
  <T, R>(project: (value: T) => Observable<R>): OperatorFunction<T, R> =>
  source$ =>
    new Observable(out => {
      const open = new Set<Subscription>()
      out.add(() => {
        for (const subscription of open) subscription.unsubscribe()
      })
      const next = (value: T): void => new Inner(out, open).follow(project(value))
      out.add(listen(source$, { next, error: error => out.error(error) }))
    })

class Inner<R> implements Observer<R> {
  readonly #out: Subscriber<R>
  readonly #open: Set<Subscription>
  #subscription: Subscription | undefined
  #isOver = false

  constructor(out: Subscriber<R>, open: Set<Subscription>) {
    this.#out = out
    this.#open = open
  }

  follow(source$: Observable<R>): void {
    this.#subscription = listen(source$, this)
    if (!this.#isOver) this.#open.add(this.#subscription)
  }

  next(value: R): void {
    this.#out.next(value)
  }

  error(error: unknown): void {
    this.#out.error(error)
  }

  complete(): void {
    this.#isOver = true
    if (this.#subscription) this.#open.delete(this.#subscription)
  }
}
