import { Observable, type Subscriber, type Subscription } from 'rxjs'
import { after, type Clock, onTheWall } from '../clock.ts'
import { FORCE_TIMEOUT } from '../defaults.ts'
import { errorInfo, messageOf, ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import type { Info, ServiceState, StateOf } from '../state.ts'
import { type Shutdown, ShutdownSteps } from '../steps.ts'

/** How long a service may take, in milliseconds. `Infinity` turns a clock off. */
export interface Deadlines {
  readonly startTimeout: number
  readonly drainTimeout: number
  readonly stopTimeout: number
}

/** The group's part in the deadlines of one of its services. */
export interface Around {
  /** Why a start takes so long. */
  readonly explain?: (() => string) | undefined
  /** Likely cause of a start timeout, and the remedy. */
  readonly likely?: string | undefined
  /** How long what is forced may take to let go, unless the shutdown brings its own budget. */
  readonly forceTimeout?: () => number
}

/**
 * Bounds each stage of a service's life. A late start is stopped and fails. A late drain is called drained. A late stop
 * is forced. A service that does not end in its force budget is abandoned: it says so and never completes. A state that
 * says `extended` moves the present deadline. A step is handed on before its clock is armed, so that the innermost
 * service is named first.
 */
export const deadline = <Name extends string>(
  service: Service<Name>,
  deadlines: Deadlines,
  clock: Clock,
  around: Around = {},
): Service<Name> => ({
  name: service.name,
  lifecycle: shutdown$ =>
    new Observable(out => {
      const bounded = new BoundedLife(service, deadlines, clock, around, out)
      bounded.begin(shutdown$)
      return bounded
    }),
})

class BoundedLife {
  readonly #service: Service
  readonly #deadlines: Deadlines
  readonly #clock: Clock
  readonly #explain: (() => string) | undefined
  /** Why a start that tells no cause takes too long. */
  readonly #likely: string | undefined
  readonly #out: Subscriber<ServiceState>
  readonly #level = new ShutdownSteps()
  #steps: Subscription | undefined
  #life: Subscription | undefined
  #timer: Subscription | undefined
  #onTime: (() => void) | undefined
  #armedAt = 0
  #ends = Infinity
  /** Until when the service has asked to be given time, in the stage it is in. */
  #extended = 0
  #state: ServiceState = { phase: 'idle' }
  #info: Info | undefined
  #forceTimeout: number
  #forceEnds = Infinity
  #forcedAt: number | undefined
  #startError: ServiceError | undefined
  #stopError: ServiceError | undefined
  #drainTimedOut = false
  #lastWords: StateOf<'stopped'> | undefined
  #stopping = false

  constructor(
    service: Service,
    deadlines: Deadlines,
    clock: Clock,
    { explain, likely, forceTimeout }: Around,
    out: Subscriber<ServiceState>,
  ) {
    this.#service = service
    this.#deadlines = deadlines
    this.#clock = clock
    this.#explain = explain
    this.#likely = likely
    this.#forceTimeout = forceTimeout?.() ?? FORCE_TIMEOUT
    this.#out = out
  }

  begin(shutdown$: Observable<Shutdown>): void {
    this.#steps = listen(shutdown$, { next: shutdown => this.#onStep(shutdown) })
    this.#life = listen(this.#service.lifecycle(this.#level), this)
    if (this.#starting() && !this.#timer && !this.#level.latest && !this.#out.closed)
      this.#arm(this.#deadlines.startTimeout, () => this.#onStartTimeout())
  }

  next(state: ServiceState): void {
    const before = this.#state.phase
    // It has come up too late: it is stopping, whatever it says, and its clock runs on.
    if (state.phase === 'running' && (this.#stopping || this.#level.latest?.step === 'force')) return
    this.#state = state
    if (state.info) this.#info = state.info
    if ('extended' in state) this.#extend(state.extended)
    const { phase } = state
    if (phase !== before && (phase === 'running' || phase === 'drained')) this.#disarm()
    if (this.#drainTimedOut && (phase === 'draining' || phase === 'drained')) return
    if (phase !== 'stopped') this.#out.next(state)
    else if (state.how === 'abandoned') {
      this.#disarm()
      this.#out.next(this.#blamed(state))
    } else {
      // It is gone when it completes; until then its time runs.
      this.#lastWords = state
      if (!this.#level.latest) this.#armStop()
    }
  }

  error(error: unknown): void {
    this.#disarm()
    const timeout = this.#startError ?? this.#stopError
    if (!timeout) return this.#out.error(error)
    const message = `${timeout.message}${timeout === this.#startError ? ':' : ' Cause:'} ${messageOf(error)}`
    this.#out.error(
      new ServiceError(timeout.code, timeout.service, message, { cause: error, errors: [timeout, error] }),
    )
  }

  complete(): void {
    this.#disarm()
    if (this.#startError) return this.#out.error(this.#unexplained())
    if (this.#lastWords) this.#out.next(this.#blamed(this.#lastWords))
    this.#out.complete()
  }

  unsubscribe(): void {
    this.#disarm()
    this.#steps?.unsubscribe()
    this.#life?.unsubscribe()
  }

  #blamed(state: StateOf<'stopped'>): ServiceState {
    const error = this.#startError ?? this.#stopError
    const told = error && !state.error ? { ...state, error: errorInfo(error) } : state
    return this.#forcedAt === undefined ? told : { ...told, forcedAt: onTheWall(this.#clock, this.#forcedAt) }
  }

  #onStep(shutdown: Shutdown): void {
    if (shutdown.forceTimeout !== undefined) this.#forceTimeout = shutdown.forceTimeout
    this.#extended = 0
    // What is still starting takes any step as stop.
    const stops = shutdown.step === 'stop' || this.#starting()
    const { latest } = this.#level
    if (shutdown.step === 'force') this.#forcedAt ??= this.#clock.now()
    this.#level.raise(shutdown)
    if (shutdown.step === 'force') {
      // One that is being forced already keeps its time, unless all the others have less.
      if (latest?.step !== 'force' || this.#clock.now() + this.#forceTimeout < this.#forceEnds) this.#armForce()
    } else if (stops) this.#armStop()
    else if (this.#state.phase === 'draining') this.#arm(this.#deadlines.drainTimeout, () => this.#onDrainTimeout())
  }

  #onStartTimeout(): void {
    const { name } = this.#service
    const ms = this.#ends - this.#armedAt
    this.#extended = 0
    this.#startError = new ServiceError(
      'ERR_START_TIMEOUT',
      name,
      `"${name}" was not running within ${ms} ms${this.#explain ? `. ${this.#explain()}` : ''}`,
    )
    const reason = { by: 'failure', service: name, error: errorInfo(this.#startError) } as const
    this.#level.raise({ step: 'stop', reason, forceTimeout: this.#forceTimeout })
    this.#armStop()
  }

  /** The start has been given up, or does not end, and has not said what kept it. */
  #unexplained(): ServiceError {
    const { code, service, message } = this.#startError!
    return this.#likely ? new ServiceError(code, service, `${message}; ${this.#likely}`) : this.#startError!
  }

  #onDrainTimeout(): void {
    this.#drainTimedOut = true
    this.#out.next({ phase: 'drained', timedOut: true, ...(this.#info && { info: this.#info }) })
  }

  #armStop(): void {
    if (this.#stopping || this.#over()) return
    this.#stopping = true
    this.#arm(this.#deadlines.stopTimeout, () => {
      const { name } = this.#service
      const ms = this.#ends - this.#armedAt
      this.#extended = 0
      this.#stopError = new ServiceError(
        'ERR_STOP_TIMEOUT',
        name,
        `"${name}" did not stop within ${ms} ms and was forced`,
      )
      // One that leaves by itself has not been given any.
      const reason = this.#level.latest?.reason ?? { by: 'end', service: name }
      this.#forcedAt ??= this.#clock.now()
      this.#level.raise({ step: 'force', reason, forceTimeout: this.#forceTimeout })
      this.#armForce()
    })
  }

  #armForce(): void {
    if (this.#over()) return
    this.#forceEnds = this.#clock.now() + this.#forceTimeout
    this.#arm(this.#forceTimeout, () => {
      const { name } = this.#service
      const stuck = new ServiceError(
        'ERR_ABANDONED',
        name,
        `"${name}" did not let go within ${this.#forceTimeout} ms of being forced and was abandoned`,
        { cause: this.#startError ? this.#unexplained() : this.#stopError },
      )
      const info = this.#info && { info: this.#info }
      this.#out.next(this.#blamed({ phase: 'stopped', how: 'abandoned', error: errorInfo(stuck), ...info }))
      this.#life?.unsubscribe()
    })
  }

  #arm(ms: number, onTime: () => void): void {
    this.#armedAt = this.#clock.now()
    this.#ends = this.#armedAt + ms
    this.#onTime = onTime
    // A hook that is quick to ask does so before its clock runs.
    this.#armUntil(Math.max(this.#ends, this.#extended))
  }

  #armUntil(ends: number): void {
    const onTime = this.#onTime!
    this.#disarm()
    if (this.#out.closed) return
    this.#ends = ends
    this.#onTime = onTime
    this.#timer = after(this.#clock, ends - this.#clock.now(), onTime)
  }

  #extend(ms = 0): void {
    // Too late: that time has passed already.
    if (this.#level.latest?.step === 'force' || (this.#stopping && this.#state.phase === 'starting')) return
    this.#extended = this.#clock.now() + ms
    if (this.#timer && this.#extended > this.#ends) this.#armUntil(this.#extended)
  }

  #disarm(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    this.#onTime = undefined
  }

  /** A lifecycle that says nothing at first is starting too. */
  #starting(): boolean {
    return this.#state.phase === 'starting' || this.#state.phase === 'idle'
  }

  #over(): boolean {
    return this.#out.closed
  }
}
