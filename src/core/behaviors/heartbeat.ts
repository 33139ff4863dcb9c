import type { Subscription } from 'rxjs'
import { after, type Clock } from '../clock.ts'
import { HEARTBEAT_THRESHOLD } from '../defaults.ts'
import { serviceError } from '../errors.ts'
import { count, known, namesOf, positive } from '../options.ts'
import type { Service } from '../service.ts'
import { milliseconds } from '../units.ts'
import { type OnFailure, onFailureOf, PASS, watched } from './watched.ts'

/**
 * How often a running service calls the `heartbeat()` of its context, and what a missing call leads to. A heartbeat
 * finds what no check from outside can see: a consumer that gets nothing more, a loop that hangs. Times are
 * milliseconds.
 *
 * @example
 * ```ts
 * const worker = task('worker', ({ heartbeat }) => interval(100).pipe(tap(() => heartbeat())))
 * const heartbeat = { interval: 1_000, onFailure: 'fail' } as const
 * const group = serviceGroup('shop').add(worker, { heartbeat, restart: 'transient' })
 * ```
 */
export interface Heartbeat {
  /** The longest time between two beats, and from `running` to the first. More than zero; `Infinity` turns it off. */
  readonly interval: number
  /** The service has stalled after so many missed beats in a row. Default 3. */
  readonly threshold?: number
  /**
   * The effect of a stall, until the next beat. `'nothing'`: the running state's `detail` tells. `'degrade'`: its
   * `health` is `fail`, so that the group is not ready. `'fail'`: the service is stopped as in a shutdown and then
   * fails with `ERR_STALLED`, which ends the group, or `restart` heals it. Default `'degrade'`.
   */
  readonly onFailure?: OnFailure
}

/**
 * Expects beats from a service while it is running. A stall is told once; the next beat makes the service well at once.
 * The behaviours around this one are not told of the beats. The watch ends with the first step of a shutdown.
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
  return watched(service, onFailure, ({ found, failing }) => {
    let timer: Subscription | undefined
    /** The last beat since the timer was set. A beat costs a look at the clock; one timer serves them all. */
    let beatAt: number | undefined
    let missed = 0

    const expect = (ms: number): void => {
      timer = after(clock, ms, onTime)
    }
    /** However late a timer comes, it counts as one missed beat: nobody can beat while the event loop is blocked. */
    const onTime = (): void => {
      const last = beatAt
      beatAt = undefined
      if (last === undefined) return miss()
      missed = 0
      const due = last + interval - clock.now()
      // When the timer came late, or the clock was set meanwhile, the interval begins anew.
      expect(due >= 0 && due <= interval ? due : interval)
    }
    const miss = (): void => {
      if (++missed < threshold) return expect(interval)
      const detail = `no heartbeat for ${milliseconds(interval * threshold)}`
      failing(detail, () => serviceError('ERR_STALLED', name, `stalled: ${detail}`))
    }
    const beat = (): void => {
      if (missed < threshold) {
        beatAt = clock.now()
        return
      }
      // The service had stalled, and no timer was set. A listener may end all this when it hears of the recovery.
      missed = 0
      expect(interval)
      found(PASS)
    }

    expect(interval)
    return { beat, end: () => timer?.unsubscribe() }
  })
}

const OPTIONS = namesOf<Heartbeat>({ interval: true, threshold: true, onFailure: true })
