import type { Order } from '../plan.ts'
import { isFinal, isReady, isSettled, type ServiceState } from '../state.ts'
import { reaches, type Step } from '../steps.ts'

/** What is wanted of a member, and what it is: all that is looked at to decide what the group does with it next. */
export interface MemberFacts {
  readonly node: number
  readonly name: string
  readonly state: ServiceState
  readonly observer: boolean
  /** The group runs without it. */
  readonly optional: boolean
  /** `down`: it stops and begins again, together with its restart set. `gone`: it ends for good. */
  readonly wanted: 'up' | 'down' | 'gone'
  /** Its incarnation has been begun, or it is over without one. */
  readonly begun: boolean
  /** The last shutdown step that this incarnation was told. */
  readonly told: Step | undefined
  /** It is led through its last steps alone. */
  readonly led: boolean
  /** It is ending, and does not come back. */
  readonly leavesForGood: boolean
  /** It ran before, and is to run again. */
  readonly returning: boolean
  /** Its restart behaviour asks whether the next incarnation may begin. */
  readonly held: boolean
  /** It has failed, is restarted, and others may have to be restarted with it. */
  readonly gathers: boolean
  /** It goes down and comes up together with others. */
  readonly inSet: boolean
  /** In its restart set: it is down, and so are all of the set that come after it. */
  readonly rests: boolean
  /** In its restart set: how many of those that come after it do not rest yet. */
  readonly aheadInSet: number
  /** In the present direction it is where it is to be, and so are all before it. */
  readonly passed: boolean
  /** How many of those before it in the present direction have not passed. */
  readonly ahead: number
  /** To be forgotten once it is gone. */
  readonly removed: boolean
}

/** Where a group is in its life. */
export type GroupPhase = 'idle' | 'starting' | 'running' | 'draining' | 'stopping' | 'over'

export interface GroupFacts {
  readonly phase: GroupPhase
  /** The last shutdown step that the group has taken. */
  readonly step: Step | undefined
  /** It shuts down, or is about to: no member begins. */
  readonly leaving: boolean
  /** How many members have not come up once. */
  readonly coming: number
  /** How many members have not passed in the present direction. */
  readonly open: number
  /** All that it was for has ended. */
  readonly isDone: boolean
  readonly toldDrained: boolean
  /** How many members of restart sets do not rest yet: until then no member of a set comes up. */
  readonly goingDown: number
  readonly order: { readonly before: Order; readonly declared: Order; readonly dependents: Order }
  at(node: number): MemberFacts
  /** All members of restart sets. */
  readonly restartSet: Iterable<MemberFacts>
}

/** What a group does next with a member. */
export type Action = Step | 'begin' | 'open' | 'dismiss' | 'gather' | 'take-down' | 'rest' | 'end' | 'pass' | 'forget'

/** What to do next with a member. Shutdown steps go before all else; a restart set goes down before it comes up. */
export const decide = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  switch (group.step) {
    case undefined:
      if (group.leaving) return undefined
      if (one.gathers) return 'gather'
      if (one.inSet && !one.rests) return takeDown(one)
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

/** What to do next as a group, when no member is left to be looked at and no step waits. */
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

/** Begins after all before it, as soon as all that it depends on is ready. */
const start = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  const itsTurn = one.passed || (one.ahead === 0 && !(one.inSet && group.goingDown > 0))
  if (itsTurn && !one.passed && hasComeUp(one)) return 'pass'
  if (one.begun && !one.held) return undefined
  const dependencies = group.order.declared[one.node]!
  if (!itsTurn || dependencies.some(node => holdsUp(group.at(node).state, one))) return undefined
  return one.held ? 'open' : 'begin'
}

/** In a restart set: goes down after all of the set that come after it. */
const takeDown = (one: MemberFacts): Action | undefined => {
  if (one.aheadInSet > 0) return undefined
  if (one.wanted === 'gone' && !isFinal(one.state)) return endAlone(one)
  if (one.leavesForGood) return undefined
  if (one.wanted !== 'down' || !isAlive(one)) return 'rest'
  return one.led ? undefined : 'take-down'
}

/** Ends alone. A member that is removed goes after those that depend on it. */
const end = (one: MemberFacts, group: GroupFacts): Action | undefined => {
  if (isFinal(one.state)) return one.removed ? 'forget' : one.passed ? undefined : start(one, group)
  const isAwaited = one.removed && group.order.dependents[one.node]!.some(node => !isFinal(group.at(node).state))
  return isAwaited ? undefined : endAlone(one)
}

const endAlone = (one: MemberFacts): Action | undefined => {
  if (!one.begun) return 'dismiss'
  return one.led || !isAlive(one) ? undefined : 'end'
}

/** Drains after all that depend on it. */
const drain = (one: MemberFacts): Action | undefined => {
  if (one.passed || one.ahead > 0) return undefined
  if (one.observer || !isAlive(one)) return 'pass'
  if (!isToldForGood(one, 'drain')) return 'drain'
  return one.state.phase === 'draining' ? undefined : 'pass'
}

/** Stops after all that come after it are gone. */
const stop = (one: MemberFacts): Action | undefined => {
  if (one.passed || one.ahead > 0) return undefined
  if (isFinal(one.state)) return 'pass'
  if (!one.begun) return 'dismiss'
  return isToldForGood(one, 'stop') ? undefined : 'stop'
}

/** A member of a restart set has been told steps too, but it was to come back. */
const isToldForGood = ({ told, wanted }: MemberFacts, step: Step): boolean => wanted === 'gone' && reaches(told, step)

const isAlive = (one: MemberFacts): boolean => one.begun && !isFinal(one.state)

/**
 * A member that comes up after it need not wait any longer. The group does without an optional one whose start failed
 * and is tried again.
 */
const hasComeUp = ({ state, optional }: MemberFacts): boolean =>
  isSettled(state) || (optional && (state.phase === 'backoff' || (state.phase === 'starting' && state.attempt > 1)))

/**
 * Whether a member waits for one that it depends on. One that comes back does without what is over for good, as it did
 * until it was taken down; one that its restart behaviour begins again waits only for what is on its way.
 */
export const holdsUp = (other: ServiceState, one: Pick<MemberFacts, 'returning' | 'held'>): boolean =>
  one.held ? !isSettled(other) : !isReady(other) && !(one.returning && isFinal(other))

/** The dependencies that a member waits for. */
export const waitsFor = (one: MemberFacts, group: GroupFacts): readonly MemberFacts[] =>
  group.order.declared[one.node]!.map(node => group.at(node)).filter(other => holdsUp(other.state, one))

/** The members that one of a restart set waits for once it is down: those before it, else those that still go down. */
export const waitsDownFor = (one: MemberFacts, group: GroupFacts): readonly MemberFacts[] => {
  const before = group.order.before[one.node]!.map(node => group.at(node))
  const open = before.filter(other => other.inSet || !isReady(other.state))
  if (open.length > 0) return open
  return [...group.restartSet].filter(other => other !== one && other.wanted === 'down' && isAlive(other))
}
