import { distinctUntilChanged, map, NEVER, Observable } from 'rxjs'
import { deadline, FORCE_TIMEOUT, UNBOUNDED } from './behaviors/deadline.ts'
import { type Clock, duration, systemClock } from './clock.ts'
import { type AddOptions, type Entry, entryOf } from './entry.ts'
import { errorInfo, ServiceError } from './errors.ts'
import type { GroupEvent } from './events.ts'
import { GroupLife } from './group-life.ts'
import { Journal } from './journal.ts'
import type { Unready } from './reasons.ts'
import { type Report, reportOf } from './report.ts'
import { checkName, type Service, type Startable, toService } from './service.ts'
import { conduct } from './shutdown.ts'
import type { Shutdown } from './shutdown-level.ts'
import { describeReason, type Health, isFinal, type ServiceState, type StopReason } from './state.ts'
import type { GroupStatus } from './status.ts'

/** How a group behaves as a whole. Times are milliseconds; `Infinity` turns a clock off. */
export interface GroupOptions {
  /** How long the whole group may take to start. Default `Infinity`: each service has its own limit. */
  readonly startTimeout?: number
  /** How long everything goes on serving after readiness turned false, for load balancers to notice. Default 0. */
  readonly drainDelay?: number
  /** How long a whole shutdown may take from its trigger before what is left is forced. Default 25,000. */
  readonly shutdownTimeout?: number
  /** How long what is forced may take to let go before it is abandoned. Default 1,000. */
  readonly forceTimeout?: number
  /** The source of all time: an RxJS scheduler. Default `asyncScheduler`. */
  readonly clock?: Clock
}

/** What people ask first of a group. */
export interface GroupHealth {
  readonly health: Health
  /** Whether the group should be sent work. */
  readonly ready: boolean
  /** Which service is not well, and why. */
  readonly detail?: string
  /** Why it is not ready, or not well; empty when all is well. Made when it is first read. */
  readonly reasons: readonly Unready[]
}

const SHUTDOWN_TIMEOUT = 25_000

/** Several services as one: started in order, watched as one stream, stopped in reverse. A group is a Service. */
export class ServiceGroup<Name extends string = string, Known extends string = never> implements Service<Name> {
  readonly name: Name
  /** What it was made with, defaults filled in. */
  readonly options: Required<GroupOptions>
  readonly #journal: Journal
  readonly #bounded: Service<Name>
  readonly #entries: Entry[] = []
  readonly #names = new Set<string>()
  readonly #over: Promise<Report>
  #tellOver!: (report: Report) => void
  #life: GroupLife | undefined
  #nested = false
  #conducted: Promise<void> | undefined

  constructor(name: Name, options: GroupOptions = {}) {
    this.name = checkName(name)
    const { clock = systemClock } = options
    this.options = {
      clock,
      startTimeout: duration(name, 'startTimeout', options.startTimeout, Infinity),
      drainDelay: duration(name, 'drainDelay', options.drainDelay, 0),
      shutdownTimeout: duration(name, 'shutdownTimeout', options.shutdownTimeout, SHUTDOWN_TIMEOUT),
      forceTimeout: duration(name, 'forceTimeout', options.forceTimeout, FORCE_TIMEOUT),
    }
    this.#journal = new Journal(name, clock)
    this.#over = new Promise(resolve => {
      this.#tellOver = resolve
    })
    const live: Service<Name> = { name, lifecycle: shutdown$ => this.#live(shutdown$) }
    const deadlines = { ...UNBOUNDED, startTimeout: this.options.startTimeout }
    this.#bounded =
      this.options.startTimeout === Infinity ? live : deadline(live, deadlines, clock, () => this.#life!.explain())
  }

  /**
   * Adds a service: a Service, or any object with `start()` and `stop()`, named after its `name` or its class. Returns
   * the group. While the group runs, the service is started at once and will be the first to stop.
   *
   * @throws ServiceError `ERR_INVALID_NAME`, `ERR_DUPLICATE_NAME`, `ERR_NOT_A_SERVICE`, `ERR_INVALID_DURATION`,
   * `ERR_INVALID_OPTION`; `ERR_GROUP_STOPPING` once the group is leaving; while it runs also `ERR_UNKNOWN_DEPENDENCY`,
   * and `ERR_DEPENDENCY_FAILED` when what it depends on has failed or was stopped
   * @example
   * ```ts
   * const group = serviceGroup('shop')
   *   .add(service('db', {}))
   *   .add(service('api', {}), { dependsOn: ['db'], stopTimeout: 5_000 })
   *   .add(service('cache', { start: () => Promise.reject(new Error('no route')) }), { optional: true })
   *   .add(job('import', () => console.log('imported')), { dependsOn: ['db'], onEnd: 'stop-group' })
   * await group.start()
   * ```
   */
  add<const N extends string>(
    added: Service<N> | (Startable & { readonly name?: N }),
    options: AddOptions<Known> = {},
  ): ServiceGroup<Name, Known | N> {
    const service = toService(added)
    const { name } = service
    this.#refuseIfOver(name)
    if (this.#names.has(name))
      throw new ServiceError(
        'ERR_DUPLICATE_NAME',
        name,
        `group "${this.name}" has a service "${name}" already; give this one another name`,
      )
    const nested = added instanceof ServiceGroup ? added : undefined
    const inside = nested && { explain: ServiceGroup.#explain(nested), dismiss: ServiceGroup.#dismiss(nested) }
    const entry = entryOf(service, `${this.name}/${name}`, options, this.options.clock, inside)
    this.#life?.enroll([entry])
    this.#entries.push(entry)
    this.#names.add(name)
    this.#journal.add(entry.path, options)
    if (nested) nested.#nest(this.#journal, this.name)
    this.#life?.startAdded()
    return this as unknown as ServiceGroup<Name, Known | N>
  }

  /**
   * Starts all services in order; resolves once the last is running. Calling it again returns the same promise.
   * When one fails, those already started are stopped in reverse before this rejects.
   *
   * @throws ServiceError (as a rejection) `ERR_GROUP_FAILED` with the first cause as `cause` and all errors in `errors`;
   * `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY` before anything starts; `ERR_START_TIMEOUT`;
   * `ERR_GROUP_STOPPED` when it was stopped; `ERR_ALREADY_STARTED` for a group inside another, or one that runs
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * await group.start()
   * await group.stop()
   * ```
   */
  start(): Promise<void> {
    this.#conducted ??= new Promise((resolve, reject) => {
      if (this.#nested) throw this.#alreadyStarted('it is part of another group, which starts it')
      const { clock, forceTimeout, shutdownTimeout } = this.options
      const drainDelay = (): number => this.options.drainDelay
      conduct(this, { trigger$: NEVER, force$: NEVER, drainDelay, shutdownTimeout, forceTimeout, clock }).subscribe({
        next: state => {
          if (state.phase === 'running') resolve()
        },
        error: reject,
        // Gone, or given up, without having run.
        complete: () => reject(this.#life?.failure ?? this.#stoppedEarly()),
      })
    })
    return this.#conducted
  }

  /**
   * Ends the group: readiness turns false, all drain, then each stops in reverse order. Resolves with the report once
   * all are gone or given up, and never rejects: errors are in the report. Calling it again returns the same result.
   * Before a start it is final: no service code runs.
   *
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * await group.start()
   * const report = await group.stop('end of the day')
   * console.log(report.ok, report.trigger) // true { by: 'call', message: 'end of the day' }
   * ```
   */
  stop(reason: string | StopReason = { by: 'call' }): Promise<Report> {
    if (this.#life) this.#life.leave(typeof reason === 'string' ? { by: 'call', message: reason } : reason)
    else if (!isFinal(this.status.group.state)) {
      this.#dismissAll()
      this.#end({ phase: 'stopped', how: 'stopped' })
    }
    return this.#over
  }

  /** Every change of every service, as one stream of statuses. The first is what is true now. */
  get status$(): Observable<GroupStatus> {
    return this.#journal.status$
  }

  /** A snapshot, then numbered transitions without a gap, with paths (`shop/workers/mailer`). */
  get events$(): Observable<GroupEvent> {
    return this.#journal.events$
  }

  /**
   * The group's health and readiness, and the reasons; tells only changes. While it starts, `status.reasons` tells at
   * any moment what it still waits for.
   */
  get health$(): Observable<GroupHealth> {
    return this.status$.pipe(distinctUntilChanged(tellsSame), map(healthOf))
  }

  /** What is true now. It stays as it is for whoever keeps it. */
  get status(): GroupStatus {
    return this.#journal.status
  }

  /** How many services it holds, without those inside nested groups. */
  get size(): number {
    return this.#entries.length
  }

  /** What has happened so far. */
  get report(): Report {
    return reportOf(this.status)
  }

  /** The group as a Service: what makes it nest. It can be subscribed once. */
  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      if (isFinal(this.status.group.state)) return out.error(this.#stoppedEarly())
      if (this.#life) return out.error(this.#alreadyStarted('it has a lifecycle already'))
      const life = this.#bounded.lifecycle(shutdown$).subscribe({
        next: state => {
          if (isFinal(state)) this.#end(state)
          else this.#journal.record(this.name, state)
          out.next(state)
        },
        error: error => {
          this.#end({ phase: 'failed', error: errorInfo(error) })
          out.error(error)
        },
        complete: () => out.complete(),
      })
      return () => {
        life.unsubscribe()
        this.#end({ phase: 'stopped', how: 'abandoned' })
      }
    })
  }

  /** Stops the group at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('disposed')
  }

  #live(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      const { clock, drainDelay, forceTimeout } = this.options
      this.#life = new GroupLife({ name: this.name, clock, journal: this.#journal, drainDelay, forceTimeout }, out)
      const life = this.#life
      out.add(() => life.abandon())
      try {
        life.enroll(this.#entries)
      } catch (error) {
        this.#dismissAll()
        throw error
      }
      life.begin(shutdown$)
    })
  }

  /** Nothing here will ever start. */
  #dismissAll(): void {
    for (const { path, dismiss } of this.#entries.toReversed()) {
      dismiss?.()
      this.#journal.record(path, { phase: 'stopped', how: 'stopped' })
    }
  }

  static #explain(group: ServiceGroup): () => string {
    return () => group.#life?.explain() ?? ''
  }

  static #dismiss(group: ServiceGroup): () => void {
    return () => void group.stop()
  }

  #nest(journal: Journal, prefix: string): void {
    this.#nested = true
    this.#journal.nest(journal, prefix)
  }

  #end(state: ServiceState): void {
    if (isFinal(this.status.group.state)) return
    this.#journal.record(this.name, state)
    this.#journal.close()
    this.#tellOver(this.report)
  }

  #refuseIfOver(name: string): void {
    const over = isFinal(this.status.group.state)
    if (!over && !this.#life?.leaving) return
    throw new ServiceError(
      over ? 'ERR_GROUP_STOPPED' : 'ERR_GROUP_STOPPING',
      name,
      `can't add "${name}": group "${this.name}" ${over ? 'has stopped' : 'is shutting down'}`,
    )
  }

  #alreadyStarted(why: string): ServiceError {
    return new ServiceError('ERR_ALREADY_STARTED', this.name, `can't start group "${this.name}": ${why}`)
  }

  #stoppedEarly(): ServiceError {
    const { trigger } = this.status
    const why = trigger ? ` (${describeReason(trigger)})` : ''
    return new ServiceError(
      'ERR_GROUP_STOPPED',
      this.name,
      `group "${this.name}" was stopped before it was running${why}; a stopped group can't be started`,
    )
  }
}

const detailOf = ({ group: { state } }: GroupStatus): string | undefined =>
  state.phase === 'running' ? state.detail : undefined

const healthOf = (status: GroupStatus): GroupHealth => {
  const { health, ready } = status
  const detail = detailOf(status)
  return {
    health,
    ready,
    ...(detail !== undefined && { detail }),
    get reasons() {
      return status.reasons
    },
  }
}

/** A group says what its services come to; of what these say themselves only readiness goes before it. */
const tellsSame = (before: GroupStatus, status: GroupStatus): boolean =>
  before.ready === status.ready &&
  (status.group.seq !== status.seq || (before.health === status.health && detailOf(before) === detailOf(status)))

/**
 * A group of services. Services start in the order they are added and stop in reverse.
 *
 * @param name shown in paths. Default `'group'`.
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_DURATION`
 * @example
 * ```ts
 * const group = serviceGroup('shop', { shutdownTimeout: 20_000 })
 *   .add(service('db', { start: () => console.log('open'), stop: () => console.log('close') }))
 * group.status$.subscribe(s => console.log(s.phase, s.health))
 * await group.start()
 * await group.stop()
 * ```
 */
export const serviceGroup = <const Name extends string = 'group'>(
  name: Name = 'group' as Name,
  options: GroupOptions = {},
): ServiceGroup<Name> => new ServiceGroup(name, options)
