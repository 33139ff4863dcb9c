import type { Service, ServiceState, Shutdown, Step, StopReason } from 'rx-service-group'
import { Observable, type Subscriber } from 'rxjs'
import type { Moment, Placing } from './scene.ts'

/** What a held service tells the exploration, before it acts itself. */
export interface Holder {
  began(held: HeldService, again: boolean): void
  told(held: HeldService, shutdown: Shutdown): void
  /** The moment at which the service may call its own group. */
  moment(held: HeldService, moment: Moment): void
}

type Phase = 'away' | 'starting' | 'running' | 'draining' | 'drained' | 'stopping' | 'lingering'

/** A service whose lifecycle is in the hands of the exploration. It says at once what it has been asked to do. */
export class HeldService implements Service {
  readonly name: string
  readonly path: string
  readonly placing: Placing
  readonly #holder: Holder
  #out: Subscriber<ServiceState> | undefined
  #reason: StopReason = { by: 'call' }
  /** Where the present incarnation is, as the service itself knows. */
  phase: Phase = 'away'
  /** The last step that the present incarnation was told. */
  told: Step | undefined
  incarnations = 0
  /** The service has been running, or has ended well. */
  wasUp = false

  constructor(path: string, placing: Placing, holder: Holder) {
    this.name = placing.name
    this.path = path
    this.placing = placing
    this.#holder = holder
  }

  /** The lifecycle is subscribed and has neither completed nor failed. */
  get present(): boolean {
    return this.#out !== undefined
  }

  describe(): string {
    return `${this.phase} ${this.told ?? ''} ${this.incarnations}`
  }

  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      this.#holder.began(this, this.#out !== undefined)
      this.#out = out
      this.told = undefined
      this.incarnations++
      out.add(() => {
        if (this.#out === out) this.#leave()
      })
      this.#say('starting', { phase: 'starting', attempt: 1 })
      if (!out.closed) this.#holder.moment(this, 'start')
      if (!out.closed) out.add(shutdown$.subscribe(shutdown => this.#onStep(out, shutdown)))
      if (!out.closed && this.placing.quick && this.phase === 'starting') this.answer()
    })
  }

  /** Does what the service has been asked to do: it becomes running, drained or gone. */
  answer(): void {
    switch (this.phase) {
      case 'starting':
        return this.placing.job ? this.end() : this.#say('running', { phase: 'running', health: 'pass' })
      case 'draining':
        return this.#say('drained', { phase: 'drained' })
      case 'stopping':
        if (!this.placing.lingers) return this.#complete({ phase: 'stopped', how: 'stopped' })
        return this.#say('lingering', { phase: 'stopped', how: 'stopped' })
      case 'lingering':
        return this.#complete()
    }
  }

  end(): void {
    this.wasUp = true
    this.#complete({ phase: 'stopped', how: 'ended' })
  }

  fail(): void {
    const out = this.#out!
    this.#leave()
    out.error(new Error(`${this.name} failed`))
  }

  #onStep(out: Subscriber<ServiceState>, shutdown: Shutdown): void {
    const { step, reason } = shutdown
    this.#holder.told(this, shutdown)
    this.told = step
    this.#reason = reason
    this.#holder.moment(this, step)
    // The call may have ended this incarnation.
    if (this.#out !== out) return
    if (this.phase === 'running' && step === 'unready')
      return this.#say('running', { phase: 'running', health: 'pass', leaving: reason })
    if (this.phase === 'running' && step === 'drain') {
      if (!this.placing.drains) return
      this.#say('draining', { phase: 'draining', reason })
    } else if (this.phase === 'starting' || step === 'stop' || step === 'force') {
      if (this.phase === 'stopping' || this.phase === 'lingering') return
      this.#say('stopping', { phase: 'stopping', reason: this.#reason })
    } else return
    if (this.placing.quick && this.#out === out) this.answer()
  }

  #say(phase: Phase, state: ServiceState): void {
    this.phase = phase
    this.wasUp ||= phase === 'running'
    this.#out?.next(state)
  }

  /** Completion means gone, so the service is away before anybody hears of it. */
  #complete(last?: ServiceState): void {
    const out = this.#out!
    if (last) out.next(last)
    // The listener of that state may have unsubscribed.
    if (this.#out !== out) return
    this.#leave()
    out.complete()
  }

  #leave(): void {
    this.#out = undefined
    this.phase = 'away'
  }
}
