import { concat, EMPTY, map, type Observable, Subject, Subscription } from 'rxjs'
import { after, type Clock, onTheWall } from '../clock.ts'
import { drainDelayed, GRACEFUL, leadSteps, type ShutdownClocks } from '../shutdown.ts'
import type { StopReason } from '../state.ts'
import { reaches, type Shutdown } from '../steps.ts'
import type { Facts } from './group-facts.ts'
import type { Inbox } from './inbox.ts'

export interface ShutdownOptions {
  readonly clock: Clock
  readonly clocks: ShutdownClocks
  readonly inbox: Inbox
  /** The force budget that a group inside another was given, in milliseconds. A shorter one than that of all counts. */
  readonly ownForceTimeout: number | undefined
  /** The group around it shuts down too, and that group's clocks count. */
  readonly endsWithHolder: () => boolean
}

/** The steps of a group's shutdown: what begins it, which steps wait for their turn, and when it is forced. */
export class GroupShutdown {
  readonly #options: ShutdownOptions
  readonly #facts: Facts
  readonly #onStep: () => void
  readonly #all = new Subscription()
  readonly #trigger$ = new Subject<StopReason>()
  /** Steps to take, each when no member is left to look at. */
  readonly #waiting: Shutdown[] = []
  #latest: Shutdown | undefined
  /** It leads itself through the steps. */
  #isLed = false
  #drainDelay: number | undefined
  #forceTimeout: number
  /** When what is left will be forced, by the group's clock. */
  #endsAt: number | undefined

  /** @param onStep tells that a step waits */
  constructor(options: ShutdownOptions, facts: Facts, onStep: () => void) {
    this.#options = options
    this.#facts = facts
    this.#onStep = onStep
    this.#forceTimeout = options.clocks.forceTimeout
  }

  /** Follows the steps that come from above, and its own trigger. */
  follow(shutdown$: Observable<Shutdown>): Subscription {
    this.#all.add(this.#led$().subscribe(shutdown => this.#arrive(shutdown)))
    this.#all.add(shutdown$.subscribe(shutdown => this.#onStepFromAbove(shutdown)))
    return this.#all
  }

  /** Begins, unless it has begun. */
  begin(reason: StopReason, drainDelay?: number): void {
    if (this.#facts.leaving) return
    this.#facts.leaving = true
    this.#isLed = true
    this.#drainDelay = drainDelay
    this.#options.inbox.take(() => this.#trigger$.next(reason))
  }

  /** The next step to take, if one waits. */
  next(): Shutdown | undefined {
    return this.#waiting.shift()
  }

  /** Before the group has begun there is nothing to make unready, and nothing to drain. */
  skipToStop(): void {
    const latest = this.#latest!
    this.#waiting.splice(0, Infinity, { ...latest, step: latest.step === 'force' ? 'force' : 'stop' })
  }

  /** When what is left will be forced, as people are told. */
  get deadline(): { readonly deadline?: number } {
    return this.#endsAt === undefined ? {} : { deadline: onTheWall(this.#options.clock, this.#endsAt) }
  }

  /** The trigger leads to a teardown: one step after the other. */
  #led$(): Observable<Shutdown> {
    const { clock, clocks, inbox } = this.#options
    const facts = this.#facts
    const delayed = drainDelayed({ drainDelay: reason => this.#drainDelay ?? clocks.drainDelay(reason) }, clock)
    const isUnready = (): boolean => facts.step !== undefined
    const isDrained = (): boolean => facts.toldDrained || reaches(facts.step, 'stop')
    return leadSteps(this.#trigger$, GRACEFUL, (step, reason) => {
      if (step === 'drain') return inbox.until(isDrained)
      // The delay counts from the moment at which all have heard that the group is not ready.
      return step === 'unready' && facts.phase === 'running' ? concat(inbox.until(isUnready), delayed(reason)) : EMPTY
    }).pipe(map(shutdown => ({ ...shutdown, forceTimeout: this.#forceTimeout })))
  }

  /** A group that is still starting takes any step as stop, and a stop that comes unannounced still drains first. */
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

  /** A step has come. Steps only rise. */
  #arrive(shutdown: Shutdown): void {
    if (this.#facts.phase === 'over' || reaches(this.#latest?.step, shutdown.step)) return
    this.#facts.leaving = true
    this.#options.inbox.take(() => {
      if (!this.#latest) this.#begun(shutdown)
      this.#latest = shutdown
      this.#waiting.push(shutdown)
      this.#onStep()
    })
  }

  /** The first step: a drain implies unready, and the clock of the whole shutdown begins. */
  #begun(shutdown: Shutdown): void {
    const { clock, clocks, endsWithHolder } = this.#options
    if (shutdown.step === 'drain') this.#waiting.push({ ...shutdown, step: 'unready' })
    if (clocks.shutdownTimeout === Infinity || endsWithHolder()) return
    this.#endsAt = clock.now() + clocks.shutdownTimeout
    const force = { step: 'force', reason: shutdown.reason, forceTimeout: this.#forceTimeout } as const
    this.#all.add(after(clock, clocks.shutdownTimeout, () => this.#arrive(force)))
  }
}
