import { concat, defer, EMPTY, lastValueFrom, type Observable } from 'rxjs'
import type { Clock } from '../clock.ts'
import { type ErrorCode, fromErrorInfo, ServiceError, serviceError } from '../errors.ts'
import { isAbandoned, isFinal, isLost, isSettled, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { dependencyFailed } from './dependencies.ts'
import type { Entries } from './entries.ts'
import type { Entry } from './entry.ts'
import type { GroupLifecycle } from './group-lifecycle.ts'
import { awaitEnd, holdersAmong } from './inside-calls.ts'
import type { Member } from './member.ts'

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
  restart(name: string): Promise<void> {
    const lifecycle = this.#group.live()
    const member = lifecycle?.members.find(name)
    const members = lifecycle && member ? lifecycle.restarts.restartedByHandWith(member) : []
    return this.#awaited(this.#ask(name, 'restarted', restarted), members)
  }

  /** Stops a service and forgets it. Resolves when it is gone. */
  remove(name: string): Promise<void> {
    const member = this.#group.live()?.members.find(name)
    const removal = this.#removals.get(name) ?? this.#remove(name).finally(() => this.#removals.delete(name))
    this.#removals.set(name, removal)
    return this.#awaited(removal, member ? [member] : [])
  }

  /** @throws ServiceError `ERR_GROUP_STOPPED`, `ERR_GROUP_STOPPING` */
  refuseIfEnding(wanted: Wanted, service: string): void {
    const { name, journal } = this.#group
    const isOver = isFinal(journal.status.group.state)
    if (!isOver && !this.#group.live()?.leaving) return
    if (!isOver) throw isLeaving(wanted, service, name)
    throw cannotBe(wanted, service, `group "${name}" has stopped; make a new group`, 'ERR_GROUP_STOPPED')
  }

  async #remove(name: string): Promise<void> {
    const { entries, journal } = this.#group
    const entry = entries.get(name)
    if (!entry) throw unknownService(name, this.#group.name)
    const forget = (): void => {
      if (!journal.status.service(entry.path)) entries.forget(name)
    }
    if (this.#group.live()) return this.#ask(name, 'removed', removed).finally(forget)
    this.refuseIfEnding('removed', name)
    refuseIfInUse(name, entries.dependentsOf(name))
    journal.remove(entry.path)
    forget()
  }

  async #ask(name: string, wanted: Wanted, ask: Ask): Promise<void> {
    const { name: group, entries } = this.#group
    if (!entries.get(name)) throw unknownService(name, group)
    this.refuseIfEnding(wanted, name)
    const lifecycle = this.#group.live()
    if (!lifecycle)
      throw cannotBe(wanted, name, `group "${group}" has not been started; call start() first`, 'ERR_NOT_STARTED')
    await lastValueFrom(ask(name, lifecycle, group), { defaultValue: undefined })
  }

  /** A promise for a caller that may be inside what it waits for. */
  #awaited(whole: Promise<void>, members: readonly Member[]): Promise<void> {
    if (members.length === 0) return whole
    const { clock } = this.#group
    const awaited = { whole, key: whole, holders: () => holdersAmong(members), soFar: () => undefined, clock }
    return awaitEnd(awaited, work => members.includes(work as Member))
  }
}

/** A request to a live group. Completes when it is done. Throws an error, or errors with it, when it fails. */
type Ask = (name: string, lifecycle: GroupLifecycle, group: string) => Observable<never>

const restarted: Ask = (name, lifecycle, group) => {
  const { inbox, restarts } = lifecycle
  const member = findMember(name, lifecycle, group)
  refuseIfLeaving('restarted', name, lifecycle, group)
  const { state } = member
  if (isAbandoned(state)) throw cannotBe('restarted', name, `it ${ABANDONED}`, 'ERR_ABANDONED')
  // A member that ends for good, or is about to be gone, begins anew after that.
  if (member.leavesForGood || (isFinal(state) && !member.gone))
    return concat(
      inbox.until(() => member.gone),
      defer(() => restarted(name, lifecycle, group)),
    )
  if (isFinal(state)) refuseLost(member.entry, lifecycle)
  const isAgain = (): Observable<never> => {
    // A member whose turn is still ahead begins then: that is the restart that was asked for.
    if (!member.begun && !member.returning) return inbox.until(() => isSettled(member.state))
    const members = inbox.take(() => restarts.byHand(member, { by: 'call', message: `restart of ${name}` }))
    return inbox.until(() => !members.some(({ inSet }) => inSet))
  }
  return concat(
    isAgain(),
    defer(() => {
      throwItsError(member)
      if (isLost(member.state)) throw stoppedBefore(name)
      if (!isSettled(member.state)) refuseIfLeaving('restarted', name, lifecycle, group)
      return EMPTY
    }),
  )
}

const removed: Ask = (name, lifecycle, group) => {
  const { inbox, members } = lifecycle
  const member = findMember(name, lifecycle, group)
  refuseIfLeaving('removed', name, lifecycle, group)
  const dependents = members.graph.dependents[member.node]!.map(members.at)
  refuseIfInUse(
    name,
    dependents.filter(one => !one.removed && !one.isForgotten).map(one => one.name),
  )
  inbox.take(() => lifecycle.remove(member, { by: 'call', message: `removal of ${name}` }))
  return concat(
    inbox.until(() => !member.removed || (lifecycle.leaving && isFinal(member.state))),
    defer(() => {
      throwItsError(member)
      return EMPTY
    }),
  )
}

const findMember = (name: string, { members }: GroupLifecycle, group: string): Member => {
  const member = members.find(name)
  if (member && !member.removed) return member
  throw unknownService(name, group)
}

/** A service that is being removed can't be depended on. */
const refuseRemoved = ({ name, dependsOn = [] }: Entry, { members }: GroupLifecycle, group: string): void => {
  const wanted = dependsOn.find(other => members.find(other)?.removed)
  if (wanted === undefined) return
  const why = `it depends on "${wanted}", which is being removed from group "${group}"; take it out of dependsOn`
  throw cannotBe('added', name, why, 'ERR_UNKNOWN_DEPENDENCY')
}

/** A service whose dependency is over could never start. */
const refuseLost = ({ name, dependsOn = [] }: Entry, { members }: GroupLifecycle): void => {
  for (const wanted of dependsOn) {
    const state = members.find(wanted)?.state
    if (!state || !isLost(state)) continue
    const cause = state.phase === 'failed' ? fromErrorInfo(state.error) : undefined
    throw dependencyFailed({ node: 0, root: 1, through: undefined }, node => (node === 0 ? name : wanted), cause)
  }
}

const refuseIfLeaving = (wanted: Wanted, name: string, { leaving }: GroupLifecycle, group: string): void => {
  if (leaving) throw isLeaving(wanted, name, group)
}

/** The requests for one service, as an error names them. */
type Wanted = 'added' | 'restarted' | 'removed'

const cannotBe = (wanted: Wanted, name: string, why: string, code: ErrorCode): ServiceError =>
  serviceError(code, name, `can't be ${wanted}: ${why}`)

const isLeaving = (wanted: Wanted, name: string, group: string): ServiceError =>
  cannotBe(wanted, name, `group "${group}" is shutting down; do this before it is stopped`, 'ERR_GROUP_STOPPING')

const ABANDONED = 'was abandoned, and may still run; restart the process'

/** Throws the error that a member failed with, or that it was abandoned. */
const throwItsError = ({ state, name }: Member): void => {
  if ('error' in state && state.error && isFinal(state)) throw fromErrorInfo(state.error)
  if (state.phase === 'stopped' && state.how === 'abandoned') throw serviceError('ERR_ABANDONED', name, ABANDONED)
}

const stoppedBefore = (name: string): ServiceError =>
  serviceError('ERR_START_FAILED', name, 'was stopped before it was running again; call restart() once more')

const unknownService = (name: string, group: string): ServiceError =>
  new ServiceError(
    'ERR_UNKNOWN_SERVICE',
    name,
    `group "${group}": has no service "${name}"; give the name of a service that was added to this group`,
  )

/** A service can't be removed while others name it in `dependsOn`. */
const refuseIfInUse = (name: string, dependents: readonly string[]): void => {
  if (dependents.length === 0) return
  const [verb, those] = dependents.length === 1 ? ['depends', 'that'] : ['depend', 'those']
  const why = `${dependents.map(dependent => `"${dependent}"`).join(', ')} ${verb} on it; remove ${those} first`
  throw cannotBe('removed', name, why, 'ERR_SERVICE_IN_USE')
}
