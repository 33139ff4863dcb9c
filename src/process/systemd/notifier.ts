import { messageOf } from '../../core/errors.ts'
import { systemdNotify } from './command.ts'
import { ffi } from './ffi.ts'
import { unixDgram } from './unix-dgram.ts'
import type { Send, Way } from './way.ts'

/** Variables of one datagram, by their names: `STATUS`, `READY`. */
export type Words = Readonly<Record<string, string | number>>

/** In the order in which they are tried. */
const WAYS: readonly Way[] = [ffi, unixDgram, systemdNotify]

/** A datagram is sent so many times more when systemd does not take it, after so many milliseconds each. */
const RETRIES = 3
const RETRY_AFTER = 100

/** Variables of which only the latest value counts. Datagrams of these alone are put together while they wait. */
const LATEST = new Set(['STATUS', 'WATCHDOG', 'EXTEND_TIMEOUT_USEC'])

const isLatest = (words: Words): boolean => Object.keys(words).every(name => LATEST.has(name))

/** Sends datagrams to systemd one after the other, in the first way that works. */
export class Notifier {
  readonly #socket: string
  readonly #warn: (text: string) => void
  readonly #ways: Way[]
  readonly #problems: string[] = []
  readonly #waiting: Words[] = []
  readonly #onIdle = new Set<() => void>()
  #send: Send | undefined
  #tries = 0
  #busy = false

  /** @param warn is called once, when no way works */
  constructor(socket: string, warn: (text: string) => void, ways: readonly Way[] = WAYS) {
    this.#socket = socket
    this.#warn = warn
    this.#ways = [...ways]
  }

  tell(words: Words): void {
    const last = this.#waiting.at(-1)
    if (last && isLatest(last) && isLatest(words)) this.#waiting[this.#waiting.length - 1] = { ...last, ...words }
    else this.#waiting.push(words)
    this.#next()
  }

  /** Settles when all is sent, or after so many milliseconds. */
  async sent(within: number): Promise<void> {
    if (!this.#busy) return
    await new Promise<void>(resolve => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#onIdle.delete(settle)
        resolve()
      }
      const timer = setTimeout(settle, within)
      this.#onIdle.add(settle)
    })
  }

  #next(): void {
    while (!this.#busy) {
      const words = this.#waiting.shift()
      if (!words || !this.#open()) break
      const text = textOf(words)
      try {
        const sending = this.#send!(text)
        if (sending) this.#await(sending, words)
        else this.#tries = 0
      } catch (error) {
        this.#again(words, error)
      }
    }
    if (!this.#busy) for (const settle of [...this.#onIdle]) settle()
  }

  #await(sending: Promise<void>, words: Words): void {
    this.#busy = true
    sending.then(
      () => {
        this.#tries = 0
        this.#busy = false
        this.#next()
      },
      error => {
        this.#busy = false
        this.#again(words, error)
        this.#next()
      },
    )
  }

  /** Keeps what was not taken, for a later try, and after the last for the next way. */
  #again(words: Words, error: unknown): void {
    this.#waiting.unshift(words)
    if (this.#tries++ >= RETRIES) return this.#giveUpWay(error)
    this.#busy = true
    setTimeout(() => {
      this.#busy = false
      this.#next()
    }, RETRY_AFTER).unref()
  }

  /** Gets the first way ready that works. */
  #open(): boolean {
    while (!this.#send) {
      const [way] = this.#ways
      if (!way) return false
      try {
        this.#send = way.open(this.#socket)
      } catch (error) {
        this.#giveUpWay(error)
      }
    }
    return true
  }

  #giveUpWay(error: unknown): void {
    this.#problems.push(`${this.#ways.shift()!.name}: ${messageOf(error)}`)
    this.#send = undefined
    this.#tries = 0
    if (this.#ways.length > 0) return
    this.#waiting.length = 0
    this.#warn(`systemd can't be told anything (${this.#problems.join('; ')}); npm install unix-dgram`)
  }
}

/** A datagram: a variable a line. Its values have no line breaks. */
const textOf = (words: Words): string =>
  Object.entries(words)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
