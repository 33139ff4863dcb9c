import type { ConsumeMessage } from 'amqplib'
import type { Cancel } from '../../../core/hooks/hook-result.ts'
import { attemptOf } from './copy.ts'
import type { MessageContext } from './options.ts'
import type { Session } from './session.ts'

/**
 * One message in our hands, and what its handler is told about it. A class, and what few ask for a getter, because
 * there is one for every message.
 */
export class Delivery implements MessageContext {
  readonly message: ConsumeMessage
  /** What delivered it, which alone can acknowledge it. */
  readonly session: Session
  /** Its work is done; only the broker has yet to hear of it. */
  done = false
  /** The work on it has ended, well or not. */
  ended = false
  /** Whoever works on it has been asked to give up. */
  aborted = false
  /** Asks what works on it to give up, where it can be asked. */
  cancel: Cancel | undefined
  #controller: AbortController | undefined

  constructor(message: ConsumeMessage, session: Session) {
    this.message = message
    this.session = session
  }

  get attempt(): number {
    return attemptOf(this.message)
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
}
