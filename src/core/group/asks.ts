import { concat, defer, EMPTY, type Observable } from 'rxjs'
import { serviceError } from '../errors.ts'
import { isAbandoned, isFinal, isLost, isSettled, type StopReason } from '../state.ts'
import type { Journal } from '../status/journal.ts'
import { unknownService } from './group-errors.ts'
import type { GroupLifecycle } from './group-lifecycle.ts'
import type { Member } from './member.ts'
import { ABANDONED, cannotBe, refuseIfInUse, refuseIfLeaving, refuseLost, throwItsError } from './refusals.ts'

/**
 * A request for one service of a live group: marks what is wanted, and completes when it is so. Throws an error, or
 * errors with it, when it fails.
 */
export type Ask = (name: string, lifecycle: GroupLifecycle, group: Asked) => Observable<never>

interface Asked {
  readonly name: string
  readonly journal: Journal
}

/** @param dependents whether the members that depend on it are restarted with it */
export const restarted = (dependents: boolean): Ask => {
  const ask: Ask = (name, lifecycle, group) => {
    const { inbox, restarts } = lifecycle
    const member = findMember(name, lifecycle, group)
    refuseIfLeaving('restarted', name, lifecycle, group.name)
    const { state } = member
    if (isAbandoned(state)) throw cannotBe('restarted', name, `it ${ABANDONED}`, 'ERR_ABANDONED')
    // A member that ends for good, or is about to be gone, begins anew after that.
    if (member.leavesForGood || (isFinal(state) && !member.gone))
      return concat(
        inbox.until(() => member.gone),
        defer(() => ask(name, lifecycle, group)),
      )
    if (isFinal(state)) refuseLost(member.entry, lifecycle)
    const isAgain = (): Observable<never> => {
      // A member whose turn is still ahead begins then: that is the restart that was asked for.
      if (!member.begun && !member.returning) return inbox.until(() => isSettled(member.state))
      const reason = { by: 'call', message: `restart of ${name}` } as const
      const members = inbox.take(() => restarts.byHand(member, reason, dependents))
      return inbox.until(() => !members.some(({ inSet }) => inSet))
    }
    return concat(
      isAgain(),
      defer(() => {
        throwItsError(member)
        if (isLost(member.state))
          throw serviceError(
            'ERR_START_FAILED',
            name,
            'was stopped before it was running again; call restart() once more',
          )
        if (!isSettled(member.state)) refuseIfLeaving('restarted', name, lifecycle, group.name)
        return EMPTY
      }),
    )
  }
  return ask
}

export const removed: Ask = (name, lifecycle, group) => {
  const { inbox, members } = lifecycle
  const member = findMember(name, lifecycle, group)
  refuseIfLeaving('removed', name, lifecycle, group.name)
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

export const stopped =
  (reason: StopReason): Ask =>
  (name, lifecycle, group) => {
    const { inbox } = lifecycle
    const member = findMember(name, lifecycle, group)
    const wasOver = isFinal(member.state)
    // A group that shuts down stops all its members anyway.
    if (!lifecycle.leaving) inbox.take(() => lifecycle.stopByHand(member, reason))
    const members = lifecycle.restarts.goingByHand(member, true)
    return concat(
      inbox.until(() => members.every(one => one.gone || isAbandoned(one.state))),
      defer(() => {
        if (!wasOver) throwItsError(member)
        return EMPTY
      }),
    )
  }

const findMember = (name: string, { members }: GroupLifecycle, { journal }: Asked): Member => {
  const member = members.find(name)
  if (member && !member.removed) return member
  throw unknownService(name, journal.status)
}
