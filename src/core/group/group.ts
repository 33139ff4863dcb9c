import type { Observable } from 'rxjs'
import { type Abortable, onAbort, signalOf } from '../abort.ts'
import type { GroupPlan } from '../group-plan.ts'
import { group as groupNamed } from '../options.ts'
import { checkName, type Service, type Startable, toService } from '../service.ts'
import type { Led, ShutdownClocks } from '../shutdown.ts'
import { isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { GroupEvent } from '../status/events.ts'
import { Journal } from '../status/journal.ts'
import { type Report, reportOf } from '../status/report.ts'
import type { GroupStatus } from '../status/status.ts'
import type { Shutdown } from '../steps.ts'
import { stopReasonOf } from '../stop-reason.ts'
import { type ActionRequest, toldRequest } from './action-request.ts'
import { explainStart } from './dependencies.ts'
import { Entries } from './entries.ts'
import { type AddOptions, entryOf, type Inside } from './entry.ts'
import { alreadyStarted, stopFailure, unknownService } from './group-errors.ts'
import { type GroupHealth, healthChanges } from './health.ts'
import { Incarnations } from './incarnations.ts'
import { awaitStop, holdersAmong } from './inside-calls.ts'
import { INSIDE, insideOf, type Nestable, Nesting } from './nesting.ts'
import { type GroupOptions, groupOptionsOf } from './options.ts'
import { innerPlan, planOf } from './planning.ts'
import { whenReady } from './readiness.ts'
import { Requests } from './requests.ts'
import type { ServiceGroup } from './service-group.ts'
import { handleOf, type RestartByHandOptions, type ServiceHandle } from './service-handle.ts'
import { startGroup } from './start.ts'
import { type StopOptions, stopCallOf } from './stop-options.ts'
import { longest, turnsOf } from './turns.ts'

export class Group<Name extends string = string, Known extends string = never>
  implements ServiceGroup<Name, Known>, Led
{
  readonly name: Name
  readonly options: Required<GroupOptions>
  /** The shutdown timeout that counts inside another group: only one that was given. */
  readonly #ownTimeout: number
  readonly #journal: Journal
  readonly #entries: Entries
  readonly #requests: Requests
  readonly #nesting: Nesting
  readonly #incarnations: Incarnations
  #started: Promise<void> | undefined
  /** `start()` has rejected with the failure of the group. */
  #toldByStart = false

  constructor(name: Name, options: GroupOptions = {}) {
    this.name = checkName(name)
    this.options = groupOptionsOf(name, options)
    this.#ownTimeout = options.shutdownTimeout ?? Infinity
    this.#journal = new Journal(name, this.options.clock)
    this.#entries = new Entries(name, this.#journal)
    this.#nesting = new Nesting(name)
    this.#incarnations = new Incarnations({
      name,
      options: this.options,
      given: options,
      journal: this.#journal,
      entries: this.#entries,
      nesting: this.#nesting,
    })
    this.#requests = new Requests({
      name,
      clock: this.options.clock,
      entries: this.#entries,
      journal: this.#journal,
      live: () => this.#incarnations.live,
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
    const { forceTimeout } = this.#incarnations
    const entry = entryOf(service, `${this.name}/${name}`, options, this.options.clock, inside, forceTimeout)
    this.#requests.add(entry)
    this.#entries.add(entry)
    this.#journal.together(() => {
      this.#journal.add(entry.path, entry)
      inside?.enter(this.#nestable(), entry)
    })
    this.#requests.start(name)
    return this as unknown as Group<Name, Known | N>
  }

  start(options: Abortable = {}): Promise<void> {
    try {
      const signal = signalOf(groupNamed(this.name), options)
      if (this.#started && isFinal(this.#state)) throw this.#incarnations.startError
      this.#refuseNested()
      const release = onAbort(signal, aborted => this.#incarnations.abort(aborted))
      this.#started ??= startGroup(this, error => this.#whyNotStarted(error))
      if (signal) this.#started.then(release, release)
      return this.#started
    } catch (error) {
      return Promise.reject(error)
    }
  }

  get ready(): Promise<void> {
    return this.whenReady()
  }

  whenReady(options?: Abortable): Promise<void> {
    return whenReady(this, () => this.#incarnations.endError, options)
  }

  service(name: Known | (string & {})): ServiceHandle {
    const path = this.status.pathOf(`${name}`)
    if (path === undefined) throw unknownService(`${name}`, this.status)
    return handleOf(path, {
      status: () => this.status,
      status$: this.status$,
      restart: (...all) => this.restart(...all),
      stop: (...all) => this.#requests.stop(...all),
    })
  }

  restart(name: Known | (string & {}), options?: RestartByHandOptions): Promise<void> {
    return this.#requests.restart(name, options)
  }

  remove(name: Known | (string & {})): Promise<void> {
    return this.#requests.remove(name)
  }

  stop(how?: string | Error | StopReason | StopOptions): Promise<Report> {
    const incarnations = this.#incarnations
    const { reason, force, signal } = stopCallOf(how)
    // The next incarnation may begin, and replace the promise, before this method returns.
    const { over, latest } = incarnations
    incarnations.stop(reason, force)
    const release = onAbort(signal, aborted => incarnations.stop(stopReasonOf(aborted.reason), true))
    if (signal) void over.then(release)
    return latest ? awaitStop(over, latest, this.options.clock, () => reportOf(this.status, true)) : over
  }

  plan(): GroupPlan {
    return planOf(this.name, this.#entries.list, this.options)
  }

  recordRequest(request: ActionRequest): void {
    this.#journal.request(toldRequest(request, this.status))
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
    this.#refuseNested()
    this.#incarnations.led(clocks)
  }

  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return this.#incarnations.lifecycle(shutdown$)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const report = await this.stop('disposed')
    if (!report.ok && !this.#toldByStart) throw stopFailure(report)
  }

  get #state(): ServiceState {
    return this.status.group.state
  }

  #refuseNested(): void {
    if (this.#nesting.wasAdded) throw alreadyStarted(this.name, 'it is part of another group; start that group')
  }

  /** The error that `start()` rejects with. */
  #whyNotStarted(error: unknown): unknown {
    // The lifecycle could not begin.
    if (!isFinal(this.#state)) return error
    const { endError } = this.#incarnations
    if (this.status.group.readyAt === null && endError.code !== 'ERR_GROUP_STOPPED') this.#toldByStart = true
    return endError
  }

  /** This group as the groups around it and inside it see it. */
  #nestable(): Nestable {
    const incarnations = this.#incarnations
    return {
      name: this.name,
      entries: this.#entries,
      requests: this.#requests,
      nesting: this.#nesting,
      journal: this.#journal,
      inbox: () => incarnations.inbox,
      forceTimeout: incarnations.forceTimeout,
      leaving: () => incarnations.latest?.leaving === true,
    }
  }

  /** @internal */
  get [INSIDE](): Inside {
    const [incarnations, entries] = [this.#incarnations, this.#entries]
    return {
      group: this.#nestable(),
      enter: (outer, entry) => {
        this.#nesting.enter(outer, entry)
        this.#journal.nest(outer.journal, outer.name)
      },
      requests: this.#requests,
      holders: () => incarnations.live && holdersAmong(incarnations.live.members.list),
      explain: path => (incarnations.latest ? explainStart(incarnations.latest.members, path) : ''),
      turns: () => (incarnations.live ? longest(turnsOf(incarnations.live.members)) : 0),
      plan: () => innerPlan(entries.list, { ...this.options, shutdownTimeout: this.#ownTimeout }),
      check: () => entries.check(),
      dismiss: () => entries.dismiss(),
      tell: state => {
        // A service that was added between two incarnations never starts when there is no next incarnation.
        if (isFinal(state) && !incarnations.live) entries.dismiss()
        incarnations.record(state)
      },
      renew: () => incarnations.renew(),
    }
  }
}
