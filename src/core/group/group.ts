import { Observable, type Observer, type Unsubscribable } from 'rxjs'
import { deadline } from '../behaviors/deadline.ts'
import { UNBOUNDED } from '../defaults.ts'
import { errorInfo } from '../errors.ts'
import { Listener } from '../listener.ts'
import { checkName, type Service, type Startable, toService } from '../service.ts'
import type { Led, ShutdownClocks } from '../shutdown.ts'
import { isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { GroupEvent } from '../status/events.ts'
import { Journal } from '../status/journal.ts'
import { type Report, reportOf } from '../status/report.ts'
import type { GroupStatus } from '../status/status.ts'
import type { Shutdown } from '../steps.ts'
import { stopReasonOf } from '../stop-reason.ts'
import { Deferred } from './deferred.ts'
import { explainStart } from './dependencies.ts'
import { Entries } from './entries.ts'
import { type AddOptions, entryOf, type Inside } from './entry.ts'
import { alreadyStarted, stopFailure, stoppedEarly } from './group-errors.ts'
import { GroupLifecycle, type LifecycleListener } from './group-lifecycle.ts'
import { type GroupHealth, healthChanges } from './health.ts'
import { Inbox } from './inbox.ts'
import { awaitStop, holdersAmong } from './inside-calls.ts'
import { INSIDE, insideOf, type Nestable, Nesting } from './nesting.ts'
import { type GroupOptions, groupOptionsOf } from './options.ts'
import { Requests } from './requests.ts'
import type { ServiceGroup } from './service-group.ts'
import { startGroup } from './start.ts'

export class Group<Name extends string = string, Known extends string = never>
  implements ServiceGroup<Name, Known>, Led
{
  readonly name: Name
  readonly options: Required<GroupOptions>
  readonly #given: GroupOptions
  readonly #journal: Journal
  readonly #entries: Entries
  readonly #requests: Requests
  readonly #nesting: Nesting
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
  /** The force budget in this group: the one it was given, else that of the outer group. */
  readonly #forceTimeout = (): number => {
    const own = this.#clocks?.forceTimeout ?? this.#given.forceTimeout
    return own ?? this.#nesting.holder?.forceTimeout() ?? this.options.forceTimeout
  }

  constructor(name: Name, options: GroupOptions = {}) {
    this.name = checkName(name)
    this.options = groupOptionsOf(name, options)
    this.#given = options
    this.#journal = new Journal(name, this.options.clock)
    this.#entries = new Entries(name, this.#journal)
    this.#nesting = new Nesting(name)
    this.#requests = new Requests({
      name,
      clock: this.options.clock,
      entries: this.#entries,
      journal: this.#journal,
      live: () => (this.#isLive ? this.#lifecycle : undefined),
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
    const inside = insideOf(service)
    if (inside) this.#nesting.admit(inside.group)
    const entry = entryOf(service, `${this.name}/${name}`, options, this.options.clock, inside, this.#forceTimeout)
    this.#requests.add(entry)
    this.#entries.add(entry)
    this.#journal.together(() => {
      this.#journal.add(entry.path, entry)
      inside?.enter(this.#nestable(), entry)
    })
    this.#requests.start(name)
    return this as unknown as Group<Name, Known | N>
  }

  start(): Promise<void> {
    if (this.#started && isFinal(this.#state))
      return this.#started.then(() => Promise.reject(stoppedEarly(this.status)))
    if (this.#nesting.wasAdded)
      return Promise.reject(alreadyStarted(this.name, 'it is part of another group; start that group'))
    this.#started ??= startGroup(this, {
      failure: () => this.#lifecycle?.failure,
      failed: () => {
        if (this.status.group.readyAt === null) this.#toldByStart = true
      },
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
    const [why, lifecycle] = [stopReasonOf(reason), this.#lifecycle]
    if (this.#isLive && !lifecycle!.leaving) lifecycle!.leave(why)
    // Before its start, or between two incarnations, the outer group prevents the next incarnation.
    else if (!isFinal(this.#state) && !this.#nesting.endByHolder(why) && !this.#isLive) this.#endUnstarted()
    return lifecycle ? awaitStop(over, lifecycle, this.options.clock, () => reportOf(this.status, true)) : over
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
        if (this.#nesting.wasAdded) out.next({ phase: 'stopping', reason: this.status.trigger ?? { by: 'call' } })
        return out.error(stoppedEarly(this.status))
      }
      if (this.#isLive) return out.error(alreadyStarted(this.name, 'it has a lifecycle already; stop it first'))
      this.#isLive = true
      let isOver = false
      const tell = (state: ServiceState): void => {
        if (isFinal(state)) {
          isOver = true
          this.#isLive = false
        }
        // The outer group records the state of a nested group, because behaviours around the group may change it.
        if (!this.#nesting.wasAdded) this.#record(state)
      }
      const life = this.#incarnation(shutdown$, {
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

  get #state(): ServiceState {
    return this.status.group.state
  }

  /** One incarnation, bounded by the start timeout of the group. */
  #incarnation(shutdown$: Observable<Shutdown>, observer: Observer<ServiceState>): Unsubscribable {
    const { clock, startTimeout } = this.options
    if (startTimeout === Infinity) {
      const out = new Listener(observer)
      this.#begin(shutdown$, out)
      return out
    }
    const live: Service = { name: this.name, lifecycle: steps$ => new Observable(out => this.#begin(steps$, out)) }
    const around = { explain: () => explainStart(this.#lifecycle!.members), forceTimeout: this.#forceTimeout }
    return deadline(live, { ...UNBOUNDED, startTimeout }, clock, around)
      .lifecycle(shutdown$)
      .subscribe(observer)
  }

  #begin(shutdown$: Observable<Shutdown>, out: LifecycleListener): void {
    const { holder, depth } = this.#nesting
    const isFirst = this.#lifecycle === undefined
    this.#inbox = holder?.inbox() ?? new Inbox()
    const lifecycle = new GroupLifecycle(
      {
        ...this.options,
        name: this.name,
        journal: this.#journal,
        inbox: this.#inbox,
        depth,
        ownForceTimeout: this.#clocks ? undefined : this.#given.forceTimeout,
        endsWithHolder: () => holder?.leaving() === true,
        clocks: this.#clocks ?? {
          drainDelay: () => this.options.drainDelay,
          shutdownTimeout: this.#given.shutdownTimeout ?? Infinity,
          forceTimeout: this.#forceTimeout(),
        },
      },
      out,
    )
    this.#lifecycle = lifecycle
    out.add(() => lifecycle.abandon())
    const error = this.#entries.enrollIn(lifecycle.members)
    if (error) return out.error(error)
    lifecycle.begin(shutdown$, () => !isFirst && this.#entries.renew())
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

  /** This group as the groups around it and inside it see it. */
  #nestable(): Nestable {
    return {
      name: this.name,
      entries: this.#entries,
      requests: this.#requests,
      nesting: this.#nesting,
      journal: this.#journal,
      inbox: () => this.#inbox,
      forceTimeout: this.#forceTimeout,
      leaving: () => this.#lifecycle?.leaving === true,
    }
  }

  /** @internal */
  get [INSIDE](): Inside {
    return {
      group: this.#nestable(),
      enter: (outer, entry) => {
        this.#nesting.enter(outer, entry)
        this.#journal.nest(outer.journal, outer.name)
      },
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
}
