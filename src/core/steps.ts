import { Observable, type Operator, type Subscriber } from 'rxjs'
import type { StopReason } from './state.ts'
import type { WorkFailure } from './work-failures.ts'

/** The steps of a shutdown, in their order. They only rise. A step implies all steps before it. */
export type Step = 'unready' | 'drain' | 'stop' | 'force'

/** A step of a shutdown, as a service is told it. */
export interface Shutdown {
  readonly step: Step
  readonly reason: StopReason
  /** The force budget, in milliseconds: the time that forced services have to end. */
  readonly forceTimeout?: number
  /**
   * How long the service may take for this step, in milliseconds, when its own timeout is longer: its share of the time
   * of the whole shutdown.
   */
  readonly within?: number
}

const rank: Readonly<Record<Step, number>> = { unready: 1, drain: 2, stop: 3, force: 4 }

/** Whether a step that was told is this one, or one after it. */
export const reaches = (told: Step | undefined, step: Step): boolean => told !== undefined && rank[told] >= rank[step]

export const atLeast = (shutdown: Shutdown | undefined, step: Step): boolean => reaches(shutdown?.step, step)

/** The requests of a living service to the behaviours around it. */
export interface Asks {
  /** Asks that the timeout that runs now lasts at least so many milliseconds more. */
  readonly extend: (ms: number) => void
  /** Gives a sign of life. */
  readonly beat: () => void
  /** Tells that a piece of its work has failed, which changes no state. */
  readonly workFailed: (failure: WorkFailure) => void
}

/**
 * The requests that a service may make to the behaviours around it, if its steps come from a behaviour. Steps are
 * recognised by their shape, because another copy of this library may have made them.
 *
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(
 *   {
 *     name: 'ticker',
 *     lifecycle: shutdown$ =>
 *       interval(100).pipe(
 *         tap(() => asksOf(shutdown$)?.beat?.()),
 *         takeUntil(shutdown$),
 *         ignoreElements(),
 *         startWith({ phase: 'running', health: 'pass' } as const),
 *       ),
 *   },
 *   { heartbeat: { interval: 1_000 } },
 * )
 * ```
 */
export const asksOf = (shutdown$: Observable<Shutdown>): Partial<Asks> | undefined =>
  (shutdown$ as Partial<ShutdownSteps>).asks

/**
 * The steps of one shutdown as an Observable. It replays the latest step, so that no listener misses it, and never goes
 * back. Each service has one or two, so this is written by hand: a ReplaySubject costs more.
 */
export class ShutdownSteps extends Observable<Shutdown> {
  latest: Shutdown | undefined
  readonly asks: Partial<Asks> | undefined
  /** Nearly always the only listener. A closed listener is skipped, so that unsubscribing costs nothing. */
  #listener: Subscriber<Shutdown> | undefined
  #others: readonly Subscriber<Shutdown>[] | undefined

  constructor(asks?: Partial<Asks>) {
    super(ShutdownSteps.#attach)
    this.asks = asks
  }

  /** RxJS makes a piped Observable here. It takes the same requests as its source. */
  override lift<R>(operator?: Operator<Shutdown, R>): Observable<R> {
    const lifted = new ShutdownSteps(this.asks) as unknown as { source: unknown; operator: unknown }
    lifted.source = this
    lifted.operator = operator
    return lifted as unknown as Observable<R>
  }

  static #attach(this: Observable<Shutdown>, listener: Subscriber<Shutdown>): void {
    // biome-ignore lint/complexity/noThisInStatic: RxJS calls it on the Observable; a closure for each would cost more.
    const steps = this as ShutdownSteps
    if (!steps.#listener || steps.#listener.closed) steps.#listener = listener
    else steps.#others = [...(steps.#others ?? []).filter(other => !other.closed), listener]
    if (steps.latest) listener.next(steps.latest)
  }

  /** Rises to a step. Ignores a step that was reached before. */
  raise(shutdown: Shutdown): void {
    if (atLeast(this.latest, shutdown.step)) return
    this.latest = shutdown
    this.#listener?.next(shutdown)
    if (!this.#others) return
    for (const other of this.#others) {
      // A listener has raised the step further, and every listener was told that step by now.
      if (this.latest !== shutdown) return
      other.next(shutdown)
    }
  }
}
