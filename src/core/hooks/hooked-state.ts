import type { Subscriber } from 'rxjs'
import { bounded, boundedTexts } from '../bounded.ts'
import { combine, type ServiceError } from '../errors.ts'
import { must, oneOf } from '../options.ts'
import { type Ending, HEALTHS, type Health, type Info, type ServiceState, type StopReason } from '../state.ts'
import type { Shutdown } from '../steps.ts'

/** Where one incarnation of a service made from hooks is, seen from inside. */
export type HookedPhase = 'idle' | 'starting' | 'running' | 'draining' | 'drained' | 'stopping' | 'over'

const STARTING: ServiceState = Object.freeze({ phase: 'starting', attempt: 1 })
const RUNNING: ServiceState = Object.freeze({ phase: 'running', health: 'pass' })
const DRAINED: ServiceState = Object.freeze({ phase: 'drained' })

/** The state of one incarnation: its phase, with the particulars that its hooks have given so far. */
export class HookedState {
  readonly name: string
  readonly #out: Subscriber<ServiceState>
  phase: HookedPhase = 'idle'
  /** The latest step of the shutdown. */
  shutdown: Shutdown | undefined
  #health: Health = 'pass'
  #detail: string | undefined
  #pending: number | undefined
  #info: Info | undefined

  constructor(name: string, out: Subscriber<ServiceState>) {
    this.name = name
    this.#out = out
  }

  get reason(): StopReason | undefined {
    return this.shutdown?.reason
  }

  get isForced(): boolean {
    return this.shutdown?.step === 'force'
  }

  /** Says a new phase. False when the service is elsewhere after that, because a listener has caused the next step. */
  enter(phase: HookedPhase): boolean {
    this.phase = phase
    this.say()
    return this.phase === phase
  }

  say(): void {
    this.#out.next(this.#state(this.phase))
  }

  setHealth(health: Health, detail?: string): void {
    oneOf(this.name, 'setHealth', HEALTHS, health)
    const isText = detail === undefined || typeof detail === 'string'
    must(this.name, 'the detail of setHealth', isText, 'a text', detail)
    this.#health = health
    this.#detail = detail === undefined ? undefined : bounded(detail)
    if (this.phase === 'running') this.say()
  }

  setPending(count: number): void {
    must(this.name, 'pending', Number.isFinite(count) && count >= 0, 'a number >= 0', count)
    this.#pending = count
    if (this.phase === 'draining' || this.phase === 'stopping') this.say()
  }

  /** Forgets the count of pending work, which ended with the drain. */
  forgetPending(): void {
    this.#pending = undefined
  }

  addInfo(particulars: Info): void {
    const isObject = typeof particulars === 'object' && particulars !== null && !Array.isArray(particulars)
    must(this.name, 'info', isObject, 'an object', particulars)
    this.#info = { ...this.#info, ...boundedTexts(particulars) }
    if (this.phase !== 'idle' && this.phase !== 'over') this.say()
  }

  /** @param abandoned how many hook calls still run */
  end(abandoned: number, [first, ...rest]: readonly ServiceError[]): void {
    const before = this.phase
    this.phase = 'over'
    if (abandoned > 0) this.#info = { abandoned, ...this.#info }
    if (!first) {
      this.#out.next(this.#withInfo({ phase: 'stopped', how: this.#ending }))
      return this.#out.complete()
    }
    // An error carries no particulars, so abandoned calls are told before it.
    if (abandoned > 0) this.#out.next(this.#state(before))
    this.#out.error(combine(first, rest))
  }

  get #ending(): Ending {
    if (!this.shutdown) return 'ended'
    return this.isForced ? 'forced' : 'stopped'
  }

  #state(phase: HookedPhase): ServiceState {
    switch (phase) {
      case 'running':
        return this.#withInfo(this.#running)
      case 'draining':
      case 'stopping': {
        const reason = this.reason!
        const pending = this.#pending
        return this.#withInfo(pending === undefined ? { phase, reason } : { phase, reason, pending })
      }
      case 'drained':
        return this.#withInfo(DRAINED)
      default:
        return this.#withInfo(STARTING)
    }
  }

  /** A shared object for a service that is well and has nothing particular to say, as most are. */
  get #running(): ServiceState {
    const [health, detail, leaving] = [this.#health, this.#detail, this.reason]
    if (health === 'pass' && detail === undefined) return leaving ? { phase: 'running', health, leaving } : RUNNING
    return { phase: 'running', health, ...(detail !== undefined && { detail }), ...(leaving && { leaving }) }
  }

  #withInfo(state: ServiceState): ServiceState {
    return this.#info ? { ...state, info: this.#info } : state
  }
}
