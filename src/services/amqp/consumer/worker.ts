import type { Observable } from 'rxjs'
import type { Delivery } from './delivery.ts'

/** Whoever works on messages. */
export interface Worker {
  /** Begins with a message; never throws. */
  begin(delivery: Delivery): void
  /** Asks that this one be given up. Promises may take their time, Observables are let go at once. */
  abort(delivery: Delivery): void
  /** No more messages come. What this returns completes when all that was begun has come to its end. */
  drain?(): Observable<unknown>
  /** Lets go of what it does for all of them. */
  letGo?(): void
}
