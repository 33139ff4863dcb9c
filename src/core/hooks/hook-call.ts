import { isAbortEcho } from '../errors.ts'
import type { Health, Info, StopReason } from '../state.ts'
import { enter, type Work } from '../work.ts'
import { contextOf } from './hook-context.ts'
import { type Cancel, follow, type HookResult } from './hook-result.ts'
import type { HookedState } from './hooked-state.ts'

/**
 * The argument of every hook. Its members may be taken out of it, and `{ ...context }` copies them all.
 *
 * @example
 * ```ts
 * const mailer = service('mailer', {
 *   start: ({ signal, fail }) => {
 *     const socket = new EventTarget()
 *     socket.addEventListener('error', () => fail(new Error('the connection is lost')), { signal })
 *   },
 * })
 * ```
 */
export interface ServiceContext {
  /**
   * The signal of this one hook call. It aborts `start` when the start is cancelled, `drain` at *stop*, `stop` at
   * *force*, and the function of a task when the task is to stop. A `stop` called under *force* gets it aborted.
   */
  readonly signal: AbortSignal
  /** Why the service is to end; `undefined` before that. */
  readonly reason: StopReason | undefined
  /**
   * Reports that the service has died by itself: `ERR_SERVICE_FAILED`, or `ERR_START_FAILED` while it starts. Running
   * hooks are aborted; the lifecycle errors once they have settled. A hook that still runs a few turns of promises
   * later is counted in `info.abandoned`. `stop` is not called, so release resources before the call.
   */
  readonly fail: (error: unknown) => void
  /**
   * Sets the health of the running service. Default `'pass'`. `detail` is shown beside it.
   *
   * @throws ServiceError `ERR_INVALID_OPTION` for another word, or a detail that is no text
   */
  readonly setHealth: (health: Health, detail?: string) => void
  /**
   * Sets how much work is still held, such as requests in flight. Shown only while draining and stopping.
   *
   * @throws ServiceError `ERR_INVALID_OPTION` unless it is a number of at least zero
   */
  readonly pending: (count: number) => void
  /**
   * Adds particulars to show with the state, such as a port. A later value replaces an earlier one of the same name.
   *
   * @throws ServiceError `ERR_INVALID_OPTION` unless it is an object
   */
  readonly info: (particulars: Info) => void
  /**
   * Asks for more time: the `startTimeout`, `drainTimeout` or `stopTimeout` that runs now lasts at least `ms`
   * milliseconds from now. A timeout is never shortened, and not extended once it has passed or was cut short. It does
   * nothing in `unready` and `force`. `shutdownTimeout` and the timeouts given to a group are not extended.
   *
   * @throws ServiceError `ERR_INVALID_DURATION` unless it is a finite number of at least zero
   */
  readonly extend: (ms: number) => void
  /**
   * Gives a sign of life of the running service, for the option `heartbeat` of `add()`; without that option it does
   * nothing. It is cheap enough to call for every message.
   */
  readonly heartbeat: () => void
  /**
   * Tells that a piece of work has failed, such as the handler of a message, and that the service lives on: an event of
   * kind `failure`, for logs, metrics and dashboards. The state of the service stays as it is. Cheap enough to call for
   * every failure: ten a second are told, and the others are counted.
   *
   * @param what the work, for people: `message of queue "orders"`
   * @throws ServiceError `ERR_INVALID_OPTION` unless `what` is a text
   */
  readonly workFailed: (what: string, error: unknown) => void
}

/** A function of a service: it is called with the context of the call, and its result is waited for. */
export type Hook = (context: ServiceContext) => HookResult

/** How a hook call ended. `aborted`: it ended because of its own signal, which is no failure. */
export type Outcome = { readonly how: 'done' | 'aborted' } | { readonly how: 'failed'; readonly error: unknown }

const DONE: Outcome = Object.freeze({ how: 'done' })
const ABORTED: Outcome = Object.freeze({ how: 'aborted' })

/** Continues when a call has ended. */
export type Then = (outcome: Outcome) => void

/** The incarnation that a hook call belongs to. */
export interface HookHost {
  readonly state: HookedState
  fail(error: unknown): void
  extend(call: HookCall, ms: number): void
  heartbeat(): void
  workFailed(what: string, error: unknown): void
  settled(outcome: Outcome, then: Then): void
}

/** One call of one hook. It settles once: the hook has returned, resolved, completed, failed or was unsubscribed. */
export class HookCall implements Work {
  readonly within: Work | undefined
  settled = false
  aborted = false
  /** The hook is on the stack: it has not returned, or its Observable is not subscribed yet. */
  onStack = false
  readonly #host: HookHost
  readonly #then: Then
  #controller: AbortController | undefined
  #cancel: Cancel | undefined

  constructor(host: HookHost, within: Work | undefined, then: Then) {
    this.#host = host
    this.within = within
    this.#then = then
  }

  isOpen(): boolean {
    return !this.settled
  }

  run(hook: Hook): void {
    this.onStack = true
    try {
      enter(this.within && this, () => this.#run(hook))
    } finally {
      this.onStack = false
    }
  }

  #run(hook: Hook): void {
    let result: unknown
    try {
      result = hook(contextOf(this, this.#host))
    } catch (error) {
      return this.#failed(error)
    }
    if (result === undefined) return this.#settle(DONE)
    this.#cancel = follow(result, {
      done: () => this.#settle(DONE),
      failed: error => this.#failed(error),
    })
    // The hook may have caused its own abort, before there was anything to cancel.
    if (this.aborted) this.#cancelResult()
  }

  /** Asks the hook to end. A promise or an iterable may take its time; an Observable is unsubscribed at once. */
  abort(): void {
    if (this.settled || this.aborted) return
    this.aborted = true
    this.#controller?.abort()
    this.#cancelResult()
  }

  /** Made when a hook first reads it, because most hooks need no AbortController. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.aborted) this.#controller.abort()
    }
    return this.#controller.signal
  }

  #cancelResult(): void {
    if (!this.settled && this.#cancel?.() === 'gone') this.#settle(ABORTED)
  }

  #failed(error: unknown): void {
    const isOwnAbort = this.aborted && isAbortEcho(error, this.#controller?.signal.reason)
    this.#settle(isOwnAbort ? ABORTED : { how: 'failed', error })
  }

  #settle(outcome: Outcome): void {
    if (this.settled) return
    this.settled = true
    this.#host.settled(outcome, this.#then)
  }
}
