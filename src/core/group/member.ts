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

/** A service in one life of its group: what is wanted of it, what it is, and its present incarnation. */
export class Member implements MemberFacts, Work {
  node: number
  readonly entry: Entry
  /** The work in which the group was begun. */
  readonly within: Work | undefined
  /** What the group begins: the service as it was added, with what restarts it. */
  service: Service
  state: ServiceState = IDLE
  /** What it failed with. */
  error: ServiceError | undefined
  wanted: 'up' | 'down' | 'gone' = 'up'
  /** Why it ends, when it ends alone or with its restart set. */
  reason: StopReason | undefined
  led = false
  removed = false
  passed = false
  ahead = 0
  /** It has come up once: the group's start does not wait for it again. */
  hasArrived = false
  gathers = false
  inSet = false
  rests = false
  holdsUpSet = false
  aheadInSet = 0
  /** Lets its restart behaviour begin the next incarnation. */
  open: (() => void) | undefined
  /** It has been removed and is gone. */
  isForgotten = false
  /** It waits in the group's list of members to look at. */
  isListed = false
  #incarnation: Incarnation | undefined
  /** It was taken down, or was over, and has not run since. */
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

  /** It was begun. A member that fails without that could not start. */
  get lived(): boolean {
    return this.#incarnation !== undefined
  }

  get begun(): boolean {
    return this.#incarnation !== undefined || isFinal(this.state)
  }

  get alive(): boolean {
    return this.begun && !isFinal(this.state)
  }

  /** Over, and its lifecycle is not subscribed to any more: it may begin anew. */
  get gone(): boolean {
    return isFinal(this.state) && !this.#incarnation?.present
  }

  get told(): Step | undefined {
    return this.#incarnation?.steps.latest?.step
  }

  get held(): boolean {
    return this.open !== undefined
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

  /** The group waits for it: asked to drain and not drained, or asked to stop and not gone. */
  get isAwaited(): boolean {
    return this.state.phase === 'draining' || (this.alive && reaches(this.told, 'stop'))
  }

  /** Its own behaviour begins it again. */
  get restartsItself(): boolean {
    return this.lived && (this.state.phase === 'backoff' || this.state.phase === 'waiting')
  }

  get incarnation(): Incarnation | undefined {
    return this.#incarnation
  }

  /** All that its next incarnation tells. Subscribing begins it. */
  begin(clock: Clock): Observable<Told> {
    if (this.wanted === 'down') this.wanted = 'up'
    this.#incarnation = new Incarnation(this.service, this, clock)
    return this.#incarnation
  }

  /** Completes once something is true of it, seen when the group looks at it next: a group in it acts before that. */
  until(isDone: () => boolean): Observable<never> {
    return new Observable(out => {
      this.#waiter = { isDone, out }
    })
  }

  /** Goes on with what waits for its state. */
  wake(): void {
    const waiter = this.#waiter
    if (!waiter?.isDone()) return
    this.#waiter = undefined
    waiter.out.complete()
  }

  /** Its restart behaviour may begin the next incarnation. */
  letOpen(): void {
    const { open } = this
    this.open = undefined
    open?.()
  }

  /** It is to stop, and to begin again. A member that is to end for good does not. */
  takeDown(reason: StopReason): void {
    if (this.wanted === 'gone') return
    this.wanted = 'down'
    this.reason = reason
  }

  endForGood(reason: StopReason): void {
    this.wanted = 'gone'
    this.reason = reason
  }

  /** Its present incarnation is over, or none was there: the next one is ahead. */
  rewind(): void {
    this.#incarnation = undefined
    this.comesBack = true
    this.wanted = 'up'
    this.reason = undefined
    this.led = false
    this.open = undefined
    this.error = undefined
    this.state = IDLE
  }

  /** Takes down what its service says, and what follows from it for what is wanted. */
  note(state: ServiceState, error: ServiceError | undefined): void {
    this.state = state
    this.error = error
    if (state.phase === 'running' && this.wanted !== 'down') this.comesBack = false
    if (!isFinal(state)) return
    this.open = undefined
    if (this.wanted === 'down') this.wanted = 'up'
  }
}
