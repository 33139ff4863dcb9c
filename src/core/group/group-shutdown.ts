import { concat, EMPTY, map, type Observable, Subject, Subscription } from 'rxjs'
import { after, type Clock, onTheWall } from '../clock.ts'
import { drainDelayed, GRACEFUL, leadSteps, type ShutdownClocks } from '../shutdown.ts'
import type { StopReason } from '../state.ts'
import { reaches, type Shutdown, type Step } from '../steps.ts'
import type { Facts } from './group-facts.ts'
import type { Inbox } from './inbox.ts'
import type { Member } from './member.ts'
import { drainShare, longest, stopShare, type Turns, turnsOf } from './turns.ts'

export interface ShutdownOptions {
  readonly clock: Clock
  readonly clocks: ShutdownClocks
  readonly inbox: Inbox
  /**
   * The force budget that a nested group was given, in milliseconds. It counts when it is shorter than the budget of
   * the outermost group.
   */
  readonly ownForceTimeout: number | undefined
  /** Whether the outer group shuts down too, so that its clocks count. */
  readonly endsWithHolder: () => boolean
}

/** The shutdown of a group: its trigger, the queue of its steps, and its timeout. */
export class GroupShutdown {
  readonly #options: ShutdownOptions
  readonly #facts: Facts
  readonly #onStep: () => void
  readonly #all = new Subscription()
  readonly #trigger$ = new Subject<StopReason>()
  /** The queue of steps. The group takes the next one when no member is left to look at. */
  readonly #waiting: Shutdown[] = []
  #latest: Shutdown | undefined
  /** The group leads its own shutdown. */
  #isLed = false
  #drainDelay: number | undefined
  #forceTimeout: number
  /** When the members that are left will be forced, by the group's clock. */
  #endsAt: number | undefined
  /** When the time that is shared out for the present step is over, by the group's clock. */
  #stepEndsAt: number | undefined
  #turns: readonly Turns[] = []

  /** @param onStep tells that a step is in the queue */
  constructor(options: ShutdownOptions, facts: Facts, onStep: () => void) {
    this.#options = options
    this.#facts = facts
    this.#onStep = onStep
    this.#forceTimeout = options.clocks.forceTimeout
  }

  /** Follows the steps of the outer group or of `conduct`, and the group's own trigger. */
  follow(shutdown$: Observable<Shutdown>): Subscription {
    this.#all.add(this.#led$().subscribe(shutdown => this.#arrive(shutdown)))
    this.#all.add(shutdown$.subscribe(shutdown => this.#onStepFromAbove(shutdown)))
    return this.#all
  }

  /** Begins the shutdown, unless it has begun. */
  begin(reason: StopReason, drainDelay?: number): void {
    if (this.#facts.leaving) return
    this.#facts.leaving = true
    this.#isLed = true
    this.#drainDelay = drainDelay
    this.#options.inbox.take(() => this.#trigger$.next(reason))
  }

  /** Forces the members that are left, whether the shutdown has begun or not. */
  force(reason: StopReason): void {
    this.#arrive({ step: 'force', reason, forceTimeout: this.#forceTimeout })
  }

  /** Takes the next step out of the queue, if there is one. */
  next(): Shutdown | undefined {
    return this.#waiting.shift()
  }

  /** The group takes a step, and its members are told it from now on. */
  take({ step, within }: Shutdown): void {
    const { clock, clocks } = this.#options
    const now = clock.now()
    const whole = clocks.shared && this.#endsAt !== undefined ? this.#endsAt - now : undefined
    this.#stepEndsAt = undefined
    if ((within ?? whole) === undefined || !isShared(step)) return
    this.#turns = turnsOf(this.#facts.members)
    const share = step === 'stop' ? whole! : drainShare(whole!, longest(this.#turns), this.#forceTimeout)
    this.#stepEndsAt = now + (within ?? share)
  }

  /** The step as one member is told it, with its share of the time. */
  toldTo({ node }: Member, shutdown: Shutdown): Shutdown {
    if (this.#stepEndsAt === undefined || !isShared(shutdown.step)) return shutdown
    const left = Math.max(0, this.#stepEndsAt - this.#options.clock.now())
    const within = shutdown.step === 'drain' ? left : stopShare(left, this.#turns[node]!, this.#forceTimeout)
    return { ...shutdown, within }
  }

  /** Skips *unready* and *drain*: the group has not begun, so nothing serves. */
  skipToStop(): void {
    const latest = this.#latest!
    this.#waiting.splice(0, Infinity, { ...latest, step: latest.step === 'force' ? 'force' : 'stop' })
  }

  /** When the members that are left will be forced, by the wall clock. */
  get deadline(): { readonly deadline?: number } {
    return this.#endsAt === undefined ? {} : { deadline: onTheWall(this.#options.clock, this.#endsAt) }
  }

  /** The steps that follow on the trigger, each when the one before is complete. */
  #led$(): Observable<Shutdown> {
    const { clock, clocks, inbox } = this.#options
    const facts = this.#facts
    const delayed = (reason: StopReason): Observable<unknown> =>
      drainDelayed(reason, this.#drainDelay ?? clocks.drainDelay(reason), clock)
    const isUnready = (): boolean => facts.step !== undefined
    const isDrained = (): boolean => facts.toldDrained || reaches(facts.step, 'stop')
    return leadSteps(this.#trigger$, GRACEFUL, (step, reason) => {
      if (step === 'drain') return inbox.until(isDrained)
      // The drain delay counts from the moment at which all members were told *unready*.
      return step === 'unready' && facts.phase === 'running' ? concat(inbox.until(isUnready), delayed(reason)) : EMPTY
    }).pipe(map(shutdown => ({ ...shutdown, forceTimeout: this.#forceTimeout })))
  }

  /** A group that is still starting takes any step as *stop*. A *stop* without a *drain* before it drains first. */
  #onStepFromAbove(shutdown: Shutdown): void {
    const { step, reason, forceTimeout = this.#forceTimeout } = shutdown
    const { phase } = this.#facts
    this.#forceTimeout = Math.min(forceTimeout, this.#options.ownForceTimeout ?? Infinity)
    const budgeted = this.#forceTimeout < forceTimeout ? { ...shutdown, forceTimeout: this.#forceTimeout } : shutdown
    const isUnannounced = step === 'stop' && !reaches(this.#latest?.step, 'drain')
    if (step === 'force' || this.#isLed || phase === 'idle' || (phase !== 'starting' && !isUnannounced))
      return this.#arrive(budgeted)
    this.#facts.leaving = false
    this.begin(reason, 0)
  }

  /** Puts a step in the queue, unless it was reached before. */
  #arrive(shutdown: Shutdown): void {
    if (this.#facts.phase === 'over' || reaches(this.#latest?.step, shutdown.step)) return
    this.#facts.leaving = true
    this.#options.inbox.take(() => {
      if (!this.#latest) this.#begun(shutdown)
      // In a shutdown of the outer group, the timeout of this group counts from its own turn.
      if (this.#endsAt === undefined && shutdown.step === 'stop') this.#armTimeout(shutdown)
      this.#latest = shutdown
      this.#waiting.push(shutdown)
      this.#onStep()
    })
  }

  /** The first step. A *drain* implies *unready*. The shutdown timeout begins. */
  #begun(shutdown: Shutdown): void {
    if (shutdown.step === 'drain') this.#waiting.push({ ...shutdown, step: 'unready' })
    if (!this.#options.endsWithHolder()) this.#armTimeout(shutdown)
  }

  #armTimeout({ reason }: Shutdown): void {
    const { clock, clocks } = this.#options
    if (clocks.shutdownTimeout === Infinity) return
    this.#endsAt = clock.now() + clocks.shutdownTimeout
    const force = { step: 'force', reason, forceTimeout: this.#forceTimeout } as const
    this.#all.add(after(clock, clocks.shutdownTimeout, () => this.#arrive(force)))
  }
}

/** Whether the services have to share the time of a step. */
const isShared = (step: Step): boolean => step === 'drain' || step === 'stop'
