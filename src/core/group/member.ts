import { Observable, type Subscriber } from 'rxjs'
import type { Clock } from '../clock.ts'
import type { ServiceError } from '../errors.ts'
import type { Service } from '../service.ts'
import { isFinal, reasonOf, type ServiceState, type StopReason } from '../state.ts'
import { reaches, type Step } from '../steps.ts'
import type { Work } from '../work.ts'
import type { MemberFacts } from './decide.ts'
import type { Entry } from './entry.ts'
import { Incarnation, type Told } from './incarnation.ts'

const IDLE: ServiceState = Object.freeze({ phase: 'idle' })

/** A service in one incarnation of its group: what is wanted, its latest state, and its present incarnation. */
export class Member implements MemberFacts, Work {
  node: number
  readonly entry: Entry
  /** The work in which the group was begun. */
  readonly within: Work | undefined
  /** The service that the group subscribes to: the service as added, inside its restart behaviour. */
  service: Service
  state: ServiceState = IDLE
  /** The error of a failure. */
  error: ServiceError | undefined
  wanted: 'up' | 'down' | 'gone' = 'up'
  /** The member that was stopped by hand, itself or a member it depends on. A restart of that one begins this one. */
  stoppedWith: Member | undefined
  /** The reason of an end alone, or with its restart set. */
  reason: StopReason | undefined
  led = false
  removed = false
  passed = false
  ahead = 0
  /** The member has come up once, so the group's start does not wait for it again. */
  hasArrived = false
  restartsOthers = false
  inSet = false
  rests = false
  holdsUpSet = false
  aheadInSet = 0
  /** Lets the restart behaviour begin the next incarnation. Set while that behaviour waits. */
  onRelease: (() => void) | undefined
  /** The member was removed, and is gone. */
  isForgotten = false
  /** The member is in the group's list of members to look at. */
  isListed = false
  #incarnation: Incarnation | undefined
  /** The member was taken down, or was over and begins anew, and has not run since. */
  comesBack = false
  #waiter: { readonly isDone: () => boolean; readonly out: Subscriber<never> } | undefined

  constructor(entry: Entry, node: number, within: Work | undefined) {
    this.entry = entry
    this.node = node
    this.within = within
    this.service = entry.service
  }

  get name(): string {
    return this.entry.name
  }

  get path(): string {
    return this.entry.path
  }

  get observer(): boolean {
    return this.entry.observer === true
  }

  get optional(): boolean {
    return this.entry.optional === true
  }

  /** An incarnation was begun. A member that fails without one could not start. */
  get lived(): boolean {
    return this.#incarnation !== undefined
  }

  get begun(): boolean {
    return this.#incarnation !== undefined || isFinal(this.state)
  }

  get alive(): boolean {
    return this.begun && !isFinal(this.state)
  }

  /** The member is over, and its lifecycle is no longer subscribed to: it may begin anew. */
  get gone(): boolean {
    return isFinal(this.state) && !this.#incarnation?.present
  }

  get told(): Step | undefined {
    return this.#incarnation?.steps.latest?.step
  }

  get held(): boolean {
    return this.onRelease !== undefined
  }

  get asked(): boolean {
    return this.wanted === 'gone'
  }

  get hasRun(): boolean {
    return this.#incarnation?.hasRun ?? false
  }

  get isTakenDown(): boolean {
    return this.wanted === 'down' && this.told !== undefined
  }

  get leavesForGood(): boolean {
    return this.alive && !this.isTakenDown && (this.asked || reasonOf(this.state)?.by === 'call')
  }

  get returning(): boolean {
    if (this.comesBack || (this.lived && this.state.phase === 'waiting')) return true
    return !this.asked && this.entry.restart?.afterFailure === true && reasonOf(this.state)?.by === 'failure'
  }

  /** The group waits for this member: it drains, or was told to stop and is not gone. */
  get isAwaited(): boolean {
    return this.state.phase === 'draining' || (this.alive && reaches(this.told, 'stop'))
  }

  /** The member's own restart behaviour begins the next incarnation. */
  get restartsItself(): boolean {
    return this.lived && (this.state.phase === 'backoff' || this.state.phase === 'waiting')
  }

  get incarnation(): Incarnation | undefined {
    return this.#incarnation
  }

  /** The next incarnation. A subscription begins it. */
  begin(clock: Clock): Observable<Told> {
    if (this.wanted === 'down') this.wanted = 'up'
    this.#incarnation = new Incarnation(this.service, this, clock)
    return this.#incarnation
  }

  /**
   * Completes when something is true of the member. The group checks when it looks at the member next, so a group
   * inside acts before that.
   */
  until(isDone: () => boolean): Observable<never> {
    return new Observable(out => {
      this.#waiter = { isDone, out }
    })
  }

  /** Completes what waits for a state of the member, if that has come. */
  completeWait(): void {
    const waiter = this.#waiter
    if (!waiter?.isDone()) return
    this.#waiter = undefined
    waiter.out.complete()
  }

  /** Lets the restart behaviour begin the next incarnation. */
  release(): void {
    const { onRelease } = this
    this.onRelease = undefined
    onRelease?.()
  }

  /** Marks the member to stop and begin again, unless it is to end for good. */
  takeDown(reason: StopReason): void {
    if (this.wanted === 'gone') return
    this.wanted = 'down'
    this.reason = reason
  }

  endForGood(reason: StopReason): void {
    this.wanted = 'gone'
    this.reason = reason
  }

  /** Forgets the last incarnation, so that the next one can begin. */
  rewind(): void {
    this.#incarnation = undefined
    this.stoppedWith = undefined
    this.comesBack = true
    this.wanted = 'up'
    this.reason = undefined
    this.led = false
    this.onRelease = undefined
    this.error = undefined
    this.state = IDLE
  }

  /** Notes a state of the service, and what it changes of what is wanted. */
  note(state: ServiceState, error: ServiceError | undefined): void {
    this.state = state
    this.error = error
    if (state.phase === 'running' && this.wanted !== 'down') this.comesBack = false
    if (!isFinal(state)) return
    this.onRelease = undefined
    if (this.wanted === 'down') this.wanted = 'up'
  }
}
