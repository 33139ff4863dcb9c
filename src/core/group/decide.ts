import type { Order } from '../plan.ts'
import { isFinal, isReady, isSettled, type ServiceState } from '../state.ts'
import { reaches, type Step } from '../steps.ts'

/** The facts of one member: what is wanted, and what is. The next action for the member depends on these alone. */
export interface MemberFacts {
  readonly node: number
  readonly name: string
  readonly state: ServiceState
  readonly observer: boolean
  /** The group can do without the member. */
  readonly optional: boolean
  /** `down`: the member stops and begins again, with its restart set. `gone`: the member ends for good. */
  readonly wanted: 'up' | 'down' | 'gone'
  /** An incarnation was begun, or the member is over without one. */
  readonly begun: boolean
  /** The latest shutdown step that this incarnation was told. */
  readonly told: Step | undefined
  /** The member is being drained and stopped, alone or with its restart set. */
  readonly led: boolean
  /** The member is ending, and does not begin again. */
  readonly leavesForGood: boolean
  /** The member ran before, and is to run again. */
  readonly returning: boolean
  /** The restart behaviour waits until the next incarnation may begin. */
  readonly held: boolean
  /** The member failed and is restarted. The strategy may restart other members with it. */
  readonly restartsOthers: boolean
  /** The member belongs to a restart set. */
  readonly inSet: boolean
  /** In a restart set: the member is down, and so are all members of the set that come after it. */
  readonly rests: boolean
  /** In a restart set: how many members that come after this one do not rest yet. */
  readonly aheadInSet: number
  /** The member has come where the present direction leads, and so have all members ahead of it. */
  readonly passed: boolean
  /** How many members ahead of this one, in the present direction, have not passed. */
  readonly ahead: number
  /** The member is to be forgotten when it is gone. */
  readonly removed: boolean
}

/** Where a group is in its life. */
export type GroupPhase = 'idle' | 'starting' | 'running' | 'draining' | 'stopping' | 'over'

export interface GroupFacts {
  readonly phase: GroupPhase
  /** The latest shutdown step that the group has taken. */
  readonly step: Step | undefined
  /** The group shuts down, or is about to: no member begins. */
  readonly leaving: boolean
  /** How many members have not come up once. */
  readonly coming: number
  /** How many members have not passed in the present direction. */
  readonly open: number
  /** All services that the group is for have ended. */
  readonly isDone: boolean
  readonly toldDrained: boolean
  /** How many members of the restart set do not rest yet. While there are any, no member of the set comes up. */
  readonly goingDown: number
  readonly order: { readonly before: Order; readonly declared: Order; readonly dependents: Order }
  at(node: number): MemberFacts
  /** The members that go down and come up together. */
  readonly restartSet: Iterable<MemberFacts>
}

/** The next action for a member. */
export type Action =
  | Step
  | 'begin'
  | 'release'
  | 'dismiss'
  | 'restart-others'
  | 'take-down'
  | 'rest'
  | 'end'
  | 'pass'
  | 'forget'

/**
 * Decides the next action for a member. A shutdown goes before all else. A restart set goes down before it comes up.
 */
export const decide = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  switch (group.step) {
    case undefined:
      if (group.leaving) return undefined
      if (one.restartsOthers) return 'restart-others'
      if (one.inSet && !one.rests) return takeDown(one, group)
      return one.wanted === 'gone' ? end(one, group) : start(one, group)
    case 'unready':
      return isAlive(one) && !one.observer && !isToldForGood(one, 'unready') ? 'unready' : undefined
    case 'drain':
      return drain(one)
    case 'stop':
      return stop(one)
    case 'force':
      return isAlive(one) && one.told !== 'force' ? 'force' : stop(one)
  }
}

/** Decides the next action of the group, when no member is left to look at and no step waits. */
export const decideGroup = (group: GroupFacts): 'run' | 'leave' | 'drain' | 'drained' | 'finish' | undefined => {
  const { phase, leaving } = group
  if (phase === 'over' || phase === 'idle') return undefined
  if (phase === 'stopping') return group.open === 0 ? 'finish' : undefined
  if (phase === 'starting' && !leaving && group.coming === 0) return 'run'
  if (phase === 'running' && !leaving && group.isDone) return 'leave'
  if (group.step !== 'drain' || group.toldDrained) return undefined
  if (group.open === 0) return 'drained'
  return phase === 'draining' ? undefined : 'drain'
}

/** A member begins after all members before it, as soon as all its dependencies are ready. */
const start = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  const itsTurn = one.passed || (one.ahead === 0 && !(one.inSet && group.goingDown > 0))
  if (itsTurn && !one.passed && hasComeUp(one)) return 'pass'
  if (one.begun && !one.held) return undefined
  const dependencies = group.order.declared[one.node]!
  if (!itsTurn || dependencies.some(node => holdsUp(group.at(node).state, one))) return undefined
  return one.held ? 'release' : 'begin'
}

/** A member of a restart set goes down after all members of the set that come after it. */
const takeDown = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  if (one.aheadInSet > 0) return undefined
  if (one.wanted === 'gone' && !isFinal(one.state)) return endAlone(one, group)
  if (one.leavesForGood) return undefined
  if (one.wanted !== 'down' || !isAlive(one)) return 'rest'
  return one.led ? undefined : 'take-down'
}

/** A member that is to end alone: it is stopped by hand, or removed. */
const end = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  if (isFinal(one.state)) return one.removed ? 'forget' : one.passed ? undefined : start(one, group)
  return endAlone(one, group)
}

/** A member ends after the members that depend on it and are to end too. */
const endAlone = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  if (awaitsDependents(one, group)) return undefined
  if (!one.begun) return 'dismiss'
  return one.led || !isAlive(one) ? undefined : 'end'
}

/** Whether a member that depends on this one, also through members that are over, is to end and has not. */
const awaitsDependents = ({ node }: MemberFacts, { order: { dependents }, at }: GroupFacts): boolean => {
  const nodes = new Set(dependents[node])
  for (const next of nodes) {
    const { wanted, state } = at(next)
    if (isFinal(state)) for (const other of dependents[next]!) nodes.add(other)
    else if (wanted === 'gone') return true
  }
  return false
}

/** A member drains after all members that depend on it. */
const drain = (one: MemberFacts): Action | undefined => {
  if (one.passed || one.ahead > 0) return undefined
  if (one.observer || !isAlive(one)) return 'pass'
  if (!isToldForGood(one, 'drain')) return 'drain'
  return one.state.phase === 'draining' ? undefined : 'pass'
}

/** A member stops when all members that come after it are gone. */
const stop = (one: MemberFacts): Action | undefined => {
  if (one.passed || one.ahead > 0) return undefined
  if (isFinal(one.state)) return 'pass'
  if (!one.begun) return 'dismiss'
  return isToldForGood(one, 'stop') ? undefined : 'stop'
}

/** Whether a member was told a step of its last shutdown. A member of a restart set was told steps to come back. */
const isToldForGood = ({ told, wanted }: MemberFacts, step: Step): boolean => wanted === 'gone' && reaches(told, step)

const isAlive = (one: MemberFacts): boolean => one.begun && !isFinal(one.state)

/**
 * Whether the members after this one may begin. An optional member whose start failed and is tried again holds up no
 * other member.
 */
const hasComeUp = ({ state, optional }: MemberFacts): boolean =>
  isSettled(state) || (optional && (state.phase === 'backoff' || (state.phase === 'starting' && state.attempt > 1)))

/**
 * Whether a member waits for a dependency in this state. A member that returns does not wait for a dependency that is
 * over for good. A member that its restart behaviour begins again waits only until the dependency is settled.
 */
export const holdsUp = (other: ServiceState, one: Pick<MemberFacts, 'returning' | 'held'>): boolean =>
  one.held ? !isSettled(other) : !isReady(other) && !(one.returning && isFinal(other))

/** The dependencies that a member waits for. */
export const waitsFor = (one: MemberFacts, group: GroupFacts): readonly MemberFacts[] =>
  group.order.declared[one.node]!.map(node => group.at(node)).filter(other => holdsUp(other.state, one))

/**
 * The members that a member of a restart set waits for once it is down: those before it, else those still going down.
 */
export const waitsDownFor = (one: MemberFacts, group: GroupFacts): readonly MemberFacts[] => {
  const before = group.order.before[one.node]!.map(node => group.at(node))
  const open = before.filter(other => other.inSet || !isReady(other.state))
  if (open.length > 0) return open
  return [...group.restartSet].filter(other => other !== one && other.wanted === 'down' && isAlive(other))
}
