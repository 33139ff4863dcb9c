import { concat, defer, EMPTY, Observable, type Subscriber, type Subscription } from 'rxjs'
import { leftRunning } from '../behaviors/restart.ts'
import { after, type Clock, onTheWall } from '../clock.ts'
import { asFailure, combine, type ErrorInfo, errorInfo, fromErrorInfo, ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import {
  hasDrained,
  type Info,
  isAbsent,
  isBeforeStart,
  isFinal,
  type Phase,
  reasonOf,
  type ServiceState,
  type StateOf,
  type StopReason,
} from '../state.ts'
import { atLeast, type Shutdown, ShutdownSteps, type Step } from '../steps.ts'
import { enter, type Work } from '../work.ts'
import type { Entry } from './entry.ts'

/** Particulars within a phase are told at most this often. */
const NEWS_INTERVAL = 100

/** What a member tells the group it lives in. */
export interface MemberListener {
  /** The work in which the group was begun. */
  readonly begunIn: Work | undefined
  /** Worth telling people. */
  record(member: Member, state: ServiceState): void
  /** It has come to a new state, failed with an error; the group acts on it. */
  changed(member: Member, error?: ServiceError): void
}

const IDLE: ServiceState = Object.freeze({ phase: 'idle' })
const STARTING: ServiceState = Object.freeze({ phase: 'starting', attempt: 1 })

interface Awaited {
  readonly test: (state: ServiceState) => boolean
  readonly waiter: Subscriber<never>
}

/**
 * One service in one life of a group: its subscription, its latest state, and how far it has been asked to go. It can
 * be taken down and begun again; each incarnation has a level of its own.
 */
export class Member implements Work {
  node: number
  readonly entry: Entry
  state: ServiceState = IDLE
  readonly #service: Service
  readonly #listener: MemberListener
  readonly #clock: Clock
  #level = new ShutdownSteps()
  /** How often it has come to a new state. */
  #said = 0
  #begun = false
  /** Its lifecycle is listened to. */
  #present = false
  #hasRun = false
  #asked = false
  /** Taken down to be begun again: what ends it is not its end. */
  #goingDown = false
  #returning = false
  /** What it said of its end, taken down. */
  #lastWords: StateOf<'stopped'> | undefined
  #life: Subscription | undefined
  #awaited: Awaited | undefined
  #alsoAwaited: Awaited[] | undefined
  #news: ServiceState | undefined
  #newsTimer: Subscription | undefined

  /** @param service what was added, with what restarts it */
  constructor(node: number, entry: Entry, service: Service, listener: MemberListener, clock: Clock) {
    this.node = node
    this.entry = entry
    this.#service = service
    this.#listener = listener
    this.#clock = clock
  }

  get within(): Work | undefined {
    return this.#listener.begunIn
  }

  get path(): string {
    return this.entry.path
  }

  get observer(): boolean {
    return this.entry.observer === true
  }

  /** It was started; what fails without that was told that it can't start. */
  get lived(): boolean {
    return this.#begun
  }

  get begun(): boolean {
    return this.#begun || !isBeforeStart(this.state)
  }

  get hasRun(): boolean {
    return this.#hasRun
  }

  /** Started, and not gone or given up. */
  get alive(): boolean {
    return this.begun && !isFinal(this.state)
  }

  /** Over, and nothing of it is heard any more: another life may begin. */
  get gone(): boolean {
    return isFinal(this.state) && !this.#present
  }

  /** It has been asked to end, for good. */
  get asked(): boolean {
    return this.#asked
  }

  /** It is on its way out, by itself or because it was asked to, and nobody brings it back. */
  get leavesForGood(): boolean {
    return this.alive && !this.#goingDown && (this.#asked || reasonOf(this.state)?.by === 'call')
  }

  get goingDown(): boolean {
    return this.#goingDown
  }

  /** The group waits for it: asked to drain and not drained, or asked to stop and not gone. */
  get isHoldingUp(): boolean {
    return this.state.phase === 'draining' || (this.alive && atLeast(this.#level.latest, 'stop'))
  }

  /** It was taken down, leaves because it failed, or is held back before it is restarted, and is to run again. */
  get returning(): boolean {
    if (this.#returning || (this.#begun && this.state.phase === 'waiting')) return true
    return !this.#asked && this.entry.restart?.afterFailure === true && reasonOf(this.state)?.by === 'failure'
  }

  begin(): void {
    this.#begun = true
    this.#present = true
    const level = this.#level
    const life = enter(this, () => listen(this.#service.lifecycle(level), this))
    // It may be gone by now, or even taken down.
    if (level !== this.#level) return life.unsubscribe()
    this.#life = life
    if (isFinal(this.state)) return this.#letGo()
    // A lifecycle that is silent at first has been subscribed, and so it is starting.
    if (isBeforeStart(this.state)) this.say(STARTING)
  }

  /** Says a state on the service's behalf: idle, waiting, failed, and stopped for what never ran. */
  say(state: ServiceState, error?: ServiceError): void {
    this.#flush()
    this.state = state
    if (state.phase === 'running') {
      this.#hasRun = true
      if (!this.#goingDown) this.#returning = false
    }
    const said = ++this.#said
    this.#listener.record(this, state)
    // Whoever heard that may have brought it further, and all have been told of that.
    if (said !== this.#said) return
    this.#listener.changed(this, error)
    this.#settle()
  }

  /** One that has not begun never will, nor what is inside it. */
  dismiss(state: ServiceState, error?: ServiceError): void {
    if (this.begun) return
    this.entry.inside?.dismiss()
    // Whoever heard of those inside may have dismissed it already.
    if (!this.begun) this.say(state, error)
  }

  ask(shutdown: Shutdown): void {
    if (!this.alive) return
    this.#asked = true
    this.#goingDown = false
    this.#raise(shutdown, this.#level)
  }

  /** Drains and stops it, to be begun again. Completes once it is gone, or given up. */
  takeDown(reason: StopReason): Observable<never> {
    if (!this.alive) return EMPTY
    this.#goingDown = true
    this.#returning = true
    // It may be gone before the last step, and the next incarnation is not told of that.
    const level = this.#level
    return this.#lead(shutdown => this.#raise(shutdown, level), reason, isAbsent)
  }

  #raise(shutdown: Shutdown, level: ShutdownSteps): void {
    enter(this, () => level.raise(shutdown))
  }

  /** Drains and stops it for good, or lets it never begin. Completes once it is gone, or given up. */
  end(reason: StopReason): Observable<never> {
    this.#asked = true
    this.dismiss({ phase: 'stopped', how: 'stopped' })
    return this.#lead(shutdown => this.ask(shutdown), reason, isFinal)
  }

  #lead(
    tell: (shutdown: Shutdown) => void,
    reason: StopReason,
    gone: (state: ServiceState) => boolean,
  ): Observable<never> {
    const step = (to: Step, done: (state: ServiceState) => boolean): Observable<never> =>
      defer(() => {
        tell({ step: to, reason })
        return this.until(done)
      })
    return concat(step('drain', hasDrained), step('stop', gone))
  }

  /** Fails it; what is left of its life is let go. */
  giveUp(error: ServiceError): void {
    this.#goingDown = false
    this.#letGo()
    this.say({ phase: 'failed', error: errorInfo(error) }, error)
  }

  /** It was over, and is to be begun anew. */
  revive(): void {
    this.#returning = true
    this.#rewind()
  }

  /** Completes once the state passes the test. */
  until(test: (state: ServiceState) => boolean): Observable<never> {
    if (test(this.state)) return EMPTY
    return new Observable(waiter => {
      if (test(this.state)) return waiter.complete()
      // Hardly ever do two wait for the same.
      if (!this.#awaited || this.#awaited.waiter.closed) this.#awaited = { test, waiter }
      else this.#alsoAwaited = [...(this.#alsoAwaited ?? []).filter(other => !other.waiter.closed), { test, waiter }]
    })
  }

  next(state: ServiceState): void {
    if (isFinal(this.state) || (state.phase === 'running' && state.beat)) return
    if (isBeforeStart(this.state) && state.phase !== 'starting' && !isFinal(state)) this.say(STARTING)
    if (this.#goingDown && state.phase === 'stopped' && state.how !== 'abandoned') {
      this.#lastWords = state
      return
    }
    if (isNews(this.state, state)) {
      this.state = state
      return this.#hold(state)
    }
    this.say(state, this.#unaskedEnd(state))
    if (state.phase === 'stopped' && state.how === 'abandoned') this.#letGo()
  }

  error(cause: unknown): void {
    this.#present = false
    const starting = this.state.phase === 'starting' || isBeforeStart(this.state)
    const error = asFailure(this.#service.name, starting, cause)
    if (this.#goingDown) return this.#gone(errorInfo(error), this.state.info)
    const info = this.state.info && { info: this.state.info }
    this.say({ phase: 'failed', error: errorInfo(error), ...info }, error)
  }

  complete(): void {
    this.#present = false
    if (this.#goingDown) return this.#gone(this.#lastWords?.error, this.#lastWords?.info ?? this.state.info)
    if (isFinal(this.state)) this.#settle()
    else this.next({ phase: 'stopped', how: this.asked ? 'stopped' : 'ended' })
  }

  #letGo(): void {
    this.#life?.unsubscribe()
    if (!this.#present) return
    this.#present = false
    this.#settle()
  }

  /** Nobody listens any more: what is still there is said to be abandoned. */
  leave(): void {
    this.#newsTimer?.unsubscribe()
    this.#letGo()
    if (isFinal(this.state)) return
    if (!this.begun) this.entry.inside?.dismiss()
    this.state = { phase: 'stopped', how: this.begun ? 'abandoned' : 'stopped' }
    this.#listener.record(this, this.state)
    this.#settle()
  }

  /** Taken down, and gone: its life is ahead of it again, unless it left something running. */
  #gone(error: ErrorInfo | undefined, info: Info | undefined): void {
    const left = leftRunning(this.#service.name, info, error && fromErrorInfo(error))
    if (left) return this.giveUp(left)
    if (!GONE_ALREADY.includes(this.state.phase)) this.say({ phase: 'stopping', reason: this.#level.latest!.reason })
    // Whatever went wrong on its way down is told before it is gone.
    const now = onTheWall(this.#clock, this.#clock.now())
    if (error) this.say({ phase: 'backoff', error, attempt: 1, retryAt: now })
    this.#flush()
    // Whoever heard that may have asked it to end: it does not come back.
    if (this.#asked && error) return this.say({ phase: 'failed', error }, fromErrorInfo(error))
    if (this.#asked) return this.say({ phase: 'stopped', how: 'stopped' })
    this.#rewind()
    this.#settle()
  }

  #rewind(): void {
    this.#level = new ShutdownSteps()
    this.#begun = false
    this.#hasRun = false
    this.#asked = false
    this.#goingDown = false
    this.#lastWords = undefined
    this.#life = undefined
    this.state = IDLE
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
    const { state } = this
    const awaited = this.#awaited
    const also = this.#alsoAwaited
    if (also) this.#alsoAwaited = also.filter(({ test }) => !test(state))
    if (awaited?.test(state)) {
      this.#awaited = undefined
      awaited.waiter.complete()
    }
    if (also) for (const { test, waiter } of also) if (test(state)) waiter.complete()
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

/** There is nothing of it that would have to stop. */
const GONE_ALREADY: readonly Phase[] = ['stopping', 'backoff', 'waiting']

/** The same phase, and nothing about its health: only particulars. */
const isNews = (before: ServiceState, state: ServiceState): boolean => {
  if (before.phase !== state.phase) return false
  if (state.phase !== 'running' || before.phase !== 'running') return true
  return before.health === state.health && before.detail === state.detail && before.leaving === state.leaving
}
