import type { Subscription } from 'rxjs'
import { after, type Clock } from '../clock.ts'
import { shared } from '../shared.ts'
import type { Report } from '../status/report.ts'
import { currentWork, type Work } from '../work.ts'
import type { GroupLifecycle } from './group-lifecycle.ts'
import type { Member } from './member.ts'

/**
 * How long no state may change, in milliseconds, before a call counts as holding up its service. Applies to a call from
 * code that a hook started and that runs on after the hook, since the service may not wait for that code.
 */
const QUIET = 500

/** A service that holds up an end. */
export type Holder = Work & { readonly state: object }

/** The services that hold up an end now, also those inside nested groups. None: the end makes progress. */
export type Holders = () => readonly Holder[]

/** The members among these that hold up an end. A nested group is replaced by its members that do. */
export const holdersAmong = (members: readonly Member[]): readonly Holder[] =>
  members
    .filter(({ isAwaited }) => isAwaited)
    .flatMap((member): readonly Holder[] => {
      const inner = member.entry.inside?.holders() ?? []
      return inner.length > 0 ? inner : [member]
    })

/** The end of something that a caller inside it waits for. */
export interface Awaited<T> {
  /** The promise for callers from outside: it settles when all is over. */
  readonly whole: Promise<T>
  /** The same object for all calls that wait for the same end. */
  readonly key: object
  readonly holders: Holders
  /** The result of a call from inside, when only services with such calls are waited for. */
  readonly soFar: () => T
  readonly clock: Clock
}

/** How many microtask turns a hook has to return after its call, when it waits for nothing else. */
const TURNS_TO_RETURN = 16

interface Calls {
  /** Calls from inside that still wait. Nearly always there are none. */
  readonly waiting: Set<Waiting>
  /** How many microtask turns are left until the calls are checked. */
  turns: number
}

/** A call from inside, of any copy of this library. */
interface Waiting {
  /** The end that it waits for. */
  readonly key: object
  look(): void
  /** @param surely not only perhaps, by code that a hook has started and does not wait for */
  holds(holder: Holder, surely: boolean): boolean
}

const calls = shared<Calls>('calls.1', () => ({ waiting: new Set(), turns: 0 }))

/** Checks all calls from inside again after a service has a new state, once all that follows from it is done. */
export const lookAgain = (): void => {
  const all = calls()
  if (all.waiting.size === 0) return
  const waits = all.turns > 0
  all.turns = TURNS_TO_RETURN
  if (!waits) Promise.resolve().then(nextTurn)
}

const nextTurn = (): void => {
  const all = calls()
  if (--all.turns > 0) {
    Promise.resolve().then(nextTurn)
    return
  }
  for (const call of [...all.waiting]) call.look()
}

/**
 * A promise for the end of something, for the present caller. A caller inside what is ended would wait for itself: its
 * promise resolves as soon as only services that wait for such calls hold up the end.
 *
 * @param isPart whether a work is a member of what is ended
 */
export const awaitEnd = <T>(awaited: Awaited<T>, isPart: (work: Work) => boolean): Promise<T> => {
  const work = currentWork()
  const path = work && pathOf(work, isPart)
  if (!work || !path || (work.exact && !work.isOpen?.())) return awaited.whole
  return new Promise((resolve, reject) => {
    const call = new Call(awaited, work, path, resolve)
    calls().waiting.add(call)
    // The status and the report tell a later result.
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
  /** Each group on the path is a member of the next. */
  readonly direct: boolean
}

/** The path from a work outwards to a member of what is ended, if there is one. */
const pathOf = (from: Work, isPart: (work: Work) => boolean): Path | undefined => {
  const works = new Set<Work>()
  let direct = true
  let inMember = false
  for (let work: Work | undefined = from; work; work = work.within) {
    works.add(work)
    if (isPart(work)) return { works, direct }
    // A hook has begun that group. Only the hook knows whether its own end depends on that group's end.
    if (inMember && work.isOpen) direct = false
    inMember ||= !work.isOpen
  }
  return undefined
}

class Call<T> implements Waiting {
  readonly #awaited: Awaited<T>
  readonly #work: Work
  readonly #path: Path
  readonly #resolve: (result: T) => void
  #timer: Subscription | undefined
  /** The states of the holders when the quiet time began. */
  #seen: readonly object[] | undefined

  constructor(awaited: Awaited<T>, work: Work, path: Path, resolve: (result: T) => void) {
    this.#awaited = awaited
    this.#work = work
    this.#path = path
    this.#resolve = resolve
  }

  get key(): object {
    return this.#awaited.key
  }

  look(): void {
    const { key, holders, clock } = this.#awaited
    const holding = holders()
    const isHeldBy = (surely: boolean) => (holder: Holder) =>
      [...calls().waiting].some(call => call.key === key && call.holds(holder, surely))
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
    calls().waiting.delete(this)
    this.#timer?.unsubscribe()
  }

  holds(holder: Holder, surely: boolean): boolean {
    if (!this.#path.works.has(holder)) return false
    const isOpen = this.#work.isOpen?.() ?? false
    return (isOpen && this.#path.direct) || (!surely && (isOpen || !this.#work.exact))
  }
}
