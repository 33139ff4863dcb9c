import { defer, distinctUntilChanged, filter, map, type Observable, Subject, startWith, takeWhile } from 'rxjs'

/** The pieces of work that a service has begun and not ended: messages, calls, runs. */
export interface InFlight<T> {
  readonly size: number
  take(piece: T): void
  has(piece: T): boolean
  /** False when the piece is not in flight, or no more. */
  release(piece: T): boolean
  /** How many there are, as the number falls to zero; completes there. Silent when there is none from the start. */
  untilEmpty$(): Observable<number>
  /** All pieces, the oldest first. A copy: what is done with one may release others. */
  all(): readonly T[]
}

/**
 * Counts the work that a service holds. `untilEmpty$()` is what a drain returns.
 *
 * @example
 * ```ts
 * const messages = makeInFlight<string>()
 * const consumer = service('mails', {
 *   drain: ({ pending }) => messages.untilEmpty$().pipe(tap(pending)),
 * })
 * messages.take('welcome')
 * console.log(messages.size, messages.release('welcome'), messages.size) // 1 true 0
 * ```
 */
export const makeInFlight = <T>(): InFlight<T> => {
  let held = new Set<T>()
  const released$ = new Subject<void>()
  return {
    get size() {
      return held.size
    },
    take: piece => void held.add(piece),
    has: piece => held.has(piece),
    release: piece => {
      if (!held.has(piece)) return false
      // V8 links each table of a set to the one that replaces it. Once one is old, all after it, with what they hold,
      // outlive the quick collections. A new set has no such past.
      if (held.size === 1) held = new Set()
      else held.delete(piece)
      if (released$.observed) released$.next()
      return true
    },
    untilEmpty$: () => countdown$(released$, () => held.size),
    all: () => [...held],
  }
}

/** A number, now and at each change, until it is zero. Silent when it is zero from the start. */
export const countdown$ = (changed$: Observable<unknown>, count: () => number): Observable<number> =>
  defer(() =>
    changed$.pipe(
      startWith(undefined),
      map(count),
      distinctUntilChanged(),
      takeWhile(left => left > 0, true),
      filter((left, index) => left > 0 || index > 0),
    ),
  )
