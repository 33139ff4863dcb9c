import { lastValueFrom, NEVER, Observable } from 'rxjs'
import { deadline } from '../behaviors/deadline.ts'
import { UNBOUNDED } from '../defaults.ts'
import { errorInfo, fromErrorInfo, ServiceError } from '../errors.ts'
import { checkName, type Service, type Startable, toService } from '../service.ts'
import { conduct, type Led, type ShutdownClocks } from '../shutdown.ts'
import { describeReason, isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { GroupEvent } from '../status/events.ts'
import { Journal } from '../status/journal.ts'
import { type Report, reportOf } from '../status/report.ts'
import type { GroupStatus } from '../status/status.ts'
import type { Shutdown } from '../steps.ts'
import { stopReasonOf } from '../stop-reason.ts'
import { stopFailure } from './end.ts'
import { Entries } from './entries.ts'
import { type AddOptions, type Entry, entryOf, type Inside } from './entry.ts'
import { GroupLifecycle } from './group-lifecycle.ts'
import { type GroupHealth, healthChanges } from './health.ts'
import { awaitEnd } from './held-up.ts'
import { Inbox } from './inbox.ts'
import type { Member } from './member.ts'
import { type GroupOptions, groupOptionsOf } from './options.ts'
import { Requests, refuseIfInUse, unknownService } from './requests.ts'

/** Several services as one: started in order, watched as one stream, stopped in reverse. A group is a Service. */
export class ServiceGroup<Name extends string = string, Known extends string = never> implements Service<Name>, Led {
  readonly name: Name
  /** What it was made with, defaults filled in. */
  readonly options: Required<GroupOptions>
  readonly #given: GroupOptions
  readonly #journal: Journal
  readonly #entries: Entries
  readonly #removals = new Map<string, Promise<void>>()
  /** The group that it was added to, and as what. */
  #outer: { readonly group: ServiceGroup<string, never>; readonly entry: Entry } | undefined
  #inbox = new Inbox()
  #lifecycle: GroupLifecycle | undefined
  #lastRequests: Requests | undefined
  /** Its lifecycle is subscribed to. */
  #isLive = false
  /** The clocks of its shutdowns, when it is led through its life. */
  #clocks: ShutdownClocks | undefined
  #started: Promise<void> | undefined
  /** `start()` was rejected with what went wrong. */
  #toldByStart = false
  #over = new Deferred<Report>()

  constructor(name: Name, options: GroupOptions = {}) {
    this.name = checkName(name)
    this.options = groupOptionsOf(name, options)
    this.#given = options
    this.#journal = new Journal(name, this.options.clock)
    this.#entries = new Entries(name, this.#journal)
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
    this.#refuseIfEnding(`add "${name}"`, name)
    this.#entries.refuseKnown(name)
    const nested = added instanceof ServiceGroup ? (added as ServiceGroup<string, never>) : undefined
    if (nested) this.#admit(nested)
    const forceTimeout = (): number => this.#forceTimeout
    const { clock } = this.options
    const inside = nested ? nested.#inside() : undefined
    const entry = entryOf(service, `${this.name}/${name}`, options, clock, inside, forceTimeout)
    this.#requests?.add(entry)
    this.#entries.add(entry)
    this.#journal.together(() => {
      this.#journal.add(entry.path, entry)
      if (!nested) return
      nested.#outer = { group: this as ServiceGroup<string, never>, entry }
      nested.#journal.nest(this.#journal, this.name)
    })
    this.#requests?.start(name)
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
    if (this.#started && isFinal(this.#state)) return this.#started.then(() => Promise.reject(this.#stoppedEarly()))
    this.#started ??= new Promise((resolve, reject) => {
      if (this.#outer) throw this.#alreadyStarted('it is part of another group, which starts it')
      const { clock, drainDelay, forceTimeout, shutdownTimeout } = this.options
      const clocks = { drainDelay: () => drainDelay, shutdownTimeout, forceTimeout }
      let last: ServiceState | undefined
      conduct(this, { trigger$: NEVER, force$: NEVER, ...clocks, clock }).subscribe({
        next: state => {
          last = state
          if (state.phase === 'running') resolve()
        },
        error: error => {
          if (this.status.group.readyAt === null) this.#toldByStart = true
          reject(error)
        },
        // Gone, or abandoned, without having run.
        complete: () => reject(startTimeoutOf(last) ?? this.#lifecycle?.failure ?? this.#stoppedEarly()),
      })
    })
    return this.#started
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
    const concerned = this.#requests?.concerned(name, true) ?? []
    const restarted = this.#request(name, 'restart', requests => requests.restart(name))
    return this.#awaitFromInside(restarted, concerned)
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
    const concerned = this.#requests?.concerned(name, false) ?? []
    const removal = this.#removals.get(name) ?? this.#remove(name).finally(() => this.#removals.delete(name))
    this.#removals.set(name, removal)
    return this.#awaitFromInside(removal, concerned)
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
    // Its next incarnation may begin before this returns.
    const { promise: over } = this.#over
    const why = stopReasonOf(reason)
    const lifecycle = this.#lifecycle
    if (this.#isLive && !lifecycle!.leaving) lifecycle!.leave(why)
    // Before its start, or between two incarnations, the group around it sees that there is no other.
    else if (!isFinal(this.#state) && !this.#endByHolder(why) && !this.#isLive) this.#endUnstarted()
    if (!lifecycle) return over
    const { clock } = this.options
    const soFar = (): Report => reportOf(this.status, true)
    const awaited = { whole: over, key: lifecycle, holders: () => lifecycle.holders(), soFar, clock }
    return awaitEnd(awaited, work => lifecycle.has(work))
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
    return healthChanges(this.status$)
  }

  /** What is true now. It is a value: it stays as it is. */
  get status(): GroupStatus {
    return this.#journal.status
  }

  /** How many services it holds, without those inside nested groups. */
  get size(): number {
    return this.#entries.size
  }

  /** What has happened so far. */
  get report(): Report {
    return reportOf(this.status)
  }

  /** @internal */
  led(clocks: ShutdownClocks): void {
    this.#clocks = clocks
  }

  /** The group as a Service: what makes it nest. Inside another group it may begin anew once it is over. */
  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      if (isFinal(this.#state)) {
        // A restart behaviour hears that it was asked to end, and does not try again.
        if (this.#outer) out.next({ phase: 'stopping', reason: this.status.trigger ?? { by: 'call' } })
        return out.error(this.#stoppedEarly())
      }
      if (this.#isLive) return out.error(this.#alreadyStarted('it has a lifecycle already'))
      this.#isLive = true
      let isOver = false
      const tell = (state: ServiceState): void => {
        if (isFinal(state)) {
          isOver = true
          this.#isLive = false
        }
        // Inside another group, that one tells its state: the behaviours around it have a say in it.
        if (!this.#outer) this.#record(state)
      }
      const life = this.#incarnation(shutdown$).subscribe({
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
        // The next incarnation may have begun by now.
        if (!isOver) tell({ phase: 'stopped', how: 'abandoned' })
      }
    })
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

  // One incarnation after the other.

  /** What can be asked of its present incarnation, while there is one. */
  get #requests(): Requests | undefined {
    return this.#isLive ? this.#lastRequests : undefined
  }

  get #state(): ServiceState {
    return this.status.group.state
  }

  /** One incarnation, within the start timeout. */
  #incarnation(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    const { name } = this
    const { clock, startTimeout } = this.options
    const live: Service = { name, lifecycle: steps$ => this.#live(steps$) }
    if (startTimeout === Infinity) return live.lifecycle(shutdown$)
    const around = { explain: () => this.#lifecycle!.explain(), forceTimeout: () => this.#forceTimeout }
    return deadline(live, { ...UNBOUNDED, startTimeout }, clock, around).lifecycle(shutdown$)
  }

  #live(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      const { name } = this
      const holder = this.#holder
      const isFirst = this.#lifecycle === undefined
      this.#inbox = holder ? holder.#inbox : new Inbox()
      const lifecycle = new GroupLifecycle(
        {
          ...this.options,
          name,
          journal: this.#journal,
          inbox: this.#inbox,
          depth: this.#depth,
          endsWithHolder: () => holder !== undefined && holder.#lifecycle!.leaving,
          clocks: this.#clocks ?? this.#ownClocks,
        },
        out,
      )
      this.#lifecycle = lifecycle
      this.#lastRequests = new Requests(name, lifecycle, this.#inbox)
      out.add(() => lifecycle.abandon())
      try {
        lifecycle.enroll(this.#entries.list)
      } catch (error) {
        this.#entries.dismiss()
        throw error
      }
      lifecycle.begin(shutdown$, () => !isFirst && this.#entries.renew())
    })
  }

  /** The clocks of a shutdown that it begins itself, or that the group around it asks of it alone. */
  get #ownClocks(): ShutdownClocks {
    const { drainDelay } = this.options
    const { shutdownTimeout = Infinity } = this.#given
    return { drainDelay: () => drainDelay, shutdownTimeout, forceTimeout: this.#forceTimeout }
  }

  /** The force budget in this group: its own, else that of the group around it. */
  get #forceTimeout(): number {
    const own = this.#clocks?.forceTimeout ?? this.#given.forceTimeout
    const holder = this.#holder
    return own ?? (holder ? holder.#forceTimeout : this.options.forceTimeout)
  }

  #record(state: ServiceState): void {
    if (isFinal(this.#state)) return
    const { resolve } = this.#over
    this.#journal.record(this.name, state)
    if (!isFinal(state)) return
    resolve(reportOf(this.status))
    // A listener may have begun its next incarnation.
    if (isFinal(this.#state)) this.#journal.close()
  }

  #endUnstarted(): void {
    this.#entries.dismiss()
    this.#record({ phase: 'stopped', how: 'stopped' })
  }

  // Inside another group.

  /** How many groups it is inside of. */
  get #depth(): number {
    const holder = this.#holder
    return holder ? holder.#depth + 1 : 0
  }

  /** The group that holds it now. */
  get #holder(): ServiceGroup<string, never> | undefined {
    if (!this.#outer) return undefined
    const { group, entry } = this.#outer
    return group.#entries.get(entry.name) === entry ? group : undefined
  }

  /** @throws ServiceError when a group can't be added to this one: it is in a group already, or it holds this one */
  #admit(nested: ServiceGroup<string, never>): void {
    const what = `group "${this.name}": can't add group "${nested.name}"`
    const names: string[] = []
    let group: ServiceGroup<string, never> | undefined = this as ServiceGroup<string, never>
    for (; group; group = group.#holder) {
      names.unshift(group.name)
      if (group !== nested) continue
      const why = `it would hold itself (${names.join('/')}/${nested.name})`
      throw new ServiceError('ERR_CIRCULAR_DEPENDENCY', nested.name, `${what}: ${why}`)
    }
    const holder = nested.#holder
    if (!holder) return
    const why = `it is in group "${holder.name}" already; remove it there, or make another one`
    throw new ServiceError('ERR_SERVICE_IN_USE', nested.name, `${what}: ${why}`)
  }

  /** What the group around it needs of it. */
  #inside(): Inside {
    return {
      holders: () => (this.#isLive ? this.#lifecycle?.holders() : undefined),
      explain: () => this.#lifecycle?.explain() ?? '',
      check: () => this.#entries.check(),
      dismiss: () => this.#entries.dismiss(),
      tell: state => {
        // What was added between two incarnations does not start, when there is no other.
        if (isFinal(state) && !this.#isLive) this.#entries.dismiss()
        this.#record(state)
      },
      renew: () => {
        this.#journal.again()
        this.#over = new Deferred()
        this.#entries.renew()
      },
    }
  }

  /** The group around it ends it; false when that one does not live. */
  #endByHolder(reason: StopReason): boolean {
    if (!this.#outer) return false
    const { group, entry } = this.#outer
    group.#requests?.end(entry.name, reason)
    return group.#isLive
  }

  // Requests.

  async #request(name: string, what: string, ask: (requests: Requests) => Observable<never>): Promise<void> {
    if (!this.#entries.get(name)) throw unknownService(name, this.name)
    this.#refuseIfEnding(`${what} "${name}"`, name)
    const requests = this.#requests
    if (!requests) {
      const why = `can't ${what} "${name}": group "${this.name}" has not been started`
      throw new ServiceError('ERR_NOT_STARTED', name, why)
    }
    await lastValueFrom(ask(requests), { defaultValue: undefined })
  }

  async #remove(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    if (!entry) throw unknownService(name, this.name)
    const forget = (): void => {
      if (!this.status.service(entry.path)) this.#entries.forget(name)
    }
    if (this.#isLive) return this.#request(name, 'remove', requests => requests.remove(name)).finally(forget)
    this.#refuseIfEnding(`remove "${name}"`, name)
    refuseIfInUse(name, this.#entries.usersOf(name))
    this.#journal.remove(entry.path)
    forget()
  }

  /** A promise for a caller that may be inside of what it waits for. */
  #awaitFromInside(whole: Promise<void>, members: readonly Member[]): Promise<void> {
    const lifecycle = this.#lifecycle
    if (!lifecycle || members.length === 0) return whole
    const { clock } = this.options
    const holders = () => lifecycle.holders(members)
    const awaited = { whole, key: whole, holders, soFar: () => undefined, clock }
    return awaitEnd(awaited, work => members.includes(work as Member))
  }

  #refuseIfEnding(what: string, service: string): void {
    const isOver = isFinal(this.#state)
    if (!isOver && !(this.#isLive && this.#lifecycle!.leaving)) return
    const why = `can't ${what}: group "${this.name}" ${isOver ? 'has stopped' : 'is shutting down'}`
    throw new ServiceError(isOver ? 'ERR_GROUP_STOPPED' : 'ERR_GROUP_STOPPING', service, why)
  }

  #alreadyStarted(why: string): ServiceError {
    return new ServiceError('ERR_ALREADY_STARTED', this.name, `can't start group "${this.name}": ${why}`)
  }

  #stoppedEarly(): ServiceError {
    const { trigger } = this.status
    const why = trigger ? ` (${describeReason(trigger)})` : ''
    const ran = this.status.group.readyAt === null ? ' before it was running' : ''
    return new ServiceError(
      'ERR_GROUP_STOPPED',
      this.name,
      `group "${this.name}" was stopped${ran}${why}; a stopped group can't be started`,
    )
  }
}

/** A promise that is resolved from outside. */
class Deferred<T> {
  resolve!: (value: T) => void
  readonly promise = new Promise<T>(resolve => {
    this.resolve = resolve
  })
}

/** The start timeout of a group that was abandoned after it. */
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
