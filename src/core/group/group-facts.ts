import { errorInfo, type ServiceError } from '../errors.ts'
import { hasEnded, isFinal, type ServiceState, type StopReason } from '../state.ts'
import type { Step } from '../steps.ts'
import type { GroupFacts, GroupPhase } from './decide.ts'
import { type Lost, lostWith } from './dependencies.ts'
import { groupFailure } from './group-errors.ts'
import type { Member } from './member.ts'
import { healthOf, UnhealthyMembers } from './member-health.ts'
import type { Members } from './members.ts'
import type { RestartSet } from './restart-set.ts'

/** The consequences of a new state of a member. */
export interface Consequences {
  /** Members that can't start any more. */
  readonly lost: readonly Lost[]
  /** The reason of the shutdown that this state causes, if it causes one. */
  readonly reason: StopReason | undefined
}

/** The facts of a group in one incarnation. Its decisions depend on these alone. */
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
  /**
   * How many services the group is for, and how many of them are not over, or were stopped by hand. Observers do not
   * count.
   */
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

  /** How many members have not passed. In a drain these still drain. In a stop they are still there. */
  get open(): number {
    return this.members.open
  }

  /** All services that the group is for have ended. */
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

  /** The error that the group fails with, if it fails. */
  get failure(): ServiceError | undefined {
    return this.#errors.length > 0 ? groupFailure(this.#group, this.hasRun, this.#errors) : undefined
  }

  /** Counts a member that has joined. */
  join(member: Member): void {
    this.coming++
    if (member.observer) return
    this.#workers++
    this.#working++
  }

  /** Counts a member that was over and begins anew. */
  revive(member: Member): void {
    if (countsAsOver(member)) this.#working++
    member.rewind()
  }

  /** Marks a member that is to be forgotten. The group is not for it any more. */
  markRemoved(member: Member, removed: boolean): void {
    if (member.removed !== removed && !member.observer) this.#workers += removed ? -1 : 1
    member.removed = removed
  }

  /** Forgets a removed member that is gone. */
  forget(member: Member): void {
    if (!countsAsOver(member) && !member.observer) this.#working--
    // `markRemoved` would count the member as a worker again.
    member.removed = false
    this.unhealthy.note(member.name, 'pass', member.state)
    this.members.forget(member)
    this.arrived(member)
  }

  /** Notes that a member has come up once. The start of the group does not wait for it again. */
  arrived(member: Member): void {
    if (!member.hasArrived) this.coming--
    member.hasArrived = true
  }

  /** Notes a new state of a member. */
  note(member: Member, state: ServiceState, error: ServiceError | undefined): Consequences {
    member.note(state, error)
    if (countsAsOver(member)) this.#working--
    const { leaving } = this
    const needed = !member.optional && !isAskedAlone(member, leaving) && !isTemporaryAndFailed(member)
    const health = healthOf(state, { failed: error !== undefined, leaving, needed, returning: member.returning })
    this.unhealthy.note(member.name, health, state)
    if (member.entry.onEnd === 'stop-group' && hasEnded(state)) this.#endedBy ??= member
    // A member that could not start is part of a loss that was noted before.
    if (error && !member.lived) return NOTHING
    const lost = leaving ? NOTHING.lost : lostWith(member, this.members)
    if (!error && lost.length === 0) return NOTHING
    const failure = error && needed ? error : lost.find(other => !other.member.optional)?.error
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

/** Whether the member is over, unless a restart may begin it again: it was stopped by hand. */
const countsAsOver = ({ state, observer, stoppedWith }: Member): boolean =>
  isFinal(state) && !observer && stoppedWith === undefined

/** Whether this member alone was told to end, or is being removed. */
const isAskedAlone = (member: Member, leaving: boolean): boolean => (member.asked && !leaving) || member.removed

/** Whether a temporary member has failed. It is not restarted, and the group goes on without it. */
const isTemporaryAndFailed = ({ state, entry, hasRun, asked }: Member): boolean =>
  state.phase === 'failed' && entry.temporary === true && hasRun && !asked
