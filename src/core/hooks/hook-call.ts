import { isAbortEcho } from '../errors.ts'
import type { Health, Info, StopReason } from '../state.ts'
import { type Cancel, follow, type HookResult } from './hook-result.ts'

/**
 * What every hook is given.
 *
 * Each hook has its own `signal`: start's fires when the start is cancelled, drain's at *stop*, stop's at *force*
 * (a stop that comes under force gets an already aborted one), a task's at its own turn to stop.
 */
export interface ServiceContext {
  readonly signal: AbortSignal
  /** Why the service is asked to end; `undefined` before that. */
  readonly reason: StopReason | undefined
  /**
   * The service died by itself. Its hooks under way are aborted, and its lifecycle errors: at once, or as soon as they
   * have given up. What runs on a few turns of promises later is counted in `info.abandoned`. Its `stop` is not called,
   * so clean up before you call this.
   */
  readonly fail: (error: unknown) => void
  /**
   * Says how well the running service is. Default `'pass'`.
   *
   * @throws ServiceError `ERR_INVALID_OPTION` for another word, or a detail that is no text
   */
  readonly setHealth: (health: Health, detail?: string) => void
  /**
   * How much work is still held. Told only while draining and stopping.
   *
   * @throws ServiceError `ERR_INVALID_OPTION` for what is no number, or below zero
   */
  readonly pending: (count: number) => void
  /** Particulars to show with the state; later ones are merged into earlier ones. */
  readonly info: (particulars: Info) => void
  /**
   * Asks for time, before it is up: the `startTimeout`, `drainTimeout` or `stopTimeout` that runs now will last at least
   * so many milliseconds from now. It never shortens one, and does nothing once it has passed or was cut short, nor in
   * `unready` and `force`. The clock of the whole shutdown, and those given to a group, are not extended.
   *
   * @throws ServiceError `ERR_INVALID_DURATION`
   */
  readonly extend: (ms: number) => void
  /**
   * A sign of life of the running service, for the `heartbeat` it was added with; without that it does nothing. Call it
   * as often as you like: from `start` on in what start set going, or in a task.
   */
  readonly heartbeat: () => void
}

/** What a hook reaches of the service it belongs to. */
export interface HookHost {
  readonly reason: StopReason | undefined
  /** The part that all calls of one life share. */
  readonly says: Pick<ServiceContext, 'fail' | 'setHealth' | 'pending' | 'info' | 'heartbeat'>
  extend(call: HookCall, ms: number): void
}

const UNSUBSCRIBED = Symbol('unsubscribed')

/** Is told once how a call came to its end. */
export type Settled = (error: unknown, failed: boolean) => void

/**
 * One call of one hook. It settles once: returned, resolved, completed, or failed; an Observable that is aborted is
 * unsubscribed and thereby settled.
 */
export class HookCall {
  settled = false
  aborted = false
  /** The hook is on the stack: it has not returned, or has not subscribed what it returned. */
  calling = false
  readonly #host: HookHost
  readonly #onSettled: Settled
  #controller: AbortController | undefined
  #cancel: Cancel | undefined

  constructor(host: HookHost, onSettled: Settled) {
    this.#host = host
    this.#onSettled = onSettled
  }

  run(hook: (context: ServiceContext) => HookResult): void {
    this.calling = true
    try {
      this.#run(hook)
    } finally {
      this.calling = false
    }
  }

  #run(hook: (context: ServiceContext) => unknown): void {
    let result: unknown
    try {
      result = hook(this.#context())
    } catch (error) {
      return this.#settle(error, true)
    }
    if (result === undefined) return this.#settle(undefined, false)
    this.#cancel = follow(result, {
      done: () => this.#settle(undefined, false),
      failed: error => this.#settle(error, true),
    })
    // Aborted by what it did meanwhile.
    if (this.aborted) this.#giveUp()
  }

  /** Asks the hook to give up. Promises and iterables may take their time; Observables are unsubscribed at once. */
  abort(): void {
    if (this.settled || this.aborted) return
    this.aborted = true
    this.#controller?.abort()
    this.#giveUp()
  }

  /** Whether an error is this call's own abort coming back, rather than a failure. */
  isOwnAbort(error: unknown): boolean {
    return this.aborted && (error === UNSUBSCRIBED || isAbortEcho(error, this.#controller?.signal.reason))
  }

  /** The hook's context, with members of its own, so that it can be taken apart or copied with `{ ...context }`. */
  #context(): ServiceContext {
    const { fail, setHealth, pending, info, heartbeat } = this.#host.says
    const signal = (): AbortSignal => this.signal
    const host = this.#host
    return {
      // A hook that does not ask for a signal pays for no AbortController.
      get signal() {
        return signal()
      },
      get reason() {
        return host.reason
      },
      fail,
      setHealth,
      pending,
      info,
      extend: ms => host.extend(this, ms),
      heartbeat,
    }
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.aborted) this.#controller.abort()
    }
    return this.#controller.signal
  }

  #giveUp(): void {
    if (!this.settled && this.#cancel?.() === 'gone') this.#settle(UNSUBSCRIBED, true)
  }

  #settle(error: unknown, failed: boolean): void {
    if (this.settled) return
    this.settled = true
    this.#onSettled(error, failed)
  }
}
