import type { Subscription } from 'rxjs'
import { after, type Clock } from '../clock.ts'
import { HEARTBEAT_THRESHOLD } from '../defaults.ts'
import { ServiceError } from '../errors.ts'
import { count, known, namesOf, positive } from '../options.ts'
import type { Service } from '../service.ts'
import { type Findings, type OnFailure, onFailureOf, PASS, type Watcher, watched } from './watched.ts'

/**
 * How often a running service calls the `heartbeat()` of its context, and what comes of it when it does not. For what
 * no check from outside can see: a consumer that gets nothing more, a loop that hangs. Times are milliseconds.
 *
 * @example
 * ```ts
 * const worker = task('worker', ({ heartbeat }) => interval(100).pipe(tap(() => heartbeat())))
 * const group = serviceGroup('shop').add(worker, { heartbeat: { interval: 1_000, onFailure: 'fail' }, restart: 'transient' })
 * ```
 */
export interface Heartbeat {
  /** How often a beat is expected, the first so long after it runs. More than zero; `Infinity` turns it off. */
  readonly interval: number
  /** How many have to be missed in a row. Default 3. */
  readonly threshold?: number
  /**
   * What comes of it, until the next beat. `'nothing'`: the running state's `detail` tells. `'degrade'`: its `health` is
   * `fail`, so that the group is not ready. `'fail'`: the service is stopped as in a shutdown and then fails with
   * `ERR_STALLED`, which ends the group, or `restart` heals it. Default `'degrade'`.
   */
  readonly onFailure?: OnFailure
}

/**
 * Expects a sign of life from a service again and again while it runs: its beats end here. When so many in a row are
 * missed it has stalled, which is told once; the next beat makes it well again at once. All ends with the first step of
 * a shutdown.
 *
 * @throws ServiceError `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
 */
export const heartbeat = <Name extends string>(
  service: Service<Name>,
  options: Heartbeat,
  clock: Clock,
): Service<Name> => {
  const { name } = service
  known(name, options, OPTIONS, 'heartbeat.')
  const interval = positive(name, 'heartbeat.interval', options.interval)
  const threshold = count(name, 'heartbeat.threshold', options.threshold, HEARTBEAT_THRESHOLD)
  const onFailure = onFailureOf(name, 'heartbeat.onFailure', options.onFailure)
  return watched(service, onFailure, findings => new Pulse(name, interval, threshold, clock, findings))
}

const OPTIONS = namesOf<Heartbeat>({ interval: true, threshold: true, onFailure: true })

/** The pulse of one run. A beat costs a look at the clock; one timer looks after them all. */
class Pulse implements Watcher {
  readonly #name: string
  readonly #interval: number
  readonly #threshold: number
  readonly #clock: Clock
  readonly #findings: Findings
  #timer: Subscription | undefined
  /** Of the last beat, once there was one since the timer was set. */
  #beatAt: number | undefined
  #missed = 0

  constructor(name: string, interval: number, threshold: number, clock: Clock, findings: Findings) {
    this.#name = name
    this.#interval = interval
    this.#threshold = threshold
    this.#clock = clock
    this.#findings = findings
  }

  begin(): void {
    this.#expect(this.#interval)
  }

  beat(): void {
    if (this.#missed < this.#threshold) {
      this.#beatAt = this.#clock.now()
      return
    }
    // It had stalled, and no timer was set. Whoever hears that it is well may end all this.
    this.#missed = 0
    this.begin()
    this.#findings.found(PASS)
  }

  rest(): void {
    this.#timer?.unsubscribe()
  }

  /** However late a timer comes, it counts one: while the event loop is blocked, nobody can beat. */
  #expect(ms: number): void {
    this.#timer = after(this.#clock, ms, () => {
      const beatAt = this.#beatAt
      this.#beatAt = undefined
      if (beatAt === undefined) return this.#miss()
      this.#missed = 0
      const due = beatAt + this.#interval - this.#clock.now()
      // When the timer came late, or the clock was set back or forth meanwhile, it begins anew.
      this.#expect(due >= 0 && due <= this.#interval ? due : this.#interval)
    })
  }

  #miss(): void {
    if (++this.#missed < this.#threshold) return this.#expect(this.#interval)
    const name = this.#name
    const detail = `no heartbeat for ${this.#interval * this.#threshold} ms`
    this.#findings.failing(
      detail,
      () => new ServiceError('ERR_STALLED', name, `service "${name}" has stalled: ${detail}`),
    )
  }
}
