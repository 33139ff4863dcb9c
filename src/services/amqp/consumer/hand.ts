import { defer, filter, type Observable, Subject, startWith, takeWhile } from 'rxjs'
import type { Delivery } from './delivery.ts'

/** The messages that somebody works on. */
export interface Hand {
  readonly size: number
  take(delivery: Delivery): void
  has(delivery: Delivery): boolean
  /** False if it is not held, or no more: it was given up. */
  release(delivery: Delivery): boolean
  /** How many there are, as the number falls to zero; completes there. */
  untilEmpty$(): Observable<number>
  /** All that are held now. */
  all(): readonly Delivery[]
}

export const makeHand = (): Hand => {
  const held = new Set<Delivery>()
  const changed$ = new Subject<number>()
  return {
    get size() {
      return held.size
    },
    take: delivery => void held.add(delivery),
    has: delivery => held.has(delivery),
    release: delivery => {
      if (!held.delete(delivery)) return false
      if (changed$.observed) changed$.next(held.size)
      return true
    },
    untilEmpty$: () =>
      defer(() =>
        changed$.pipe(
          startWith(held.size),
          takeWhile(count => count > 0, true),
          // Who was idle from the beginning has nothing to tell.
          filter((count, index) => count > 0 || index > 0),
        ),
      ),
    all: () => [...held],
  }
}
