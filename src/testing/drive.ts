import { EMPTY, from, lastValueFrom, of, tap } from 'rxjs'
import { after, systemClock } from '../core/clock.ts'
import type { Service } from '../core/service.ts'
import { GRACEFUL, leadSteps } from '../core/shutdown.ts'
import { canFollow, hasDrained, type Phase, type ServiceState, type StateOf, type StopReason } from '../core/state.ts'
import { ShutdownSteps, type Step } from '../core/steps.ts'
import { milliseconds } from '../core/units.ts'
import { describeState } from './trace.ts'

/** One incarnation of a service, led by a test. */
export interface Drive {
  /** All states that the service has told. */
  readonly states: readonly ServiceState[]
  /**
   * The first state in this phase, told already or still to come.
   *
   * @throws (as a rejection) the error of the lifecycle; Error when the service ends without this state, tells a state
   * that can't follow the one before, or takes longer than `timeout`
   */
  until<P extends Phase>(phase: P): Promise<StateOf<P>>
  /** The first state for which `isIt` is true. `what` names it in the error when it does not come. Rejects as above. */
  until(isIt: (state: ServiceState) => boolean, what?: string): Promise<ServiceState>
  /** Tells the service a step, which implies all before it. A repeated step is ignored. Default: `{ by: 'call' }`. */
  tell(step: Step, reason?: StopReason): void
  /** Leads the service through all steps, as a group does, and waits until it is gone. Rejects as `until`. */
  leave(reason?: StopReason): Promise<void>
  /** Resolves when the service is gone. Rejects as `until`. */
  gone(): Promise<void>
  /** Resolves with the error that the service fails with. Rejects as `until`, and when the lifecycle completes. */
  failure(): Promise<unknown>
  /** Unsubscribes, as a group does when it abandons a service. */
  abandon(): void
}

interface Wait {
  look(): void
}

/**
 * Leads one service as a group would, without behaviours and in real time. It subscribes to the lifecycle, records the
 * states, and tells the steps of a shutdown.
 *
 * @param options `timeout`: the longest wait for a state, in milliseconds. Default 10,000.
 * @example
 * ```ts
 * const life = drive(service('db', { stop: () => undefined }))
 * await life.until('running')
 * await life.leave()
 * console.log(life.states.map(state => state.phase))
 * // [ 'starting', 'running', 'running', 'stopping', 'stopped' ]
 * ```
 */
export const drive = (service: Service, { timeout = 10_000 }: { readonly timeout?: number } = {}): Drive => {
  const states: ServiceState[] = []
  const level = new ShutdownSteps()
  const waits = new Set<Wait>()
  let wrong: Error | undefined
  let end: { readonly error?: unknown } | undefined

  const wake = (): void => {
    for (const wait of [...waits]) wait.look()
  }
  const over = (how: { readonly error?: unknown }): void => {
    end = how
    wake()
  }
  const subscription = service.lifecycle(level).subscribe({
    next: state => {
      const before = states.at(-1)?.phase ?? 'idle'
      if (!canFollow(before, state.phase)) wrong ??= new Error(`"${service.name}" was ${before}, then ${state.phase}`)
      states.push(state)
      wake()
    },
    error: (error: unknown) => over({ error }),
    complete: () => over({}),
  })

  const soFar = (): string => `it said: ${states.map(describeState).join(', ') || 'nothing'}`
  const wait = <T>(what: string, found: () => { readonly value: T } | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const late = (): void =>
        done(() => reject(new Error(`"${service.name}": no ${what} in ${milliseconds(timeout)}; ${soFar()}`)))
      const timer = after(systemClock, timeout, late)
      const done = (settle: () => void): void => {
        timer?.unsubscribe()
        waits.delete(self)
        settle()
      }
      const look = (): void => {
        if (wrong) return done(() => reject(wrong))
        const it = found()
        if (it) return done(() => resolve(it.value))
        if (end && 'error' in end) return done(() => reject(end!.error))
        if (end) done(() => reject(new Error(`"${service.name}" is over, without ${what}; ${soFar()}`)))
      }
      const self: Wait = { look }
      waits.add(self)
      look()
    })

  const until = (asked: Phase | ((state: ServiceState) => boolean), what = 'such state'): Promise<never> => {
    const isIt = typeof asked === 'string' ? (state: ServiceState) => state.phase === asked : asked
    return wait(typeof asked === 'string' ? `"${asked}"` : what, () => {
      const value = states.find(isIt)
      return value && { value: value as never }
    })
  }
  const tell = (step: Step, reason: StopReason = { by: 'call' }): void => level.raise({ step, reason })
  const isDrained = (): boolean => states.length > 0 && hasDrained(states.at(-1)!)
  const gone = (): Promise<void> => wait('end', () => (end && !('error' in end) ? { value: undefined } : undefined))
  return {
    states,
    until,
    tell,
    gone,
    leave: async (reason = { by: 'call' }) => {
      const drained = (): Promise<undefined> =>
        wait('end of its drain', () => (isDrained() || end ? { value: undefined } : undefined))
      const steps$ = leadSteps(of(reason), GRACEFUL, step => (step === 'drain' ? from(drained()) : EMPTY))
      await lastValueFrom(steps$.pipe(tap(({ step }) => tell(step, reason))))
      await gone()
    },
    failure: async () => {
      const how = await wait('failure', () => (end ? { value: end } : undefined))
      if ('error' in how) return how.error
      throw new Error(`"${service.name}" did not fail; ${soFar()}`)
    },
    abandon: () => subscription.unsubscribe(),
  }
}
