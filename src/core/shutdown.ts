import {
  BehaviorSubject,
  concat,
  concatMap,
  EMPTY,
  filter,
  from,
  ignoreElements,
  map,
  merge,
  Observable,
  of,
  share,
  take,
} from 'rxjs'
import { after, type Clock, timer } from './clock.ts'
import type { Service } from './service.ts'
import { reasonOf, type ServiceState, type StopReason } from './state.ts'
import { type Shutdown, ShutdownSteps, type Step } from './steps.ts'

export interface Goodbye {
  readonly reason: StopReason
  /** How long the service goes on serving after *unready*, in milliseconds. */
  readonly drainDelay: number
  /** Completes once nothing is draining any more. */
  readonly drained$: Observable<never>
  readonly forceTimeout: number
  readonly clock: Clock
}

/** The graceful steps of a shutdown, each told once the one before it has been heeded. */
export const goodbye = ({ reason, drainDelay, drained$, forceTimeout, clock }: Goodbye): Observable<Shutdown> => {
  const heeded: Readonly<Record<Exclude<Step, 'force'>, Observable<never>>> = {
    unready: drainDelay > 0 && !haveAllEnded(reason) ? timer(drainDelay, clock).pipe(ignoreElements()) : EMPTY,
    drain: drained$,
    stop: EMPTY,
  }
  return from(['unready', 'drain', 'stop'] as const).pipe(
    concatMap(step => concat(of({ step, reason, forceTimeout }), heeded[step])),
  )
}

/** The clocks of a whole shutdown, in milliseconds. They count whatever began it. */
export interface ShutdownClocks {
  /** How long everything goes on serving after *unready*; not when all services have ended. */
  readonly drainDelay: (reason: StopReason) => number
  /** How long the whole shutdown may take, from its trigger, before what is left is forced. */
  readonly shutdownTimeout: number
  /** How long forced services may take to end before they are abandoned. */
  readonly forceTimeout: number
}

/** Once all services have ended nothing serves any more, so nothing is gained by a drain delay. */
const haveAllEnded = (reason: StopReason): boolean => reason.by === 'end' && reason.service === undefined

export interface Conduct extends ShutdownClocks {
  /** Its first value begins the shutdown. */
  readonly trigger$: Observable<StopReason>
  /** Its first value cuts everything short: what is left is forced. */
  readonly force$: Observable<StopReason>
  readonly clock: Clock
}

/** A service that may also begin its own shutdown, and then keeps the clocks of its leader. */
export interface Led extends Service {
  led?(clocks: ShutdownClocks): void
}

/**
 * Takes a service through its whole life: starts it, and on the trigger leads it through the four steps of a shutdown.
 * The clock of the whole shutdown also runs when the service begins to leave by itself. Completes when the service is
 * gone, or has been abandoned.
 */
export const conduct = (service: Led, options: Conduct): Observable<ServiceState> =>
  new Observable(out => {
    const { clock, forceTimeout } = options
    service.led?.(options)
    const level = new ShutdownSteps()
    const state$ = new BehaviorSubject<ServiceState>({ phase: 'idle' })
    const trigger$ = options.trigger$.pipe(take(1), share())
    const force = (reason: StopReason): void => level.raise({ step: 'force', reason, forceTimeout })

    const drained$ = state$.pipe(
      filter(state => state.phase !== 'draining'),
      take(1),
      ignoreElements(),
    )
    const leaving$ = state$.pipe(
      map(reasonOf),
      filter(reason => reason !== undefined),
    )
    const whole = merge(trigger$, leaving$)
      .pipe(take(1))
      .subscribe(reason => out.add(after(clock, options.shutdownTimeout, () => force(reason))))
    const steps = trigger$
      .pipe(
        concatMap(reason => goodbye({ reason, drainDelay: options.drainDelay(reason), drained$, forceTimeout, clock })),
      )
      .subscribe(shutdown => level.raise(shutdown))
    const forced = options.force$.pipe(take(1)).subscribe(force)
    out.add(whole)
    out.add(steps)
    out.add(forced)

    out.add(
      service.lifecycle(level).subscribe({
        next: state => {
          state$.next(state)
          out.next(state)
          if (state.phase === 'stopped' && state.how === 'abandoned') out.complete()
        },
        error: error => out.error(error),
        complete: () => out.complete(),
      }),
    )
  })
