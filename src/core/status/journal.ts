import { Observable, type Subscriber } from 'rxjs'
import { type Clock, skewOf } from '../clock.ts'
import { Ration } from '../ration.ts'
import type { ServiceState } from '../state.ts'
import { outside } from '../work.ts'
import { hasSubscribers, publish } from './diagnostics.ts'
import type { FailureEvent, GroupEvent, ToldRequest } from './events.ts'
import { newStatus } from './service-status.ts'
import { foldStatus, type GroupStatus, snapshotOf } from './status.ts'

interface Listener {
  /** The listener has been told all events up to this number. */
  readonly since: number
  tell(event: GroupEvent, status: GroupStatus): void
  end(): void
}

/** The particulars of a service that joins. */
interface Place {
  readonly dependsOn?: readonly string[] | undefined
  readonly observer?: boolean | undefined
  readonly optional?: boolean | undefined
}

/** The journal that the events of a nested group go on to. */
interface Outer {
  readonly journal: Journal
  readonly prefix: string
}

/**
 * The numbered events of a group, and the status folded from them. The status changes at once. Listeners are told
 * through a queue: an event that a listener causes reaches all listeners after the event that caused it.
 */
export class Journal {
  status: GroupStatus
  readonly #name: string
  readonly #clock: Clock
  /** How far the wall clock was ahead at the last event, in milliseconds. */
  #skew: number
  /** Replaced, never changed: a listener may come or go while others are told. */
  #listeners: readonly Listener[] = []
  readonly #queue: { readonly event: GroupEvent; readonly status: GroupStatus }[] = []
  #outer: Outer | undefined
  #delivering = false
  #closed = false
  readonly #refused: Ration<ToldRequest>

  constructor(name: string, clock: Clock) {
    this.#name = name
    this.#clock = clock
    this.#skew = skewOf(clock)
    this.#refused = new Ration(clock, (request, omitted) =>
      this.tellRequest({ ...request, ...(omitted > 0 && { omitted }) }),
    )
    const at = clock.now() + this.#skew
    const group = newStatus(name, 0, at)
    this.status = foldStatus(undefined, { kind: 'snapshot', seq: 0, at, group, health: 'pass', services: [] })
  }

  /** Joins the journal of an outer group, and tells it all services known here, under their paths there. */
  nest(journal: Journal, prefix: string): void {
    this.#outer = { journal, prefix }
    for (const { path, dependsOn, observer, optional, state } of this.status.list) {
      journal.add(`${prefix}/${path}`, { dependsOn, observer, optional })
      if (state.phase !== 'idle') journal.record(`${prefix}/${path}`, state)
    }
  }

  add(path: string, place: Place): void {
    const { dependsOn, observer, optional } = place
    const particulars = {
      // The event keeps the list of the caller, who must not change it.
      ...(dependsOn && { dependsOn }),
      ...(observer && { observer: true as const }),
      ...(optional && { optional: true as const }),
    }
    this.#append({ kind: 'added', seq: this.status.seq + 1, at: this.#clock.now(), path, ...particulars })
    this.#outer?.journal.add(`${this.#outer.prefix}/${path}`, place)
  }

  /** Does some work. Listeners are told its events after all of it is done. */
  together(work: () => void): void {
    if (this.#outer) return this.#outer.journal.together(() => this.#together(work))
    this.#together(work)
  }

  /** Begins a new incarnation of the group, whose events go to new subscribers. */
  again(): void {
    this.#closed = false
    this.#append({ kind: 'added', seq: this.status.seq + 1, at: this.#clock.now(), path: this.#name })
  }

  remove(path: string): void {
    this.#append({ kind: 'removed', seq: this.status.seq + 1, at: this.#clock.now(), path })
    this.#outer?.journal.remove(`${this.#outer.prefix}/${path}`)
  }

  record(path: string, state: ServiceState): void {
    this.#append({ kind: 'transition', seq: this.status.seq + 1, at: this.#clock.now(), path, state })
    // A nested group's own states come from the outer one, its behaviours included.
    if (this.#outer && path !== this.#name) this.#outer.journal.record(`${this.#outer.prefix}/${path}`, state)
  }

  /** A piece of work of a service has failed. */
  fail(path: string, failure: Pick<FailureEvent, 'what' | 'error' | 'omitted'>): void {
    this.#append({ kind: 'failure', seq: this.status.seq + 1, at: this.#clock.now(), path, ...failure })
    this.#outer?.journal.fail(`${this.#outer.prefix}/${path}`, failure)
  }

  /** Somebody has asked for something from outside. A group that is over tells nothing any more. */
  request(request: ToldRequest): void {
    if (this.#closed) return
    if (request.outcome === 'refused') this.#refused.offer(request)
    else this.tellRequest(request)
  }

  /** Tells a request here and in the outer groups. */
  tellRequest(request: ToldRequest): void {
    this.#append({ kind: 'request', seq: this.status.seq + 1, at: this.#clock.now(), ...request })
    this.#outer?.journal.tellRequest({ ...request, path: `${this.#outer.prefix}/${request.path}` })
  }

  /** Completes the streams, once all events are delivered. */
  close(): void {
    this.#refused.end()
    this.#closed = true
    this.#deliver()
  }

  readonly events$: Observable<GroupEvent> = new Observable(out =>
    this.#listen(out, snapshotOf(this.status), event => event),
  )

  readonly status$: Observable<GroupStatus> = new Observable(out =>
    this.#listen(out, this.status, (_, status) => status),
  )

  #listen<T>(out: Subscriber<T>, first: T, pick: (event: GroupEvent, status: GroupStatus) => T): void {
    const listener: Listener = {
      since: this.status.seq,
      tell: (event, status) => out.next(pick(event, status)),
      end: () => out.complete(),
    }
    this.#listeners = [...this.#listeners, listener]
    out.add(() => {
      this.#listeners = this.#listeners.filter(other => other !== listener)
    })
    // An event that the first value causes comes after it.
    if (this.#delivering) return out.next(first)
    this.#delivering = true
    out.next(first)
    this.#delivering = false
    this.#deliver()
  }

  #append(plain: GroupEvent): void {
    const event = this.#onTheWall(plain)
    this.status = foldStatus(this.status, event)
    if (!this.#isHeard) return
    if (this.#delivering) {
      this.#queue.push({ event, status: this.status })
      return
    }
    this.#delivering = true
    this.#tell(event, this.status)
    this.#delivering = false
    this.#deliver()
  }

  /** An event with the time of the wall clock, which is nearly always the same. */
  #onTheWall(event: GroupEvent): GroupEvent {
    const skew = skewOf(this.#clock, event.at)
    const clockSet = skew - this.#skew
    if (skew === 0 && clockSet === 0) return event
    this.#skew = skew
    return { ...event, at: event.at + skew, ...(clockSet !== 0 && { clockSet }) }
  }

  #tell(event: GroupEvent, status: GroupStatus): void {
    if (!this.#isHeard) return
    const listeners = this.#listeners
    // A listener runs outside all services, whichever service caused the event.
    outside(() => this.#tellAll(listeners, event, status))
  }

  get #isHeard(): boolean {
    return this.#listeners.length > 0 || (!this.#outer && hasSubscribers())
  }

  #tellAll(listeners: readonly Listener[], event: GroupEvent, status: GroupStatus): void {
    if (!this.#outer) publish(event, status)
    for (let i = 0; i < listeners.length; i++) {
      const listener = listeners[i]!
      if (listener.since < event.seq) listener.tell(event, status)
    }
  }

  #together(work: () => void): void {
    if (this.#delivering) return work()
    this.#delivering = true
    work()
    this.#delivering = false
    this.#deliver()
  }

  #deliver(): void {
    if (this.#delivering) return
    if (this.#queue.length > 0) {
      this.#delivering = true
      for (let i = 0; i < this.#queue.length; i++) this.#tell(this.#queue[i]!.event, this.#queue[i]!.status)
      this.#queue.length = 0
      this.#delivering = false
    }
    if (this.#closed) for (const listener of this.#listeners) listener.end()
  }
}
