import { Observable, type Observer, type Unsubscribable } from 'rxjs'
import { deadline } from '../behaviors/deadline.ts'
import { UNBOUNDED } from '../defaults.ts'
import { errorInfo, type ServiceError } from '../errors.ts'
import { Listener } from '../listener.ts'
import type { Service } from '../service.ts'
import type { ShutdownClocks } from '../shutdown.ts'
import { isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { type Report, reportOf } from '../status/report.ts'
import type { Shutdown } from '../steps.ts'
import { stopReasonOf } from '../stop-reason.ts'
import { Deferred } from './deferred.ts'
import { explainStart } from './dependencies.ts'
import type { Entries } from './entries.ts'
import { alreadyStarted, endOf, groupOver } from './group-errors.ts'
import { GroupLifecycle, type LifecycleListener } from './group-lifecycle.ts'
import { Inbox } from './inbox.ts'
import type { Nesting } from './nesting.ts'
import type { GroupOptions } from './options.ts'

/** The group that the incarnations are of. */
export interface Incarnated {
  readonly name: string
  readonly options: Required<GroupOptions>
  /** The options without the defaults. */
  readonly given: GroupOptions
  readonly journal: Journal
  readonly entries: Entries
  readonly nesting: Nesting
}

/** The incarnations of a group, one after another. At most one is live. */
export class Incarnations {
  readonly #group: Incarnated
  #inbox = new Inbox()
  #latest: GroupLifecycle | undefined
  /** The lifecycle is subscribed to. */
  #isLive = false
  /** The clocks of a shutdown, when `conduct` leads this group. */
  #clocks: ShutdownClocks | undefined
  /** The error that the group failed with, once it is over. */
  #error: ServiceError | undefined
  /** The signal of `start()` whose abort has stopped the group. */
  #aborted: AbortSignal | undefined
  #over = new Deferred<Report>()

  constructor(group: Incarnated) {
    this.#group = group
  }

  /** The present incarnation, if there is one. */
  get live(): GroupLifecycle | undefined {
    return this.#isLive ? this.#latest : undefined
  }

  /** The present incarnation, or else the last one. */
  get latest(): GroupLifecycle | undefined {
    return this.#latest
  }

  /** The inbox of the present incarnation. All groups inside share it. */
  get inbox(): Inbox {
    return this.#inbox
  }

  /** Resolves when the group is over. Each incarnation has a promise of its own. */
  get over(): Promise<Report> {
    return this.#over.promise
  }

  /** Why a group that is over has ended, as `start()` and `whenReady()` tell it. */
  get endError(): ServiceError {
    const { journal, nesting } = this.#group
    // Behaviours around a nested group may have changed its error.
    if (nesting.wasAdded) return endOf(journal.status, undefined, undefined)
    this.#error ??= this.#latest?.failure
    return endOf(journal.status, this.#error, this.#aborted)
  }

  /** The error of a start of this group when it is over. */
  get startError(): ServiceError {
    const { endError } = this
    const cause = endError.code === 'ERR_GROUP_STOPPED' ? {} : { cause: endError }
    return groupOver(this.#group.journal.status, cause)
  }

  /** The force budget in this group: the one it was given, else that of the outer group. */
  readonly forceTimeout = (): number => {
    const { given, nesting, options } = this.#group
    const own = this.#clocks?.forceTimeout ?? given.forceTimeout
    return own ?? nesting.holder?.forceTimeout() ?? options.forceTimeout
  }

  /** The group is led from its start to its end, with these clocks. */
  led(clocks: ShutdownClocks): void {
    this.#clocks = clocks
  }

  /** Begins the shutdown, or forces all services at once. */
  stop(reason: StopReason, force: boolean): void {
    const { live } = this
    if (live && force) live.force(reason)
    else if (live && !live.leaving) live.leave(reason)
    // Before its start, or between two incarnations, the outer group prevents the next incarnation.
    else if (!isFinal(this.#state) && !this.#group.nesting.endByHolder(reason) && !this.#isLive) this.#endUnstarted()
  }

  /** The signal of `start()` is aborted. A group that is starting stops. */
  abort(signal: AbortSignal): void {
    const { readyAt } = this.#group.journal.status.group
    if (isFinal(this.#state) || this.live?.leaving || readyAt !== null) return
    this.#aborted = signal
    this.stop(stopReasonOf(signal.reason), false)
  }

  lifecycle(shutdown$: Observable<Shutdown>): Observable<ServiceState> {
    const { name, journal, nesting } = this.#group
    return new Observable(out => {
      if (isFinal(this.#state)) {
        // `stopping` tells a restart behaviour that the end was asked for, so it does not try again.
        if (nesting.wasAdded) out.next({ phase: 'stopping', reason: journal.status.trigger ?? { by: 'call' } })
        return out.error(this.startError)
      }
      if (this.#isLive) return out.error(alreadyStarted(name, 'it has a lifecycle already; stop it first'))
      this.#isLive = true
      let isEnded = false
      const tell = (state: ServiceState): void => {
        if (isFinal(state)) {
          isEnded = true
          this.#isLive = false
        }
        // The outer group records the state of a nested group, because behaviours around the group may change it.
        if (!nesting.wasAdded) this.record(state)
      }
      const life = this.#incarnation(shutdown$, {
        next: state => {
          tell(state)
          out.next(state)
        },
        error: error => {
          this.#error = error
          tell({ phase: 'failed', error: errorInfo(error) })
          out.error(error)
        },
        complete: () => out.complete(),
      })
      return () => {
        life.unsubscribe()
        // The next incarnation may have begun by now.
        if (!isEnded) tell({ phase: 'stopped', how: 'abandoned' })
      }
    })
  }

  /** Records a state of the group itself. */
  record(state: ServiceState): void {
    if (isFinal(this.#state)) return
    const { journal, name } = this.#group
    const { resolve } = this.#over
    journal.record(name, state)
    if (!isFinal(state)) return
    resolve(reportOf(journal.status))
    // A listener may have begun the next incarnation.
    if (isFinal(this.#state)) journal.close()
  }

  /** The group was over, and begins anew. */
  renew(): void {
    const { entries, journal } = this.#group
    journal.again()
    this.#over = new Deferred()
    entries.renew()
  }

  get #state(): ServiceState {
    return this.#group.journal.status.group.state
  }

  /** One incarnation, bounded by the start timeout of the group. */
  #incarnation(shutdown$: Observable<Shutdown>, observer: Observer<ServiceState>): Unsubscribable {
    const { clock, startTimeout } = this.#group.options
    if (startTimeout === Infinity) {
      const out = new Listener(observer)
      this.#begin(shutdown$, out)
      return out
    }
    const { name } = this.#group
    const live: Service = { name, lifecycle: steps$ => new Observable(out => this.#begin(steps$, out)) }
    const around = { explain: () => explainStart(this.#latest!.members), forceTimeout: this.forceTimeout }
    return deadline(live, { ...UNBOUNDED, startTimeout }, clock, around)
      .lifecycle(shutdown$)
      .subscribe(observer)
  }

  #begin(shutdown$: Observable<Shutdown>, out: LifecycleListener): void {
    const { name, options, given, journal, entries, nesting } = this.#group
    const { holder, depth } = nesting
    const isFirst = this.#latest === undefined
    this.#inbox = holder?.inbox() ?? new Inbox()
    const lifecycle = new GroupLifecycle(
      {
        ...options,
        name,
        journal,
        inbox: this.#inbox,
        depth,
        ownForceTimeout: this.#clocks ? undefined : given.forceTimeout,
        endsWithHolder: () => holder?.leaving() === true,
        clocks: this.#clocks ?? {
          drainDelay: () => options.drainDelay,
          shutdownTimeout: given.shutdownTimeout ?? Infinity,
          forceTimeout: this.forceTimeout(),
        },
      },
      out,
    )
    this.#latest = lifecycle
    out.add(() => lifecycle.abandon())
    const error = entries.enrollIn(lifecycle.members)
    if (error) return out.error(error)
    lifecycle.begin(shutdown$, () => !isFirst && entries.renew())
  }

  #endUnstarted(): void {
    const { entries, journal } = this.#group
    // A listener hears of it once all is over: nothing can be added any more.
    journal.together(() => {
      entries.dismiss()
      this.record({ phase: 'stopped', how: 'stopped' })
    })
  }
}
