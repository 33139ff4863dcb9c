import { isObservable, Observable, type Subscriber, type Subscription } from 'rxjs'
import { after, type Clock, count, duration } from '../clock.ts'
import { combine, errorInfo, fromErrorInfo, messageOf, ServiceError } from '../errors.ts'
import type { HookResult } from '../hook-call.ts'
import { listen } from '../listener.ts'
import type { Service } from '../service.ts'
import { type Shutdown, ShutdownLevel } from '../shutdown-level.ts'
import type { Health, ServiceState, StateOf } from '../state.ts'

/**
 * A question that is put to a running service again and again. The words and defaults are those of a Kubernetes probe;
 * times are milliseconds.
 */
export interface HealthCheck {
  /**
   * The question. What settles well passes; what throws, rejects or errors fails, and so does `false`. One that knows
   * more says `'pass'`, `'warn'` or `'fail'`, or `{ health, detail }`; of an Observable the last value counts. Its
   * signal fires when its time is up, and when the service leaves.
   */
  readonly check: (context: { readonly signal: AbortSignal }) => HookResult
  /** From the end of one check to the next; the first comes as soon as the service is running. Default 10,000. */
  readonly interval?: number
  /** How long one check may take before it has failed. Default 1,000; `Infinity` for no limit. */
  readonly timeout?: number
  /** How many have to fail in a row. Default 3. */
  readonly failureThreshold?: number
  /** How many have to pass in a row after that. Default 1. */
  readonly successThreshold?: number
  /**
   * What comes of it. `'nothing'`: the running state's `detail` tells. `'degrade'`: its `health` is `fail`, so that the
   * group is not ready, until the check passes again. `'fail'`: the service is stopped as in a shutdown and then fails
   * with `ERR_UNHEALTHY`, which ends the group, or whatever else is to come of a failure. Default `'degrade'`.
   */
  readonly onFailure?: 'nothing' | 'degrade' | 'fail'
}

const OUTCOMES: readonly unknown[] = ['nothing', 'degrade', 'fail'] satisfies HealthCheck['onFailure'][]

/**
 * Checks a service while it is running, and shows the worse of what the check and the service itself say. Each change
 * is told once; a check that goes on failing keeps the detail of the one that made it count. The next check waits for
 * the last to have settled or run out of its time. All ends with the first step of a shutdown.
 *
 * @throws ServiceError `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
 */
export const healthCheck = <Name extends string>(
  service: Service<Name>,
  options: HealthCheck,
  clock: Clock,
): Service<Name> => {
  const { name } = service
  const { check, onFailure = 'degrade' } = options
  if (typeof check !== 'function')
    throw new ServiceError('ERR_INVALID_OPTION', name, `"${name}": healthCheck.check must be a function`)
  if (!OUTCOMES.includes(onFailure))
    throw new ServiceError(
      'ERR_INVALID_OPTION',
      name,
      `"${name}": healthCheck.onFailure must be 'nothing', 'degrade' or 'fail', not ${String(onFailure)}`,
    )
  const interval = duration(name, 'healthCheck.interval', options.interval, 10_000)
  if (interval === 0)
    throw new ServiceError('ERR_INVALID_DURATION', name, `"${name}": healthCheck.interval must be more than zero`)
  const checked: Required<HealthCheck> = {
    check,
    onFailure,
    interval,
    timeout: duration(name, 'healthCheck.timeout', options.timeout, 1_000),
    failureThreshold: count(name, 'healthCheck.failureThreshold', options.failureThreshold, 3),
    successThreshold: count(name, 'healthCheck.successThreshold', options.successThreshold, 1),
  }
  return {
    name,
    lifecycle: shutdown$ =>
      new Observable(out => {
        const life = new CheckedLife(service, checked, clock, out)
        life.begin(shutdown$)
        return life
      }),
  }
}

interface Finding {
  readonly health: Health
  readonly detail?: string | undefined
}

const PASS: Finding = { health: 'pass' }

class CheckedLife {
  readonly #service: Service
  readonly #options: Required<HealthCheck>
  readonly #clock: Clock
  readonly #out: Subscriber<ServiceState>
  readonly #level = new ShutdownLevel()
  #steps: Subscription | undefined
  #life: Subscription | undefined
  /** Until the next check. */
  #timer: Subscription | undefined
  #call: CheckCall | undefined
  /** What the service itself said last, while it runs. */
  #own: StateOf<'running'> | undefined
  #finding = PASS
  #inARow = 0
  #failing = false
  #failure: ServiceError | undefined

  constructor(service: Service, options: Required<HealthCheck>, clock: Clock, out: Subscriber<ServiceState>) {
    this.#service = service
    this.#options = options
    this.#clock = clock
    this.#out = out
  }

  begin(shutdown$: Observable<Shutdown>): void {
    this.#steps = listen(shutdown$, {
      next: shutdown => {
        this.#rest()
        this.#level.raise(shutdown)
      },
    })
    this.#life = listen(this.#service.lifecycle(this.#level), this)
  }

  next(state: ServiceState): void {
    if (state.phase === 'running') {
      const first = !this.#own
      this.#own = state
      this.#out.next(this.#seen(state))
      if (first) this.#check()
      return
    }
    if (this.#own) this.#forget()
    if (!this.#failure || state.phase !== 'stopped') return this.#out.next(state)
    // It has been stopped because it is unwell: that is a failure, once it is really gone.
    if (state.how === 'abandoned')
      this.#out.next({ ...state, error: state.error ? blame(state.error, this.#failure) : errorInfo(this.#failure) })
    else if (state.error) this.#failure = combine(this.#failure, [fromErrorInfo(state.error)])
  }

  error(error: unknown): void {
    this.#rest()
    this.#out.error(this.#failure ? combine(this.#failure, [error]) : error)
  }

  complete(): void {
    this.#rest()
    if (this.#failure) this.#out.error(this.#failure)
    else this.#out.complete()
  }

  unsubscribe(): void {
    this.#rest()
    this.#steps?.unsubscribe()
    this.#life?.unsubscribe()
  }

  /** No more checks; what is known stays known. */
  #rest(): void {
    this.#timer?.unsubscribe()
    this.#timer = undefined
    this.#call?.leave()
    this.#call = undefined
  }

  #forget(): void {
    this.#rest()
    this.#own = undefined
    this.#finding = PASS
    this.#inARow = 0
    this.#failing = false
  }

  #check(): void {
    this.#timer = undefined
    // Any step means that it is leaving.
    if (!this.#own || this.#own.leaving || this.#level.latest || this.#out.closed) return
    const { check, timeout, interval } = this.#options
    const call = new CheckCall(timeout, this.#clock, finding => {
      if (this.#call !== call) return
      this.#call = undefined
      this.#note(finding)
      if (this.#own && !this.#level.latest && !this.#out.closed)
        this.#timer = after(this.#clock, interval, () => this.#check())
    })
    this.#call = call
    call.run(check)
  }

  #note(finding: Finding): void {
    const failed = finding.health === 'fail'
    const { failureThreshold, successThreshold } = this.#options
    if (failed === this.#failing) {
      this.#inARow = 0
      if (!failed) this.#find(finding)
    } else if (++this.#inARow >= (failed ? failureThreshold : successThreshold)) {
      this.#inARow = 0
      this.#failing = failed
      if (failed) this.#fail(finding)
      else this.#find(finding)
    }
  }

  #fail(finding: Finding): void {
    const { onFailure } = this.#options
    this.#find(onFailure === 'nothing' ? { health: 'pass', detail: finding.detail } : finding)
    if (onFailure !== 'fail' || !this.#own || this.#level.latest) return
    const { name } = this.#service
    this.#failure = new ServiceError('ERR_UNHEALTHY', name, `service "${name}" is not well: ${finding.detail}`)
    this.#level.raise({ step: 'stop', reason: { by: 'failure', service: name, error: errorInfo(this.#failure) } })
  }

  #find(finding: Finding): void {
    const { health, detail } = this.#finding
    this.#finding = finding
    if (this.#own && (health !== finding.health || detail !== finding.detail)) this.#out.next(this.#seen(this.#own))
  }

  /** The worse of what it says and what was found; both when they are as bad. */
  #seen(own: StateOf<'running'>): ServiceState {
    const found = this.#finding
    if (found === PASS || rank[found.health] < rank[own.health]) return own
    const { detail: said, ...rest } = own
    const worse = found.health !== own.health || said === undefined
    const detail = worse ? found.detail : found.detail === undefined ? said : `${said}; ${found.detail}`
    return { ...rest, health: found.health, ...(detail !== undefined && { detail }) }
  }
}

const rank: Readonly<Record<Health, number>> = { pass: 0, warn: 1, fail: 2 }

/** The error of one that was given up, with what it was stopped for at its root. */
const blame = (error: NonNullable<StateOf<'stopped'>['error']>, failure: ServiceError): typeof error => ({
  ...error,
  cause: error.cause ? blame(error.cause, failure) : errorInfo(failure),
})

/** One check: answers once, if nobody has left by then. */
class CheckCall {
  readonly #abort = new AbortController()
  readonly #answer: (finding: Finding) => void
  readonly #timer: Subscription | undefined
  #subscription: Subscription | undefined
  #over = false

  constructor(timeout: number, clock: Clock, answer: (finding: Finding) => void) {
    this.#answer = answer
    this.#timer = after(clock, timeout, () =>
      this.#settle({ health: 'fail', detail: `check took more than ${timeout} ms` }, true),
    )
  }

  run(check: HealthCheck['check']): void {
    const well = (answer: unknown): void => this.#settle(findingOf(answer))
    const badly = (error: unknown): void => this.#settle(failed(error))
    try {
      const result = check({ signal: this.#abort.signal })
      if (isObservable(result)) {
        let last: unknown
        const subscription = result.subscribe({
          next: value => {
            last = value
          },
          error: badly,
          complete: () => well(last),
        })
        this.#subscription = subscription
        if (this.#over) subscription.unsubscribe()
      } else if (isPromise(result)) result.then(well, badly)
      else well(result)
    } catch (error) {
      badly(error)
    }
  }

  /** Nobody waits for the answer any more. */
  leave(): void {
    if (this.#over) return
    this.#end()
    this.#abort.abort()
  }

  #settle(finding: Finding, abort = false): void {
    if (this.#over) return
    this.#end()
    if (abort) this.#abort.abort()
    this.#answer(finding)
  }

  #end(): void {
    this.#over = true
    this.#timer?.unsubscribe()
    this.#subscription?.unsubscribe()
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'

const failed = (error: unknown): Finding => ({ health: 'fail', detail: `check failed: ${messageOf(error)}` })

const isHealth = (value: unknown): value is Health => value === 'pass' || value === 'warn' || value === 'fail'

/** What an answer means. One that says nothing of health, such as the rows of a query, is a good one. */
const findingOf = (answer: unknown): Finding => {
  if (answer === false) return { health: 'fail', detail: 'check failed' }
  const { health, detail } = (isHealth(answer) ? { health: answer } : (answer ?? {})) as Partial<Finding>
  if (!isHealth(health)) return PASS
  const text = typeof detail === 'string' ? detail : health === 'pass' ? undefined : `check says ${health}`
  return health === 'pass' && text === undefined ? PASS : { health, detail: text }
}
