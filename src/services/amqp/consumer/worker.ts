import type { Observable } from 'rxjs'
import type { Delivery } from './delivery.ts'

/** Works on messages: a handler, or a pipeline. */
export interface Worker {
  /** Begins with a message; never throws. */
  begin(delivery: Delivery): void
  /** Fires the signal of a message. A promise may go on; an Observable is unsubscribed at once. */
  abort(delivery: Delivery): void
  /** No more messages come. The Observable completes when all work has ended. */
  drain?(): Observable<unknown>
  /** Ends all work at once. */
  letGo?(): void
}
