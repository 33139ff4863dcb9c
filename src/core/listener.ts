import { type Observable, type Observer, Subscription, type TeardownLogic } from 'rxjs'

/**
 * Subscribes an object that lives as long as its source. For each subscription RxJS makes a Subscriber, an observer
 * around ours and a list of teardowns. A group has four subscriptions a service, which was a third of its memory. RxJS
 * takes an object with the methods of a Subscriber as it is, and this is such an object.
 */
export const listen = <T>(source$: Observable<T>, to: Partial<Observer<T>>): Subscription =>
  source$.subscribe(new Listener(to))

const NO_OBSERVER = {}

class Listener<T> implements Observer<T> {
  closed = false
  #to: Partial<Observer<T>>
  #stopped = false
  #teardown: TeardownLogic = undefined
  #more: Subscription | undefined

  constructor(to: Partial<Observer<T>>) {
    this.#to = to
  }

  next(value: T): void {
    if (!this.#stopped) this.#to.next?.(value)
  }

  error(error: unknown): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#to.error?.(error)
    this.unsubscribe()
  }

  complete(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#to.complete?.()
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
    this.#stopped = true
    // A reference to this listener must not keep the observer alive.
    this.#to = NO_OBSERVER
    const teardown = this.#teardown
    this.#teardown = undefined
    if (teardown) tearDown(teardown)
    this.#more?.unsubscribe()
  }
}

const tearDown = (teardown: Exclude<TeardownLogic, void>): void => {
  if (typeof teardown === 'function') teardown()
  else teardown.unsubscribe()
}
