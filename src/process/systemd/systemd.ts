import { systemClock } from '../../core/clock.ts'
import { Throttle } from '../../core/throttle.ts'
import type { Notifier, Words } from './notifier.ts'

/** The shortest time between two texts that differ in particulars only, in milliseconds. */
const STATUS_INTERVAL = 1_000

/** The time that is left is told anew so often while nothing else changes, in milliseconds. */
const REFRESH_INTERVAL = 5_000

/** The time that systemd is asked for at each progress of a shutdown that has no end of its own, in milliseconds. */
const EXTENSION = 60_000

/** The facts that systemd is told, of all runs of the process together. */
export interface Facts {
  /** All runs in one line. */
  text(): string
  /** No run has failed, so that this process has not to be killed and started anew. */
  isWell(): boolean
  /** How long the shutdown may take from now on, in milliseconds: 0 or less when it is over. */
  timeLeft(): number
}

/** Tells systemd of the life of a process, in the words of `sd_notify(3)`. */
export class Systemd {
  readonly #notifier: Notifier
  readonly #facts: Facts
  readonly #watchdogEvery: number | undefined
  readonly #news: Throttle<void>
  #text = ''
  #stopping = false
  #progress = false
  #watchdog: NodeJS.Timeout | undefined
  #refresh: NodeJS.Timeout | undefined

  /** @param watchdogEvery how often systemd hears that all is well, in milliseconds */
  constructor(notifier: Notifier, facts: Facts, watchdogEvery: number | undefined) {
    this.#notifier = notifier
    this.#facts = facts
    this.#watchdogEvery = watchdogEvery
    this.#news = new Throttle(systemClock, STATUS_INTERVAL, () => this.#tellNews())
  }

  /** A run begins, the first or after others. */
  begin(): void {
    // A timer is late while the event loop is blocked: then systemd hears nothing, as it should.
    if (this.#watchdogEvery !== undefined)
      this.#watchdog ??= setInterval(() => this.#beat(), this.#watchdogEvery).unref()
  }

  /** A group runs in place of another one: the process has a new configuration, for example. */
  reloading(): void {
    this.#notifier.tell({ RELOADING: 1, MONOTONIC_USEC: String(process.hrtime.bigint() / 1_000n) })
  }

  ready(): void {
    this.#tell({ READY: 1 })
  }

  stopping(): void {
    this.#stopping = true
    this.#refresh = setInterval(() => this.#news.offer(), REFRESH_INTERVAL).unref()
    this.#tell({ STOPPING: 1 })
  }

  /**
   * @param atOnce the change is more than another number
   * @param progress a service has drained or stopped further: its phase, or its pending work, is another
   */
  changed(atOnce: boolean, progress: boolean): void {
    this.#progress ||= progress
    if (atOnce) this.#news.stop()
    this.#news.offer()
  }

  /** The last run is over. */
  end(): void {
    this.#news.flush()
    this.#news.stop()
    clearInterval(this.#watchdog)
    clearInterval(this.#refresh)
    this.#watchdog = undefined
  }

  #tell(words: Words): void {
    this.#text = this.#facts.text()
    this.#notifier.tell({ ...words, STATUS: this.#text })
    this.#progress = false
    this.#news.stop()
    // The next text waits.
    this.#news.offer()
  }

  #tellNews(): void {
    const text = this.#facts.text()
    const extension = this.#stopping && this.#progress ? this.#extension() : 0
    const words: Words = {
      ...(text !== this.#text && { STATUS: text }),
      ...(extension > 0 && { EXTEND_TIMEOUT_USEC: extension }),
    }
    this.#text = text
    this.#progress = false
    if (Object.keys(words).length > 0) this.#notifier.tell(words)
  }

  /**
   * As much time as the shutdown may take, in microseconds: systemd waits until then, whatever `TimeoutStopSec` says.
   */
  #extension(): number {
    const left = this.#facts.timeLeft()
    return Math.round((left === Infinity ? EXTENSION : left) * 1_000)
  }

  #beat(): void {
    if (this.#facts.isWell()) this.#notifier.tell({ WATCHDOG: 1 })
  }
}
