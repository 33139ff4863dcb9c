import type { Hook, HookCall } from './hook-call.ts'

/** All functions that a service can be made from. */
export interface Hooks {
  readonly start?: Hook | undefined
  readonly unready?: Hook | undefined
  readonly drain?: Hook | undefined
  readonly stop?: Hook | undefined
  readonly force?: Hook | undefined
  /** The long-running function of a task. It is aborted at the point where `stop` of another service is called. */
  readonly main?: Hook | undefined
  /** A job: the service ends once its start is done. */
  readonly once?: boolean
}

export type HookName = Exclude<keyof Hooks, 'once'>

/** How many turns of promises an aborted hook has to settle before its call counts as abandoned. */
const TURNS_TO_SETTLE = 16

/** The hook calls of one incarnation, and which of them still run. */
export class HookCalls implements Record<HookName, HookCall | undefined> {
  start: HookCall | undefined
  main: HookCall | undefined
  unready: HookCall | undefined
  drain: HookCall | undefined
  stop: HookCall | undefined
  force: HookCall | undefined

  /** Whether a call runs that the end of the service waits for. It does not wait for `unready` and `drain`. */
  get anyAwaited(): boolean {
    return isRunning(this.start) || isRunning(this.main) || isRunning(this.stop) || isRunning(this.force)
  }

  get anyRunning(): boolean {
    return this.anyAwaited || isRunning(this.unready) || isRunning(this.drain)
  }

  /** Whether a hook is on the stack: this is asked from inside it. */
  get anyOnStack(): boolean {
    return this.#all.some(call => call?.onStack && !call.settled)
  }

  abortAll(): void {
    // Nearly always nothing runs, and then no list is made.
    if (this.anyRunning) for (const call of this.#all) call?.abort()
  }

  /** Aborts all calls, and counts those that still run once all have had their turns of promises to settle. */
  settleAll(then: (abandoned: number) => void, turns: number = TURNS_TO_SETTLE): void {
    this.abortAll()
    if (!this.anyRunning) then(0)
    else if (turns === 0) then(this.#all.filter(isRunning).length)
    else Promise.resolve().then(() => this.settleAll(then, turns - 1))
  }

  get #all(): readonly (HookCall | undefined)[] {
    return [this.start, this.main, this.unready, this.drain, this.stop, this.force]
  }
}

const isRunning = (call: HookCall | undefined): boolean => call !== undefined && !call.settled
