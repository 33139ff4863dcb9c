import { Observable, type Subscriber, type Subscription } from 'rxjs'
import { leftRunning } from '../behaviors/restart.ts'
import { bounded } from '../bounded.ts'
import { type Clock, onTheWall } from '../clock.ts'
import {
  asFailure,
  combine,
  type ErrorInfo,
  errorInfo,
  fromErrorInfo,
  type ServiceError,
  serviceError,
} from '../errors.ts'
import { listen } from '../listener.ts'
import { Ration } from '../ration.ts'
import type { Service } from '../service.ts'
import {
  type Info,
  isAbandoned,
  isBeforeStart,
  isFinal,
  type Phase,
  type ServiceState,
  type StateOf,
} from '../state.ts'
import type { FailureEvent } from '../status/events.ts'
import { type Asks, type Shutdown, ShutdownSteps } from '../steps.ts'
import { Throttle } from '../throttle.ts'
import { enter } from '../work.ts'
import type { WorkFailure } from '../work-failures.ts'
import type { Member } from './member.ts'

/** A message of an incarnation to its group. */
export type Told =
  /** A new state, and the error that the service fails with. */
  | { readonly kind: 'state'; readonly member: Member; readonly state: ServiceState; readonly error?: ServiceError }
  /** The same phase with new particulars. The group does not act on them. */
  | { readonly kind: 'news'; readonly member: Member; readonly state: ServiceState }
  /** A piece of its work has failed. No state changes by that. */
  | ({ readonly kind: 'failure'; readonly member: Member } & Pick<FailureEvent, 'what' | 'error' | 'omitted'>)
  /** The member was taken down, and is gone: the next incarnation may begin. */
  | { readonly kind: 'down'; readonly member: Member }
  /** The lifecycle has completed after its final state. */
  | { readonly kind: 'gone'; readonly member: Member }

export const STARTING: ServiceState = Object.freeze({ phase: 'starting', attempt: 1 })

/** Shortest time between two messages about the same phase, in milliseconds. */
const NEWS_INTERVAL = 100

/**
 * One incarnation of a member, as an Observable of its messages to the group. A subscription begins it. It never
 * errors: a failure is told as a state. It is a class, because closures for each member cost more memory.
 */
export class Incarnation extends Observable<Told> implements Partial<Asks> {
  readonly steps: ShutdownSteps = new ShutdownSteps(this)
  /** The lifecycle is subscribed to. */
  present = false
  hasRun = false
  readonly #service: Service
  readonly #member: Member
  readonly #clock: Clock
  #out: Subscriber<Told> | undefined
  #lifecycle: Subscription | undefined
  /** The final state, when the member was taken down. */
  #ended: StateOf<'stopped'> | undefined
  #news: Throttle<ServiceState> | undefined
  #failures: Ration<WorkFailure> | undefined

  constructor(service: Service, member: Member, clock: Clock) {
    super(Incarnation.#begin)
    this.#service = service
    this.#member = member
    this.#clock = clock
  }

  static #begin(this: Observable<Told>, out: Subscriber<Told>): Incarnation {
    // biome-ignore lint/complexity/noThisInStatic: RxJS calls it on the Observable.
    const incarnation = this as Incarnation
    const member = incarnation.#member
    incarnation.#out = out
    incarnation.present = true
    incarnation.#lifecycle = enter(member, () => listen(incarnation.#service.lifecycle(incarnation.steps), incarnation))
    // The service is over already, or was abandoned.
    if (out.closed) incarnation.#lifecycle.unsubscribe()
    else if (isBeforeStart(member.state)) incarnation.#tell(STARTING)
    return incarnation
  }

  /** Tells the service a step. A step that was told before is ignored. */
  raise(shutdown: Shutdown): void {
    enter(this.#member, () => this.steps.raise(shutdown))
  }

  next(state: ServiceState): void {
    const { state: before, isTakenDown } = this.#member
    if (isFinal(before)) return
    if (isFinal(state)) this.#failures?.end()
    if (isBeforeStart(before) && state.phase !== 'starting' && !isFinal(state)) this.#tell(STARTING)
    if (state.phase === 'running') this.hasRun = true
    if (isAbandoned(state)) return this.#abandoned(state)
    if (isTakenDown && state.phase === 'stopped') this.#ended = state
    else if (isNews(before, state)) this.#tellNews(state)
    else this.#tell(state, this.#unaskedEnd(state))
  }

  /** Unsubscribes before the state is told: no state follows on that of an abandoned group. */
  #abandoned(state: ServiceState): void {
    this.#lifecycle?.unsubscribe()
    this.#tell(state, this.#unaskedEnd(state))
    this.#out?.complete()
  }

  error(cause: unknown): void {
    this.#news?.flush()
    this.#failures?.end()
    const { state, isTakenDown } = this.#member
    const error = asFailure(this.#service.name, state.phase === 'starting' || isBeforeStart(state), cause)
    this.present = false
    if (isTakenDown) this.#down(errorInfo(error), state.info)
    else this.#tell({ phase: 'failed', error: errorInfo(error), ...(state.info && { info: state.info }) }, error)
    this.#out?.complete()
  }

  complete(): void {
    this.#news?.flush()
    this.#failures?.end()
    const { state, isTakenDown, asked } = this.#member
    this.present = false
    if (isTakenDown) this.#down(this.#ended?.error, this.#ended?.info ?? state.info)
    else if (isFinal(state)) this.#out?.next({ kind: 'gone', member: this.#member })
    else this.next({ phase: 'stopped', how: asked ? 'stopped' : 'ended' })
    this.#out?.complete()
  }

  /** The member was taken down, and is gone. It does not begin again when it left something running. */
  #down(error: ErrorInfo | undefined, info: Info | undefined): void {
    const left = leftRunning(this.#service.name, info, error && fromErrorInfo(error))
    if (left) return this.#tell({ phase: 'failed', error: errorInfo(left) }, left)
    const { reason } = this.steps.latest!
    if (!HAS_STOPPED.includes(this.#member.state.phase)) this.#tell({ phase: 'stopping', reason })
    // An error of the stop is told before the member counts as gone.
    const retryAt = onTheWall(this.#clock, this.#clock.now())
    if (error) this.#tell({ phase: 'backoff', error, attempt: 1, retryAt })
    this.#out?.next({ kind: 'down', member: this.#member })
  }

  /** The group unsubscribes. */
  unsubscribe(): void {
    this.present = false
    this.#news?.stop()
    this.#failures?.stop()
    this.#lifecycle?.unsubscribe()
  }

  workFailed(failure: WorkFailure): void {
    this.#failures ??= new Ration<WorkFailure>(this.#clock, ({ what, error }, omitted) => {
      const told = { what: bounded(what), error: errorInfo(error), ...(omitted > 0 && { omitted }) }
      this.#out?.next({ kind: 'failure', member: this.#member, ...told })
    })
    this.#failures.offer(failure)
  }

  #tell(state: ServiceState, error?: ServiceError): void {
    this.#news?.flush()
    this.#out?.next({ kind: 'state', member: this.#member, state, ...(error && { error }) })
  }

  #tellNews(state: ServiceState): void {
    this.#news ??= new Throttle(this.#clock, NEWS_INTERVAL, latest =>
      this.#out?.next({ kind: 'news', member: this.#member, state: latest }),
    )
    this.#news.offer(state)
  }

  /** The error of an end that was not asked for: the service was abandoned, or was stopped before it ran. */
  #unaskedEnd(state: ServiceState): ServiceError | undefined {
    if (this.#member.asked || state.phase !== 'stopped' || state.how === 'ended') return undefined
    const { name } = this.#service
    if (state.how === 'abandoned') {
      const why = state.error ?? errorInfo(serviceError('ERR_ABANDONED', name, 'was abandoned'))
      return why.cause ? combine(fromErrorInfo(why.cause), [fromErrorInfo(why)]) : fromErrorInfo(why)
    }
    if (this.hasRun) return undefined
    return serviceError('ERR_START_FAILED', name, 'start failed: it was stopped before it ran')
  }
}

/** Phases in which nothing is left to stop. */
const HAS_STOPPED: readonly Phase[] = ['stopping', 'backoff', 'waiting']

/** The same phase and the same health: only particulars have changed. */
const isNews = (before: ServiceState, state: ServiceState): boolean => {
  if (before.phase !== state.phase) return false
  if (state.phase !== 'running' || before.phase !== 'running') return true
  return before.health === state.health && before.detail === state.detail && before.leaving === state.leaving
}
