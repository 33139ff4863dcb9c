import {
  BehaviorSubject,
  concat,
  concatMap,
  defer,
  EMPTY,
  first,
  from,
  ignoreElements,
  type Observable,
  type Observer,
  of,
  Subscription,
  take,
} from 'rxjs'
import { type Clock, timer } from './clock.ts'
import type { Service } from './service.ts'
import { hasDrained, isAbandoned, type ServiceState, type StopReason } from './state.ts'
import { ShutdownSteps, type Step } from './steps.ts'

/** The steps that `leadSteps` leads. `force` comes from outside. */
export type GracefulStep = Exclude<Step, 'force'>

export const GRACEFUL: readonly GracefulStep[] = ['unready', 'drain', 'stop']

/**
 * Leads through the steps of a shutdown. The first value of the trigger begins it. Each step is emitted when the step
 * before it is done. This function leads every shutdown, of a whole group and of a single member.
 *
 * @param isDone is called once the step has been told, and completes when it is done. The result for the last step has
 * no effect.
 */
export const leadSteps = (
  trigger$: Observable<StopReason>,
  steps: readonly GracefulStep[],
  isDone: (step: GracefulStep, reason: StopReason) => Observable<unknown>,
): Observable<{ readonly step: GracefulStep; readonly reason: StopReason }> =>
  trigger$.pipe(
    take(1),
    concatMap(reason =>
      from(steps).pipe(
        concatMap(step => concat(of({ step, reason }), defer(() => isDone(step, reason)).pipe(ignoreElements()))),
      ),
    ),
  )

/** The clocks of a whole shutdown, in milliseconds. */
export interface ShutdownClocks {
  /** How long all members go on serving after *unready*. */
  readonly drainDelay: (reason: StopReason) => number
  /** How long the whole shutdown may take, from its trigger, before the members that are left are forced. */
  readonly shutdownTimeout: number
  /** The force budget: how long forced services may take to end before they are abandoned. */
  readonly forceTimeout: number
  /** Shares the time out among the services, so that a service that hangs leaves the others their turn. */
  readonly shared?: boolean
}

/** Completes after the drain delay, in milliseconds; at once when the reason is that all services have ended. */
export const drainDelayed = (reason: StopReason, drainDelay: number, clock: Clock): Observable<unknown> => {
  const haveAllEnded = reason.by === 'end' && reason.service === undefined
  return haveAllEnded || drainDelay === 0 ? EMPTY : timer(drainDelay, clock)
}

export interface Conduct extends ShutdownClocks {
  /** The first value begins the shutdown. */
  readonly trigger$: Observable<StopReason>
  /** The first value forces the members that are left. */
  readonly force$: Observable<StopReason>
  readonly clock: Clock
}

/** A service that applies the clocks of its shutdown itself, as a group does. */
export interface Led extends Service {
  led?(clocks: ShutdownClocks): void
}

/**
 * Takes a service through its whole life: starts it, and on the trigger leads it through its shutdown. Tells the
 * observer each state, and `complete` when the service is gone or was abandoned.
 */
export const conduct = (service: Led, options: Conduct, observer: Observer<ServiceState>): void => {
  const { clock, drainDelay, forceTimeout, trigger$, force$ } = options
  service.led?.(options)
  const steps = new ShutdownSteps()
  const state$ = new BehaviorSubject<ServiceState>({ phase: 'idle' })
  const drained$ = state$.pipe(first(hasDrained))
  const graceful$ = leadSteps(trigger$, GRACEFUL, (step, reason) =>
    step === 'unready' ? drainDelayed(reason, drainDelay(reason), clock) : drained$,
  )
  const all = new Subscription()
  all.add(graceful$.subscribe(({ step, reason }) => steps.raise({ step, reason, forceTimeout })))
  all.add(force$.pipe(take(1)).subscribe(reason => steps.raise({ step: 'force', reason, forceTimeout })))
  const end = (): void => {
    all.unsubscribe()
    observer.complete()
  }
  all.add(
    service.lifecycle(steps).subscribe({
      next: state => {
        state$.next(state)
        observer.next(state)
        if (isAbandoned(state)) end()
      },
      error: error => {
        all.unsubscribe()
        observer.error(error)
      },
      complete: end,
    }),
  )
}
