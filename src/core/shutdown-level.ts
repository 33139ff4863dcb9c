import { Observable, type Subscriber } from 'rxjs'
import type { StopReason } from './state.ts'

/** How far the goodbye has come. Levels only rise; reaching one implies those before it. */
export type Step = 'unready' | 'drain' | 'stop' | 'force'

/** What a service is told when it is to end. */
export interface Shutdown {
  readonly step: Step
  readonly reason: StopReason
  /** How long a forced service may take to let go, in milliseconds: one budget for all that is forced. */
  readonly forceTimeout?: number
}

const rank: Readonly<Record<Step, number>> = { unready: 1, drain: 2, stop: 3, force: 4 }

export const atLeast = (shutdown: Shutdown | undefined, step: Step): boolean =>
  shutdown !== undefined && rank[shutdown.step] >= rank[step]

/**
 * The shutdown steps as an Observable that replays the latest, so that nobody misses it, and never goes back.
 * Written out instead of a ReplaySubject because every service has one or two of them.
 */
export class ShutdownLevel extends Observable<Shutdown> {
  latest: Shutdown | undefined
  /** There is one listener as a rule. Those that have left are passed over, so that leaving costs nothing. */
  #listener: Subscriber<Shutdown> | undefined
  #others: readonly Subscriber<Shutdown>[] | undefined

  constructor() {
    super(ShutdownLevel.#attach)
  }

  static #attach(this: Observable<Shutdown>, listener: Subscriber<Shutdown>): void {
    // biome-ignore lint/complexity/noThisInStatic: RxJS calls it on the Observable; a closure for each would cost more.
    const level = this as ShutdownLevel
    if (!level.#listener || level.#listener.closed) level.#listener = listener
    else level.#others = [...(level.#others ?? []).filter(other => !other.closed), listener]
    if (level.latest) listener.next(level.latest)
  }

  /** Rises to a step; one already reached is ignored. */
  raise(shutdown: Shutdown): void {
    if (atLeast(this.latest, shutdown.step)) return
    this.latest = shutdown
    this.#listener?.next(shutdown)
    if (!this.#others) return
    for (const other of this.#others) {
      // One that was told has raised it further, and everybody knows of that by now.
      if (this.latest !== shutdown) return
      other.next(shutdown)
    }
  }
}
