import type { Observable, Subscriber, Subscription, Unsubscribable } from 'rxjs'
import { asServiceError, combine, type ErrorCode, type ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import { finite, must, oneOf } from '../options.ts'
import { type Ending, HEALTHS, type Health, type Info, type ServiceState, type StopReason } from '../state.ts'
import { asksOf, atLeast, type Shutdown } from '../steps.ts'
import { currentWork, enter, type Work } from '../work.ts'
import { HookCall, type HookHost, type ServiceContext, type Settled } from './hook-call.ts'
import type { HookResult } from './hook-result.ts'
import { type HookedPhase, hookedState, NOTHING_SAID, withInfo } from './hooked-state.ts'

type Hook = (context: ServiceContext) => HookResult

/** All that a service made from functions can have. `main` is a task's one long-running function, and has no `stop`. */
export interface LifeHooks {
  readonly start?: Hook | undefined
  readonly unready?: Hook | undefined
  readonly drain?: Hook | undefined
  readonly stop?: Hook | undefined
  readonly force?: Hook | undefined
  readonly main?: Hook | undefined
  /** A job: over once its start has ended well. */
  readonly once?: boolean
}

/** How many turns of promises a hook has to give up once it has been aborted. */
const TURNS_TO_GIVE_UP = 16

const isOpen = (call: HookCall | undefined): boolean => call !== undefined && !call.settled

/**
 * One life of a service made from hooks: what it says from subscription to its end. Invariants: it is over once, and
 * only when its start, main, stop and force calls have settled, or did not give up when it failed; what still runs
 * then is told. Whoever skips a step is given the hooks in between, except under force, where only stop (already
 * aborted) and force are called.
 */
export class HookedLife implements HookHost, Unsubscribable {
  readonly #name: string
  readonly #hooks: LifeHooks
  readonly #out: Subscriber<ServiceState>
  /** Where it lives: its hook calls are parts of that. */
  readonly #within: Work | undefined = currentWork()
  readonly #steps: Subscription
  #phase: HookedPhase = 'idle'
  /** It has failed, and what it still does is asked to give up: no step and no result counts any more. */
  #failing = false
  #shutdown: Shutdown | undefined
  #starting: HookCall | undefined
  #main: HookCall | undefined
  #unready: HookCall | undefined
  #drain: HookCall | undefined
  #stop: HookCall | undefined
  #force: HookCall | undefined
  #said = NOTHING_SAID
  #says: HookHost['says'] | undefined
  #errors: ServiceError[] | undefined
  readonly #shutdown$: Observable<Shutdown>

  constructor(name: string, hooks: LifeHooks, shutdown$: Observable<Shutdown>, out: Subscriber<ServiceState>) {
    this.#name = name
    this.#hooks = hooks
    this.#out = out
    this.#shutdown$ = shutdown$
    this.#steps = listen(shutdown$, this)
    if (this.#phase !== 'idle') return
    this.#phase = 'starting'
    this.#say()
    if (this.#phase === 'starting') this.#callStart()
  }

  get says(): HookHost['says'] {
    this.#says ??= {
      fail: error => this.fail(error),
      setHealth: (health, detail) => this.setHealth(health, detail),
      pending: count => this.setPending(count),
      info: particulars => this.addInfo(particulars),
      heartbeat: () => this.beat(),
    }
    return this.#says
  }

  get reason(): StopReason | undefined {
    return this.#shutdown?.reason
  }

  fail(error: unknown): void {
    if (this.#over || this.#failing) return
    const starting = this.#phase === 'starting'
    this.#record(starting ? 'ERR_START_FAILED' : 'ERR_SERVICE_FAILED', starting ? 'failed to start' : 'failed', error)
    this.#failing = true
    // Told from inside a hook that has not returned yet: that is waited for first, see #run.
    if (this.#calls.some(call => isOpen(call) && call?.calling)) this.#abortAll()
    else this.#endWithin(TURNS_TO_GIVE_UP)
  }

  setHealth(health: Health, detail?: string): void {
    oneOf(this.#name, 'setHealth', HEALTHS, health)
    const isText = detail === undefined || typeof detail === 'string'
    must(this.#name, 'the detail of setHealth', isText, 'a text', detail)
    this.#said = { ...this.#said, health, detail }
    if (this.#phase === 'running') this.#say()
  }

  setPending(count: number): void {
    must(this.#name, 'pending', Number.isFinite(count) && count >= 0, 'a number >= 0', count)
    this.#said = { ...this.#said, pending: count }
    if (this.#phase === 'draining' || this.#phase === 'stopping') this.#say()
  }

  addInfo(particulars: Info): void {
    const isObject = typeof particulars === 'object' && particulars !== null && !Array.isArray(particulars)
    must(this.#name, 'info', isObject, 'an object', particulars)
    this.#said = { ...this.#said, info: { ...this.#said.info, ...particulars } }
    if (this.#phase !== 'idle' && this.#phase !== 'over') this.#say()
  }

  extend(call: HookCall, ms: number): void {
    finite(this.#name, 'extend', ms)
    // A task's signal begins its stop; all the others' end what they had time for.
    if (call.settled || (call.aborted && call !== this.#main)) return
    if (call === this.#unready || call === this.#force || atLeast(this.#shutdown, 'force')) return
    if (this.#phase === 'starting' || this.#phase === 'draining' || this.#phase === 'stopping')
      asksOf(this.#shutdown$)?.extend?.(ms)
  }

  beat(): void {
    if (this.#phase !== 'running' || this.#shutdown) return
    asksOf(this.#shutdown$)?.beat?.()
  }

  /** The listener has left: nothing more is said, and whatever still runs is asked to give up. */
  unsubscribe(): void {
    this.#steps?.unsubscribe()
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#abortAll()
  }

  #newCall(onSettled: Settled): HookCall {
    return new HookCall(this, (error, failed) => {
      if (this.#over) return
      if (!this.#failing) onSettled(error, failed)
      // It was what the failure waited for.
      else if (!this.#calls.some(isOpen)) this.#end()
    })
  }

  #run(call: HookCall, hook: Hook): void {
    const within = this.#within
    enter(within && { within, isOpen: () => !call.settled }, () => call.run(hook))
    if (this.#failing) this.#endWithin(TURNS_TO_GIVE_UP)
  }

  #callStart(): void {
    const { start } = this.#hooks
    if (!start) return this.#started()
    this.#starting = this.#newCall((error, failed) => {
      if (this.#phase === 'starting') return failed ? this.fail(error) : this.#started()
      // Cancelled while starting: what succeeded all the same is stopped properly, what gave up is gone.
      if (!failed && !this.#hooks.once) return this.#callStop()
      if (failed && !this.#starting?.isOwnAbort(error)) this.#record('ERR_START_FAILED', 'failed to start', error)
      this.#endIfSettled()
    })
    this.#run(this.#starting, start)
  }

  #started(): void {
    this.#starting = undefined
    if (this.#hooks.once) return this.#end()
    this.#phase = 'running'
    this.#say()
    const { main } = this.#hooks
    if (!main || this.#phase !== 'running') return
    this.#main = this.#newCall((error, failed) => {
      if (failed && !this.#main?.isOwnAbort(error)) return this.fail(error)
      this.#endIfSettled()
    })
    this.#run(this.#main, main)
  }

  /** How far the goodbye has come. */
  next(shutdown: Shutdown): void {
    if (this.#over || this.#failing) return
    this.#shutdown = shutdown
    if (this.#phase === 'idle') return this.#end()
    if (this.#phase === 'starting') this.#toStopping()
    else if (atLeast(shutdown, 'stop')) this.#toStopping()
    else if (shutdown.step === 'drain') this.#toDraining()
    else this.#toUnready()
    if (shutdown.step === 'force') this.#toForce()
  }

  #toUnready(): void {
    if (this.#phase !== 'running') return
    this.#say()
    this.#callUnready()
  }

  #callUnready(): void {
    const { unready } = this.#hooks
    if (!unready || this.#unready) return
    this.#unready = this.#newCall((error, failed) => {
      if (failed && !this.#unready?.isOwnAbort(error))
        this.#record('ERR_UNREADY_FAILED', 'failed to say goodbye', error)
    })
    this.#run(this.#unready, unready)
  }

  #toDraining(): void {
    if (this.#phase !== 'running') return
    this.#callUnready()
    if (!this.#hooks.drain || this.#phase !== 'running') return
    this.#phase = 'draining'
    this.#say()
    this.#callDrain(this.#hooks.drain)
  }

  #callDrain(drain: Hook): void {
    this.#drain = this.#newCall((error, failed) => {
      if (failed && !this.#drain?.isOwnAbort(error)) this.#record('ERR_DRAIN_FAILED', 'failed to drain', error)
      if (this.#phase === 'draining') {
        this.#phase = 'drained'
        this.#said = { ...this.#said, pending: undefined }
        this.#say()
      } else if (this.#phase === 'stopping') this.#callStop()
    })
    this.#run(this.#drain, drain)
  }

  #toStopping(): void {
    if (this.#phase === 'stopping') return
    const before = this.#phase
    this.#phase = 'stopping'
    this.#say()
    if (before === 'starting') {
      if (this.#starting) this.#starting.abort()
      else this.#end()
    } else this.#callStop()
  }

  #callStop(): void {
    if (this.#stop || this.#phase !== 'stopping') return
    const forced = this.#shutdown?.step === 'force'
    const { drain, stop } = this.#hooks
    if (!forced && drain && !this.#drain) {
      this.#callUnready()
      return this.#callDrain(drain)
    }
    if (this.#main) {
      this.#drain?.abort()
      return this.#main.abort()
    }
    // A drain that ran out of its time is let go; it is counted at the end if it still runs then.
    const call = this.#newCall((error, failed) => {
      if (failed && !call.isOwnAbort(error)) this.#record('ERR_STOP_FAILED', 'failed to stop', error)
      this.#endIfSettled()
    })
    this.#stop = call
    this.#drain?.abort()
    if (forced) call.abort()
    this.#run(call, stop ?? (() => undefined))
  }

  #toForce(): void {
    // A drain holds back the stop no longer; one that ignores its signal is not waited for.
    if (this.#drain && !this.#stop) this.#callStop()
    if (this.#over || this.#force) return
    const { force } = this.#hooks
    if (force) {
      const call = this.#newCall((error, failed) => {
        if (failed) this.#record('ERR_STOP_FAILED', 'failed to let go', error)
        this.#endIfSettled()
      })
      this.#force = call
      this.#run(call, force)
    }
    if (this.#over) return
    this.#unready?.abort()
    this.#stop?.abort()
  }

  /** Over when what must settle has settled; each of these calls comes by here when it does. */
  #endIfSettled(): void {
    // A stop that is quick still leaves something to let go of.
    if (this.#shutdown?.step === 'force' && this.#hooks.force && !this.#force) return
    if (!isOpen(this.#starting) && !isOpen(this.#main) && !isOpen(this.#stop) && !isOpen(this.#force))
      this.#endWithin(TURNS_TO_GIVE_UP)
  }

  /** What nobody waits for may still run: one that heeds its signal, or is only just returning, is not left behind. */
  #endWithin(turns: number): void {
    const open = this.#abortAll()
    if (this.#over) return
    if (turns === 0 || open === 0) return this.#end()
    Promise.resolve().then(() => this.#endWithin(turns - 1))
  }

  #end(): void {
    if (this.#over) return
    const phase = this.#phase
    this.#phase = 'over'
    const leftRunning = this.#abortAll()
    if (leftRunning > 0) this.#said = { ...this.#said, info: { abandoned: leftRunning, ...this.#said.info } }
    const [first, ...rest] = this.#errors ?? []
    if (!first) {
      this.#out.next(withInfo({ phase: 'stopped', how: this.#ending() }, this.#said))
      return this.#out.complete()
    }
    // An error carries no particulars, so what is left behind is told before it.
    if (leftRunning > 0) this.#out.next(this.#state(phase))
    this.#out.error(combine(first, rest))
  }

  #ending(): Ending {
    if (!this.#shutdown) return 'ended'
    return this.#shutdown.step === 'force' ? 'forced' : 'stopped'
  }

  get #calls(): readonly (HookCall | undefined)[] {
    return [this.#starting, this.#main, this.#unready, this.#drain, this.#stop, this.#force]
  }

  /** Returns how many calls still run after that. Every service comes by here, so no list is made. */
  #abortAll(): number {
    return (
      giveUp(this.#starting) +
      giveUp(this.#main) +
      giveUp(this.#unready) +
      giveUp(this.#drain) +
      giveUp(this.#stop) +
      giveUp(this.#force)
    )
  }

  get #over(): boolean {
    return this.#phase === 'over'
  }

  #record(code: ErrorCode, did: string, error: unknown): void {
    this.#errors ??= []
    this.#errors.push(asServiceError(code, this.#name, did, error))
  }

  #say(): void {
    this.#out.next(this.#state())
  }

  #state(phase = this.#phase): ServiceState {
    return hookedState(phase, this.#shutdown?.reason, this.#said)
  }
}

/** 1 for a call that runs on all the same. */
const giveUp = (call: HookCall | undefined): number => {
  call?.abort()
  return isOpen(call) ? 1 : 0
}
