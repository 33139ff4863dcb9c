import { Observable, type Subscription } from 'rxjs'
import { after, type Clock } from '../../core/clock.ts'
import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import { type Service, task } from '../../core/service.ts'
import { HEALTHS, type Health, type Info } from '../../core/state.ts'
import { judge } from './judge.ts'

/** How often a gauge is read, in milliseconds, and how many readings in a row change the health. */
export interface MonitorSettings {
  readonly interval: number
  readonly threshold: number
}

/** Measures the process from when it is made until it is stopped. */
export interface Gauge<Reading> {
  read(): Reading
  stop(): void
}

/** One reading in the words of a service. */
export interface Judged {
  readonly level: Health
  /** The detail of a health that is not `pass`. */
  readonly detail: string
  readonly info: Info
}

/** How readings are judged. */
export interface Judgement<Reading> {
  of(reading: Reading): Judged
  /** Whether a reading of the same level differs enough from the one that was told last to be told. Default: never. */
  readonly isNews?: (told: Reading, now: Reading) => boolean
}

/** A service that reads a gauge at an interval. Its health follows the readings. */
export const monitor = <const Name extends string, Reading>(
  name: Name,
  settings: MonitorSettings,
  startGauge: () => Gauge<Reading>,
  judgement: Judgement<Reading>,
  clock: Clock,
): Service<Name> =>
  task(
    name,
    context =>
      new Observable<never>(() => {
        const gauge = startGauge()
        const sampling = new Sampling(settings, gauge, judgement, clock, context)
        sampling.wait()
        return () => {
          sampling.end()
          gauge.stop()
        }
      }),
  )

class Sampling<Reading> {
  readonly #settings: MonitorSettings
  readonly #gauge: Gauge<Reading>
  readonly #judgement: Judgement<Reading>
  readonly #clock: Clock
  readonly #context: ServiceContext
  #timer: Subscription | undefined
  #health: Health = 'pass'
  #last: readonly Health[]
  #told: { readonly level: Health; readonly reading: Reading } | undefined

  constructor(
    settings: MonitorSettings,
    gauge: Gauge<Reading>,
    judgement: Judgement<Reading>,
    clock: Clock,
    context: ServiceContext,
  ) {
    this.#settings = settings
    this.#gauge = gauge
    this.#judgement = judgement
    this.#clock = clock
    this.#context = context
    this.#last = Array<Health>(settings.threshold).fill('pass')
  }

  wait(): void {
    this.#timer = after(this.#clock, this.#settings.interval, () => {
      // A listener of this sample may end all this.
      this.wait()
      this.#sample()
    })
  }

  end(): void {
    this.#timer?.unsubscribe()
  }

  #sample(): void {
    const reading = this.#gauge.read()
    const { level, detail, info } = this.#judgement.of(reading)
    this.#last = [...this.#last.slice(1), level]
    const isTold = this.#isNews(level, reading)
    if (isTold) {
      this.#told = { level, reading }
      this.#context.info(info)
    }
    const health = judge(this.#health, this.#last)
    // A detail that speaks of a better reading would not explain the health.
    const explains = isTold && HEALTHS.indexOf(level) >= HEALTHS.indexOf(health)
    if (health === this.#health && (health === 'pass' || !explains)) return
    this.#health = health
    if (health === 'pass') this.#context.setHealth('pass')
    else this.#context.setHealth(health, detail)
  }

  /** Figures each second would be an event each second. Worth an event is that a limit was crossed. */
  #isNews(level: Health, reading: Reading): boolean {
    const told = this.#told
    return told === undefined || told.level !== level || this.#judgement.isNews?.(told.reading, reading) === true
  }
}
