import { EMPTY, Observable, type Subscriber, type Subscription } from 'rxjs'
import { after, type Clock } from './clock.ts'
import { asFailure, combine, errorInfo, fromErrorInfo, ServiceError } from './errors.ts'
import { listen } from './listener.ts'
import type { Service } from './service.ts'
import { type Shutdown, ShutdownLevel, type Step } from './shutdown-level.ts'
import { isFinal, type ServiceState } from './state.ts'

/** Particulars within a phase are told at most this often. */
const NEWS_INTERVAL = 100

/** What a member tells the group it lives in. */
export interface MemberListener {
  /** Worth telling people. */
  record(member: Member, state: ServiceState): void
  /** It has come to a new state, failed with an error; the group acts on it. */
  changed(member: Member, error?: ServiceError): void
}

const IDLE: ServiceState = Object.freeze({ phase: 'idle' })
const STARTING: ServiceState = Object.freeze({ phase: 'starting', attempt: 1 })

/** One service in one life of a group: its subscription, its latest state, and how far it has been asked to go. */
export class Member {
  readonly node: number
  readonly path: string
  readonly observer: boolean
  state: ServiceState = IDLE
  readonly #service: Service
  readonly #listener: MemberListener
  readonly #clock: Clock
  readonly #level = new ShutdownLevel()
  #begun = false
  #hasRun = false
  #life: Subscription | undefined
  #awaited: { readonly test: (state: ServiceState) => boolean; readonly waiter: Subscriber<never> } | undefined
  #news: ServiceState | undefined
  #newsTimer: Subscription | undefined

  constructor(node: number, path: string, observer: boolean, service: Service, listener: MemberListener, clock: Clock) {
    this.node = node
    this.path = path
    this.observer = observer
    this.#service = service
    this.#listener = listener
    this.#clock = clock
  }

  /** It was started; what fails without that was told that it can't start. */
  get lived(): boolean {
    return this.#begun
  }

  get begun(): boolean {
    return this.#begun || !isAhead(this.state)
  }

  get hasRun(): boolean {
    return this.#hasRun
  }

  /** Started, and not gone or given up. */
  get alive(): boolean {
    return this.begun && !isFinal(this.state)
  }

  get asked(): Step | undefined {
    return this.#level.latest?.step
  }

  begin(): void {
    this.#begun = true
    const life = listen(this.#service.lifecycle(this.#level), this)
    this.#life = life
    if (isFinal(this.state)) life.unsubscribe()
    // A lifecycle that is silent at first has been subscribed, and so it is starting.
    else if (isAhead(this.state)) this.say(STARTING)
  }

  /** Says a state on the service's behalf: idle, waiting, failed, and stopped for what never ran. */
  say(state: ServiceState, error?: ServiceError): void {
    this.#flush()
    this.state = state
    if (state.phase === 'running') this.#hasRun = true
    this.#listener.record(this, state)
    this.#listener.changed(this, error)
    this.#settle()
  }

  ask(shutdown: Shutdown): void {
    if (this.alive) this.#level.raise(shutdown)
  }

  /** Completes once the state passes the test. One wait at a time. */
  until(test: (state: ServiceState) => boolean): Observable<never> {
    if (test(this.state)) return EMPTY
    return new Observable(waiter => {
      if (test(this.state)) return waiter.complete()
      this.#awaited = { test, waiter }
    })
  }

  next(state: ServiceState): void {
    if (isFinal(this.state) || (state.phase === 'running' && state.beat)) return
    if (isAhead(this.state) && state.phase !== 'starting' && !isFinal(state)) this.say(STARTING)
    if (isNews(this.state, state)) {
      this.state = state
      return this.#hold(state)
    }
    this.say(state, this.#unaskedEnd(state))
    if (state.phase === 'stopped' && state.how === 'abandoned') this.#life?.unsubscribe()
  }

  error(cause: unknown): void {
    const starting = this.state.phase === 'starting' || isAhead(this.state)
    const error = asFailure(this.#service.name, starting, cause)
    const info = this.state.info && { info: this.state.info }
    this.say({ phase: 'failed', error: errorInfo(error), ...info }, error)
  }

  complete(): void {
    if (!isFinal(this.state)) this.next({ phase: 'stopped', how: this.asked ? 'stopped' : 'ended' })
  }

  leave(): void {
    this.#newsTimer?.unsubscribe()
    this.#life?.unsubscribe()
  }

  /** Why an end that nobody asked for is a failure: it was given up, or never ran and can't any more. */
  #unaskedEnd(state: ServiceState): ServiceError | undefined {
    if (this.asked || state.phase !== 'stopped' || state.how === 'ended') return undefined
    const { name } = this.#service
    if (state.how === 'abandoned') {
      const why = state.error ?? { name, code: 'ERR_ABANDONED', service: name, message: `"${name}" was abandoned` }
      return why.cause ? combine(fromErrorInfo(why.cause), [fromErrorInfo(why)]) : fromErrorInfo(why)
    }
    if (this.#hasRun) return undefined
    return new ServiceError('ERR_START_FAILED', name, `service "${name}" failed to start: it was stopped before it ran`)
  }

  #settle(): void {
    const awaited = this.#awaited
    if (!awaited?.test(this.state)) return
    this.#awaited = undefined
    awaited.waiter.complete()
  }

  /** The first goes out at once, then one an interval, the last one always. */
  #hold(state: ServiceState): void {
    if (this.#newsTimer) {
      this.#news = state
      return
    }
    this.#listener.record(this, state)
    this.#newsTimer = after(this.#clock, NEWS_INTERVAL, () => {
      this.#newsTimer = undefined
      const held = this.#news
      this.#news = undefined
      if (held) this.#hold(held)
    })
  }

  #flush(): void {
    if (!this.#newsTimer) return
    this.#newsTimer.unsubscribe()
    this.#newsTimer = undefined
    if (this.#news) this.#listener.record(this, this.#news)
    this.#news = undefined
  }
}

/** Its life is still ahead of it. */
const isAhead = ({ phase }: ServiceState): boolean => phase === 'idle' || phase === 'waiting'

/** The same phase, and nothing about its health: only particulars. */
const isNews = (before: ServiceState, state: ServiceState): boolean => {
  if (before.phase !== state.phase) return false
  if (state.phase !== 'running' || before.phase !== 'running') return true
  return before.health === state.health && before.detail === state.detail && before.leaving === state.leaving
}
