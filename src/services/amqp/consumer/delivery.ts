import type { ConsumeMessage } from 'amqplib'
import type { Cancel } from '../../../core/hooks/hook-result.ts'
import type { MessageContext } from './options.ts'
import { asPublished, attemptOf, timesReturned } from './own-headers.ts'
import type { Session } from './session.ts'

/**
 * A message that was delivered, and the context of its handler. It is a class with getters, because there is one for
 * each message and few handlers use all of it.
 */
export class Delivery implements MessageContext {
  message: ConsumeMessage
  /** The session that delivered the message. Only this session can acknowledge it. */
  readonly session: Session
  attempt: number
  /** The message is handled, and its acknowledgement is not sent yet. */
  done = false
  /** The outcome is decided, because the handler has ended or is no longer waited for. */
  ended = false
  /** The handler runs. This stays true while the outcome is decided already. */
  handled = false
  /** The signal of the handler has fired. */
  aborted = false
  /** Cancels the handler, if it returned something that can be cancelled. */
  cancel: Cancel | undefined
  #controller: AbortController | undefined

  /**
   * @param queue The name of its queue.
   * @param countsReturns Whether each return without an end counts as an attempt.
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

  /** Makes it another attempt in place, as if it had just come. */
  again(attempt: number): void {
    this.attempt = attempt
    this.ended = false
    this.aborted = false
    this.cancel = undefined
    this.#controller = undefined
  }
}
