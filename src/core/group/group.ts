import { NEVER, Observable } from 'rxjs'
import { deadline } from '../behaviors/deadline.ts'
import { UNBOUNDED } from '../defaults.ts'
import { errorInfo } from '../errors.ts'
import { checkName, type Service, type Startable, toService } from '../service.ts'
import { conduct, type Led, type ShutdownClocks } from '../shutdown.ts'
import { isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { GroupEvent } from '../status/events.ts'
import { Journal } from '../status/journal.ts'
import { type Report, reportOf } from '../status/report.ts'
import type { GroupStatus } from '../status/status.ts'
import type { Shutdown } from '../steps.ts'
import { stopReasonOf } from '../stop-reason.ts'
import { explainStart } from './dependencies.ts'
import { Entries } from './entries.ts'
import { type AddOptions, type Entry, entryOf, type Inside } from './entry.ts'
import { alreadyStarted, holdsItself, isHeld, startTimeoutOf, stopFailure, stoppedEarly } from './group-errors.ts'
import { GroupLifecycle } from './group-lifecycle.ts'
import { type GroupHealth, healthChanges } from './health.ts'
import { Inbox } from './inbox.ts'
import { awaitEnd, holdersAmong } from './inside-calls.ts'
import { type GroupOptions, groupOptionsOf } from './options.ts'
import { Requests } from './requests.ts'
import type { ServiceGroup } from './service-group.ts'

/** A group whose names do not matter. */
type AnyGroup = Group<string, never>

export class Group<Name extends string = string, Known extends string = never>
  implements ServiceGroup<Name, Known>, Led
{
  readonly name: Name
  readonly options: Required<GroupOptions>
  readonly #given: GroupOptions
  readonly #journal: Journal
  readonly #entries: Entries
  readonly #requests: Requests
  /** The group that this group was added to, and its entry there. */
  #outer: { readonly group: AnyGroup; readonly entry: Entry } | undefined
  #inbox = new Inbox()
  #lifecycle: GroupLifecycle | undefined
  /** The lifecycle is subscribed to. */
  #isLive = false
  /** The clocks of a shutdown, when `conduct` leads this group. */
  #clocks: ShutdownClocks | undefined
  #started: Promise<void> | undefined
  /** `start()` has rejected with the failure of the group. */
  #toldByStart = false
  #over = new Deferred<Report>()
  readonly #forceTimeoutNow = (): number => this.#forceTimeout

  constructor(name: Name, options: GroupOptions = {}) {
    this.name = checkName(name)
    this.options = groupOptionsOf(name, options)
    this.#given = options
    this.#journal = new Journal(name, this.options.clock)
    this.#entries = new Entries(name, this.#journal)
    const { clock } = this.options
    this.#requests = new Requests({
      name,
      clock,
      entries: this.#entries,
      journal: this.#journal,
      live: () => this.#live,
    })
  }

  add<const N extends string>(
    added: Service<N> | (Startable & { readonly name?: N }),
    options: AddOptions<Known> = {},
  ): Group<Name, Known | N> {
    const service = toService(added)
    const { name } = service
    this.#requests.refuseIfEnding('added', name)
    this.#entries.refuseKnown(name)
    const nested = added instanceof Group ? (added as AnyGroup) : undefined
    if (nested) this.#admit(nested)
    const { clock } = this.options
    const inside = nested ? nested.#inside() : undefined
    const entry = entryOf(service, `${this.name}/${name}`, options, clock, inside, this.#forceTimeoutNow)
    this.#requests.add(entry)
    this.#entries.add(entry)
    this.#journal.together(() => {
      this.#journal.add(entry.path, entry)
      if (!nested) return
      nested.#outer = { group: this as AnyGroup, entry }
      nested.#journal.nest(this.#journal, this.name)
    })
    this.#requests.start(name)
    return this as unknown as Group<Name, Known | N>
  }

  start(): Promise<void> {
    if (this.#started && isFinal(this.#state))
      return this.#started.then(() => Promise.reject(stoppedEarly(this.status)))
    this.#started ??= new Promise((resolve, reject) => {
      if (this.#outer) throw alreadyStarted(this.name, 'it is part of another group, which starts it')
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
        // The group is gone, or was abandoned, and has never run.
        complete: () => reject(startTimeoutOf(last) ?? this.#lifecycle?.failure ?? stoppedEarly(this.status)),
      })
    })
    return this.#started
  }

  restart(name: Known | (string & {})): Promise<void> {
    return this.#requests.restart(name)
  }

  remove(name: Known | (string & {})): Promise<void> {
    return this.#requests.remove(name)
  }

  stop(reason: string | Error | StopReason = { by: 'call' }): Promise<Report> {
    // The next incarnation may begin, and replace the promise, before this method returns.
    const { promise: over } = this.#over
    const why = stopReasonOf(reason)
    const lifecycle = this.#lifecycle
    if (this.#isLive && !lifecycle!.leaving) lifecycle!.leave(why)
    // Before its start, or between two incarnations, the outer group prevents the next incarnation.
    else if (!isFinal(this.#state) && !this.#endByHolder(why) && !this.#isLive) this.#endUnstarted()
    if (!lifecycle) return over
    const { clock } = this.options
    const soFar = (): Report => reportOf(this.status, true)
    const awaited = { whole: over, key: lifecycle, holders: () => holdersAmong(lifecycle.members.list), soFar, clock }
    return awaitEnd(awaited, work => lifecycle.members.has(work))
  }

  get status$(): Observable<GroupStatus> {
    return this.#journal.status$
  }

  get events$(): Observable<GroupEvent> {
    return this.#journal.events$
  }

  get health$(): Observable<GroupHealth> {
    return healthChanges(this.status$)
  }

  get status(): GroupStatus {
    return this.#journal.status
  }

  get size(): number {
    return this.#entries.size
  }

  get report(): Report {
    return reportOf(this.status)
  }

  /** @internal */
  led(clocks: ShutdownClocks): void {
    this.#clocks = clocks
  }

  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      if (isFinal(this.#state)) {
        // `stopping` tells a restart behaviour that the end was asked for, so it does not try again.
        if (this.#outer) out.next({ phase: 'stopping', reason: this.status.trigger ?? { by: 'call' } })
        return out.error(stoppedEarly(this.status))
      }
      if (this.#isLive) return out.error(alreadyStarted(this.name, 'it has a lifecycle already'))
      this.#isLive = true
      let isOver = false
      const tell = (state: ServiceState): void => {
        if (isFinal(state)) {
          isOver = true
          this.#isLive = false
        }
        // The outer group records the state of a nested group, because behaviours around the group may change it.
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

  async [Symbol.asyncDispose](): Promise<void> {
    const report = await this.stop('disposed')
    if (!report.ok && !this.#toldByStart) throw stopFailure(report)
  }

  // The incarnations of the group.

  /** The present incarnation, if there is one. */
  get #live(): GroupLifecycle | undefined {
    return this.#isLive ? this.#lifecycle : undefined
  }

  get #state(): ServiceState {
    return this.status.group.state
  }

  /** One incarnation, bounded by the start timeout of the group. */
  #incarnation(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    const { name } = this
    const { clock, startTimeout } = this.options
    const live: Service = { name, lifecycle: steps$ => this.#begin(steps$) }
    if (startTimeout === Infinity) return live.lifecycle(shutdown$)
    const around = { explain: () => explainStart(this.#lifecycle!.members), forceTimeout: this.#forceTimeoutNow }
    return deadline(live, { ...UNBOUNDED, startTimeout }, clock, around).lifecycle(shutdown$)
  }

  #begin(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
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
          ownForceTimeout: this.#clocks ? undefined : this.#given.forceTimeout,
          endsWithHolder: () => holder !== undefined && holder.#lifecycle!.leaving,
          clocks: this.#clocks ?? this.#ownClocks,
        },
        out,
      )
      this.#lifecycle = lifecycle
      out.add(() => lifecycle.abandon())
      try {
        lifecycle.members.enroll(this.#entries.list)
      } catch (error) {
        this.#entries.dismiss()
        throw error
      }
      lifecycle.begin(shutdown$, () => !isFirst && this.#entries.renew())
    })
  }

  /** The clocks of a shutdown that concerns this group alone. */
  get #ownClocks(): ShutdownClocks {
    const { drainDelay } = this.options
    const { shutdownTimeout = Infinity } = this.#given
    return { drainDelay: () => drainDelay, shutdownTimeout, forceTimeout: this.#forceTimeout }
  }

  /** The force budget in this group: the one it was given, else that of the outer group. */
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
    // A listener may have begun the next incarnation.
    if (isFinal(this.#state)) this.#journal.close()
  }

  #endUnstarted(): void {
    // A listener hears of it once all is over: nothing can be added any more.
    this.#journal.together(() => {
      this.#entries.dismiss()
      this.#record({ phase: 'stopped', how: 'stopped' })
    })
  }

  // Inside another group.

  /** How many groups are around this group. */
  get #depth(): number {
    const holder = this.#holder
    return holder ? holder.#depth + 1 : 0
  }

  /** The outer group, as long as this group is in it. */
  get #holder(): AnyGroup | undefined {
    if (!this.#outer) return undefined
    const { group, entry } = this.#outer
    return group.#entries.get(entry.name) === entry ? group : undefined
  }

  /** @throws ServiceError when a group can't be added to this one */
  #admit(nested: AnyGroup): void {
    const path: string[] = []
    let group: AnyGroup | undefined = this as AnyGroup
    for (; group; group = group.#holder) {
      path.unshift(group.name)
      if (group === nested) throw holdsItself(this.name, nested.name, path)
    }
    const holder = nested.#holder
    if (holder) throw isHeld(this.name, nested.name, holder.name)
  }

  /** The access that an outer group has to this group. */
  #inside(): Inside {
    return {
      holders: () => (this.#isLive && this.#lifecycle ? holdersAmong(this.#lifecycle.members.list) : undefined),
      explain: () => (this.#lifecycle ? explainStart(this.#lifecycle.members) : ''),
      check: () => this.#entries.check(),
      dismiss: () => this.#entries.dismiss(),
      tell: state => {
        // A service that was added between two incarnations never starts when there is no next incarnation.
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

  /** Asks the outer group to end this group. Returns false when the outer group is not live. */
  #endByHolder(reason: StopReason): boolean {
    if (!this.#outer) return false
    const { group, entry } = this.#outer
    return group.#requests.end(entry.name, reason)
  }
}

/** A promise that its owner resolves. */
class Deferred<T> {
  resolve!: (value: T) => void
  readonly promise = new Promise<T>(resolve => {
    this.resolve = resolve
  })
}
