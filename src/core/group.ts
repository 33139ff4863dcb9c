import { distinctUntilChanged, map, NEVER, Observable } from 'rxjs'
import { type Deadlines, deadline, FORCE_TIMEOUT } from './behaviors/deadline.ts'
import { restart } from './behaviors/restart.ts'
import { type RestartOptions, type RestartPolicy, restartRules } from './behaviors/restart-options.ts'
import { type Clock, duration, systemClock } from './clock.ts'
import { errorInfo, ServiceError } from './errors.ts'
import type { GroupEvent } from './events.ts'
import { type Entry, GroupLife } from './group-life.ts'
import { Journal } from './journal.ts'
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

/** How one service behaves in its group. Times are milliseconds; `Infinity` turns a clock off. */
export interface AddOptions<Known extends string = string> {
  /**
   * The services this one starts after and stops before. When left out: all that were added before it. An empty list
   * means none.
   */
  readonly dependsOn?: readonly (Known | (string & {}))[]
  /** How long it may take to become running. Default 30,000; for a group `Infinity`. */
  readonly startTimeout?: number
  /** How long it may take to finish what it holds. Default 10,000; for a group `Infinity`. */
  readonly drainTimeout?: number
  /** How long it may take to stop, from its own turn, before it is forced. Default 10,000; for a group `Infinity`. */
  readonly stopTimeout?: number
  /**
   * What happens when it ends without having been asked to: `'permanent'`, `'transient'` or `'temporary'`, or an object
   * with the policy and the numbers. When left out it is not restarted, and the group goes down when it fails.
   */
  readonly restart?: RestartPolicy | RestartOptions
  /** It lets people watch the others: it starts before and stops after all of them, and takes no part in the drain. */
  readonly observer?: boolean
}

/** What people ask first of a group. */
export interface GroupHealth {
  readonly health: Health
  /** Whether the group should be sent work. */
  readonly ready: boolean
  /** Which service is not well, and why. */
  readonly detail?: string
}

const DEFAULTS: Deadlines = { startTimeout: 30_000, drainTimeout: 10_000, stopTimeout: 10_000 }
const UNBOUNDED: Deadlines = { startTimeout: Infinity, drainTimeout: Infinity, stopTimeout: Infinity }
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
   * `ERR_INVALID_OPTION`; `ERR_GROUP_STOPPING` once the group is leaving; while it runs also `ERR_UNKNOWN_DEPENDENCY`
   * @example
   * ```ts
   * const group = serviceGroup('shop')
   *   .add(service('db', {}))
   *   .add(service('api', {}), { dependsOn: ['db'], stopTimeout: 5_000 })
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
    const deadlines = deadlinesOf(name, options, nested ? UNBOUNDED : DEFAULTS)
    const rules = options.restart === undefined ? undefined : restartRules(name, options.restart)
    if (nested && rules && rules.policy !== 'temporary')
      throw new ServiceError(
        'ERR_INVALID_OPTION',
        name,
        `"${name}": a group has one life and can't be restarted; set restart on the services inside it`,
      )
    const { clock } = this.options
    const bounded = deadline(service, deadlines, clock, nested && ServiceGroup.#explain(nested))
    const entry: Entry = {
      name,
      path: `${this.name}/${name}`,
      service: rules ? restart(bounded, rules, clock) : bounded,
      temporary: rules?.policy === 'temporary',
      dependsOn: options.dependsOn,
      observer: options.observer,
      dismiss: nested && ServiceGroup.#dismiss(nested),
    }
    this.#life?.enroll([entry])
    this.#entries.push(entry)
    this.#names.add(name)
    this.#journal.add(entry.path, options.dependsOn, options.observer)
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

  /** The group's health and readiness; tells only changes. */
  get health$(): Observable<GroupHealth> {
    return this.status$.pipe(
      map(healthOf),
      distinctUntilChanged((a, b) => a.health === b.health && a.ready === b.ready && a.detail === b.detail),
    )
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

const deadlinesOf = (name: string, options: AddOptions, defaults: Deadlines): Deadlines => {
  const { startTimeout, drainTimeout, stopTimeout } = options
  if (startTimeout === undefined && drainTimeout === undefined && stopTimeout === undefined) return defaults
  return {
    startTimeout: duration(name, 'startTimeout', startTimeout, defaults.startTimeout),
    drainTimeout: duration(name, 'drainTimeout', drainTimeout, defaults.drainTimeout),
    stopTimeout: duration(name, 'stopTimeout', stopTimeout, defaults.stopTimeout),
  }
}

const healthOf = ({ health, ready, group: { state } }: GroupStatus): GroupHealth => ({
  health,
  ready,
  ...(state.phase === 'running' && state.detail !== undefined && { detail: state.detail }),
})

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
