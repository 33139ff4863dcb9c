import { concat, defer, EMPTY, type Observable } from 'rxjs'
import { fromErrorInfo, ServiceError } from '../errors.ts'
import { isFinal, isLost, isReady, isSettled, type StopReason } from '../state.ts'
import { dependencyFailed } from './dependencies.ts'
import type { Entry } from './entry.ts'
import type { GroupLifecycle } from './group-lifecycle.ts'
import type { Inbox } from './inbox.ts'
import type { Member } from './member.ts'

/** What people ask of a group while it lives: each request marks what is wanted, and waits until it is so. */
export class Requests {
  readonly #group: string
  readonly #lifecycle: GroupLifecycle
  readonly #inbox: Inbox

  constructor(group: string, lifecycle: GroupLifecycle, inbox: Inbox) {
    this.#group = group
    this.#lifecycle = lifecycle
    this.#inbox = inbox
  }

  /** Takes in a service; throws when it has no place, and then nothing has changed. */
  add(entry: Entry): void {
    this.#refuseRemoved(entry)
    this.#refuseLost(entry)
    this.#lifecycle.enroll([entry])
  }

  /** A service that was added starts after those before it. */
  start(name: string): void {
    const member = this.#lifecycle.members.find(name)
    if (!member || this.#lifecycle.leaving) return
    this.#inbox.take(() => {
      this.#lifecycle.tellWaiting(member)
      this.#lifecycle.members.look(member)
    })
  }

  /** A service ends alone, for good. It does not when it is ending already and does not come back. */
  end(name: string, reason: StopReason): void {
    const member = this.#lifecycle.members.find(name)
    if (!member || member.removed || member.leavesForGood) return
    this.#inbox.take(() => this.#lifecycle.end(member, reason))
  }

  /** One member, or all that are restarted with it by hand. */
  concerned(name: string, restarted: boolean): readonly Member[] {
    const { members, restarts } = this.#lifecycle
    const member = members.find(name)
    if (!member) return []
    return restarted ? restarts.restartedByHandWith(member) : [member]
  }

  /**
   * Restarts a service, and those that belong with it. Completes when they are there again.
   *
   * @throws ServiceError `ERR_UNKNOWN_SERVICE`, `ERR_GROUP_STOPPING`, `ERR_ABANDONED`, `ERR_DEPENDENCY_FAILED` when its
   * dependency is over; errors with what it failed with
   */
  restart(name: string): Observable<never> {
    const member = this.#find(name)
    this.#refuseIfLeaving(`restart "${name}"`)
    const { state } = member
    if (state.phase === 'stopped' && state.how === 'abandoned')
      throw new ServiceError('ERR_ABANDONED', name, `can't restart "${name}": it was abandoned, and may still run`)
    // It ends for good, or is about to be gone: it begins anew after that.
    if (member.leavesForGood || (isFinal(state) && !member.gone))
      return concat(
        this.#inbox.until(() => member.gone),
        defer(() => this.restart(name)),
      )
    if (isFinal(state)) this.#refuseLost(member.entry)
    return concat(
      this.#restarted(member, { by: 'call', message: `restart of ${name}` }),
      defer(() => {
        throwItsError(member)
        if (isFinal(member.state) && !isReady(member.state)) throw stoppedEarly(name)
        if (!isSettled(member.state)) this.#refuseIfLeaving(`restart "${name}"`)
        return EMPTY
      }),
    )
  }

  /** Completes when a member, and all that belong with it, are there again or lost. */
  #restarted(member: Member, reason: StopReason): Observable<never> {
    // Its turn is still ahead: that is the incarnation that was asked for.
    if (!member.begun && !member.returning) return this.#inbox.until(() => isSettled(member.state))
    const members = this.#inbox.take(() => this.#lifecycle.restarts.byHand(member, reason))
    return this.#inbox.until(() => !members.some(({ inSet }) => inSet))
  }

  /**
   * Stops a service and forgets it. Completes when it is gone.
   *
   * @throws ServiceError `ERR_UNKNOWN_SERVICE`, `ERR_GROUP_STOPPING`, `ERR_SERVICE_IN_USE`; errors with what its stop
   * failed with
   */
  remove(name: string): Observable<never> {
    const member = this.#find(name)
    this.#refuseIfLeaving(`remove "${name}"`)
    const { members } = this.#lifecycle
    const users = members.graph.dependents[member.node]!.map(members.at)
    refuseIfInUse(
      name,
      users.filter(({ removed, isForgotten }) => !removed && !isForgotten).map(user => user.name),
    )
    this.#inbox.take(() => this.#lifecycle.remove(member, { by: 'call', message: `removal of ${name}` }))
    const isOver = (): boolean => !member.removed || (this.#lifecycle.leaving && isFinal(member.state))
    return concat(
      this.#inbox.until(isOver),
      defer(() => {
        throwItsError(member)
        return EMPTY
      }),
    )
  }

  #find(name: string): Member {
    const member = this.#lifecycle.members.find(name)
    if (member && !member.removed) return member
    throw unknownService(name, this.#group)
  }

  /** A service that is being removed can't be depended on. */
  #refuseRemoved({ name, dependsOn = [] }: Entry): void {
    const removed = dependsOn.find(wanted => this.#lifecycle.members.find(wanted)?.removed)
    if (removed === undefined) return
    const why = `"${name}" depends on "${removed}", which is being removed from group "${this.#group}"`
    throw new ServiceError('ERR_UNKNOWN_DEPENDENCY', name, why)
  }

  /** A service whose dependency is over could never start. */
  #refuseLost({ name, dependsOn = [] }: Entry): void {
    for (const wanted of dependsOn) {
      const state = this.#lifecycle.members.find(wanted)?.state
      if (!state || !isLost(state)) continue
      const cause = state.phase === 'failed' ? fromErrorInfo(state.error) : undefined
      throw dependencyFailed({ node: 0, root: 1, through: undefined }, node => (node === 0 ? name : wanted), cause)
    }
  }

  #refuseIfLeaving(what: string): void {
    if (!this.#lifecycle.leaving) return
    throw new ServiceError('ERR_GROUP_STOPPING', this.#group, `can't ${what}: group "${this.#group}" is shutting down`)
  }
}

/** Throws what a member has failed with, or that it was abandoned. */
const throwItsError = ({ state, name }: Member): void => {
  if ('error' in state && state.error && isFinal(state)) throw fromErrorInfo(state.error)
  if (state.phase === 'stopped' && state.how === 'abandoned')
    throw new ServiceError('ERR_ABANDONED', name, `"${name}" was abandoned, and may still run`)
}

const stoppedEarly = (name: string): ServiceError =>
  new ServiceError('ERR_START_FAILED', name, `"${name}" was stopped before it was running again`)

export const unknownService = (name: string, group: string): ServiceError =>
  new ServiceError('ERR_UNKNOWN_SERVICE', name, `group "${group}" has no service "${name}"`)

/** A service that others name in `dependsOn` can't be taken from them. */
export const refuseIfInUse = (name: string, users: readonly string[]): void => {
  if (users.length === 0) return
  const [verb, those] = users.length === 1 ? ['depends', 'that'] : ['depend', 'those']
  throw new ServiceError(
    'ERR_SERVICE_IN_USE',
    name,
    `can't remove "${name}": ${users.map(user => `"${user}"`).join(', ')} ${verb} on it; remove ${those} first`,
  )
}
