import { distinctUntilChanged, lastValueFrom, map, NEVER, Observable } from 'rxjs'
import { deadline, FORCE_TIMEOUT, UNBOUNDED } from './behaviors/deadline.ts'
import { intensityOf } from './behaviors/intensity.ts'
import { type Changes, refuseIfInUse, unknownService } from './changes.ts'
import { type Clock, duration, systemClock } from './clock.ts'
import { type AddOptions, type Entry, entryOf, type Inside } from './entry.ts'
import { errorInfo, ServiceError } from './errors.ts'
import type { GroupEvent } from './events.ts'
import { GroupLife } from './group-life.ts'
import { Journal } from './journal.ts'
import { plan } from './plan.ts'
import type { Unready } from './reasons.ts'
import { type Report, reportOf } from './report.ts'
import { checkName, type Service, type Startable, toService } from './service.ts'
import { conduct } from './shutdown.ts'
import type { Shutdown } from './shutdown-level.ts'
import { describeReason, type Health, isFinal, type ServiceState, type StopReason } from './state.ts'
import type { GroupStatus } from './status.ts'
import { type Strategy, strategyOf } from './strategy.ts'

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
  /**
   * Who is restarted together with a service that is restarted because it ended: `'one-for-one'`, nobody else;
   * `'rest-for-one'`, all that start after it; `'one-for-all'`, all. Those go down in reverse and come up in order.
   * Default `'one-for-one'`.
   */
  readonly strategy?: Strategy
  /**
   * How many restarts of its services there may be within the `period`, all together; when one more is due that service
   * fails with `ERR_RESTART_LIMIT`. Default `Infinity`: each service has its own limit.
   */
  readonly maxRestarts?: number
  /** The length of the sliding window in which these restarts are counted. Default 600,000: ten minutes. */
  readonly period?: number
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

/** The group that this one is in. */
interface Outer {
  /** Ends this one, for good; false when it has not been started, and so has nobody to end. */
  end(reason: StopReason): boolean
}

/** Several services as one: started in order, watched as one stream, stopped in reverse. A group is a Service. */
export class ServiceGroup<Name extends string = string, Known extends string = never> implements Service<Name> {
  readonly name: Name
  /** What it was made with, defaults filled in. */
  readonly options: Required<GroupOptions>
  readonly #journal: Journal
  readonly #bounded: Service<Name>
  #entries: Entry[] = []
  readonly #names = new Set<string>()
  readonly #removals = new Map<string, Promise<void>>()
  #life: GroupLife | undefined
  /** Somebody listens to its lifecycle. */
  #living = false
  /** Infinite while nobody leads it: inside another group that one's counts. */
  #shutdownTimeout = Infinity
  /** Of a group inside another. */
  #outer: Outer | undefined
  #over!: Promise<Report>
  #tellOver!: (report: Report) => void
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
      strategy: strategyOf(name, options.strategy),
      ...intensityOf(name, options, { maxRestarts: Infinity, period: 600_000 }),
    }
    this.#journal = new Journal(name, clock)
    this.#expectEnd()
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
    this.#refuseIfLeaving(`add "${name}"`, name)
    if (this.#names.has(name))
      throw new ServiceError(
        'ERR_DUPLICATE_NAME',
        name,
        `group "${this.name}" has a service "${name}" already; give this one another name`,
      )
    const nested = added instanceof ServiceGroup ? added : undefined
    const inside = nested && ServiceGroup.#inside(nested)
    const entry = entryOf(service, `${this.name}/${name}`, options, this.options.clock, inside)
    const changes = this.#living ? this.#life?.changes : undefined
    changes?.add(entry)
    this.#entries.push(entry)
    this.#names.add(name)
    this.#journal.together(() => {
      this.#journal.add(entry.path, entry)
      if (nested) nested.#nest(this.#journal, this.name, reason => this.#endOne(name, reason))
    })
    changes?.start(name)
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
      if (this.#outer) throw this.#alreadyStarted('it is part of another group, which starts it')
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
   * Restarts a service by hand, with all that name it in `dependsOn` and those that the group's `strategy` restarts with
   * it: they drain and stop in reverse, and start in order. Resolves when they are running again. One that waits in
   * backoff starts at once; one that has not been started yet starts once, at its turn; one that is over begins anew.
   *
   * @throws ServiceError (as a rejection) `ERR_UNKNOWN_SERVICE`, `ERR_NOT_STARTED`, `ERR_GROUP_STOPPING`; `ERR_ABANDONED` for one that may
   * still run; or what it failed with
   * @example
   * ```ts
   * const group = serviceGroup('shop')
   *   .add(service('db', {}))
   *   .add(service('api', {}), { dependsOn: ['db'] })
   * await group.start()
   * await group.restart('db') // api stops, db stops, db starts, api starts
   * ```
   */
  restart(name: Known | (string & {})): Promise<void> {
    return this.#change(name, 'restart', changes => changes.restart(name))
  }

  /**
   * Stops a service and forgets it: it leaves the status, and its name is free again. Resolves when it is gone; calling it again meanwhile
   * returns the same promise. In a group that has not been started it is taken out at once.
   *
   * @throws ServiceError (as a rejection) `ERR_UNKNOWN_SERVICE`, `ERR_GROUP_STOPPING`; `ERR_SERVICE_IN_USE` while others name it in
   * `dependsOn`; what its stop failed with, though it is gone then; `ERR_ABANDONED` when it did not let go: that one stays in the
   * status
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {})).add(service('import', {}))
   * await group.start()
   * await group.remove('import')
   * console.log(Object.keys(group.status.services)) // [ 'shop/db' ]
   * ```
   */
  remove(name: Known | (string & {})): Promise<void> {
    const removal = this.#removals.get(name) ?? this.#remove(name).finally(() => this.#removals.delete(name))
    this.#removals.set(name, removal)
    return removal
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
    const why: StopReason = typeof reason === 'string' ? { by: 'call', message: reason } : reason
    const { state } = this.status.group
    // It may live again before this returns.
    const over = this.#over
    if (this.#living && !this.#life!.leaving) this.#life!.leave(why)
    // Before its life, between two of them, or on its way to the next: the group that it is in sees that there is none.
    else if (!isFinal(state) && !this.#outer?.end(why) && !this.#living) {
      this.#dismissAll()
      this.#end({ phase: 'stopped', how: 'stopped' })
    }
    return over
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

  /** @internal */
  led(shutdownTimeout: number): void {
    this.#shutdownTimeout = shutdownTimeout
  }

  /** The group as a Service: what makes it nest. Inside another group it may live again once it is over. */
  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      if (isFinal(this.status.group.state)) {
        // Whoever restarts it hears that it was asked to end, and does not try again.
        if (this.#outer) out.next({ phase: 'stopping', reason: this.status.trigger ?? { by: 'call' } })
        return out.error(this.#stoppedEarly())
      }
      if (this.#living) return out.error(this.#alreadyStarted('it has a lifecycle already'))
      this.#living = true
      let over = false
      // Inside another group, that one tells what this one has come to: its behaviours have a say in it.
      const tell = (state: ServiceState): void => {
        if (isFinal(state)) {
          over = true
          this.#living = false
        }
        if (this.#outer) return
        if (isFinal(state)) this.#end(state)
        else this.#journal.record(this.name, state)
      }
      const life = this.#bounded.lifecycle(shutdown$).subscribe({
        next: state => {
          tell(state)
          out.next(state)
        },
        error: error => {
          tell({ phase: 'failed', error: errorInfo(error) })
          out.error(error)
        },
        complete: () => out.complete(),
      })
      return () => {
        life.unsubscribe()
        // The next life may have begun by now.
        if (!over) tell({ phase: 'stopped', how: 'abandoned' })
      }
    })
  }

  /** Stops the group at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('disposed')
  }

  #live(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      const renew = this.#life ? () => this.#renewAll() : () => undefined
      const life = new GroupLife(
        { ...this.options, name: this.name, journal: this.#journal, shutdownTimeout: this.#shutdownTimeout },
        out,
      )
      this.#life = life
      out.add(() => life.abandon())
      try {
        life.enroll(this.#entries)
      } catch (error) {
        this.#dismissAll()
        throw error
      }
      life.begin(shutdown$, renew)
    })
  }

  /** Nothing here will start, in this life. */
  #dismissAll(): void {
    for (const { path, inside } of this.#entries.toReversed()) {
      const state = this.status.service(path)?.state
      if (state?.phase !== 'idle' && state?.phase !== 'waiting') continue
      inside?.dismiss()
      const stopped = { phase: 'stopped', how: 'stopped' } as const
      this.#journal.record(path, stopped)
      inside?.tell(stopped)
    }
  }

  /** All that is in here begins anew. */
  #renewAll(): void {
    for (const entry of this.#entries) {
      if (this.status.service(entry.path)?.state.phase === 'idle') continue
      this.#journal.add(entry.path, entry)
      entry.inside?.renew()
    }
  }

  /** Throws when a group inside another has no order, and says which. */
  #check(): void {
    try {
      plan(this.#entries)
      for (const { inside } of this.#entries) inside?.check()
    } catch (error) {
      const { code, service, message } = error as ServiceError
      throw new ServiceError(code, `${this.name}/${service}`, `in group "${this.name}": ${message}`)
    }
  }

  /** What another group needs to hold one of these. */
  static #inside(group: ServiceGroup): Inside {
    return {
      explain: () => group.#life?.explain() ?? '',
      check: () => group.#check(),
      dismiss: () => group.#dismissAll(),
      tell: state => {
        if (isFinal(state)) {
          // What was added between two lives has none, when there is no other.
          if (!group.#living) group.#dismissAll()
          group.#end(state)
        } else if (!isFinal(group.status.group.state)) group.#journal.record(group.name, state)
      },
      renew: () => {
        group.#journal.again()
        group.#expectEnd()
        group.#renewAll()
      },
    }
  }

  #nest(journal: Journal, prefix: string, end: (reason: StopReason) => boolean): void {
    this.#outer = { end }
    this.#journal.nest(journal, prefix)
  }

  /** Changes something about a service while the group lives. */
  async #change(name: string, what: string, change: (changes: Changes) => Observable<never>): Promise<void> {
    if (!this.#names.has(name)) throw unknownService(name, this.name)
    this.#refuseIfLeaving(`${what} "${name}"`, name)
    if (!this.#living)
      throw new ServiceError(
        'ERR_NOT_STARTED',
        name,
        `can't ${what} "${name}": group "${this.name}" has not been started`,
      )
    await lastValueFrom(change(this.#life!.changes), { defaultValue: undefined })
  }

  async #remove(name: string): Promise<void> {
    const entry = this.#entries.find(other => other.name === name)
    if (!entry) throw unknownService(name, this.name)
    const forget = (): void => {
      if (this.status.service(entry.path)) return
      this.#entries = this.#entries.filter(other => other !== entry)
      this.#names.delete(name)
    }
    if (this.#living) return this.#change(name, 'remove', changes => changes.remove(name)).finally(forget)
    this.#refuseIfLeaving(`remove "${name}"`, name)
    refuseIfInUse(name, this.#entries)
    this.#journal.remove(entry.path)
    forget()
  }

  #endOne(name: string, reason: StopReason): boolean {
    // A group that leaves ends all that it holds.
    if (this.#living && !this.#life!.leaving) this.#life!.changes.end(name, reason).subscribe()
    return this.#living
  }

  #end(state: ServiceState): void {
    if (isFinal(this.status.group.state)) return
    const tellOver = this.#tellOver
    this.#journal.record(this.name, state)
    tellOver(this.report)
    // Whoever heard of it may have begun its next life.
    if (isFinal(this.status.group.state)) this.#journal.close()
  }

  #expectEnd(): void {
    this.#over = new Promise(resolve => {
      this.#tellOver = resolve
    })
  }

  #refuseIfLeaving(what: string, service: string): void {
    const over = isFinal(this.status.group.state)
    if (!over && !(this.#living && this.#life!.leaving)) return
    throw new ServiceError(
      over ? 'ERR_GROUP_STOPPED' : 'ERR_GROUP_STOPPING',
      service,
      `can't ${what}: group "${this.name}" ${over ? 'has stopped' : 'is shutting down'}`,
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
