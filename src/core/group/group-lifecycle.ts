import { EMPTY, Observable, of, Subject, type Subscriber, Subscription } from 'rxjs'
import { restart } from '../behaviors/restart.ts'
import { errorInfo, type ServiceError } from '../errors.ts'
import { mergeEach } from '../merge-each.ts'
import type { Service } from '../service.ts'
import { leadSteps } from '../shutdown.ts'
import { hasDrained, isAbandoned, isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { reaches, type Shutdown } from '../steps.ts'
import { currentWork, enter, type Work } from '../work.ts'
import { type Action, decide, decideGroup, type MemberFacts, waitsDownFor, waitsFor } from './decide.ts'
import type { Entry } from './entry.ts'
import { endingOf } from './group-errors.ts'
import { Facts } from './group-facts.ts'
import { GroupShutdown, type ShutdownOptions } from './group-shutdown.ts'
import type { Inbox, Working } from './inbox.ts'
import { STARTING, type Told } from './incarnation.ts'
import { lookAgain } from './inside-calls.ts'
import { Member } from './member.ts'
import { Members } from './members.ts'
import { Restarts, type RestartsOptions } from './restarts.ts'

export interface LifecycleOptions extends RestartsOptions, ShutdownOptions {
  readonly journal: Journal
  /** How many groups are around this group. */
  readonly depth: number
}

/** One incarnation of a group. It notes what its members tell, asks decide.ts for the next action, and does it. */
export class GroupLifecycle implements Working {
  readonly depth: number
  readonly members: Members
  readonly restarts: Restarts
  readonly #begunIn: Work | undefined = currentWork()
  readonly inbox: Inbox
  readonly #options: LifecycleOptions
  readonly #out: Subscriber<ServiceState>
  readonly #facts: Facts
  readonly #shutdown: GroupShutdown
  readonly #all = new Subscription()
  /** The shutdown steps of members that end alone, or with their restart set. */
  readonly #alone = new Subscription()
  readonly #begun$ = new Subject<Member>()
  /** The latest shutdown step that the group has taken. */
  #taken: Shutdown | undefined

  constructor(options: LifecycleOptions, out: Subscriber<ServiceState>) {
    const { depth, inbox, name } = options
    this.#options = options
    this.#out = out
    this.depth = depth
    this.inbox = inbox
    const haveWork = (): void => inbox.work(this)
    this.members = new Members((entry, node) => this.#join(entry, node), haveWork)
    const revive = (member: Member): void => this.#revive(member)
    this.restarts = new Restarts(this.members, options, revive, member => this.tellWaiting(member))
    this.#facts = new Facts(name, this.members, this.restarts.set)
    this.#shutdown = new GroupShutdown(options, this.#facts, haveWork)
  }

  /** @param renew puts all services back to `idle`, unless this is the group's first incarnation */
  begin(shutdown$: Observable<Shutdown>, renew: () => void): void {
    const { clock, inbox, journal } = this.#options
    inbox.take(() => {
      const told$ = this.#begun$.pipe(mergeEach(member => member.begin(clock)))
      this.#all.add(told$.subscribe(told => this.#hear(told)))
      this.#all.add(this.#shutdown.follow(shutdown$))
      inbox.work(this)
      if (this.leaving) {
        renew()
        this.#facts.phase = 'stopping'
        return this.#shutdown.skipToStop()
      }
      this.#facts.phase = 'starting'
      journal.together(() => {
        this.#say(STARTING)
        renew()
      })
      const { graph, list } = this.members
      for (const member of list) if (graph.declared[member.node]!.length > 0) this.tellWaiting(member)
      this.members.lookAtFirst()
    })
  }

  get leaving(): boolean {
    return this.#facts.leaving
  }

  /** The error that the group fails with, if it fails. */
  get failure(): ServiceError | undefined {
    return this.#facts.failure
  }

  /** Begins the shutdown, unless it has begun. */
  leave(reason: StopReason): void {
    this.#shutdown.begin(reason)
  }

  /** The subscriber of the group has unsubscribed. Members that have not ended are abandoned. */
  abandon(): void {
    this.#facts.phase = 'over'
    this.#facts.leaving = true
    this.#alone.unsubscribe()
    this.#all.unsubscribe()
    for (const member of this.members.reversed()) {
      if (isFinal(member.state)) continue
      if (!member.begun) member.entry.inside?.dismiss()
      member.note({ phase: 'stopped', how: member.begun ? 'abandoned' : 'stopped' }, undefined)
      this.#record(member)
    }
  }

  /** Ends one member for good. The group goes on. */
  end(member: Member, reason: StopReason): void {
    member.endForGood(reason)
    this.members.look(member)
  }

  /** Ends one member for good, and forgets it when it is gone. */
  remove(member: Member, reason: StopReason): void {
    this.#facts.markRemoved(member, true)
    this.end(member, reason)
  }

  // Members come and go.

  #join(entry: Entry, node: number): Member {
    const member = new Member(entry, node, this.#begunIn)
    this.#facts.join(member)
    const { name, service, restart: rules } = entry
    if (!rules) return member
    // Each incarnation is part of the member's work, whatever caused the restart.
    const placed: Service = { name, lifecycle: shutdown$ => inside(member, service.lifecycle(shutdown$)) }
    member.service = restart(placed, rules, this.#options.clock, {
      gate: () => this.restarts.gate(member),
      admit: (at, cause) => this.restarts.admit(name, at, cause),
    })
    return member
  }

  #revive(member: Member): void {
    const { journal } = this.#options
    this.#facts.revive(member)
    journal.together(() => {
      journal.add(member.path, member.entry)
      member.entry.inside?.renew()
    })
  }

  #forget(member: Member): void {
    // An abandoned member may still run, so it stays in the status.
    if (isAbandoned(member.state)) return this.#facts.markRemoved(member, false)
    this.#options.journal.remove(member.path)
    this.#facts.forget(member)
  }

  // What comes in.

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
        if (member.inSet) this.#tellWaiting(member, waitsDownFor(member, this.#facts))
      }
      this.restarts.set.look(member)
      this.members.look(member)
    })
  }

  /**
   * A member has a new state. First the facts change, then listeners are told, then the members concerned are queued.
   */
  #note(member: Member, state: ServiceState, error?: ServiceError): void {
    const { lost, reason } = this.#facts.note(member, state, error)
    if (reason) this.leave(reason)
    this.restarts.note(member)
    const { leaving } = this
    this.#record(member)
    for (const other of lost) {
      // A listener has stopped the group in the meantime.
      if (this.leaving && !leaving) break
      this.#dismiss(other.member, other.error)
    }
    this.members.look(member)
    const { dependents, declared } = this.members.graph
    for (const node of dependents[member.node]!) this.#dependencyChanged(this.members.at(node), state)
    // A removed member ends after the members that depend on it.
    if (isFinal(state)) this.members.lookAtAll(declared[member.node]!.map(this.members.at).filter(one => one.removed))
  }

  #dependencyChanged(member: Member, { phase }: ServiceState): void {
    // A member whose turn has not come is looked at when it comes.
    if (member.passed || member.ahead === 0) this.members.look(member)
    if (phase !== 'starting' && phase !== 'waiting' && !member.held) this.tellWaiting(member)
  }

  /** Tells the dependencies that a member waits for, if they have changed. */
  tellWaiting(member: Member): void {
    if (this.leaving || (member.begun && !member.held)) return
    const open = waitsFor(member, this.#facts)
    const told = member.state.phase === 'waiting' ? member.state.for : []
    if (open.length !== told.length || open.some(({ name }, i) => name !== told[i])) this.#tellWaiting(member, open)
  }

  #tellWaiting(member: Member, others: readonly MemberFacts[]): void {
    if (others.length > 0) this.#note(member, { phase: 'waiting', for: others.map(({ name }) => name) })
  }

  /** A member that has not begun never begins, and nothing inside it does. */
  #dismiss(member: Member, error?: ServiceError): void {
    if (member.begun) return
    member.entry.inside?.dismiss()
    if (error) this.#note(member, { phase: 'failed', error: errorInfo(error) }, error)
    else this.#note(member, { phase: 'stopped', how: 'stopped' })
  }

  #record({ path, state, entry: { inside } }: Member): void {
    const { journal } = this.#options
    lookAgain()
    if (!inside) return journal.record(path, state)
    // A listener of the outer group must find the nested group in this state too.
    journal.together(() => {
      journal.record(path, state)
      inside.tell(state)
    })
  }

  // What is done next.

  turn(): boolean {
    const facts = this.#facts
    if (facts.phase === 'over') return false
    // A failure that leads to a shutdown is told together with the shutdown.
    const isAboutToLeave = facts.leaving && facts.step === undefined
    if (facts.phase === 'running' && !isAboutToLeave && facts.unhealthy.hasNews) this.#sayRunning()
    const member = this.members.next()
    if (member) {
      member.wake()
      const action = decide(member, facts)
      if (action) this.#do(action, member)
      return true
    }
    const shutdown = this.#shutdown.next()
    if (!shutdown) return this.#doNext()
    this.#take(shutdown)
    return true
  }

  #do(action: Action, member: Member): void {
    this.members.look(member)
    switch (action) {
      case 'begin':
        return this.#begun$.next(member)
      case 'open':
        return member.letOpen()
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

  #pass(member: Member): void {
    this.members.pass(member)
    if (this.#facts.step !== undefined) return
    this.restarts.set.leave(member)
    this.#facts.arrived(member)
  }

  /** Drains and stops one member: it ends alone, or with its restart set. */
  #leadAlone(member: Member): void {
    const { incarnation, reason } = member
    member.led = true
    const isGone = (): boolean => member.incarnation !== incarnation
    const steps$ = leadSteps(of(reason ?? { by: 'call' }), ['drain', 'stop'], step =>
      step === 'drain' ? member.until(() => isGone() || hasDrained(member.state)) : EMPTY,
    )
    this.#alone.add(steps$.subscribe(shutdown => incarnation!.raise(shutdown)))
  }

  #take(shutdown: Shutdown): void {
    const facts = this.#facts
    const before = facts.step
    facts.step = shutdown.step
    this.#taken = shutdown
    this.#alone.unsubscribe()
    this.restarts.clear()
    if (shutdown.step === 'unready') {
      if (facts.phase === 'running') this.#sayRunning()
      return this.members.lookAtAll(this.members.reversed())
    }
    if (shutdown.step !== 'drain') this.#sayStopping(shutdown)
    if (!reaches(before, 'stop')) this.members.turn(shutdown.step === 'drain' ? 'drain' : 'stop')
    if (shutdown.step === 'force') this.members.lookAtAll(this.members.reversed())
    this.members.lookAtFirst()
  }

  #doNext(): boolean {
    const facts = this.#facts
    const action = decideGroup(facts)
    switch (action) {
      case undefined:
        return false
      case 'run':
        facts.phase = 'running'
        facts.hasRun = true
        this.#sayRunning()
        break
      case 'leave':
        this.leave(facts.endReason)
        break
      case 'drain':
        facts.phase = 'draining'
        this.#say({ phase: 'draining', reason: this.#taken!.reason, ...this.#shutdown.deadline })
        break
      case 'drained':
        facts.toldDrained = true
        if (facts.phase === 'draining') this.#say({ phase: 'drained' })
        break
      case 'finish':
        this.#finish()
    }
    return true
  }

  // What the group tells.

  #sayRunning(): void {
    const { health, detail } = this.#facts.unhealthy.tell()
    const leaving = this.#taken && { leaving: this.#taken.reason, ...this.#shutdown.deadline }
    this.#say({ phase: 'running', health, ...(detail !== undefined && { detail }), ...leaving })
  }

  #sayStopping({ reason }: Shutdown): void {
    const { phase } = this.#facts
    this.#facts.phase = 'stopping'
    if (phase !== 'stopping') this.#say({ phase: 'stopping', reason, ...this.#shutdown.deadline })
  }

  #finish(): void {
    const states = this.members.list.map(({ state }) => state)
    const how = endingOf(states, this.#taken)
    const error = this.failure
    this.#facts.phase = 'over'
    // An abandoned member may still run, so the lifecycle of the group says `abandoned` and never completes.
    if (how === 'abandoned') return this.#say({ phase: 'stopped', how, ...(error && { error: errorInfo(error) }) })
    if (error) return this.#out.error(error)
    this.#say({ phase: 'stopped', how })
    this.#out.complete()
  }

  #say(state: ServiceState): void {
    this.#out.next(state)
  }
}

/** The same Observable, subscribed as part of a work. */
const inside = <T>(work: Work, source$: Observable<T>): Observable<T> =>
  new Observable(out => enter(work, () => source$.subscribe(out)))
