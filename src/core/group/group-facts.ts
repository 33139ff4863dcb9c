import { errorInfo, type ServiceError } from '../errors.ts'
import { hasEnded, isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { Step } from '../steps.ts'
import type { GroupFacts, GroupPhase } from './decide.ts'
import { type Lost, lostWith } from './dependencies.ts'
import { groupFailure } from './group-errors.ts'
import { healthOf, UnhealthyMembers } from './group-health.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'
import type { RestartSet } from './restart-set.ts'

/** What follows at once when a member has come to a state. */
export interface Consequences {
  /** Members that can't start any more. */
  readonly lost: readonly Lost[]
  /** Why the group shuts down, if it does because of this. */
  readonly reason: StopReason | undefined
}

/** All that a group knows in one incarnation: its decisions go by this and by nothing else. */
export class Facts implements GroupFacts {
  phase: GroupPhase = 'idle'
  step: Step | undefined
  leaving = false
  coming = 0
  toldDrained = false
  hasRun = false
  readonly unhealthy: UnhealthyMembers = new UnhealthyMembers()
  readonly members: Members
  readonly #group: string
  readonly #set: RestartSet
  readonly #errors: ServiceError[] = []
  /** How many members the group is for, and how many of them are not over. Observers do not count. */
  #workers = 0
  #working = 0
  /** The member with `onEnd: 'stop-group'` that ended. */
  #endedBy: Member | undefined

  constructor(group: string, members: Members, set: RestartSet) {
    this.#group = group
    this.members = members
    this.#set = set
  }

  readonly at = (node: number): Member => this.members.at(node)

  get order(): GroupFacts['order'] {
    return this.members.graph
  }

  /** How many have not passed. In a drain these still drain, in a stop they are still there. */
  get open(): number {
    return this.members.open
  }

  /** All that the group was for has ended. */
  get isDone(): boolean {
    return this.#endedBy !== undefined || (this.#working === 0 && this.#workers > 0)
  }

  get endReason(): StopReason {
    return this.#endedBy ? { by: 'end', service: this.#endedBy.path } : { by: 'end' }
  }

  get goingDown(): number {
    return this.#set.goingDown
  }

  get restartSet(): Iterable<Member> {
    return this.#set.members
  }

  /** Why the group fails, if it does. */
  get failure(): ServiceError | undefined {
    return this.#errors.length > 0 ? groupFailure(this.#group, this.hasRun, this.#errors) : undefined
  }

  /** A member has joined. */
  join(member: Member): void {
    this.coming++
    if (member.observer) return
    this.#workers++
    this.#working++
  }

  /** A member that was over begins anew. */
  revive(member: Member): void {
    member.rewind()
    if (!member.observer) this.#working++
  }

  /** A member is to be forgotten: the group is not for it any more. */
  markRemoved(member: Member, removed: boolean): void {
    if (member.removed !== removed && !member.observer) this.#workers += removed ? -1 : 1
    member.removed = removed
  }

  /** A removed member is gone. */
  forget(member: Member): void {
    // It stays out of the group's workers.
    member.removed = false
    this.unhealthy.note(member.name, 'pass', member.state)
    this.members.forget(member)
    this.arrived(member)
  }

  /** A member has come up once: the start of the group does not wait for it again. */
  arrived(member: Member): void {
    if (!member.hasArrived) this.coming--
    member.hasArrived = true
  }

  /** A member has come to a state. */
  note(member: Member, state: ServiceState, error: ServiceError | undefined): Consequences {
    member.note(state, error)
    if (isFinal(state) && !member.observer) this.#working--
    const isNeeded = !member.optional && !isAskedAlone(member, this.leaving) && !isTemporaryAndFailed(member)
    const health = healthOf(state, error !== undefined, this.leaving, !isNeeded, member.returning)
    this.unhealthy.note(member.name, health, state)
    if (member.entry.onEnd === 'stop-group' && hasEnded(state)) this.#endedBy ??= member
    // A member that could not start is part of a loss that is known.
    if (error && !member.lived) return NOTHING
    const lost = this.leaving ? NOTHING.lost : lostWith(member, this.members)
    if (!error && lost.length === 0) return NOTHING
    const failure = error && isNeeded ? error : lost.find(other => !other.member.optional)?.error
    if (!failure) return { lost, reason: undefined }
    this.#errors.push(failure)
    const reason: StopReason = {
      by: 'failure',
      service: `${this.#group}/${failure.service}`,
      error: errorInfo(failure),
    }
    return { lost, reason }
  }
}

const NOTHING: Consequences = { lost: [], reason: undefined }

/** The group was not told to end, but this member was, or it is being removed. */
const isAskedAlone = (member: Member, leaving: boolean): boolean => (member.asked && !leaving) || member.removed

/** A temporary member that has failed is not restarted, and the group goes on without it. */
const isTemporaryAndFailed = ({ state, entry, hasRun, asked }: Member): boolean =>
  state.phase === 'failed' && entry.temporary === true && hasRun && !asked
