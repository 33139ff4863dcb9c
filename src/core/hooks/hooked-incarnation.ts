import type { Observable, Subscriber, Subscription, Unsubscribable } from 'rxjs'
import { asServiceError, type ErrorCode, type ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import { finite, must } from '../options.ts'
import type { ServiceState } from '../state.ts'
import { type Asks, asksOf, atLeast, type Shutdown } from '../steps.ts'
import { currentWork, type Work } from '../work.ts'
import { type Hook, HookCall, type HookHost, type Outcome, type Then } from './hook-call.ts'
import { HookCalls, type HookName, type Hooks } from './hook-calls.ts'
import { type HookedPhase, HookedState } from './hooked-state.ts'

const nothing: Hook = () => undefined

/** The phases in which a timeout runs, which a hook may extend. */
const TIMED: readonly HookedPhase[] = ['starting', 'draining', 'stopping']

/**
 * One incarnation of a service made from hooks, in stages: begin, unready, drain, stop, force. Invariants:
 *
 * - It ends once, and only after its start, main, stop and force calls have settled. After a failure it does not wait
 *   for them. Calls that still run at the end are counted in `info.abandoned`.
 * - A skipped step still runs its hook. Under *force* only `stop`, already aborted, and `force` are called.
 * - A phase is said before its hook is called. A listener may cause the next step at that moment.
 * - No hook is called after a failure.
 */
export class HookedIncarnation implements HookHost, Unsubscribable {
  readonly state: HookedState
  readonly #hooks: Hooks
  readonly #calls = new HookCalls()
  readonly #asks: Partial<Asks> | undefined
  readonly #steps: Subscription
  /** The work in which the service was begun: its hook calls are parts of that. */
  readonly #within: Work | undefined = currentWork()
  /** The service has failed, and its calls are aborted: no step and no outcome counts any more. */
  #failing = false
  #errors: ServiceError[] | undefined

  constructor(name: string, hooks: Hooks, shutdown$: Observable<Shutdown>, out: Subscriber<ServiceState>) {
    this.state = new HookedState(name, out)
    this.#hooks = hooks
    this.#asks = asksOf(shutdown$)
    this.#steps = listen(shutdown$, this)
    if (this.state.phase === 'idle') this.#begin()
  }

  /** Takes the next step of the shutdown. A service that is still starting takes any step as *stop*. */
  next(shutdown: Shutdown): void {
    if (this.#isEnding) return
    this.state.shutdown = shutdown
    const { phase } = this.state
    if (phase === 'idle') return this.#end()
    if (phase === 'starting' || atLeast(shutdown, 'stop')) this.#stop()
    else if (shutdown.step === 'drain') this.#drain()
    else this.#unready()
    if (shutdown.step === 'force') this.#force()
  }

  // Begin: start, then run.

  #begin(): void {
    if (!this.state.enter('starting')) return
    const { start } = this.#hooks
    if (!start) return this.#run()
    this.#call('start', start, outcome => {
      if (this.state.phase !== 'starting') this.#startCancelled(outcome)
      else if (outcome.how === 'failed') this.fail(outcome.error)
      else this.#run()
    })
  }

  #startCancelled(outcome: Outcome): void {
    // The service is up all the same, so there is something to stop.
    if (outcome.how === 'done' && !this.#hooks.once) return this.#callStop()
    this.#keepError('ERR_START_FAILED', 'start failed', outcome)
    this.#endIfSettled()
  }

  #run(): void {
    this.#calls.start = undefined
    const { main, once } = this.#hooks
    if (once) return this.#end()
    if (!this.state.enter('running') || !main) return
    this.#call('main', main, outcome => {
      if (outcome.how === 'failed') this.fail(outcome.error)
      else this.#endIfSettled()
    })
  }

  // Unready: serve on, while others learn that this service leaves.

  #unready(): void {
    if (this.state.phase === 'running' && this.state.enter('running')) this.#callUnready()
  }

  #callUnready(): void {
    const { unready } = this.#hooks
    if (!unready || this.#calls.unready) return
    this.#call('unready', unready, outcome => this.#keepError('ERR_UNREADY_FAILED', 'unready failed', outcome))
  }

  // Drain: finish what is held, then wait for *stop*.

  #drain(): void {
    if (this.state.phase !== 'running') return
    this.#callUnready()
    const { drain } = this.#hooks
    if (!drain || this.#isEnding || this.state.phase !== 'running') return
    if (this.state.enter('draining')) this.#callDrain(drain)
  }

  #callDrain(drain: Hook): void {
    this.#call('drain', drain, outcome => {
      this.#keepError('ERR_DRAIN_FAILED', 'drain failed', outcome)
      if (this.state.phase === 'stopping') return this.#callStop()
      this.state.forgetPending()
      this.state.enter('drained')
    })
  }

  // Stop: cancel the start; or make up for skipped steps, then stop.

  #stop(): void {
    const before = this.state.phase
    if (before === 'stopping' || !this.state.enter('stopping')) return
    if (before !== 'starting') this.#callStop()
    else if (this.#calls.start) this.#calls.start.abort()
    else this.#end()
  }

  #callStop(): void {
    if (this.state.phase !== 'stopping' || this.#calls.stop) return
    if (!this.state.isForced) this.#callUnready()
    if (this.#isEnding) return
    const { drain, stop } = this.#hooks
    if (drain && !this.#calls.drain && !this.state.isForced) return this.#callDrain(drain)
    const { main } = this.#calls
    if (!main) return this.#callStopHook(stop ?? nothing)
    this.#calls.drain?.abort()
    main.abort()
  }

  #callStopHook(stop: Hook): void {
    const call = this.#newCall('stop', outcome => {
      this.#keepError('ERR_STOP_FAILED', 'stop failed', outcome)
      this.#endIfSettled()
    })
    // A drain that has not settled has used up its time.
    this.#calls.drain?.abort()
    if (this.state.isForced) call.abort()
    this.#runCall(call, stop)
  }

  // Force: release everything now, so that a stop under way can settle.

  #force(): void {
    const calls = this.#calls
    if (calls.drain) this.#callStop()
    if (this.#isEnding || calls.force) return
    const { force } = this.#hooks
    if (force)
      this.#call('force', force, outcome => {
        this.#keepError('ERR_STOP_FAILED', 'force failed', outcome)
        this.#endIfSettled()
      })
    if (this.#isEnding) return
    calls.unready?.abort()
    calls.stop?.abort()
  }

  // Failure, and what hooks ask for.

  fail(error: unknown): void {
    if (this.#isEnding) return
    const outcome: Outcome = { how: 'failed', error }
    if (this.state.phase === 'starting') this.#keepError('ERR_START_FAILED', 'start failed', outcome)
    else this.#keepError('ERR_SERVICE_FAILED', 'failed', outcome)
    this.#failing = true
    // The hook that reports it may not have returned yet: see #runCall.
    if (this.#calls.anyOnStack) this.#calls.abortAll()
    else this.#endSoon()
  }

  extend(call: HookCall, ms: number): void {
    const asked = finite(this.state.name, 'extend', ms)
    const { main, unready, force } = this.#calls
    // The signal of a task begins its stop. Every other signal ends the time of its hook.
    if (call.settled || (call.aborted && call !== main)) return
    if (call === unready || call === force || this.state.isForced) return
    if (TIMED.includes(this.state.phase)) this.#asks?.extend?.(asked)
  }

  heartbeat(): void {
    if (this.state.phase === 'running' && !this.state.shutdown) this.#asks?.beat?.()
  }

  workFailed(what: string, error: unknown): void {
    must(this.state.name, 'the work of workFailed', typeof what === 'string', 'a text', what)
    if (this.state.phase !== 'over') this.#asks?.workFailed?.({ what, error })
  }

  // Calls, and the end.

  #newCall(hook: HookName, then: Then): HookCall {
    const call = new HookCall(this, this.#within, then)
    this.#calls[hook] = call
    return call
  }

  #runCall(call: HookCall, hook: Hook): void {
    call.run(hook)
    if (this.#failing) this.#endSoon()
  }

  #call(name: HookName, hook: Hook, then: Then): void {
    this.#runCall(this.#newCall(name, then), hook)
  }

  settled(outcome: Outcome, then: Then): void {
    if (this.state.phase === 'over') return
    if (!this.#failing) then(outcome)
    else if (!this.#calls.anyRunning) this.#end()
  }

  #keepError(code: ErrorCode, did: string, outcome: Outcome): void {
    if (outcome.how !== 'failed') return
    this.#errors ??= []
    this.#errors.push(asServiceError(code, this.state.name, did, outcome.error))
  }

  #endIfSettled(): void {
    // A forced stop may settle at once. The force hook is called all the same.
    if (this.state.isForced && this.#hooks.force && !this.#calls.force) return
    if (!this.#calls.anyAwaited) this.#endSoon()
  }

  #endSoon(): void {
    this.#calls.settleAll(abandoned => this.#end(abandoned))
  }

  #end(abandoned = 0): void {
    if (this.state.phase !== 'over') this.state.end(abandoned, this.#errors ?? [])
  }

  /** Nobody listens any more: nothing is said, and calls that still run are aborted. */
  unsubscribe(): void {
    this.#steps.unsubscribe()
    this.state.phase = 'over'
    this.#calls.abortAll()
  }

  get #isEnding(): boolean {
    return this.#failing || this.state.phase === 'over'
  }
}
