import { type Observable, type Observer, Subscription, type TeardownLogic } from 'rxjs'

/**
 * Subscribes an object that lives as long as its source. For each subscription RxJS makes a Subscriber, an observer
 * around ours and a list of teardowns. A group has four subscriptions a service, which was a third of its memory. RxJS
 * takes an object with the methods of a Subscriber as it is, and this is such an object.
 */
export const listen = <T>(source$: Observable<T>, to: Partial<Observer<T>>): Subscription =>
  source$.subscribe(new Listener(to))

const NO_OBSERVER = {}

export class Listener<T> implements Observer<T> {
  closed = false
  #to: Partial<Observer<T>>
  #teardown: TeardownLogic = undefined
  #more: Subscription | undefined

  constructor(to: Partial<Observer<T>>) {
    this.#to = to
  }

  next(value: T): void {
    this.#to.next?.(value)
  }

  error(error: unknown): void {
    this.#release().error?.(error)
    this.unsubscribe()
  }

  complete(): void {
    this.#release().complete?.()
    this.unsubscribe()
  }

  add(teardown: TeardownLogic): void {
    if (!teardown) return
    if (this.closed) tearDown(teardown)
    else if (!this.#teardown) this.#teardown = teardown
    else {
      this.#more ??= new Subscription()
      this.#more.add(teardown)
    }
  }

  remove(teardown: Exclude<TeardownLogic, void>): void {
    if (this.#teardown === teardown) this.#teardown = undefined
    else this.#more?.remove(teardown)
  }

  unsubscribe(): void {
    if (this.closed) return
    this.closed = true
    this.#release()
    const teardown = this.#teardown
    this.#teardown = undefined
    if (teardown) tearDown(teardown)
    this.#more?.unsubscribe()
  }

  /** Nothing is heard from now on. A source that still holds this does not hold what listened. */
  #release(): Partial<Observer<T>> {
    const to = this.#to
    this.#to = NO_OBSERVER
    return to
  }
}

const tearDown = (teardown: Exclude<TeardownLogic, void>): void => {
  if (typeof teardown === 'function') teardown()
  else teardown.unsubscribe()
}
