import { Observable } from 'rxjs'
import { deadline } from '../behaviors/deadline.ts'
import { UNBOUNDED } from '../defaults.ts'
import { type ErrorCode, errorInfo, ServiceError } from '../errors.ts'
import { plan } from '../plan.ts'
import type { Service } from '../service.ts'
import type { ShutdownClocks } from '../shutdown.ts'
import { describeReason, isFinal, type ServiceState, type StopReason } from '../state.ts'
import { Journal } from '../status/journal.ts'
import { type Report, reportOf } from '../status/report.ts'
import type { Shutdown } from '../steps.ts'
import type { Changes } from './changes.ts'
import type { Entry, Inside } from './entry.ts'
import { awaitEnd } from './held-up.ts'
import { GroupLife } from './life.ts'
import type { Member } from './member.ts'
import type { GroupOptions } from './options.ts'

/**
 * A group over all its lives: who belongs to it, what has been told of it, and how one life follows another. One that
 * nobody holds has one; inside another group it lives again whenever it is restarted.
 */
export class Lives {
  readonly journal: Journal
  entries: Entry[] = []
  /** Resolves when the present life, or the next one, is over. */
  over!: Promise<Report>
  readonly #name: string
  readonly #options: Required<GroupOptions>
  readonly #bounded: Service
  #tellOver!: (report: Report) => void
  #life: GroupLife | undefined
  /** Somebody listens to its lifecycle. */
  #living = false
  /** The clocks of a shutdown that the group begins itself, once somebody leads it through its life. */
  #clocks: ShutdownClocks | undefined
  /** Its own, if it was given one. */
  readonly #ownForceTimeout: number | undefined
  /** The group that it was added to last, and what that holds of it. */
  #holder: Lives | undefined
  #held: Inside | undefined
  /** Ends it, for the group that it is in; false when that one has nobody to end. */
  #endOutside: ((reason: StopReason) => boolean) | undefined

  constructor(name: string, options: Required<GroupOptions>, forceTimeout: number | undefined) {
    this.#name = name
    this.#options = options
    this.#ownForceTimeout = forceTimeout
    this.journal = new Journal(name, options.clock)
    this.#expectEnd()
    const { clock, startTimeout } = options
    const live: Service = { name, lifecycle: shutdown$ => this.#live(shutdown$) }
    const deadlines = { ...UNBOUNDED, startTimeout }
    const around = { explain: () => this.#life!.explain(), forceTimeout: () => this.forceTimeout }
    this.#bounded = startTimeout === Infinity ? live : deadline(live, deadlines, clock, around)
  }

  get nested(): boolean {
    return this.#endOutside !== undefined
  }

  /** How long what is forced in here may take to let go: as said, else as in the group that it is in. */
  get forceTimeout(): number {
    return (
      this.#clocks?.forceTimeout ?? this.#ownForceTimeout ?? this.#holder?.forceTimeout ?? this.#options.forceTimeout
    )
  }

  get failure(): ServiceError | undefined {
    return this.#life?.failure
  }

  /** How the present life is changed, while there is one. */
  get changes(): Changes | undefined {
    return this.#living ? this.#life!.changes : undefined
  }

  /** On its way out, or over. */
  get ending(): 'leaving' | 'over' | undefined {
    if (isFinal(this.#state)) return 'over'
    return this.#living && this.#life!.leaving ? 'leaving' : undefined
  }

  led(clocks: ShutdownClocks): void {
    this.#clocks = clocks
  }

  stop(reason: StopReason): Promise<Report> {
    // It may live again before this returns.
    const { over } = this
    if (this.#living && !this.#life!.leaving) this.#life!.leave(reason)
    // Before its life, between two of them, or on its way to the next: the group that it is in sees that there is none.
    else if (!isFinal(this.#state) && !this.#endOutside?.(reason) && !this.#living) {
      this.#dismissAll()
      this.#end({ phase: 'stopped', how: 'stopped' })
    }
    const life = this.#life
    if (!life) return over
    const { clock } = this.#options
    const soFar = (): Report => reportOf(this.journal.status, true)
    return awaitEnd({ whole: over, key: life, holders: () => life.holders(), soFar, clock }, work => life.has(work))
  }

  /** A change of some members, as a promise for the present caller, which may be inside one of them. */
  await(whole: Promise<void>, members: readonly Member[]): Promise<void> {
    const life = this.#life
    if (!life || members.length === 0) return whole
    const { clock } = this.#options
    const holders = () => life.holders(members)
    const soFar = () => undefined
    return awaitEnd({ whole, key: whole, holders, soFar, clock }, work => members.includes(work as Member))
  }

  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      if (isFinal(this.#state)) {
        // Whoever restarts it hears that it was asked to end, and does not try again.
        if (this.nested) out.next({ phase: 'stopping', reason: this.journal.status.trigger ?? { by: 'call' } })
        return out.error(this.stoppedEarly())
      }
      if (this.#living) return out.error(this.alreadyStarted('it has a lifecycle already'))
      this.#living = true
      let over = false
      // Inside another group, that one tells what this one has come to: its behaviours have a say in it.
      const tell = (state: ServiceState): void => {
        if (isFinal(state)) {
          over = true
          this.#living = false
        }
        if (this.nested) return
        if (isFinal(state)) this.#end(state)
        else this.journal.record(this.#name, state)
      }
      const life = this.#bounded.lifecycle(shutdown$).subscribe({
        next: state => {
          tell(state)
          out.next(state)
        },
        error: error => {
          tell({ phase: 'failed', error: errorInfo(error) })
          out.error(error)
        },
        complete: () => out.complete(),
      })
      return () => {
        life.unsubscribe()
        // The next life may have begun by now.
        if (!over) tell({ phase: 'stopped', how: 'abandoned' })
      }
    })
  }

  /** It has been added to another group, under whose name all is told there. */
  nest(holder: Lives, held: Inside | undefined, endOutside: (reason: StopReason) => boolean): void {
    this.#holder = holder
    this.#held = held
    this.#endOutside = endOutside
    this.journal.nest(holder.journal, holder.#name)
  }

  /** The group that holds it now. */
  get holder(): Lives | undefined {
    return this.#holder?.entries.some(({ inside }) => inside === this.#held) ? this.#holder : undefined
  }

  /** @throws ServiceError when a group can't be added to this one: it is in a group already, or it holds this one */
  admit(nested: Lives): void {
    const names: string[] = []
    const refuse = (code: ErrorCode, why: string): never => {
      throw new ServiceError(code, nested.#name, `group "${this.#name}": can't add group "${nested.#name}": ${why}`)
    }
    for (let lives: Lives | undefined = this; lives; lives = lives.holder) {
      names.unshift(lives.#name)
      if (lives === nested)
        refuse('ERR_CIRCULAR_DEPENDENCY', `it would hold itself (${names.join('/')}/${nested.#name})`)
    }
    const { holder } = nested
    if (holder)
      refuse('ERR_SERVICE_IN_USE', `it is in group "${holder.#name}" already; remove it there, or make another one`)
  }

  /** What another group needs to hold this one. */
  inside(): Inside {
    return {
      holders: () => (this.#living ? this.#life?.holders() : undefined),
      explain: () => this.#life?.explain() ?? '',
      check: () => this.#check(),
      dismiss: () => this.#dismissAll(),
      tell: state => {
        if (isFinal(state)) {
          // What was added between two lives has none, when there is no other.
          if (!this.#living) this.#dismissAll()
          this.#end(state)
        } else if (!isFinal(this.#state)) this.journal.record(this.#name, state)
      },
      renew: () => {
        this.journal.again()
        this.#expectEnd()
        this.#renewAll()
      },
    }
  }

  alreadyStarted(why: string): ServiceError {
    return new ServiceError('ERR_ALREADY_STARTED', this.#name, `can't start group "${this.#name}": ${why}`)
  }

  stoppedEarly(): ServiceError {
    const { trigger } = this.journal.status
    const why = trigger ? ` (${describeReason(trigger)})` : ''
    return new ServiceError(
      'ERR_GROUP_STOPPED',
      this.#name,
      `group "${this.#name}" was stopped before it was running${why}; a stopped group can't be started`,
    )
  }

  get #state(): ServiceState {
    return this.journal.status.group.state
  }

  #live(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    return new Observable(out => {
      const renew = this.#life ? () => this.#renewAll() : () => undefined
      const { journal, forceTimeout } = this
      const { drainDelay } = this.#options
      // Inside another group, that group's `shutdownTimeout` counts.
      const clocks = this.#clocks ?? { drainDelay: () => drainDelay, shutdownTimeout: Infinity, forceTimeout }
      const life = new GroupLife({ ...this.#options, name: this.#name, journal, clocks }, out)
      this.#life = life
      out.add(() => life.abandon())
      try {
        life.enroll(this.entries)
      } catch (error) {
        this.#dismissAll()
        throw error
      }
      life.begin(shutdown$, renew)
    })
  }

  /** Nothing here will start, in this life. */
  #dismissAll(): void {
    for (const { path, inside } of this.entries.toReversed()) {
      const phase = this.journal.status.service(path)?.state.phase
      if (phase !== 'idle' && phase !== 'waiting') continue
      inside?.dismiss()
      const stopped = { phase: 'stopped', how: 'stopped' } as const
      this.journal.record(path, stopped)
      inside?.tell(stopped)
    }
  }

  /** All that is in here begins anew. */
  #renewAll(): void {
    for (const entry of this.entries) {
      if (this.journal.status.service(entry.path)?.state.phase === 'idle') continue
      this.journal.add(entry.path, entry)
      entry.inside?.renew()
    }
  }

  /** Throws when a group inside another has no order, and says which. */
  #check(): void {
    try {
      plan(this.entries)
      for (const { inside } of this.entries) inside?.check()
    } catch (error) {
      const { code, service, message } = error as ServiceError
      throw new ServiceError(code, `${this.#name}/${service}`, `in group "${this.#name}": ${message}`)
    }
  }

  #end(state: ServiceState): void {
    if (isFinal(this.#state)) return
    const tellOver = this.#tellOver
    this.journal.record(this.#name, state)
    tellOver(reportOf(this.journal.status))
    // Whoever heard of it may have begun its next life.
    if (isFinal(this.#state)) this.journal.close()
  }

  #expectEnd(): void {
    this.over = new Promise(resolve => {
      this.#tellOver = resolve
    })
  }
}
