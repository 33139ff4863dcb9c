import { isAbortEcho } from '../../core/errors.ts'
import { type Cancel, follow, type HookResult } from '../../core/hooks/hook-result.ts'

/** The context that a tick is given. */
export interface TickContext {
  /**
   * Fires when the run should end: the time to drain is over, or the next run replaces it. An Observable is
   * unsubscribed then, a generator is asked to return.
   */
  readonly signal: AbortSignal
  /** When the run was due. The same run of another process has the same: a key to do a thing once. */
  readonly scheduledAt: Date
}

/** The work of a schedule. A run is over when what it returns has come to its end. */
export type Tick = (context: TickContext) => HookResult

/** How a run ended: well, by a failure, or because it was asked to. */
export type Outcome = { readonly how: 'ok' | 'aborted' } | { readonly how: 'failed'; readonly error: unknown }

/** Runs a tick once. When its signal fires, promises and generators may take their time; Observables end at once. */
export const runTick = (tick: Tick, context: TickContext, onEnd: (outcome: Outcome) => void): void => {
  const { signal } = context
  let cancel: Cancel | undefined
  const giveUp = (): void => {
    if (cancel?.() === 'gone') end({ how: 'aborted' })
  }
  const end = (outcome: Outcome): void => {
    signal.removeEventListener('abort', giveUp)
    onEnd(outcome)
  }
  const failed = (error: unknown): void =>
    end(signal.aborted && isAbortEcho(error, signal.reason) ? { how: 'aborted' } : { how: 'failed', error })
  signal.addEventListener('abort', giveUp)
  let result: unknown
  try {
    result = tick(context)
  } catch (error) {
    return failed(error)
  }
  cancel = follow(result, { done: () => end({ how: signal.aborted ? 'aborted' : 'ok' }), failed })
  // Aborted by what it did meanwhile.
  if (signal.aborted) giveUp()
}
