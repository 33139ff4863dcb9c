import { EMPTY, type Observable, of, Subject, type Subscriber, Subscription } from 'rxjs'
import { errorInfo, type ServiceError } from '../errors.ts'
import { mergeEach } from '../merge-each.ts'
import { leadSteps } from '../shutdown.ts'
import { hasDrained, isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { reaches, type Shutdown } from '../steps.ts'
import { currentWork } from '../work.ts'
import { type Action, decide, decideGroup } from './decide.ts'
import { endingOf } from './group-errors.ts'
import { Facts } from './group-facts.ts'
import { GroupShutdown, type ShutdownOptions } from './group-shutdown.ts'
import type { Inbox, Working } from './inbox.ts'
import { STARTING } from './incarnation.ts'
import { Member } from './member.ts'
import { MemberStates } from './member-states.ts'
import { Members } from './members.ts'
import { Restarts, type RestartsOptions } from './restarts.ts'

export interface LifecycleOptions extends RestartsOptions, ShutdownOptions {
  readonly journal: Journal
  /** How many groups are around this group. */
  readonly depth: number
}

/** The listener of an incarnation. It hears nothing after the first error or completion. */
export type LifecycleListener = Pick<Subscriber<ServiceState>, 'next' | 'error' | 'complete' | 'add'>

/** One incarnation of a group. It notes what its members tell, asks decide.ts for the next action, and does it. */
export class GroupLifecycle implements Working {
  readonly depth: number
  readonly members: Members
  readonly restarts: Restarts
  readonly states: MemberStates
  readonly inbox: Inbox
  readonly #options: LifecycleOptions
  readonly #out: LifecycleListener
  readonly #facts: Facts
  readonly #shutdown: GroupShutdown
  readonly #all = new Subscription()
  /** The shutdown steps of members that end alone, or with their restart set. */
  readonly #alone = new Subscription()
  readonly #begun$ = new Subject<Member>()
  /** The latest shutdown step that the group has taken. */
  #taken: Shutdown | undefined

  constructor(options: LifecycleOptions, out: LifecycleListener) {
    const { depth, inbox, name } = options
    this.#options = options
    this.#out = out
    this.depth = depth
    this.inbox = inbox
    const haveWork = (): void => inbox.work(this)
    const begunIn = currentWork()
    this.members = new Members((entry, node) => {
      const member = new Member(entry, node, begunIn)
      this.#facts.join(member)
      this.restarts.supervise(member)
      return member
    }, haveWork)
    this.restarts = new Restarts(this.members, options, {
      revive: member => this.states.revive(member),
      tellWaiting: member => this.states.tellWaiting(member),
    })
    this.#facts = new Facts(name, this.members, this.restarts.set)
    this.#shutdown = new GroupShutdown(options, this.#facts, haveWork)
    this.states = new MemberStates(options.journal, this.#facts, this.restarts, reason => this.leave(reason))
  }

  /** @param renew puts all services back to `idle`, unless this is the group's first incarnation */
  begin(shutdown$: Observable<Shutdown>, renew: () => void): void {
    const { clock, inbox, journal } = this.#options
    inbox.take(() => {
      const told$ = this.#begun$.pipe(mergeEach(member => member.begin(clock)))
      this.#all.add(told$.subscribe(told => inbox.take(() => this.states.hear(told))))
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
      for (const member of list) if (graph.declared[member.node]!.length > 0) this.states.tellWaiting(member)
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

  /** Tells all members that are left to end now. */
  force(reason: StopReason): void {
    this.#shutdown.force(reason)
  }

  /** The subscriber of the group has unsubscribed. Members that have not ended are abandoned. */
  abandon(): void {
    this.#facts.phase = 'over'
    this.#facts.leaving = true
    this.#alone.unsubscribe()
    this.#all.unsubscribe()
    for (const member of this.members.reversed()) this.states.abandon(member)
  }

  /** Ends one member for good. The group goes on. */
  end(member: Member, reason: StopReason): void {
    member.endForGood(reason)
    this.members.look(member)
  }

  /** Ends one member and all that depend on it, until they are restarted. */
  stopByHand(member: Member, reason: StopReason): void {
    for (const one of this.restarts.goingByHand(member, true)) {
      if (isFinal(one.state) || one.asked) continue
      one.stoppedWith = member
      this.end(one, reason)
    }
  }

  /** Ends one member for good, and forgets it when it is gone. */
  remove(member: Member, reason: StopReason): void {
    this.#facts.markRemoved(member, true)
    this.end(member, reason)
  }

  // The next action.

  turn(): boolean {
    const facts = this.#facts
    if (facts.phase === 'over') return false
    // A failure that leads to a shutdown is told together with the shutdown.
    const isAboutToLeave = facts.leaving && facts.step === undefined
    if (facts.phase === 'running' && !isAboutToLeave && facts.unhealthy.hasNews) this.#sayRunning()
    const member = this.members.next()
    if (member) {
      member.completeWait()
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
      case 'release':
        return member.release()
      case 'dismiss':
        return this.states.dismiss(member)
      case 'restart-others':
        return this.restarts.restartOthers(member)
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
        return this.states.forget(member)
      default:
        member.wanted = 'gone'
        return member.incarnation!.raise(this.#shutdown.toldTo(member, this.#taken!))
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
    this.#shutdown.take(shutdown)
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

  // The states of the group.

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
