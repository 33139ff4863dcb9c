import { lastValueFrom } from 'rxjs'
import type { Clock } from '../clock.ts'
import { flag, known, namesOf } from '../options.ts'
import { isFinal, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { stopReasonOf } from '../stop-reason.ts'
import { type Ask, removed, restarted, stopped } from './asks.ts'
import type { Entries } from './entries.ts'
import type { Entry } from './entry.ts'
import { unknownService } from './group-errors.ts'
import type { GroupLifecycle } from './group-lifecycle.ts'
import { awaitEnd, holdersAmong } from './inside-calls.ts'
import type { Member } from './member.ts'
import { cannotBe, isLeaving, notStarted, refuseIfInUse, refuseLost, refuseRemoved, type Wanted } from './refusals.ts'
import type { RestartByHandOptions } from './service-handle.ts'

/** The group that requests are for. */
export interface Requested {
  readonly name: string
  readonly clock: Clock
  readonly entries: Entries
  readonly journal: Journal
  /** The present incarnation, if there is one. */
  live(): GroupLifecycle | undefined
}

/** The requests that a group takes. Each marks what is wanted, and waits until it is so. */
export class Requests {
  readonly #group: Requested
  readonly #removals = new Map<string, Promise<void>>()

  constructor(group: Requested) {
    this.#group = group
  }

  /** Makes a service a member. Throws when it has no place, and then nothing has changed. */
  add(entry: Entry): void {
    const lifecycle = this.#group.live()
    if (!lifecycle) return
    refuseRemoved(entry, lifecycle, this.#group.name)
    refuseLost(entry, lifecycle)
    lifecycle.members.enroll([entry])
  }

  /** Lets a service that was added start at its turn. */
  start(name: string): void {
    const lifecycle = this.#group.live()
    const member = lifecycle?.members.find(name)
    if (!lifecycle || !member || lifecycle.leaving) return
    lifecycle.inbox.take(() => {
      lifecycle.states.tellWaiting(member)
      lifecycle.members.look(member)
    })
  }

  /** Ends one service for good. Returns false when the group is not live. */
  end(name: string, reason: StopReason): boolean {
    const lifecycle = this.#group.live()
    const member = lifecycle?.members.find(name)
    // A member that is ending already, and does not begin again, is left alone.
    if (lifecycle && member && !member.removed && !member.leavesForGood)
      lifecycle.inbox.take(() => lifecycle.end(member, reason))
    return lifecycle !== undefined
  }

  /** Restarts a service, and those that depend on it. Resolves when they are running again. */
  restart(name: string, options: RestartByHandOptions = {}): Promise<void> {
    return this.#forward(name, (holder, own) => holder.restartOwn(own, options))
  }

  /** Stops a service, and those that depend on it, until they are restarted. Resolves when they are gone. */
  stop(name: string, reason: unknown): Promise<void> {
    return this.#forward(name, (holder, own) => holder.stopOwn(own, reason))
  }

  /** Stops a service and forgets it. Resolves when it is gone. */
  remove(name: string): Promise<void> {
    return this.#forward(name, (holder, own) => holder.removeOwn(own))
  }

  /** The requests of a nested group, which may be of another copy of this library, with other private members. */
  ofNested(name: string): Requests {
    return this.#group.entries.get(name)!.inside!.requests
  }

  /** @throws ServiceError `ERR_GROUP_STOPPED`, `ERR_GROUP_STOPPING` */
  refuseIfEnding(wanted: Wanted, service: string): void {
    const { name, journal } = this.#group
    const isOver = isFinal(journal.status.group.state)
    if (!isOver && !this.#group.live()?.leaving) return
    if (!isOver) throw isLeaving(wanted, service, name)
    throw cannotBe(wanted, service, `group "${name}" has stopped; make a new group`, 'ERR_GROUP_STOPPED')
  }

  /** For a service of this very group. */
  restartOwn(name: string, options: RestartByHandOptions): Promise<void> {
    known(name, options, RESTART_OPTIONS)
    flag(name, 'dependents', options.dependents)
    const { dependents = true } = options
    this.refuseIfEnding('restarted', name)
    return this.#ask('restarted', name, restarted(dependents), this.#membersWith(name, dependents))
  }

  /** For a service of this very group. */
  stopOwn(name: string, reason: unknown): Promise<void> {
    if (isFinal(this.#group.journal.status.group.state)) return Promise.resolve()
    const why = reason === undefined ? ({ by: 'call', message: `stop of ${name}` } as const) : stopReasonOf(reason)
    return this.#ask('stopped', name, stopped(why), this.#membersWith(name, true))
  }

  /** For a service of this very group. */
  removeOwn(name: string): Promise<void> {
    const member = this.#group.live()?.members.find(name)
    const removal = this.#removals.get(name) ?? this.#takeOut(name).finally(() => this.#removals.delete(name))
    this.#removals.set(name, removal)
    return this.#awaited(removal, member ? [member] : [])
  }

  async #takeOut(name: string): Promise<void> {
    const { entries, journal } = this.#group
    const { path } = entries.get(name)!
    const forget = (): void => {
      if (!journal.status.byPath(path)) entries.forget(name)
    }
    this.refuseIfEnding('removed', name)
    if (this.#group.live()) return this.#ask('removed', name, removed, []).finally(forget)
    refuseIfInUse(name, entries.dependentsOf(name))
    journal.remove(path)
    forget()
  }

  /** Hands a request to the group that holds the service: this one, or one inside it. */
  #forward(name: string, request: (holder: Requests, name: string) => Promise<void>): Promise<void> {
    try {
      const { journal, name: group } = this.#group
      const path = journal.status.pathOf(`${name}`)
      if (path === undefined) throw unknownService(`${name}`, journal.status)
      const names = path.slice(group.length + 1).split('/')
      const own = names.pop()!
      let holder: Requests = this
      for (const inner of names) holder = holder.ofNested(inner)
      return request(holder, own)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Asks the live group. The promise is for a caller that may be inside what it waits for. */
  #ask(wanted: Wanted, name: string, ask: Ask, members: readonly Member[]): Promise<void> {
    const lifecycle = this.#group.live()
    if (!lifecycle) throw notStarted(wanted, name, this.#group.name)
    const done = async (): Promise<void> => {
      await lastValueFrom(ask(name, lifecycle, this.#group), { defaultValue: undefined })
    }
    return this.#awaited(done(), members)
  }

  /** A live member, and the members that depend on it. */
  #membersWith(name: string, dependents: boolean): readonly Member[] {
    const lifecycle = this.#group.live()
    const member = lifecycle?.members.find(name)
    return lifecycle && member ? lifecycle.restarts.goingByHand(member, dependents) : []
  }

  /** A promise for a caller that may be inside what it waits for. */
  #awaited(whole: Promise<void>, members: readonly Member[]): Promise<void> {
    if (members.length === 0) return whole
    const { clock } = this.#group
    const awaited = { whole, key: whole, holders: () => holdersAmong(members), soFar: () => undefined, clock }
    return awaitEnd(awaited, work => members.includes(work as Member))
  }
}

const RESTART_OPTIONS = namesOf<RestartByHandOptions>({ dependents: true })
