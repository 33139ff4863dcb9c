import { EMPTY, map, mergeMap, Observable, of, Subject, type Subscriber, Subscription } from 'rxjs'
import { restart } from '../behaviors/restart.ts'
import { after, type Clock, onTheWall } from '../clock.ts'
import { errorInfo, type ServiceError } from '../errors.ts'
import type { Service } from '../service.ts'
import { drainDelayed, GRACEFUL, leadSteps, type ShutdownClocks } from '../shutdown.ts'
import { isFinal, isLost, type ServiceState, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { reaches, type Shutdown, type Step } from '../steps.ts'
import { currentWork, enter, type Work } from '../work.ts'
import {
  type Action,
  decide,
  decideGroup,
  type GroupFacts,
  type GroupPhase,
  type MemberFacts,
  waitsDownFor,
  waitsFor,
} from './decide.ts'
import { dependencyFailed, losses } from './dependencies.ts'
import { endingOf, groupFailure } from './end.ts'
import type { Entry } from './entry.ts'
import { type Holder, lookAgain } from './held-up.ts'
import type { Working } from './inbox.ts'
import { STARTING, type Told } from './incarnation.ts'
import { Member } from './member.ts'
import { Members } from './members.ts'
import { Restarts, type RestartsOptions } from './restarts.ts'
import { healthOf, Unwell } from './unwell.ts'

export interface LifecycleOptions extends RestartsOptions {
  readonly clock: Clock
  readonly journal: Journal
  readonly clocks: ShutdownClocks
  /** How many groups it is inside of. */
  readonly depth: number
  /** The group around it shuts down too, and its clocks count. */
  readonly endsWithHolder: () => boolean
}

/** One incarnation of a group: the facts, what changes them, and one switch that does what was decided. */
export class GroupLifecycle implements GroupFacts, Working {
  readonly depth: number
  readonly members: Members
  readonly restarts: Restarts
  phase: GroupPhase = 'idle'
  step: Step | undefined
  leaving = false
  coming = 0
  toldDrained = false
  readonly #begunIn: Work | undefined = currentWork()
  readonly #options: LifecycleOptions
  readonly #out: Subscriber<ServiceState>
  readonly #all = new Subscription()
  /** Members that are led through their last steps alone. */
  readonly #alone = new Subscription()
  readonly #begun$ = new Subject<Member>()
  readonly #trigger$ = new Subject<StopReason>()
  /** Steps to take, each when no member is left to look at. */
  readonly #steps: Shutdown[] = []
  /** The last step that has come in, and the last that was taken. */
  #latest: Shutdown | undefined
  #taken: Shutdown | undefined
  /** It leads itself through the steps. */
  #isLed = false
  #drainDelay: number | undefined
  #forceTimeout: number
  /** When what is left will be forced, by the group's clock. */
  #endsAt: number | undefined
  #hasRun = false
  /** How many members the group is for, and how many of them are not over. Observers do not count. */
  #workers = 0
  #working = 0
  /** The member with `onEnd: 'stop-group'` that ended. */
  #endedBy: Member | undefined
  readonly #unwell = new Unwell()
  readonly #errors: ServiceError[] = []

  constructor(options: LifecycleOptions, out: Subscriber<ServiceState>) {
    this.#options = options
    this.#out = out
    this.depth = options.depth
    this.#forceTimeout = options.clocks.forceTimeout
    this.members = new Members(
      (entry, node) => this.#join(entry, node),
      () => options.inbox.work(this),
    )
    this.restarts = new Restarts(
      this.members,
      options,
      member => this.#revive(member),
      member => this.tellWaiting(member),
    )
  }

  /** @param renew tells that all services are back, when this is not the group's first incarnation */
  begin(shutdown$: Observable<Shutdown>, renew: () => void): void {
    const { clock, inbox, journal } = this.#options
    inbox.take(() => {
      const told$ = this.#begun$.pipe(mergeMap(member => member.begin(clock)))
      this.#all.add(told$.subscribe(told => this.#hear(told)))
      this.#all.add(this.#lead().subscribe(shutdown => this.#arrive(shutdown)))
      this.#all.add(shutdown$.subscribe(shutdown => this.#onStep(shutdown)))
      if (this.leaving) return this.#dismissAll(renew)
      this.phase = 'starting'
      journal.together(() => {
        this.#say(STARTING)
        renew()
      })
      const { graph, list } = this.members
      for (const member of list) if (graph.declared[member.node]!.length > 0) this.tellWaiting(member)
      this.members.lookAtFirst()
      inbox.work(this)
    })
  }

  /** Shuts down, unless it does so already. */
  leave(reason: StopReason, drainDelay?: number): void {
    if (this.leaving) return
    this.leaving = true
    this.#isLed = true
    this.#drainDelay = drainDelay
    this.#options.inbox.take(() => this.#trigger$.next(reason))
  }

  /** The listener has left. Members are left too; those that have not ended are abandoned. */
  abandon(): void {
    this.phase = 'over'
    this.leaving = true
    this.#alone.unsubscribe()
    this.#all.unsubscribe()
    for (const member of this.members.reversed()) {
      if (isFinal(member.state)) continue
      if (!member.begun) member.entry.inside?.dismiss()
      member.note({ phase: 'stopped', how: member.begun ? 'abandoned' : 'stopped' }, undefined)
      this.#record(member)
    }
  }

  // What is decided by.

  get order(): GroupFacts['order'] {
    return this.members.graph
  }

  readonly at = (node: number): Member => this.members.at(node)

  /** How many have not passed: in a drain, how many still drain; in a stop, how many are still there. */
  get draining(): number {
    return this.members.open
  }

  get there(): number {
    return this.members.open
  }

  get isDone(): boolean {
    return this.#endedBy !== undefined || (this.#working === 0 && this.#workers > 0)
  }

  get goingDown(): number {
    return this.restarts.set.goingDown
  }

  get restartSet(): Iterable<Member> {
    return this.restarts.set.members
  }

  /** Why the group fails, if it does. */
  get failure(): ServiceError | undefined {
    return this.#errors.length > 0 ? groupFailure(this.#options.name, this.#hasRun, this.#errors) : undefined
  }

  // Members come and go.

  /** @throws ServiceError when one has no place; nothing has changed then */
  enroll(entries: readonly Entry[]): readonly Member[] {
    return this.members.enroll(entries)
  }

  #join(entry: Entry, node: number): Member {
    const member = new Member(entry, node, this.#begunIn)
    this.coming++
    if (!member.observer) {
      this.#workers++
      this.#working++
    }
    const { service, restart: rules } = entry
    if (!rules) return member
    // Each incarnation is a part of its member, whatever set off the restart.
    const placed: Service = { name: entry.name, lifecycle: shutdown$ => inside(member, service.lifecycle(shutdown$)) }
    member.service = restart(placed, rules, this.#options.clock, {
      gate: () => this.restarts.gate(member),
      admit: (at, cause) => this.restarts.admit(entry.name, at, cause),
    })
    return member
  }

  /** A member is to end, and to be forgotten then. The group does not exist for its sake any more. */
  remove(member: Member, reason: StopReason): void {
    member.removed = true
    if (!member.observer) this.#workers--
    this.end(member, reason)
  }

  /** A member is to end alone, for good. */
  end(member: Member, reason: StopReason): void {
    member.endForGood(reason)
    this.members.look(member)
  }

  #forget(member: Member): void {
    const { name, path, state } = member
    member.removed = false
    // An abandoned one is still there, and stays to be seen.
    if (state.phase === 'stopped' && state.how === 'abandoned') {
      if (!member.observer) this.#workers++
      return
    }
    this.#options.journal.remove(path)
    this.#unwell.note(name, 'pass', state)
    this.members.forget(member)
    this.#arrived(member)
  }

  #revive(member: Member): void {
    const { journal } = this.#options
    member.rewind()
    if (!member.observer) this.#working++
    journal.together(() => {
      journal.add(member.path, member.entry)
      member.entry.inside?.renew()
    })
  }

  // What members tell.

  #hear(told: Told): void {
    this.#options.inbox.take(() => {
      const { member } = told
      if (told.kind === 'state') return this.#note(member, told.state, told.error)
      if (told.kind === 'news') {
        member.state = told.state
        return this.#record(member)
      }
      if (told.kind === 'down') {
        member.rewind()
        if (member.inSet) this.#tellWaiting(member, waitsDownFor(member, this))
      }
      this.restarts.set.look(member)
      this.members.look(member)
    })
  }

  /** A member has come to a state: first the facts, then all who listen, then what follows is looked at. */
  #note(member: Member, state: ServiceState, error?: ServiceError): void {
    const { name, observer, optional = false, onEnd } = { ...member.entry, observer: member.observer }
    member.note(state, error)
    if (isFinal(state) && !observer) this.#working--
    const isMissed = !optional && !isAskedAlone(member, this.leaving) && !isTemporaryAndFailed(member)
    const health = healthOf(state, error !== undefined, this.leaving, !isMissed, member.returning)
    this.#unwell.note(name, health, state)
    // A member that could not start is part of a loss already.
    const lost = this.leaving || (error && !member.lived) ? [] : this.#lostWith(member)
    if (error && member.lived && isMissed) this.#fail(error)
    else for (const { member: other, error: loss } of lost) if (!other.optional) this.#fail(loss)
    if (onEnd === 'stop-group' && state.phase === 'stopped' && state.how === 'ended') this.#endedBy ??= member
    const { strategy } = this.#options
    member.gathers = state.phase === 'backoff' && strategy !== 'one-for-one' && !member.isTakenDown

    const { leaving } = this

    this.#record(member)

    for (const { member: other, error: loss } of lost) {
      // A listener has stopped the group meanwhile.
      if (this.leaving && !leaving) break
      this.#dismiss(other, loss)
    }
    this.restarts.set.look(member)
    this.members.look(member)
    for (const node of this.order.dependents[member.node]!) this.#dependencyChanged(this.at(node), state)
    // A member that is removed goes after those that depend on it.
    if (isFinal(state)) this.members.lookAtAll(this.#declaredBy(member).filter(({ removed }) => removed))
  }

  #declaredBy({ node }: Member): readonly Member[] {
    return this.order.declared[node]!.map(this.at)
  }

  #dependencyChanged(member: Member, { phase }: ServiceState): void {
    // Otherwise it is looked at when its turn comes.
    if (member.passed || member.ahead === 0) this.members.look(member)
    if (phase !== 'starting' && phase !== 'waiting' && !member.held) this.tellWaiting(member)
  }

  /** Tells the dependencies that a member waits for, when they are not those that it told before. */
  tellWaiting(member: Member): void {
    if (this.leaving || (member.begun && !member.held)) return
    const open = waitsFor(member, this)
    const told = member.state.phase === 'waiting' ? member.state.for : []
    if (open.length !== told.length || open.some(({ name }, i) => name !== told[i])) this.#tellWaiting(member, open)
  }

  #tellWaiting(member: Member, others: readonly MemberFacts[]): void {
    if (others.length > 0) this.#note(member, { phase: 'waiting', for: others.map(({ name }) => name) })
  }

  #fail(error: ServiceError): void {
    this.#errors.push(error)
    this.leave({ by: 'failure', service: `${this.#options.name}/${error.service}`, error: errorInfo(error) })
  }

  /** Those that can't start because a member is over, the nearest first, each with its error. */
  #lostWith({ node, state, error }: Member): readonly { readonly member: Member; readonly error: ServiceError }[] {
    const { dependents } = this.order
    if (!isLost(state) || dependents[node]!.length === 0) return []
    const waits = (other: number): boolean => {
      const { begun, returning } = this.at(other)
      return !begun && !(returning && state.phase === 'stopped')
    }
    const nameOf = (other: number): string => this.at(other).name
    return losses(node, dependents, waits).map(loss => ({
      member: this.at(loss.node),
      error: dependencyFailed(loss, nameOf, error),
    }))
  }

  /** A member that has not begun never will, nor will what is inside it. */
  #dismiss(member: Member, error?: ServiceError): void {
    if (member.begun) return
    member.entry.inside?.dismiss()
    if (error) this.#note(member, { phase: 'failed', error: errorInfo(error) }, error)
    else this.#note(member, { phase: 'stopped', how: 'stopped' })
  }

  #record(member: Member): void {
    lookAgain()
    const { journal } = this.#options
    const { path, state } = member
    const { inside } = member.entry
    if (!inside) return journal.record(path, state)
    // A listener outside that hears of it finds the group inside over by then.
    journal.together(() => {
      journal.record(path, state)
      inside.tell(state)
    })
  }

  // What is done next.

  turn(): boolean {
    if (this.phase === 'over') return false
    // A failure is told with the shutdown that it leads to.
    const isAboutToLeave = this.leaving && this.step === undefined
    if (this.phase === 'running' && !isAboutToLeave && this.#unwell.hasNews) this.#sayRunning()
    const member = this.members.next()
    if (member) {
      member.wake()
      const action = decide(member, this)
      if (action) this.#do(action, member)
      return true
    }
    const shutdown = this.#steps.shift()
    if (shutdown) this.#take(shutdown)
    else if (!this.#doNext(decideGroup(this))) return false
    return true
  }

  #do(action: Action, member: Member): void {
    this.members.look(member)
    switch (action) {
      case 'begin':
        return this.#begun$.next(member)
      case 'open': {
        const { open } = member
        member.open = undefined
        return open!()
      }
      case 'dismiss':
        return this.#dismiss(member)
      case 'gather':
        return this.restarts.gather(member)
      case 'rest':
        return this.restarts.set.rest(member)
      case 'take-down':
        member.comesBack = true
        return this.#leadAlone(member)
      case 'end':
        return this.#leadAlone(member)
      case 'pass':
        return this.#pass(member)
      case 'forget':
        return this.#forget(member)
      default:
        member.wanted = 'gone'
        return member.incarnation!.raise(this.#taken!)
    }
  }

  #doNext(action: ReturnType<typeof decideGroup>): boolean {
    switch (action) {
      case undefined:
        return false
      case 'run':
        this.phase = 'running'
        this.#hasRun = true
        this.#sayRunning()
        return true
      case 'leave':
        this.leave(this.#endedBy ? { by: 'end', service: this.#endedBy.path } : { by: 'end' })
        return true
      case 'drain':
        this.phase = 'draining'
        this.#say({ phase: 'draining', reason: this.#taken!.reason, ...this.#deadline() })
        return true
      case 'drained':
        this.toldDrained = true
        if (this.phase === 'draining') this.#say({ phase: 'drained' })
        return true
      case 'finish':
        this.#finish()
        return true
    }
  }

  #pass(member: Member): void {
    this.members.pass(member)
    if (this.step !== undefined) return
    this.restarts.set.leave(member)
    this.#arrived(member)
  }

  /** The start of the group does not wait for it any more. */
  #arrived(member: Member): void {
    if (!member.hasArrived) this.coming--
    member.hasArrived = true
  }

  /** Drains and stops a member that ends alone, or with its restart set. */
  #leadAlone(member: Member): void {
    const { incarnation, reason } = member
    const { forceTimeout } = this.#options.clocks
    member.led = true
    const isPresent = (): boolean => member.incarnation === incarnation
    const steps$ = leadSteps(of(reason ?? { by: 'call' }), ['drain', 'stop'], step =>
      step === 'stop' ? EMPTY : member.until(() => !isPresent() || member.state.phase !== 'draining'),
    )
    this.#alone.add(
      steps$.subscribe(({ step, reason: why }) => incarnation!.raise({ step, reason: why, forceTimeout })),
    )
  }

  // The shutdown of the group.

  /** The trigger leads to a teardown: one step after the other. */
  #lead(): Observable<Shutdown> {
    const { clock, clocks, inbox } = this.#options
    const delayed = drainDelayed({ drainDelay: reason => this.#drainDelay ?? clocks.drainDelay(reason) }, clock)
    const isDrained = (): boolean => this.toldDrained || reaches(this.step, 'stop')
    return leadSteps(this.#trigger$, GRACEFUL, (step, reason) => {
      if (step === 'unready') return this.phase === 'running' ? delayed(reason) : EMPTY
      return step === 'drain' ? inbox.until(isDrained) : EMPTY
    }).pipe(map(shutdown => ({ ...shutdown, forceTimeout: this.#forceTimeout })))
  }

  /** A step that comes from above. Whoever leads the group waits for it, so it has no drain delay of its own. */
  #onStep(shutdown: Shutdown): void {
    const { step, reason, forceTimeout } = shutdown
    if (forceTimeout !== undefined) this.#forceTimeout = forceTimeout
    const isUnannounced = step === 'stop' && !reaches(this.#latest?.step, 'drain')
    if (step === 'force' || this.#isLed || this.phase === 'idle') this.#arrive(shutdown)
    else if (this.phase === 'starting' || isUnannounced) {
      this.leaving = false
      this.leave(reason, 0)
    } else this.#arrive(shutdown)
  }

  /** A step has come in. Steps only rise, and those that are implied come first. */
  #arrive(shutdown: Shutdown): void {
    if (this.phase === 'over' || reaches(this.#latest?.step, shutdown.step)) return
    this.leaving = true
    this.#options.inbox.take(() => this.#queue(shutdown))
  }

  #queue(shutdown: Shutdown): void {
    const { clock, clocks, inbox } = this.#options
    if (shutdown.step === 'drain' && !this.#latest) this.#steps.push({ ...shutdown, step: 'unready' })
    if (!this.#latest && clocks.shutdownTimeout !== Infinity && !this.#options.endsWithHolder()) {
      this.#endsAt = clock.now() + clocks.shutdownTimeout
      const force = { step: 'force', reason: shutdown.reason, forceTimeout: this.#forceTimeout } as const
      this.#all.add(after(clock, clocks.shutdownTimeout, () => this.#arrive(force)))
    }
    this.#latest = shutdown
    this.#steps.push(shutdown)
    inbox.work(this)
  }

  #take(shutdown: Shutdown): void {
    const before = this.step
    this.step = shutdown.step
    this.#taken = shutdown
    this.#alone.unsubscribe()
    this.restarts.clear()
    if (shutdown.step === 'unready') {
      if (this.phase === 'running') this.#sayRunning()
      this.members.lookAtAll(this.members.reversed())
    } else if (shutdown.step === 'drain') {
      this.members.turn('drain')
      this.members.lookAtFirst()
    } else {
      this.#sayStopping()
      if (!reaches(before, 'stop')) this.members.turn('stop')
      if (shutdown.step === 'force') this.members.lookAtAll(this.members.reversed())
      this.members.lookAtFirst()
    }
  }

  /** It was told to end before it began. */
  #dismissAll(renew: () => void): void {
    renew()
    this.phase = 'stopping'
    const step = this.#latest!.step === 'force' ? 'force' : 'stop'
    this.#steps.splice(0, Infinity, { ...this.#latest!, step })
  }

  #sayStopping(): void {
    const { phase } = this
    this.phase = 'stopping'
    if (phase !== 'stopping') this.#say({ phase: 'stopping', reason: this.#taken!.reason, ...this.#deadline() })
  }

  #sayRunning(): void {
    const { health, detail } = this.#unwell.tell()
    const leaving = this.#taken && { leaving: this.#taken.reason, ...this.#deadline() }
    this.#say({ phase: 'running', health, ...(detail !== undefined && { detail }), ...leaving })
  }

  #finish(): void {
    const states = this.members.list.map(({ state }) => state)
    const how = endingOf(states, this.#taken)
    const error = this.failure
    this.phase = 'over'
    // Something is still there, so this group is not gone either: it says so and never completes.
    if (how === 'abandoned') return this.#say({ phase: 'stopped', how, ...(error && { error: errorInfo(error) }) })
    if (error) return this.#out.error(error)
    this.#say({ phase: 'stopped', how })
    this.#out.complete()
  }

  /** When what is left will be forced, as people are told. */
  #deadline(): { readonly deadline?: number } {
    return this.#endsAt === undefined ? {} : { deadline: onTheWall(this.#options.clock, this.#endsAt) }
  }

  #say(state: ServiceState): void {
    this.#out.next(state)
  }

  // Calls from inside.

  /** The members, of some or of all, that hold up an end; of a nested group its own members that do. */
  holders(among: readonly Member[] = this.members.list): readonly Holder[] {
    return among
      .filter(({ isAwaited }) => isAwaited)
      .flatMap((member): readonly Holder[] => {
        const inner = member.entry.inside?.holders() ?? []
        return inner.length > 0 ? inner : [member]
      })
  }

  has(work: Work): boolean {
    return work instanceof Member && this.members.at(work.node) === work
  }

  /** The members that are not running yet, and what each of them waits for. */
  explain(): string {
    const lines = this.members.list.flatMap(({ state, name }) => {
      if (state.phase === 'waiting')
        return [`"${name}" waits for ${state.for.map(other => `"${other}"`).join(' and ')}`]
      if (state.phase === 'starting') return [`"${name}" is still starting`]
      if (state.phase === 'backoff') return [`"${name}" waits to be restarted: ${state.error.message}`]
      return state.phase === 'idle' ? [`"${name}" has not been started`] : []
    })
    return lines.join('; ')
  }
}

/** The group was not told to end, but this member was, or it is being removed. */
const isAskedAlone = (member: Member, leaving: boolean): boolean => (member.asked && !leaving) || member.removed

/** A temporary member that has failed is not restarted, and the group goes on without it. */
const isTemporaryAndFailed = ({ state, entry, hasRun, asked }: Member): boolean =>
  state.phase === 'failed' && entry.temporary === true && hasRun && !asked

/** The same, subscribed as a part of a work. */
const inside = <T>(work: Work, source$: Observable<T>): Observable<T> =>
  new Observable(out => enter(work, () => source$.subscribe(out)))
