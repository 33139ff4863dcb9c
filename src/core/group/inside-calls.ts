import type { Subscription } from 'rxjs'
import { after, type Clock } from '../clock.ts'
import type { Report } from '../status/report.ts'
import { currentWork, type Work } from '../work.ts'
import type { GroupLifecycle } from './group-lifecycle.ts'
import type { Member } from './member.ts'

/**
 * How long nothing may happen, in milliseconds, before a call is taken to hold up the service it comes from. It counts
 * where that is not known: the call comes from something that a hook set going before it returned.
 */
const QUIET = 500

/** A service that holds up an end; of a group, the members that do. */
export type Holder = Work & { readonly state: object }

/** The services that hold up an end at this moment, those inside nested groups included. None: it makes progress. */
export type Holders = () => readonly Holder[]

/** Those of some members that hold up an end; of a nested group its own members that do. */
export const holdersAmong = (members: readonly Member[]): readonly Holder[] =>
  members
    .filter(({ isAwaited }) => isAwaited)
    .flatMap((member): readonly Holder[] => {
      const inner = member.entry.inside?.holders() ?? []
      return inner.length > 0 ? inner : [member]
    })

/** The end that a caller inside waits for. */
export interface Awaited<T> {
  /** The promise for callers from outside. */
  readonly whole: Promise<T>
  /** The same for all calls that wait for the same. */
  readonly key: object
  readonly holders: Holders
  /** The result of a call once all remaining members wait for such calls. */
  readonly soFar: () => T
  readonly clock: Clock
}

/** How many turns of promises a hook that waits for nothing has to return, after it has called. */
const TURNS_TO_RETURN = 16

/** Calls from inside that still wait. Hardly ever are there any. */
const calls = new Set<Call<unknown>>()
let turns = 0

/** A service has come to a new state: calls that wait from inside look again, once all that follows has been done. */
export const lookAgain = (): void => {
  if (calls.size === 0) return
  const waits = turns > 0
  turns = TURNS_TO_RETURN
  if (!waits) Promise.resolve().then(pass)
}

const pass = (): void => {
  if (--turns > 0) {
    Promise.resolve().then(pass)
    return
  }
  for (const call of [...calls]) call.look()
}

/**
 * A promise for the end of something, for the caller of this moment. A caller inside what is ended would wait for
 * itself: it gets what there is as soon as all that still holds up the end are services that wait for such calls.
 *
 * @param isPart whether a work is a member of what is ended
 */
export const awaitEnd = <T>(awaited: Awaited<T>, isPart: (work: Work) => boolean): Promise<T> => {
  const work = currentWork()
  const path = work && pathOf(work, isPart)
  if (!work || !path || (work.exact && !work.isOpen?.())) return awaited.whole
  return new Promise((resolve, reject) => {
    const call = new Call(awaited, work, path, resolve)
    calls.add(call as Call<unknown>)
    // A later result is told in the status and the report.
    awaited.whole.then(resolve, reject).finally(() => call.leave())
    lookAgain()
  })
}

/** The report of a group that ends, for the caller of this moment. */
export const awaitStop = (
  whole: Promise<Report>,
  lifecycle: GroupLifecycle,
  clock: Clock,
  soFar: () => Report,
): Promise<Report> => {
  const { members } = lifecycle
  const awaited = { whole, key: lifecycle, holders: () => holdersAmong(members.list), soFar, clock }
  return awaitEnd(awaited, work => members.has(work))
}

interface Path {
  /** All works from the caller outwards. */
  readonly works: ReadonlySet<Work>
  /** Each group on the way is a member of the next. */
  readonly direct: boolean
}

/** The way from a work outwards to a member of what is ended, if there is one. */
const pathOf = (from: Work, isPart: (work: Work) => boolean): Path | undefined => {
  const works = new Set<Work>()
  let direct = true
  let inMember = false
  for (let work: Work | undefined = from; work; work = work.within) {
    works.add(work)
    if (isPart(work)) return { works, direct }
    // A group that a hook has begun: nobody but the hook knows how its end depends on this one.
    if (inMember && work.isOpen) direct = false
    inMember ||= !work.isOpen
  }
  return undefined
}

class Call<T> {
  readonly #awaited: Awaited<T>
  readonly #work: Work
  readonly #path: Path
  readonly #resolve: (result: T) => void
  #timer: Subscription | undefined
  /** How those that hold it up were when the quiet time began. */
  #seen: readonly object[] | undefined

  constructor(awaited: Awaited<T>, work: Work, path: Path, resolve: (result: T) => void) {
    this.#awaited = awaited
    this.#work = work
    this.#path = path
    this.#resolve = resolve
  }

  look(): void {
    const { key, holders, clock } = this.#awaited
    const holding = holders()
    const isHeldBy = (surely: boolean) => (holder: Holder) =>
      [...calls].some(call => call.#awaited.key === key && call.#holds(holder, surely))
    const isHeld = holding.length > 0 && holding.every(isHeldBy(false))
    if (isHeld && holding.every(isHeldBy(true))) return this.#release()
    const states = isHeld ? holding.map(holder => holder.state) : undefined
    if (states && this.#seen?.length === states.length && states.every((state, i) => state === this.#seen![i])) return
    this.#timer?.unsubscribe()
    this.#seen = states
    if (!states) return
    this.#timer = after(clock, QUIET, () => this.#release())
  }

  #release(): void {
    this.#resolve(this.#awaited.soFar())
    this.leave()
  }

  leave(): void {
    calls.delete(this as Call<unknown>)
    this.#timer?.unsubscribe()
  }

  #holds(holder: Holder, surely: boolean): boolean {
    if (!this.#path.works.has(holder)) return false
    const isOpen = this.#work.isOpen?.() ?? false
    return (isOpen && this.#path.direct) || (!surely && (isOpen || !this.#work.exact))
  }
}
