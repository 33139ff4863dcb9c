import { Observable, type Subscription } from 'rxjs'
import { after, type Clock } from '../../core/clock.ts'
import type { ServiceContext } from '../../core/hooks/hook-call.ts'
import { type Service, task } from '../../core/service.ts'
import type { Health } from '../../core/state.ts'
import { milliseconds } from '../../core/units.ts'
import type { Gauge } from '../../process/loop-delay.ts'
import { judge, type Limits, levelOf } from './judge.ts'

export interface MonitorSettings extends Limits {
  readonly interval: number
  readonly threshold: number
}

/** A service that reads a gauge again and again, and is as well as that says. */
export const monitor = <const Name extends string>(
  name: Name,
  settings: MonitorSettings,
  startGauge: () => Gauge,
  clock: Clock,
): Service<Name> =>
  task(
    name,
    context =>
      new Observable<never>(() => {
        const gauge = startGauge()
        const sampling = new Sampling(settings, gauge, clock, context)
        sampling.wait()
        return () => {
          sampling.end()
          gauge.stop()
        }
      }),
  )

class Sampling {
  readonly #settings: MonitorSettings
  readonly #gauge: Gauge
  readonly #clock: Clock
  readonly #context: ServiceContext
  #timer: Subscription | undefined
  #health: Health = 'pass'
  #last: readonly Health[]
  #told: Health | undefined

  constructor(settings: MonitorSettings, gauge: Gauge, clock: Clock, context: ServiceContext) {
    this.#settings = settings
    this.#gauge = gauge
    this.#clock = clock
    this.#context = context
    this.#last = Array<Health>(settings.threshold).fill('pass')
  }

  wait(): void {
    this.#timer = after(this.#clock, this.#settings.interval, () => {
      // A listener of this sample may end the service.
      this.wait()
      this.#sample()
    })
  }

  end(): void {
    this.#timer?.unsubscribe()
  }

  #sample(): void {
    const delays = this.#gauge.read()
    const level = levelOf(delays.p99, this.#settings)
    this.#last = [...this.#last.slice(1), level]
    // Numbers each second would be an event each second; what is worth one is that a limit was crossed.
    if (level !== this.#told) {
      this.#told = level
      this.#context.info({ ...delays })
    }
    const health = judge(this.#health, this.#last)
    if (health === this.#health) return
    this.#health = health
    if (health === 'pass') this.#context.setHealth('pass')
    else this.#context.setHealth(health, `event loop delay: p99 ${milliseconds(delays.p99)}`)
  }
}
