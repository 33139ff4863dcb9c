import { concat, defer, EMPTY, NEVER, Observable, type Subscriber, Subscription } from 'rxjs'
import { admit, type Intensity } from '../behaviors/intensity.ts'
import { restartedTooOften } from '../behaviors/restart.ts'
import type { ServiceError } from '../errors.ts'
import type { Order } from '../plan.ts'
import { isFinal, isLost, isReady, isSettled, type StateOf, type StopReason } from '../state.ts'
import { walk } from '../walk.ts'
import type { Member } from './member.ts'
import type { Roster } from './roster.ts'
import { restartedWith, type Strategy } from './strategy.ts'

export interface RestartingOptions extends Intensity {
  readonly group: string
  readonly strategy: Strategy
  /** It is its turn to start. */
  readonly begin: (member: Member) => void
  /** It is not, any more. */
  readonly withdraw: (member: Member) => void
  /** It was over, and begins anew. */
  readonly revive: (member: Member) => void
  /** Nothing goes down or up any more. */
  readonly idle: () => void
}

/**
 * Takes services down together, and brings them up again: those that a failure takes with it, and those that are
 * restarted by hand. All are gone before the first comes back; then each comes when those before it are there. What
 * fails meanwhile joins the same circle. A service whose own behaviour restarts it is held back until it is its turn.
 */
export class Restarting {
  readonly #roster: Roster
  readonly #options: RestartingOptions
  /** All that go down and up together, until each is there again. */
  readonly #circle = new Set<Member>()
  /** Those of them that are taken down, and begun again at their turn. */
  readonly #down = new Set<Member>()
  /** Those that go down, and stay there. */
  readonly #leaving = new Set<Member>()
  /** Those whose turn has come. */
  readonly #turn = new Set<Member>()
  readonly #gates = new Map<Member, Subscriber<never>>()
  #waiters: { readonly members: readonly Member[]; readonly out: Subscriber<never> }[] = []
  #walk = Subscription.EMPTY
  /** Those in backoff that all wait for, and who is told once there are none. */
  #away = new Set<Member>()
  #onAllHeld: Subscriber<never> | undefined
  #restarts: readonly number[] = []

  constructor(roster: Roster, options: RestartingOptions) {
    this.#roster = roster
    this.#options = options
  }

  get busy(): boolean {
    return this.#circle.size > 0
  }

  /** Counts a restart that is due, unless it is one too many: then why. */
  admit(name: string, at: number, cause: Error): ServiceError | undefined {
    const { group } = this.#options
    const restarts = admit(this.#restarts, at, this.#options)
    if (!restarts) return restartedTooOften(name, this.#options, `group "${group}" may restart its services`, cause)
    this.#restarts = restarts
    return undefined
  }

  /** A service has ended and is to be restarted: so are those that belong with it. */
  onBackoff(member: Member, { error }: StateOf<'backoff'>): void {
    const { strategy } = this.#options
    if (strategy === 'one-for-one') return
    // It has gone down by itself meanwhile, and comes back by itself.
    this.#down.delete(member)
    const others = this.#belongingTo(member, strategy).filter(other => other !== member)
    if (others.length === 0) return
    for (const other of others) if (hasEnded(other)) this.#options.revive(other)
    this.#circle.add(member)
    this.#take(others, { by: 'failure', service: member.path, error }, true)
  }

  /** Restarts a service, and those that belong with it. Completes when all of them are there again, or lost. */
  byHand(member: Member, reason: StopReason): Observable<never> {
    const members = this.#belongingTo(member, 'by-hand')
    const over = isFinal(member.state)
    if (over) this.#reviveAll(member, new Set(members))
    if (over || !this.#circle.has(member)) {
      this.#down.add(member)
      this.#take(members, reason, false)
    }
    return new Observable(out => {
      this.#waiters.push({ members, out })
      this.#tellWaiters()
    })
  }

  /** Completes when nothing holds a service back: it is its turn, and what it depends on is not itself on its way. */
  gate(member: Member): Observable<never> {
    if (this.#isClear(member)) return EMPTY
    return new Observable(out => {
      this.#gates.set(member, out)
      this.#showWaiting(member, this.#onTheirWay(member))
      // Last, because all may begin again with that.
      this.#notAway(member)
      return () => {
        if (this.#gates.get(member) === out) this.#gates.delete(member)
      }
    })
  }

  /** Lets those go that were held back for a service. */
  tell(member: Member): void {
    if (!waitsByItself(member)) this.#notAway(member)
    if (this.#gates.size === 0) return
    for (const dependent of this.#roster.order.dependents[member.node]!) this.#open(this.#roster.members[dependent]!)
  }

  /** The group leaves: what is down stays down. */
  stop(): void {
    this.#walk.unsubscribe()
    this.#circle.clear()
    this.#down.clear()
    this.#leaving.clear()
    this.#tellWaiters()
  }

  #belongingTo({ node }: Member, strategy: Strategy | 'by-hand'): readonly Member[] {
    const { members, order } = this.#roster
    return [...restartedWith(strategy, node, order)].map(other => members[other]!)
  }

  /** One that is over, and those that waited for it in vain, unless they would do so again. */
  #reviveAll(member: Member, its: ReadonlySet<Member>): void {
    const { members, order } = this.#roster
    const coming = new Set([member])
    for (const node of order.sequence) {
      const other = members[node]!
      const wouldWait = (wanted: number): boolean => !coming.has(members[wanted]!) && isLost(members[wanted]!.state)
      if (its.has(other) && hasWaitedInVain(other) && !order.declared[node]!.some(wouldWait)) coming.add(other)
    }
    for (const other of coming) {
      this.#leaving.delete(other)
      this.#options.revive(other)
    }
  }

  /** @param sparing temporary ones are stopped with the others, and do not come back */
  #take(members: readonly Member[], reason: StopReason, sparing: boolean): void {
    for (const member of members) {
      const lies = !member.begun && member.returning
      if (lies) this.#options.withdraw(member)
      if (lies || (member.alive && !waitsByItself(member))) this.#down.add(member)
      // One that has not been begun yet has its turn still before it.
      else if (!member.begun) continue
      this.#circle.add(member)
      if (sparing && member.entry.temporary) this.#leaving.add(member)
    }
    this.#turn.clear()
    this.#walk.unsubscribe()
    const walking = new Subscription()
    this.#walk = walking
    const circle = [...this.#circle]
    const { before, after } = this.#roster.order
    const [forth, back] = [among(circle, before), among(circle, after)]
    // What a visit does may begin it all anew; nobody waits for this walk then.
    const visit = (go: (member: Member) => Observable<never>) => (i: number) =>
      walking.closed ? NEVER : go(circle[i]!)
    const down = walk(
      back,
      visit(member => this.#takeDown(member, reason)),
      forth,
    )
    const up = walk(
      forth,
      visit(member => this.#bringUp(member)),
      back,
    )
    // Those that live and die together also wait together.
    const wait = this.#options.strategy === 'one-for-all' ? this.#allHeld(circle) : EMPTY
    walking.add(concat(down, wait, up).subscribe({ complete: () => this.#options.idle() }))
  }

  /** Completes when nobody waits in backoff any more. */
  #allHeld(circle: readonly Member[]): Observable<never> {
    return new Observable(out => {
      this.#away = new Set(circle.filter(member => waitsByItself(member) && !this.#gates.has(member)))
      this.#onAllHeld = out
      if (this.#away.size === 0) out.complete()
    })
  }

  #notAway(member: Member): void {
    if (this.#away.delete(member) && this.#away.size === 0) this.#onAllHeld!.complete()
  }

  #takeDown(member: Member, reason: StopReason): Observable<never> {
    if (this.#leaving.has(member)) return member.end(reason)
    if (member.leavesForGood) return member.until(isFinal)
    if (!this.#down.has(member) || !member.alive) return EMPTY
    const gone = defer(() => {
      if (!member.begun) this.#showWaiting(member, this.#waitedFor(member))
      return EMPTY
    })
    return concat(member.takeDown(reason), gone)
  }

  #bringUp(member: Member): Observable<never> {
    const arrived = defer(() => {
      this.#arrived(member)
      return EMPTY
    })
    return concat(this.#begin(member), arrived)
  }

  #begin(member: Member): Observable<never> {
    if (isFinal(member.state)) return EMPTY
    this.#turn.add(member)
    if (this.#down.delete(member)) this.#options.begin(member)
    else this.#open(member)
    return member.until(isSettled)
  }

  #arrived(member: Member): void {
    this.#circle.delete(member)
    this.#down.delete(member)
    this.#leaving.delete(member)
    this.#turn.delete(member)
    this.#tellWaiters()
  }

  #open(member: Member): void {
    const held = this.#gates.get(member)
    if (!held || !this.#isClear(member)) return
    // What comes of it may bring it back here.
    this.#gates.delete(member)
    held.complete()
  }

  #isClear(member: Member): boolean {
    return (!this.#circle.has(member) || this.#turn.has(member)) && this.#onTheirWay(member).length === 0
  }

  /** What it depends on that is to come: what is over for good is not waited for. */
  #onTheirWay({ node }: Member): readonly Member[] {
    return this.#roster.order.declared[node]!.map(other => this.#roster.members[other]!).filter(
      ({ state }) => !isSettled(state),
    )
  }

  /** Those before it that are to come; else those that are still to go before anyone comes. */
  #waitedFor(member: Member): readonly Member[] {
    const before = this.#roster.order.before[member.node]!.map(other => this.#roster.members[other]!)
    const open = before.filter(other => this.#circle.has(other) || !isReady(other.state))
    return open.length > 0 ? open : [...this.#down].filter(other => other !== member && other.alive)
  }

  #showWaiting(member: Member, others: readonly Member[]): void {
    if (others.length > 0) member.say({ phase: 'waiting', for: others.map(({ entry }) => entry.name) })
  }

  #tellWaiters(): void {
    if (this.#waiters.length === 0) return
    const done = this.#waiters.filter(({ members }) => !members.some(member => this.#circle.has(member)))
    this.#waiters = this.#waiters.filter(waiter => !done.includes(waiter))
    for (const { out } of done) out.complete()
  }
}

/** It has done what it was for; restarted with the others, it does it again. One that is temporary never comes back. */
const hasEnded = ({ state, entry, asked }: Member): boolean =>
  state.phase === 'stopped' && state.how === 'ended' && entry.temporary !== true && !asked

/** It failed only because what it depends on was not there. */
const hasWaitedInVain = ({ state, asked }: Member): boolean =>
  state.phase === 'failed' && state.error.code === 'ERR_DEPENDENCY_FAILED' && !asked

/** Its own behaviour begins it again. */
const waitsByItself = ({ lived, state }: Member): boolean =>
  lived && (state.phase === 'backoff' || state.phase === 'waiting')

/** An order, as seen among some. */
const among = (circle: readonly Member[], order: Order): Order => {
  const places = new Map(circle.map(({ node }, i) => [node, i]))
  return circle.map(({ node }) => order[node]!.flatMap(other => places.get(other) ?? []))
}
