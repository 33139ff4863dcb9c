import { Observable, type Subscriber, type Subscription } from 'rxjs'
import { after, type Clock, onTheWall } from '../clock.ts'
import { FORCE_TIMEOUT } from '../defaults.ts'
import { errorInfo, fromErrorInfo, type ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import { type Info, isStarting, type ServiceState, type StateOf } from '../state.ts'
import { type Asks, asksOf, type Shutdown, ShutdownSteps } from '../steps.ts'
import type { WorkFailure } from '../work-failures.ts'
import { abandoned, startTimedOut, stopTimedOut, withAdvice, withCause } from './timeout-errors.ts'

/** How long a service may take for each stage, in milliseconds. `Infinity` turns a clock off. */
export interface Deadlines {
  readonly startTimeout: number
  readonly drainTimeout: number
  readonly stopTimeout: number
}

/** The group's part in the deadlines of one of its services. */
export interface Around {
  /** Why the start of a group takes so long. Given for groups only. */
  readonly explain?: (() => string) | undefined
  /** Advice for a start timeout. */
  readonly likely?: string | undefined
  /** The force budget, in milliseconds, unless the shutdown brings its own. */
  readonly forceTimeout?: () => number
}

/**
 * Bounds each stage of a service's life. A service that starts too late is stopped, and fails. A drain that takes too
 * long is called drained. A stop that takes too long is forced. A service that does not end in its force budget is
 * abandoned: the behaviour says so and never completes. A step is passed on before its clock begins, so that the
 * innermost service is named first.
 */
export const deadline = <Name extends string>(
  service: Service<Name>,
  deadlines: Deadlines,
  clock: Clock,
  around: Around = {},
): Service<Name> => {
  const bounds: Bounds = { service, deadlines, clock, around }
  return { name: service.name, lifecycle: shutdown$ => new Observable(out => new BoundedLife(bounds, shutdown$, out)) }
}

interface Bounds {
  readonly service: Service
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly around: Around
}

type Stage = 'start' | 'drain' | 'stop' | 'force'

/** The clock that runs now. */
interface Timeout {
  readonly stage: Stage
  readonly since: number
  readonly ends: number
  /** The service has asked for more time, and is shown with its deadline. */
  readonly moved: boolean
  readonly timer: Subscription | undefined
}

/** One incarnation within its bounds. A class, because a closure for each method costs 800 bytes a service. */
class BoundedLife implements Asks {
  readonly #bounds: Bounds
  readonly #out: Subscriber<ServiceState>
  readonly #asks: Partial<Asks> | undefined
  readonly #steps: ShutdownSteps
  readonly #told: Subscription
  readonly #life: Subscription
  #state: ServiceState = IDLE
  #info: Info | undefined
  #timeout: Timeout | undefined
  /** Until when the service has asked for time, while no clock runs. */
  #extended = 0
  #drainTimedOut = false
  #forceTimeout: number
  /** The share of the time of the whole shutdown that the latest step brought, in milliseconds. */
  #within = Infinity
  #forcedAt: number | undefined
  /** The first timeout of a start or a stop. */
  #late: ServiceError | undefined

  constructor(bounds: Bounds, shutdown$: Observable<Shutdown>, out: Subscriber<ServiceState>) {
    const { service, deadlines, around } = bounds
    this.#bounds = bounds
    this.#out = out
    this.#forceTimeout = around.forceTimeout?.() ?? FORCE_TIMEOUT
    this.#asks = asksOf(shutdown$)
    this.#steps = new ShutdownSteps(this)
    this.#told = listen(shutdown$, { next: shutdown => this.#onStep(shutdown) })
    this.#life = listen(service.lifecycle(this.#steps), this)
    if (isStarting(this.#state) && !this.#steps.latest) this.#arm('start', deadlines.startTimeout)
  }

  unsubscribe(): void {
    this.#disarm()
    this.#told.unsubscribe()
    this.#life.unsubscribe()
  }

  next(state: ServiceState): void {
    const { phase } = state
    // A service that comes up too late is stopping, whatever it says, and its clock runs on.
    if (phase === 'running' && (this.#late || this.#stops || this.#steps.latest?.step === 'force')) return
    this.#state = state
    if (state.info) this.#info = state.info
    const stage = this.#timeout?.stage
    if ((phase === 'running' && stage === 'start') || (phase === 'drained' && stage === 'drain')) this.#disarm()
    // A service that ends its start by itself has the time of a drain, or of a stop.
    if (stage === 'start' && phase === 'draining') this.#armDrain()
    if (stage === 'start' && phase === 'stopping') this.#armStop()
    if (this.#drainTimedOut && (phase === 'draining' || phase === 'drained')) return
    if (state.phase !== 'stopped') this.#out.next(this.#withDeadline(state))
    else if (state.how === 'abandoned') {
      this.#disarm()
      this.#out.next(this.#blamed(state))
    }
    // A service is gone when it completes. Until then its stop timeout runs.
    else if (!this.#steps.latest) this.#armStop()
  }

  error(error: unknown): void {
    this.#disarm()
    this.#out.error(this.#late ? withCause(this.#late, error) : error)
  }

  complete(): void {
    this.#disarm()
    if (this.#late?.code === 'ERR_START_TIMEOUT') return this.#out.error(this.#lateWithAdvice)
    const state = this.#state
    if (state.phase === 'stopped' && state.how !== 'abandoned') this.#out.next(this.#blamed(state))
    this.#out.complete()
  }

  #onStep(shutdown: Shutdown): void {
    const { step, forceTimeout, within = Infinity } = shutdown
    // A service that is still starting takes any step as stop.
    const isStop = step === 'stop' || isStarting(this.#state)
    if (forceTimeout !== undefined) this.#forceTimeout = forceTimeout
    this.#within = within
    if (step === 'force') this.#forcedAt ??= this.#now
    else if (isStop && !this.#stops) this.#disarm()
    this.#extended = 0
    this.#steps.raise(shutdown)
    if (step === 'force') this.#armForce()
    else if (isStop) this.#armStop()
    else if (this.#state.phase === 'draining' && !this.#stops) this.#armDrain()
  }

  #onTime({ stage, since, ends }: Timeout): void {
    this.#disarm()
    this.#extended = 0
    switch (stage) {
      case 'start':
        return this.#onStartTimeout(ends - since)
      case 'drain':
        return this.#onDrainTimeout()
      case 'stop':
        return this.#onStopTimeout(ends - since)
      case 'force':
        return this.#abandon()
    }
  }

  #onStartTimeout(ms: number): void {
    const { service, around } = this.#bounds
    this.#late = startTimedOut(service.name, ms, around)
    const reason = { by: 'failure', service: service.name, error: errorInfo(this.#late) } as const
    this.#steps.raise({ step: 'stop', reason, forceTimeout: this.#forceTimeout })
    this.#armStop()
  }

  #onDrainTimeout(): void {
    this.#drainTimedOut = true
    this.#out.next({ phase: 'drained', timedOut: true, ...(this.#info && { info: this.#info }) })
  }

  #onStopTimeout(ms: number): void {
    const { service, around } = this.#bounds
    this.#late ??= stopTimedOut(service.name, ms, around)
    this.#forcedAt ??= this.#now
    // A service that ends by itself has not been told a reason.
    const reason = this.#steps.latest?.reason ?? { by: 'end', service: service.name }
    this.#steps.raise({ step: 'force', reason, forceTimeout: this.#forceTimeout })
    this.#armForce()
  }

  #abandon(): void {
    const { service, around } = this.#bounds
    const error = errorInfo(abandoned(service.name, this.#forceTimeout, around, this.#lateWithAdvice))
    this.#out.next(this.#forced({ phase: 'stopped', how: 'abandoned', error, ...(this.#info && { info: this.#info }) }))
    this.#life.unsubscribe()
  }

  #armDrain(): void {
    this.#arm('drain', Math.min(this.#bounds.deadlines.drainTimeout, this.#within))
  }

  /** A stop that is under way keeps its time, unless its share is less. */
  #armStop(): void {
    const present = this.#timeout
    if (!this.#stops) this.#arm('stop', Math.min(this.#bounds.deadlines.stopTimeout, this.#within))
    else if (present?.stage === 'stop' && this.#now + this.#within < present.ends)
      this.#armUntil('stop', present.since, this.#now + this.#within, present.moved)
  }

  /** A service that is being forced keeps its time, unless all the others have less. */
  #armForce(): void {
    const present = this.#timeout
    if (present?.stage !== 'force' || this.#now + this.#forceTimeout < present.ends)
      this.#arm('force', this.#forceTimeout)
  }

  #arm(stage: Stage, ms: number): void {
    const now = this.#now
    // A hook that asks for time before it returns does so before its clock runs.
    this.#armUntil(stage, now, Math.max(now + ms, this.#extended), this.#extended > now + ms)
  }

  #armUntil(stage: Stage, since: number, ends: number, moved: boolean): void {
    this.#disarm()
    if (this.#out.closed) return
    const timer = after(this.#bounds.clock, ends - this.#now, () => this.#onTime(timeout))
    const timeout: Timeout = { stage, since, ends, moved, timer }
    this.#timeout = timeout
    if (moved && isTimed(this.#state)) this.#out.next(this.#withDeadline(this.#state))
  }

  #disarm(): void {
    this.#timeout?.timer?.unsubscribe()
    this.#timeout = undefined
  }

  /** The service gives a sign of life: a behaviour further out may expect it. */
  beat(): void {
    this.#asks?.beat?.()
  }

  workFailed(failure: WorkFailure): void {
    this.#asks?.workFailed?.(failure)
  }

  /** The service asks for more time. */
  extend(ms: number): void {
    // The timeout of a late start has passed.
    if (this.#steps.latest?.step === 'force' || (this.#stops && isStarting(this.#state))) return
    this.#extended = this.#now + ms
    const present = this.#timeout
    if (present && this.#extended > present.ends) this.#armUntil(present.stage, present.since, this.#extended, true)
  }

  #withDeadline(state: ServiceState): ServiceState {
    const timeout = this.#timeout
    return timeout?.moved && isTimed(state)
      ? { ...state, deadline: onTheWall(this.#bounds.clock, timeout.ends) }
      : state
  }

  /** The end that the service said, with the timeout before it. */
  #blamed(state: StateOf<'stopped'>): ServiceState {
    const late = this.#late
    if (!late) return this.#forced(state)
    const error = state.error ? withCause(late, fromErrorInfo(state.error)) : this.#lateWithAdvice
    return this.#forced({ ...state, error: errorInfo(error) })
  }

  #forced(state: StateOf<'stopped'>): ServiceState {
    return this.#forcedAt === undefined ? state : { ...state, forcedAt: onTheWall(this.#bounds.clock, this.#forcedAt) }
  }

  /** The stop timeout or the force budget runs. */
  get #stops(): boolean {
    return this.#timeout?.stage === 'stop' || this.#timeout?.stage === 'force'
  }

  get #lateWithAdvice(): ServiceError | undefined {
    const isShare = this.#within < this.#bounds.deadlines.stopTimeout
    return this.#late && withAdvice(this.#late, this.#bounds.around, isShare)
  }

  get #now(): number {
    return this.#bounds.clock.now()
  }
}

const IDLE: ServiceState = Object.freeze({ phase: 'idle' })

type Timed = StateOf<'starting' | 'draining' | 'stopping'>

const isTimed = (state: ServiceState): state is Timed =>
  state.phase === 'starting' || state.phase === 'draining' || state.phase === 'stopping'
