import { EMPTY, NEVER, Observable, Subject, type Subscriber, Subscription, takeUntil } from 'rxjs'
import { restart } from '../behaviors/restart.ts'
import { type Clock, onTheWall } from '../clock.ts'
import { errorInfo, type ServiceError } from '../errors.ts'
import type { Service } from '../service.ts'
import { goodbye, type ShutdownClocks } from '../shutdown.ts'
import { hasDrained, isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { atLeast, type Shutdown } from '../steps.ts'
import { walk } from '../walk.ts'
import { currentWork, enter, type Work } from '../work.ts'
import { Changes } from './changes.ts'
import { endingOf, groupFailure } from './end.ts'
import type { Entry } from './entry.ts'
import { type Holder, lookAgain } from './held-up.ts'
import { Member, type MemberListener } from './member.ts'
import { Restarting } from './restarting.ts'
import { Roster } from './roster.ts'
import type { Strategy } from './strategy.ts'
import { healthOf, Unwell } from './unwell.ts'
import { isPassed } from './waiting.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface GroupLifeOptions {
  readonly name: string
  readonly clock: Clock
  readonly journal: Journal
  /** The clocks of a shutdown that this group begins itself. */
  readonly clocks: ShutdownClocks
  readonly strategy: Strategy
  readonly maxRestarts: number
  readonly period: number
}

/**
 * One life of a group, from subscription to gone: starts its members along the plan, shows the worst of their health,
 * and takes them down the four steps. A failed start, a failed member, `stop()` and a step from above all come to the
 * same code, `#raise`, where levels only rise.
 */
export class GroupLife implements MemberListener {
  readonly begunIn: Work | undefined = currentWork()
  readonly #options: GroupLifeOptions
  readonly #out: Subscriber<ServiceState>
  readonly #all = new Subscription()
  readonly #roster = new Roster((entry, node) => this.#newMember(entry, node))
  #phase: 'idle' | 'starting' | 'running' | 'draining' | 'stopping' | 'over' = 'idle'
  #shutdown: Shutdown | undefined
  /** When what is left will be forced, on its clock. */
  #endsAt: number | undefined
  #renew = (): void => undefined
  #goodbye = false
  #walkingForth = false
  #walkingBack = false
  /** How many changes are being told of: one may cause another. */
  #telling = 0
  #everRan = false
  /** How many that are not observers are not gone. */
  #working = 0
  /** Whose end is the group's. */
  #endedBy: Member | undefined
  readonly #unwell = new Unwell()
  /** About to fail, as soon as all that wait in vain have been told. */
  #doomed = false
  readonly #waiting = new WaitingRoom(this.#roster, {
    isClosed: () => this.leaving,
    doom: () => {
      this.#doomed = true
    },
  })
  readonly #restarting: Restarting
  /** How it changes while it lives. */
  readonly changes: Changes
  readonly #errors: ServiceError[] = []
  readonly #left$ = new Subject<void>()
  readonly #cut$ = new Subject<void>()
  readonly #drained$ = new Subject<never>()

  constructor(options: GroupLifeOptions, out: Subscriber<ServiceState>) {
    this.#options = options
    this.#out = out
    this.#restarting = new Restarting(this.#roster, {
      group: options.name,
      strategy: options.strategy,
      maxRestarts: options.maxRestarts,
      period: options.period,
      begin: member => this.#waiting.begin(member),
      withdraw: member => this.#waiting.withdraw(member),
      revive: member => this.#revive(member),
      idle: () => this.changes.tidy(),
    })
    this.changes = new Changes(options.name, this.#roster, this.#waiting, this.#restarting, options.journal, {
      isLeaving: () => this.leaving,
      isStarting: () => this.#walkingForth,
      keepPlaces: work => this.#keepPlaces(work),
      isMoving: () => this.#walkingForth || this.#telling > 0,
      enroll: entries => this.enroll(entries),
      start: member => this.#start(member),
      meanwhile: work => this.#all.add(work.pipe(takeUntil(this.#left$)).subscribe()),
      forget: ({ entry, state }) => {
        this.#unwell.note(entry.name, 'pass', state)
        this.#tellHealth()
      },
    })
  }

  /** @param renew takes in anew what was over, when this is not the first life */
  begin(shutdown$: Observable<Shutdown>, renew: () => void): void {
    this.#renew = renew
    this.#all.add(shutdown$.subscribe(shutdown => this.#onStep(shutdown)))
    if (this.#shutdown) return
    this.#phase = 'starting'
    // Whoever hears that it starts may stop it, and then all in here has to be new.
    this.#options.journal.together(() => {
      this.#say({ phase: 'starting', attempt: 1 })
      renew()
    })
    this.#startMembers()
  }

  get leaving(): boolean {
    return this.#goodbye || this.#shutdown !== undefined || this.#phase === 'over'
  }

  /** Ends by itself, unless it is leaving already. */
  leave(reason: StopReason): void {
    const { drainDelay, forceTimeout } = this.#options.clocks
    if (!this.leaving) this.#sayGoodbye(reason, this.#phase === 'running' ? drainDelay(reason) : 0, forceTimeout)
  }

  /** Why it fails, if it does. */
  get failure(): ServiceError | undefined {
    return this.#errors.length > 0 ? groupFailure(this.#options.name, this.#everRan, this.#errors) : undefined
  }

  /** Whether a work is that of a member. */
  has(work: Work): boolean {
    return work instanceof Member && this.#roster.members[work.node] === work
  }

  /** The members, of some or of all, that hold up an end; of a nested group its own members that do. */
  holders(among: readonly Member[] = this.#roster.members): readonly Holder[] {
    return among
      .filter(member => member.isHoldingUp)
      .flatMap((member): readonly Holder[] => {
        const inner = member.entry.inside?.holders() ?? []
        return inner.length > 0 ? inner : [member]
      })
  }

  explain(): string {
    return this.#roster.explain()
  }

  /** The listener has left: members are left too, and whoever is still there is said to be abandoned. */
  abandon(): void {
    this.#phase = 'over'
    this.#all.unsubscribe()
    this.#restarting.stop()
    for (const member of this.#roster.fromTheEnd()) member.leave()
  }

  record(member: Member, state: ServiceState): void {
    lookAgain()
    const { journal } = this.#options
    const { inside } = member.entry
    if (!inside) return journal.record(member.path, state)
    // Who hears of it outside may begin its next life; this one is over inside by then.
    journal.together(() => {
      journal.record(member.path, state)
      inside.tell(state)
    })
  }

  changed(member: Member, error?: ServiceError): void {
    this.#keepPlaces(() => this.#onChange(member, error))
  }

  /** Whoever is told of something may change the group; places are given up only after that. */
  #keepPlaces<T>(work: () => T): T {
    this.#telling++
    try {
      return work()
    } finally {
      this.#telling--
      this.changes.tidy()
    }
  }

  #onChange(member: Member, error?: ServiceError): void {
    const { state } = member
    const { name, optional = false, onEnd } = member.entry
    if (isFinal(state) && !member.observer) this.#working--
    // Whoever heard of its end may have taken it out before its group acts on that.
    if (this.changes.isForgotten(member)) return this.#leaveIfDone()
    // One that was asked to go, alone, is not missed.
    const dismissed = (member.asked && !this.leaving) || this.changes.isRemoved(member)
    const spared = optional || dismissed || this.#hasHadItsTime(member)
    this.#unwell.note(name, healthOf(state, error !== undefined, this.leaving, spared, member.returning), state)
    // One that never lived waited in vain; the loss it is part of is dealt with as a whole.
    if (error && !member.lived) return
    const released = this.#waiting.tell(member, error)
    const failure = error && !spared ? error : released
    if (failure) {
      this.#errors.push(failure)
      const service = `${this.#options.name}/${failure.service}`
      if (!this.leaving) return this.leave({ by: 'failure', service, error: errorInfo(failure) })
    }
    if (onEnd === 'stop-group' && state.phase === 'stopped' && state.how === 'ended') this.#endedBy ??= member
    this.#tellHealth()
    this.#restarting.tell(member)
    if (state.phase === 'backoff' && !member.goingDown && !this.leaving) this.#restarting.onBackoff(member, state)
    this.#leaveIfDone()
  }

  /** Takes in services and gives each its place; throws when there is none, and then nothing has changed. */
  enroll(entries: readonly Entry[]): void {
    for (const member of this.#roster.enroll(entries)) if (!member.observer) this.#working++
  }

  #revive(member: Member): void {
    const { journal } = this.#options
    member.revive()
    if (!member.observer) this.#working++
    journal.together(() => {
      journal.add(member.path, member.entry)
      member.entry.inside?.renew()
    })
  }

  #newMember(entry: Entry, node: number): Member {
    const { clock } = this.#options
    const { service, restart: rules } = entry
    if (!rules) return new Member(node, entry, service, this, clock)
    // Each incarnation begins in the member, whatever set off the restart.
    const placed: Service = { name: entry.name, lifecycle: shutdown$ => inside(member, service.lifecycle(shutdown$)) }
    const supervised = restart(placed, rules, clock, {
      gate: () => this.#restarting.gate(member),
      admit: (at, cause) => this.#restarting.admit(entry.name, at, cause),
    })
    const member: Member = new Member(node, entry, supervised, this, clock)
    return member
  }

  // Start: forwards along the plan.

  #startMembers(): void {
    const { members, order } = this.#roster
    const known = members.length
    this.#walkingForth = true
    for (const { node } of members) this.#waiting.show(node)
    const forth = walk(order.before, node => this.#start(members[node]!), order.after).pipe(takeUntil(this.#left$))
    this.#all.add(
      forth.subscribe({
        complete: () => {
          if (this.leaving || this.#doomed) return
          this.#walkingForth = false
          if (this.#roster.members.length > known) this.#startMembers()
          else this.#started()
        },
      }),
    )
  }

  #start(member: Member): Observable<never> {
    if (this.#doomed) return NEVER
    // One that is on its way back is begun by whoever took it down.
    if (!member.begun && !member.returning) this.#waiting.begin(member)
    return member.until(isPassed(member.entry))
  }

  #started(): void {
    if (this.#phase !== 'starting') return
    this.#phase = 'running'
    this.#everRan = true
    this.changes.tidy()
    this.#sayRunning()
    this.#leaveIfDone()
  }

  // Running.

  /** A temporary one that has failed: it is not restarted, and does not take the others with it. */
  #hasHadItsTime(member: Member): boolean {
    const { phase } = member.state
    return phase === 'failed' && member.entry.temporary === true && member.hasRun && !member.asked
  }

  /** Each change once. */
  #tellHealth(): void {
    if (this.#unwell.news && this.#phase === 'running') this.#sayRunning()
  }

  #sayRunning(): void {
    const { health, detail } = this.#unwell
    this.#unwell.news = false
    const leaving = this.#shutdown && { leaving: this.#shutdown.reason, ...this.#deadline() }
    this.#say({ phase: 'running', health, ...(detail !== undefined && { detail }), ...leaving })
  }

  /** When one whose end is the group's has ended, or all that do the work; those that only watch are stopped. */
  #leaveIfDone(): void {
    if (this.#phase !== 'running') return
    if (this.#endedBy) this.leave({ by: 'end', service: this.#endedBy.path })
    else if (this.#working === 0 && this.#roster.members.some(member => this.#works(member))) this.leave({ by: 'end' })
  }

  /** What was taken out is not what the group was for. */
  #works(member: Member): boolean {
    return !member.observer && !this.changes.isRemoved(member)
  }

  // Shutdown: the four steps.

  #onStep(shutdown: Shutdown): void {
    const { step, reason, forceTimeout } = shutdown
    if (this.#phase === 'idle') {
      this.#shutdown = shutdown
      this.#renew()
      this.#stopMembers()
    } else if (step === 'force' || this.#goodbye) this.#raise(shutdown)
    // What is still starting takes any step as stop; and a stop that comes unannounced still drains first.
    else if (this.#phase === 'starting' || (step === 'stop' && !atLeast(this.#shutdown, 'drain')))
      this.#sayGoodbye(reason, 0, forceTimeout ?? this.#options.clocks.forceTimeout)
    else this.#raise(shutdown)
  }

  #sayGoodbye(reason: StopReason, drainDelay: number, forceTimeout: number): void {
    this.#goodbye = true
    const steps = goodbye({ reason, drainDelay, drained$: this.#drained$, forceTimeout, clock: this.#options.clock })
    this.#all.add(steps.subscribe(shutdown => this.#raise(shutdown)))
  }

  #raise(shutdown: Shutdown): void {
    if (this.#phase === 'over' || atLeast(this.#shutdown, shutdown.step)) return
    const unannounced = this.#shutdown === undefined
    this.#shutdown = shutdown
    const { clock, clocks } = this.#options
    const { shutdownTimeout } = clocks
    if (unannounced && shutdownTimeout !== Infinity) this.#endsAt = clock.now() + shutdownTimeout
    this.#left$.next()
    this.#restarting.stop()
    if (shutdown.step === 'force') return this.#forceMembers()
    if (shutdown.step === 'stop') return this.#stopMembers()
    if (unannounced) this.#unreadyMembers()
    // Whoever heard of that may have brought it further.
    if (shutdown.step === 'drain' && this.#shutdown === shutdown) this.#drainMembers(shutdown)
  }

  #unreadyMembers(): void {
    if (this.#phase === 'running') this.#sayRunning()
    const unready: Shutdown = { ...this.#shutdown!, step: 'unready' }
    for (const member of this.#roster.fromTheEnd()) if (!member.observer) member.ask(unready)
  }

  #drainMembers(shutdown: Shutdown): void {
    const { members, order } = this.#roster
    let drained = false
    const drain = (node: number): Observable<never> => {
      const member = members[node]!
      if (member.observer) return EMPTY
      member.ask(shutdown)
      return member.until(hasDrained)
    }
    const draining = walk(order.dependents, drain, order.declared).pipe(takeUntil(this.#cut$))
    this.#all.add(
      draining.subscribe({
        complete: () => {
          drained = true
          if (this.#phase === 'draining') this.#say({ phase: 'drained' })
          this.#drained$.complete()
        },
      }),
    )
    if (drained || this.#shutdown !== shutdown) return
    this.#phase = 'draining'
    this.#say({ phase: 'draining', reason: shutdown.reason, ...this.#deadline() })
  }

  #stopMembers(): void {
    this.#sayStopping()
    this.#cut$.next()
    this.#drained$.complete()
    if (this.#walkingBack) return
    this.#walkingBack = true
    const { members, order } = this.#roster
    const back = walk(order.after, node => this.#stop(members[node]!))
    this.#all.add(back.subscribe({ complete: () => this.#finish() }))
  }

  #sayStopping(): void {
    const before = this.#phase
    this.#phase = 'stopping'
    // What has not begun has nothing to stop.
    if (before !== 'idle' && before !== 'stopping')
      this.#say({ phase: 'stopping', reason: this.#shutdown!.reason, ...this.#deadline() })
  }

  #stop(member: Member): Observable<never> {
    member.dismiss({ phase: 'stopped', how: 'stopped' })
    member.ask(this.#shutdown!)
    return member.until(isFinal)
  }

  /** All that is left, in reverse, in one tick; the walk back then finds each of them on its way out. */
  #forceMembers(): void {
    this.#sayStopping()
    for (const member of this.#roster.fromTheEnd()) member.ask(this.#shutdown!)
    this.#stopMembers()
  }

  #finish(): void {
    const how = endingOf(
      this.#roster.members.map(({ state }) => state),
      this.#shutdown,
    )
    const error = this.failure
    this.#phase = 'over'
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
}

/** The same, subscribed as a part of a work. */
const inside = <T>(work: Work, source$: Observable<T>): Observable<T> =>
  new Observable(out => enter(work, () => source$.subscribe(out)))
