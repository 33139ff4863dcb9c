import { EMPTY, firstValueFrom, isObservable, merge, Observable, tap, throwError } from 'rxjs'
import { type Clock, timer } from '../core/clock.ts'
import type { ServiceContext } from '../core/hooks/hook-call.ts'
import type { HookResult } from '../core/hooks/hook-result.ts'
import type { StopReason } from '../core/state.ts'

/** The hooks of a fake. */
export type HookName = 'start' | 'unready' | 'drain' | 'stop' | 'force'

/**
 * The conduct of a fake's hook when it is called:
 *
 * - `'waits'`: it waits until the test calls `succeed()` or `fail()`. It rejects when its signal aborts.
 * - `'hangs'`: the same, but it ignores its signal. An Observable can't: it is unsubscribed.
 * - `'returns'` or `'throws'`: at once
 * - `'resolves'` or `'rejects'`: as a promise. An Observable completes or errors on subscription.
 * - a number: it takes so many milliseconds on the fake's `clock`. It rejects when its signal aborts.
 * - a function: the hook itself
 * - `'absent'`: the fake has no such hook
 */
export type Conduct =
  | 'waits'
  | 'hangs'
  | 'returns'
  | 'throws'
  | 'resolves'
  | 'rejects'
  | 'absent'
  | number
  | ((context: ServiceContext) => HookResult)

/** One hook of a fake, which the test controls. */
export interface FakeHook {
  /** How often the hook was called. */
  readonly calls: number
  /** The hook was called, and has not settled. */
  readonly open: boolean
  /** The reason that the latest call was given. */
  readonly reason: StopReason | undefined
  /** The signal of the latest call. */
  readonly signal: AbortSignal | undefined
  /** Settles the call that waits or hangs. @throws Error when no call does */
  succeed(): void
  /** Fails the call that waits or hangs. @throws Error when no call does */
  fail(error?: unknown): void
  /** Changes what the hook does, from its next call on. */
  will(conduct: Conduct): void
}

export interface FakeHookHost {
  /** For messages: `db: stop`. */
  readonly label: string
  readonly clock: Clock
  readonly returns: 'promise' | 'observable'
  called(context: ServiceContext): void
  /** The call is over. `well`: without an error. */
  settled(well: boolean): void
}

interface Remote {
  succeed(): void
  fail(error: unknown): void
}

/** A hook for `service()`, and the object that controls it. */
export const fakeHook = (
  host: FakeHookHost,
  initial: Conduct,
): { readonly hook: (context: ServiceContext) => HookResult; readonly control: FakeHook; readonly absent: boolean } => {
  let conduct = initial
  let calls = 0
  let open = false
  let reason: StopReason | undefined
  let latest: ServiceContext | undefined
  let remote: Remote | undefined

  const failure = (): Error => new Error(`${host.label} failed`)

  const remotely = (context: ServiceContext, endsOnAbort: boolean): HookResult => {
    const observable = new Observable<never>(out => {
      remote = { succeed: () => out.complete(), fail: error => out.error(error) }
    })
    if (host.returns === 'observable') return observable
    return new Promise<void>((resolve, reject) => {
      remote = { succeed: resolve, fail: reject }
      if (endsOnAbort) onAbort(context.signal, () => reject(context.signal.reason))
    })
  }

  const perform = (context: ServiceContext): HookResult => {
    if (typeof conduct === 'function') return conduct(context)
    if (typeof conduct === 'number') return waited(conduct, host, context.signal)
    const observable = host.returns === 'observable'
    switch (conduct) {
      case 'waits':
        return remotely(context, true)
      case 'hangs':
        return remotely(context, false)
      case 'resolves':
        return observable ? EMPTY : Promise.resolve()
      case 'rejects':
        return observable ? throwError(failure) : Promise.reject(failure())
      case 'throws':
        throw failure()
      default:
        return observable ? EMPTY : undefined
    }
  }

  const hook = (context: ServiceContext): HookResult => {
    calls++
    latest = context
    reason = context.reason
    remote = undefined
    host.called(context)
    open = true
    const call = calls
    let over = false
    const settled = (well: boolean): void => {
      if (over) return
      over = true
      if (call === calls) open = false
      host.settled(well)
    }
    let result: HookResult
    try {
      result = perform(context)
    } catch (error) {
      settled(false)
      throw error
    }
    return watched(result, settled)
  }

  const take = (): Remote => {
    if (!remote || !open) throw new Error(`${host.label} does not wait for anything`)
    const waiting = remote
    remote = undefined
    return waiting
  }

  return {
    hook,
    absent: initial === 'absent',
    control: {
      get calls() {
        return calls
      },
      get open() {
        return open
      },
      get reason() {
        return reason
      },
      get signal() {
        return latest?.signal
      },
      succeed: () => take().succeed(),
      fail: (error = failure()) => take().fail(error),
      will: next => {
        conduct = next
      },
    },
  }
}

const waited = (ms: number, { clock, returns }: FakeHookHost, signal: AbortSignal): HookResult => {
  const time = timer(ms, clock)
  if (returns === 'observable') return time
  const aborted = new Observable<never>(out => onAbort(signal, () => out.error(signal.reason)))
  return firstValueFrom(merge(aborted, time))
}

const onAbort = (signal: AbortSignal, act: () => void): void => {
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, { once: true })
}

/** The same result. Calls back when it is over. */
const watched = (result: HookResult, settled: (well: boolean) => void): HookResult => {
  const well = (): void => settled(true)
  const badly = (): void => settled(false)
  if (isObservable(result)) return result.pipe(tap({ complete: well, error: badly, unsubscribe: badly }))
  if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function')
    return (result as PromiseLike<unknown>).then(well, error => {
      badly()
      throw error
    })
  well()
  return result
}
