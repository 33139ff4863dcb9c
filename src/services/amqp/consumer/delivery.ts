import type { ConsumeMessage } from 'amqplib'
import type { Cancel } from '../../../core/hooks/hook-result.ts'
import type { MessageContext } from './options.ts'
import { asPublished, attemptOf, timesReturned } from './own-headers.ts'
import type { Session } from './session.ts'

/**
 * One message in our hands, and what its handler is told about it. A class, and what few ask for a getter, because
 * there is one for every message.
 */
export class Delivery implements MessageContext {
  message: ConsumeMessage
  /** What delivered it, which alone can acknowledge it. */
  readonly session: Session
  attempt: number
  /** Its work is done; only the broker has yet to hear of it. */
  done = false
  /** It was decided what becomes of it: its handler has ended, or was given up. */
  ended = false
  /** Its handler runs, also when it was given up. */
  handled = false
  /** Whoever works on it has been asked to give up. */
  aborted = false
  /** Asks what works on it to give up, where it can be asked. */
  cancel: Cancel | undefined
  #controller: AbortController | undefined

  /**
   * @param queue The queue it came from.
   * @param countsReturns Whether a message that came back without an end had an attempt.
   */
  constructor(message: ConsumeMessage, session: Session, queue: string, countsReturns = true) {
    this.message = asPublished(message, queue)
    this.session = session
    this.attempt = attemptOf(message, queue) + (countsReturns ? timesReturned(message) : 0)
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.aborted) this.#controller.abort()
    return this.#controller.signal
  }

  // A getter, so that `({ reply }) => ...` can take it out.
  get reply(): MessageContext['reply'] {
    return (body, options) => this.session.reply(this.message, body, options)
  }

  abort(): void {
    this.aborted = true
    this.#controller?.abort()
  }

  /** Another attempt, without the broker: as if it had just come. */
  again(attempt: number): void {
    this.attempt = attempt
    this.ended = false
    this.aborted = false
    this.cancel = undefined
    this.#controller = undefined
  }
}
