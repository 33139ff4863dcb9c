import type { ConsumeMessage } from 'amqplib'
import type { Session } from './session.ts'

/** One message in our hands. A class, and what few ask for a getter, because there is one for every message. */
export class Delivery {
  readonly message: ConsumeMessage
  /** What delivered it, which alone can acknowledge it. */
  readonly session: Session
  done = false
  #controller: AbortController | undefined
  #aborted = false

  constructor(message: ConsumeMessage, session: Session) {
    this.message = message
    this.session = session
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort()
    return this.#controller.signal
  }

  get aborted(): boolean {
    return this.#aborted
  }

  abort(): void {
    this.#aborted = true
    this.#controller?.abort()
  }
}
