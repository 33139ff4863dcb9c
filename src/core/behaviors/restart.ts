import { defer, Observable, type Subscriber, type Subscription, type Unsubscribable } from 'rxjs'
import { after, type Clock } from '../clock.ts'
import { asFailure, type ErrorInfo, errorInfo, fromErrorInfo, messageOf, ServiceError } from '../errors.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import { type Shutdown, ShutdownLevel } from '../shutdown-level.ts'
import type { Info, ServiceState, StateOf } from '../state.ts'
import { backoff } from './backoff.ts'
import { admit } from './intensity.ts'
import type { RestartRules } from './restart-options.ts'

/**
 * Starts a service again when it ends without having been asked to: one life made of several. Between two of them it
 * says `backoff`. A new one begins only after the old one has completed or errored, and never after one that left
 * something running. Any shutdown step means asked to end: from then on all passes through, and a wait is over at once.
 *
 * @param random from 0 to 1, for the jitter
 */
export const restart = <Name extends string>(
  service: Service<Name>,
  rules: RestartRules,
  clock: Clock,
  random: () => number = Math.random,
): Service<Name> =>
  rules.policy === 'temporary'
    ? service
    : {
        name: service.name,
        lifecycle: shutdown$ =>
          new Observable(out => {
            const life = new RestartedLife(service, rules, clock, random, out)
            life.begin(shutdown$)
            return life
          }),
      }

class RestartedLife implements Unsubscribable {
  readonly #service: Service
  readonly #rules: RestartRules
  readonly #clock: Clock
  readonly #random: () => number
  readonly #out: Subscriber<ServiceState>
  #steps: Subscription | undefined
  #life: Subscription | undefined
  #timer: Subscription | undefined
  /** Each incarnation has its own, so that one that goes on listening holds up nothing. */
  #level = new ShutdownLevel()
  /** Asked to end, or given up: what comes now passes through. */
  #ending = false
  #waiting = false
  #over = false
  #attempt = 1
  #restarts: readonly number[] = []

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
    random: () => number,
    out: Subscriber<ServiceState>,
  ) {
    this.#service = service
    this.#rules = rules
    this.#clock = clock
    this.#random = random
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
    if (state.phase === 'running') this.#runningSince ??= this.#clock.now()
    if (state.phase === 'starting' && this.#attempt > 1) {
      // It has been said already, unless there is more to say.
      if (state.info) this.#out.next({ ...state, attempt: this.#attempt })
    } else if (state.phase !== 'stopped' || this.#ending) this.#out.next(state)
    else if (state.how === 'abandoned') {
      this.#ending = true
      this.#out.next(this.#notAgain(state))
    } else if (this.#rules.policy === 'permanent' || hasFailed(state)) this.#ended = state
    else this.#out.next(state)
  }

  error(error: unknown): void {
    if (this.#ending) return this.#out.error(error)
    const { phase } = this.#state
    const failure = asFailure(this.#service.name, phase === 'starting' || phase === 'idle', error)
    this.#restart(errorInfo(failure), failure)
  }

  complete(): void {
    const ended = this.#ended
    if (this.#ending || !(ended || this.#rules.policy === 'permanent')) return this.#out.complete()
    const how = ended?.how === 'forced' ? 'was forced to stop' : 'ended'
    const error = ended?.error ?? { name: 'Error', message: `service "${this.#service.name}" ${how}` }
    this.#restart(error, fromErrorInfo(error))
  }

  #restart(error: ErrorInfo, cause: Error): void {
    const { name } = this.#service
    const left = this.#info?.['abandoned']
    if (typeof left === 'number' && left > 0)
      return this.#giveUp('ERR_ABANDONED', `"${name}" is not restarted, because it left ${left} calls running`, cause)

    const now = this.#clock.now()
    const ranFor = this.#runningSince === undefined ? 0 : now - this.#runningSince
    const { attempt, delay } = backoff(this.#rules, this.#attempt, ranFor, this.#random())
    const retryAt = now + delay
    const restarts = admit(this.#restarts, retryAt, this.#rules)
    if (!restarts) {
      const { maxRestarts, period } = this.#rules
      const limit = `it may be restarted at most ${maxRestarts} times within ${period} ms`
      return this.#giveUp('ERR_RESTART_LIMIT', `"${name}" is given up: ${limit}`, cause)
    }

    this.#leaveDrain(error)
    this.#attempt = attempt
    this.#restarts = restarts
    this.#waiting = true
    this.#timer = after(this.#clock, delay, () => this.#again())
    this.#out.next({ phase: 'backoff', error, attempt, retryAt })
  }

  #again(): void {
    this.#waiting = false
    this.#timer = undefined
    this.#level = new ShutdownLevel()
    this.#info = undefined
    this.#runningSince = undefined
    this.#ended = undefined
    this.#state = { phase: 'starting', attempt: this.#attempt }
    this.#out.next(this.#state)
    this.#live()
  }

  /** The timer goes with its listener. */
  #stopWaiting(): void {
    this.#waiting = false
    this.#out.next({ phase: 'stopped', how: 'stopped', ...(this.#info && { info: this.#info }) })
    this.#out.complete()
  }

  /** One that left by itself may have died while draining; it does not go from there to its next life. */
  #leaveDrain(error: ErrorInfo): void {
    const { phase } = this.#state
    if (phase !== 'draining' && phase !== 'drained') return
    this.#out.next({ phase: 'stopping', reason: { by: 'failure', service: this.#service.name, error } })
  }

  #giveUp(code: 'ERR_ABANDONED' | 'ERR_RESTART_LIMIT', why: string, cause: Error): void {
    const message = `${why}. The last thing that happened: ${messageOf(cause)}`
    this.#out.error(new ServiceError(code, this.#service.name, message, { cause }))
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
