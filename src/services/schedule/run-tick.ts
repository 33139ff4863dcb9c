import { defer, EMPTY, from, fromEvent, isObservable, type Observable, takeUntil } from 'rxjs'

/** What a tick is given. */
export interface TickContext {
  /**
   * Fires when the run should end: the time to drain is over, or the next run replaces it. An Observable is
   * unsubscribed then.
   */
  readonly signal: AbortSignal
  /** When the run was due. The same run of another process has the same: a key to do a thing once. */
  readonly scheduledAt: Date
}

/** The work of a schedule. A run is over when what it returns has settled: a promise, an Observable, or nothing. */
export type Tick = (context: TickContext) => unknown

/** How a run ended: well, by a failure, or because it was asked to. */
export type Outcome = { readonly how: 'ok' | 'aborted' } | { readonly how: 'failed'; readonly error: unknown }

/** Runs a tick once. When its signal fires, promises may take their time; Observables are let go at once. */
export const runTick = (tick: Tick, context: TickContext, onEnd: (outcome: Outcome) => void): void => {
  const { signal } = context
  const work$ = defer((): Observable<unknown> => {
    const result = tick(context)
    if (isObservable(result)) return signal.aborted ? EMPTY : result.pipe(takeUntil(fromEvent(signal, 'abort')))
    return isThenable(result) ? from(result) : EMPTY
  })
  work$.subscribe({
    complete: () => onEnd({ how: signal.aborted ? 'aborted' : 'ok' }),
    error: (error: unknown) => onEnd(signal.aborted ? { how: 'aborted' } : { how: 'failed', error }),
  })
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'
