import { lastValueFrom, NEVER, type Observable } from 'rxjs'
import { fromErrorInfo, ServiceError } from '../errors.ts'
import { checkName, type Service, type Startable, toService } from '../service.ts'
import { conduct, type ShutdownClocks } from '../shutdown.ts'
import type { ServiceState, StopReason } from '../state.ts'
import type { GroupEvent } from '../status/events.ts'
import { type Report, reportOf } from '../status/report.ts'
import type { GroupStatus } from '../status/status.ts'
import type { Shutdown } from '../steps.ts'
import { stopReasonOf } from '../stop-reason.ts'
import { type Changes, refuseIfInUse, unknownService } from './changes.ts'
import { stopFailure } from './end.ts'
import { type AddOptions, entryOf } from './entry.ts'
import { type GroupHealth, healthChanges } from './health.ts'
import { Lives } from './lives.ts'
import { type GroupOptions, groupOptionsOf } from './options.ts'

/** Several services as one: started in order, watched as one stream, stopped in reverse. A group is a Service. */
export class ServiceGroup<Name extends string = string, Known extends string = never> implements Service<Name> {
  readonly name: Name
  /** What it was made with, defaults filled in. */
  readonly options: Required<GroupOptions>
  readonly #lives: Lives
  readonly #names = new Set<string>()
  readonly #removals = new Map<string, Promise<void>>()
  #conducted: Promise<void> | undefined
  /** `start()` was rejected with what went wrong. */
  #toldByStart = false

  constructor(name: Name, options: GroupOptions = {}) {
    this.name = checkName(name)
    this.options = groupOptionsOf(name, options)
    this.#lives = new Lives(name, this.options, options.forceTimeout)
  }

  /**
   * Adds a service: a Service, or any object with `start()` and `stop()`, named after its `name` or its class. Returns
   * the group. While the group runs, the service is started at once and will be the first to stop.
   *
   * @throws ServiceError `ERR_INVALID_NAME`, `ERR_DUPLICATE_NAME`, `ERR_NOT_A_SERVICE`, `ERR_INVALID_DURATION`,
   * `ERR_INVALID_OPTION`; of a group `ERR_CIRCULAR_DEPENDENCY`, `ERR_SERVICE_IN_USE`; `ERR_GROUP_STOPPING` once the group is leaving; while it runs also `ERR_UNKNOWN_DEPENDENCY`,
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
    const nested = added instanceof ServiceGroup ? added.#lives : undefined
    if (nested) this.#lives.admit(nested)
    const forceTimeout = (): number => this.#lives.forceTimeout
    const { clock } = this.options
    const entry = entryOf(service, `${this.name}/${name}`, options, clock, nested?.inside(), forceTimeout)
    const { changes, entries, journal } = this.#lives
    changes?.add(entry)
    entries.push(entry)
    this.#names.add(name)
    journal.together(() => {
      journal.add(entry.path, entry)
      nested?.nest(this.#lives, entry.inside, reason => this.#endOne(name, reason))
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
      if (this.#lives.nested) throw this.#lives.alreadyStarted('it is part of another group, which starts it')
      const { clock, forceTimeout, shutdownTimeout } = this.options
      const drainDelay = (): number => this.options.drainDelay
      let last: ServiceState | undefined
      conduct(this, { trigger$: NEVER, force$: NEVER, drainDelay, shutdownTimeout, forceTimeout, clock }).subscribe({
        next: state => {
          last = state
          if (state.phase === 'running') resolve()
        },
        error: error => {
          if (this.status.group.readyAt === null) this.#toldByStart = true
          reject(error)
        },
        // Gone, or given up, without having run.
        complete: () => reject(startTimeoutOf(last) ?? this.#lives.failure ?? this.#lives.stoppedEarly()),
      })
    })
    return this.#conducted
  }

  /**
   * Restarts a service by hand, with all that name it in `dependsOn` and those that the group's `strategy` restarts with
   * it: they drain and stop in reverse, and start in order. Resolves when they are running again. One that waits in
   * backoff starts at once; one that has not been started yet starts once, at its turn; one that is over begins anew.
   * Awaited from inside a service that goes down with it, it resolves as soon as that one is waited for.
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
    const concerned = this.#lives.changes?.concerned(name, true) ?? []
    return this.#lives.await(
      this.#change(name, 'restart', changes => changes.restart(name)),
      concerned,
    )
  }

  /**
   * Stops a service and forgets it: it leaves the status, and its name is free again. Resolves when it is gone; calling it again meanwhile
   * returns the same promise. In a group that has not been started it is taken out at once.
   * Awaited from inside that service, it resolves as soon as only that is waited for.
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
    const concerned = this.#lives.changes?.concerned(name, false) ?? []
    const removal = this.#removals.get(name) ?? this.#remove(name).finally(() => this.#removals.delete(name))
    this.#removals.set(name, removal)
    return this.#lives.await(removal, concerned)
  }

  /**
   * Ends the group: readiness turns false, all drain, then each stops in reverse order. Resolves with the report once
   * all are gone or given up, and never rejects: errors are in the report. Calling it again returns the same result.
   * Before a start it is final: no service code runs.
   *
   * Awaited from inside a service that it ends, it would wait for itself: there it resolves with the report so far, as
   * soon as only services that await such a call are waited for. See "From inside" in the README.
   *
   * @param reason told to every stop hook and in the report. Of an error the message counts.
   * @example
   * ```ts
   * const group = serviceGroup('shop').add(service('db', {}))
   * await group.start()
   * const report = await group.stop('end of the day')
   * console.log(report.ok, report.trigger) // true { by: 'call', message: 'end of the day' }
   * ```
   */
  stop(reason: string | Error | StopReason = { by: 'call' }): Promise<Report> {
    return this.#lives.stop(stopReasonOf(reason))
  }

  /** Every change of every service, as one stream of statuses. The first is what is true now. */
  get status$(): Observable<GroupStatus> {
    return this.#lives.journal.status$
  }

  /** A snapshot, then numbered transitions without a gap, with paths (`shop/workers/mailer`). */
  get events$(): Observable<GroupEvent> {
    return this.#lives.journal.events$
  }

  /**
   * The group's health and readiness, and the reasons; tells only changes. While it starts, `status.reasons` tells at
   * any moment what it still waits for.
   */
  get health$(): Observable<GroupHealth> {
    return healthChanges(this.status$)
  }

  /** What is true now. It stays as it is for whoever keeps it. */
  get status(): GroupStatus {
    return this.#lives.journal.status
  }

  /** How many services it holds, without those inside nested groups. */
  get size(): number {
    return this.#lives.entries.length
  }

  /** What has happened so far. */
  get report(): Report {
    return reportOf(this.status)
  }

  /** @internal */
  led(clocks: ShutdownClocks): void {
    this.#lives.led(clocks)
  }

  /** The group as a Service: what makes it nest. Inside another group it may live again once it is over. */
  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return this.#lives.lifecycle(shutdown$)
  }

  /**
   * Stops the group at the end of an `await using` block.
   *
   * @throws ServiceError (as a rejection) `ERR_GROUP_FAILED` when its report is not `ok`, with all errors of the report in
   * `errors`, the first as `cause`; not when `start()` has told that it failed
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const report = await this.stop('disposed')
    if (!report.ok && !this.#toldByStart) throw stopFailure(report)
  }

  /** Changes something about a service while the group lives. */
  async #change(name: string, what: string, change: (changes: Changes) => Observable<never>): Promise<void> {
    if (!this.#names.has(name)) throw unknownService(name, this.name)
    this.#refuseIfLeaving(`${what} "${name}"`, name)
    const { changes } = this.#lives
    if (!changes)
      throw new ServiceError(
        'ERR_NOT_STARTED',
        name,
        `can't ${what} "${name}": group "${this.name}" has not been started`,
      )
    await lastValueFrom(change(changes), { defaultValue: undefined })
  }

  async #remove(name: string): Promise<void> {
    const entry = this.#lives.entries.find(other => other.name === name)
    if (!entry) throw unknownService(name, this.name)
    const forget = (): void => {
      if (this.status.service(entry.path)) return
      this.#lives.entries = this.#lives.entries.filter(other => other !== entry)
      this.#names.delete(name)
    }
    if (this.#lives.changes) return this.#change(name, 'remove', changes => changes.remove(name)).finally(forget)
    this.#refuseIfLeaving(`remove "${name}"`, name)
    refuseIfInUse(name, this.#lives.entries)
    this.#lives.journal.remove(entry.path)
    forget()
  }

  /** False when there is no life in which to end it. */
  #endOne(name: string, reason: StopReason): boolean {
    const { changes, ending } = this.#lives
    // A group that leaves ends all that it holds.
    if (changes && !ending) changes.end(name, reason).subscribe()
    return changes !== undefined
  }

  #refuseIfLeaving(what: string, service: string): void {
    const { ending } = this.#lives
    if (!ending) return
    throw new ServiceError(
      ending === 'over' ? 'ERR_GROUP_STOPPED' : 'ERR_GROUP_STOPPING',
      service,
      `can't ${what}: group "${this.name}" ${ending === 'over' ? 'has stopped' : 'is shutting down'}`,
    )
  }
}

/** The start timeout of a group that could not be stopped after it. */
const startTimeoutOf = (last: ServiceState | undefined): ServiceError | undefined =>
  last?.phase === 'stopped' && last.error?.code === 'ERR_START_TIMEOUT' ? fromErrorInfo(last.error) : undefined

/**
 * A group of services. Services start in the order they are added and stop in reverse.
 *
 * @param name shown in paths. Default `'group'`.
 * @throws ServiceError `ERR_INVALID_NAME`, `ERR_INVALID_DURATION`, `ERR_INVALID_OPTION`
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
