import { type Observable, type Observer, Subscription, type TeardownLogic } from 'rxjs'

/**
 * Subscribes an object that lives as long as what it listens to. RxJS makes a Subscriber, an observer around ours and
 * a list of teardowns for each subscription; a group has four a service, which was a third of its memory. What has
 * the methods of a Subscriber it takes as it is, so this is one.
 */
export const listen = <T>(source$: Observable<T>, to: Partial<Observer<T>>): Subscription =>
  source$.subscribe(new Listener(to))

const NOBODY = {}

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
    // Whoever still holds this does not hold what listened.
    this.#to = NOBODY
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
