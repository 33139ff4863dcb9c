import type { Outgoing } from './outgoing.ts'

/**
 * The messages on one channel, in their order. They are linked rather than in a Set, which would cost each of them
 * several percent more (`test/bench/publish.ts`).
 */
export class SentMessages {
  #first: Outgoing | undefined
  #last: Outgoing | undefined
  size = 0

  add(message: Outgoing): void {
    message.inFlight = true
    message.before = this.#last
    if (this.#last) this.#last.after = message
    else this.#first = message
    this.#last = message
    this.size++
  }

  /** False if it is not there, or no more. */
  remove(message: Outgoing): boolean {
    if (!message.inFlight) return false
    const { before, after } = message
    if (before) before.after = after
    else this.#first = after
    if (after) after.before = before
    else this.#last = before
    message.inFlight = false
    message.before = undefined
    message.after = undefined
    this.size--
    return true
  }

  find(isIt: (message: Outgoing) => boolean): Outgoing | undefined {
    for (let message = this.#first; message; message = message.after) if (isIt(message)) return message
    return undefined
  }

  /** Takes all of them out. */
  takeAll(): Outgoing[] {
    const all: Outgoing[] = []
    for (let message = this.#first; message; message = this.#first) {
      all.push(message)
      this.remove(message)
    }
    return all
  }
}
