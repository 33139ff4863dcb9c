import { defer, EMPTY, Observable, type Subscriber, Subscription, type Unsubscribable } from 'rxjs'
import { after, type Clock, onTheWall } from '../clock.ts'
import {
  asFailure,
  type ErrorCode,
  type ErrorInfo,
  errorInfo,
  fromErrorInfo,
  messageOf,
  ServiceError,
} from '../errors.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import { type Info, reasonOf, type ServiceState, type StateOf } from '../state.ts'
import { type Shutdown, ShutdownSteps } from '../steps.ts'
import { milliseconds, times } from '../units.ts'
import { backoff } from './backoff.ts'
import { admit, type Intensity } from './intensity.ts'
import type { RestartRules } from './restart-options.ts'

/** What a group adds to the restarts of one of its services. */
export interface Supervision {
  /** From 0 to 1, for the jitter. */
  readonly random?: () => number
  /** Completes when the next incarnation may begin; nothing means now. Asked when its time has come. */
  readonly gate?: () => Observable<never>
  /** Why it may not be restarted at a time, if so; otherwise that restart counts. */
  readonly admit?: (at: number, cause: Error) => ServiceError | undefined
}

/** What a service has behind it. It outlives a lifecycle, so that one that is taken down for the sake of another goes on where it was. */
interface History {
  attempt: number
  restarts: readonly number[]
}

const newHistory = (): History => ({ attempt: 1, restarts: [] })

/**
 * Starts a service again when it ends without having been asked to: one life made of several. Between two of them it
 * says `backoff`. A new one begins only after the old one has completed or errored, and never after one that left
 * something running. Any shutdown step means asked to end: from then on all passes through, and a wait is over at once.
 */
export const restart = <Name extends string>(
  service: Service<Name>,
  rules: RestartRules,
  clock: Clock,
  supervision: Supervision = {},
): Service<Name> => {
  if (!rules.afterFailure && !rules.afterEnd) return service
  const history = newHistory()
  return {
    name: service.name,
    lifecycle: shutdown$ =>
      new Observable(out => {
        const life = new RestartedLife(service, rules, clock, supervision, history, out)
        life.begin(shutdown$)
        return life
      }),
  }
}

/** Why one that left calls running is not started again. */
export const leftRunning = (name: string, info: Info | undefined, cause?: Error): ServiceError | undefined => {
  const left = info?.['abandoned']
  return typeof left === 'number' && left > 0
    ? givenUp('ERR_ABANDONED', name, `"${name}" is not restarted, because it left ${left} calls running`, cause)
    : undefined
}

/** Why one that has been restarted too often is not started again. */
export const restartedTooOften = (
  name: string,
  { maxRestarts, period }: Intensity,
  who: string,
  cause: Error,
): ServiceError => {
  const limit = `${who} at most ${times(maxRestarts)} within ${milliseconds(period)}`
  return givenUp('ERR_RESTART_LIMIT', name, `"${name}" is given up: ${limit}`, cause)
}

const givenUp = (code: ErrorCode, name: string, why: string, cause: Error | undefined): ServiceError =>
  new ServiceError(
    code,
    name,
    cause ? `${why}. The last thing that happened: ${messageOf(cause)}` : why,
    cause && { cause },
  )

class RestartedLife implements Unsubscribable {
  readonly #service: Service
  readonly #rules: RestartRules
  readonly #clock: Clock
  readonly #supervision: Supervision
  readonly #history: History
  readonly #out: Subscriber<ServiceState>
  #steps: Subscription | undefined
  #life: Subscription | undefined
  #timer: Subscription | undefined
  /** Each incarnation has its own, so that one that goes on listening holds up nothing. */
  #level = new ShutdownSteps()
  /** Asked to end, or given up: what comes now passes through. */
  #ending = false
  #waiting = false
  #over = false
  /** Begun by us: the first one in a lifecycle is not. */
  #attempt = 1
  /** The last failure; the service has not been running since. */
  #down: ErrorInfo | undefined

  // Of this incarnation.
  #state: ServiceState = { phase: 'idle' }
  #info: Info | undefined
  #runningSince: number | undefined
  /** It has said that it has ended; that is not passed on when it is restarted. */
  #ended: StateOf<'stopped'> | undefined

  constructor(
    service: Service,
    rules: RestartRules,
    clock: Clock,
    supervision: Supervision,
    history: History,
    out: Subscriber<ServiceState>,
  ) {
    this.#service = service
    this.#rules = rules
    this.#clock = clock
    this.#supervision = supervision
    this.#history = history
    this.#out = out
  }

  begin(shutdown$: Observable<Shutdown>): void {
    this.#steps = listen(shutdown$, { next: shutdown => this.#onStep(shutdown) })
    this.#live()
  }

  unsubscribe(): void {
    this.#over = true
    this.#timer?.unsubscribe()
    this.#steps?.unsubscribe()
    this.#life?.unsubscribe()
  }

  #live(): void {
    const life = listen(
      defer(() => this.#service.lifecycle(this.#level)),
      this,
    )
    this.#life = life
    // Whoever listened has left while it started.
    if (this.#over) life.unsubscribe()
  }

  #onStep(shutdown: Shutdown): void {
    this.#ending = true
    if (this.#waiting) return this.#stopWaiting()
    const ended = this.#ended
    this.#ended = undefined
    if (ended) this.#out.next(ended)
    this.#level.raise(shutdown)
  }

  next(state: ServiceState): void {
    this.#state = state
    if (state.info) this.#info = state.info
    // A group that was stopped by hand has been asked to end, though not by way of us.
    if (reasonOf(state)?.by === 'call') this.#ending = true
    if (state.phase === 'running') {
      this.#runningSince ??= this.#clock.now()
      this.#down = undefined
    }
    if (state.phase === 'starting' && this.#attempt > 1) {
      // It has been said already, unless there is more to say.
      if (state.info || state.extended !== undefined) this.#out.next({ ...state, attempt: this.#attempt })
    } else if (state.phase !== 'stopped') this.#out.next(state)
    else if (this.#ending) this.#out.next(this.#down && !state.error ? { ...state, down: this.#down } : state)
    else if (state.how === 'abandoned') {
      this.#ending = true
      this.#out.next(this.#notAgain(state))
    } else if (this.#isDue(state)) this.#ended = state
    else this.#out.next(state)
  }

  error(error: unknown): void {
    if (this.#ending || !this.#rules.afterFailure) return this.#out.error(error)
    const { phase } = this.#state
    const failure = asFailure(this.#service.name, phase === 'starting' || phase === 'idle', error)
    this.#restart(errorInfo(failure), failure)
  }

  complete(): void {
    const ended = this.#ended
    const silent = this.#rules.afterEnd && this.#state.phase !== 'stopped'
    if (this.#ending || !(ended || silent)) return this.#leave()
    const how = ended?.how === 'forced' ? 'was forced to stop' : 'ended'
    const error = ended?.error ?? { name: 'Error', message: `service "${this.#service.name}" ${how}` }
    this.#restart(error, fromErrorInfo(error))
  }

  #restart(error: ErrorInfo, cause: Error): void {
    const { name } = this.#service
    const left = leftRunning(name, this.#info, cause)
    if (left) return this.#out.error(left)

    const history = this.#history
    const { random = Math.random } = this.#supervision
    const { attempt, delay } = backoff(this.#rules, history.attempt, this.#ranFor, random())
    const retryAt = this.#clock.now() + delay
    const restarts = admit(history.restarts, retryAt, this.#rules)
    if (!restarts) {
      // Whoever starts it after that knows what they do.
      Object.assign(history, newHistory())
      return this.#out.error(restartedTooOften(name, this.#rules, 'it may be restarted', cause))
    }

    const refused = this.#supervision.admit?.(retryAt, cause)
    if (refused) return this.#out.error(refused)

    this.#leaveDrain(error)
    history.attempt = attempt
    history.restarts = restarts
    this.#waiting = true
    this.#down = error
    this.#timer = after(this.#clock, delay, () => this.#onTime())
    this.#out.next({ phase: 'backoff', error, attempt, retryAt: onTheWall(this.#clock, retryAt) })
  }

  #onTime(): void {
    const gate = this.#supervision.gate?.()
    if (!gate || gate === EMPTY) return this.#again()
    // It may open at once, and what begins then may have failed, and wait, before this returns.
    const held = new Subscription()
    this.#timer = held
    held.add(gate.subscribe({ complete: () => this.#again() }))
  }

  #again(): void {
    this.#waiting = false
    this.#timer = undefined
    this.#level = new ShutdownSteps()
    this.#info = undefined
    this.#runningSince = undefined
    this.#ended = undefined
    this.#attempt = this.#history.attempt
    this.#state = { phase: 'starting', attempt: this.#attempt }
    this.#out.next(this.#state)
    this.#live()
  }

  /** The timer goes with its listener. */
  #stopWaiting(): void {
    this.#waiting = false
    const down = this.#down && { down: this.#down }
    this.#out.next({ phase: 'stopped', how: 'stopped', ...down, ...(this.#info && { info: this.#info }) })
    this.#out.complete()
  }

  /** One that left by itself may have died while draining; it does not go from there to its next life. */
  #leaveDrain(error: ErrorInfo): void {
    const { phase } = this.#state
    if (phase !== 'draining' && phase !== 'drained') return
    this.#out.next({ phase: 'stopping', reason: { by: 'failure', service: this.#service.name, error } })
  }

  /** Asked to go after a stable run, it does not owe what was before that. */
  #leave(): void {
    if (this.#ranFor >= this.#rules.resetAfter) this.#history.attempt = 1
    this.#out.complete()
  }

  get #ranFor(): number {
    return this.#runningSince === undefined ? 0 : this.#clock.now() - this.#runningSince
  }

  #isDue(state: StateOf<'stopped'>): boolean {
    const { afterFailure, afterEnd } = this.#rules
    return hasFailed(state) ? afterFailure : afterEnd
  }

  #notAgain(state: StateOf<'stopped'>): ServiceState {
    const { name } = this.#service
    const error = state.error ?? {
      name: 'ServiceError',
      code: 'ERR_ABANDONED',
      service: name,
      message: `"${name}" was abandoned`,
    }
    return { ...state, error: { ...error, message: `${error.message}; it is not restarted, because it may still run` } }
  }
}

const hasFailed = ({ how, error }: StateOf<'stopped'>): boolean => error !== undefined || how === 'forced'
