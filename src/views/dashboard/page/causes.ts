import type { Unready } from '../../../core/status/reasons.ts'
import { parentOf } from '../../../core/status/service-status.ts'
import { listing, shortName } from './words.ts'

/** One thing that keeps a group from being ready or well, and whom it holds up. */
export interface Cause {
  readonly path: string
  readonly phase: Unready['phase']
  readonly health?: Unready['health']
  readonly detail?: string
  /** Whether the group is not ready because of it. Otherwise it only warns. */
  readonly blocks: boolean
  /** The services that it holds up, nearest first. */
  readonly held: readonly Held[]
}

export interface Held {
  readonly path: string
  /** The one of those held up before it that it waits for, unless it waits for the cause itself. */
  readonly via?: string
}

/**
 * From the causes to all that wait for them, the worst first, instead of from each that waits to the next: what people
 * ask for.
 *
 * @param optional the paths of the services that the group can do without
 */
export const causesOf = (
  group: string,
  reasons: readonly Unready[],
  optional: ReadonlySet<string> = new Set(),
): readonly Cause[] => {
  const known = new Set(reasons.map(({ path }) => path))
  const waiters = new Map<string, string[]>()
  for (const { path, through } of reasons)
    for (const other of through ?? []) {
      const list = waiters.get(other)
      if (list) list.push(path)
      else waiters.set(other, [path])
    }
  const roots = reasons.filter(({ path, through }) => path !== group && !through?.some(other => known.has(other)))
  return roots
    .map(reason => ({ reason, rank: rankOf(reason, optional) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ reason: { path, phase, health, detail }, rank }) => ({
      path,
      phase,
      ...(health && { health }),
      ...(detail !== undefined && { detail }),
      blocks: rank < ONLY_WARNS,
      // Of the first few only, since no more are shown.
      get held() {
        return heldBy(path, waiters)
      },
    }))
}

/** From this rank on a cause does not keep the group from being ready. */
const ONLY_WARNS = 4

/** 0 for the worst: what is over, is tried again, does not answer, is on its way; then the same of what only warns. */
const rankOf = ({ path, phase, health }: Unready, optional: ReadonlySet<string>): number => {
  const own = phase === 'failed' || phase === 'stopped' ? 0 : phase === 'backoff' ? 1 : health === 'fail' ? 2 : 3
  // A service that was stopped by hand is not missed.
  const warns = optional.has(path) || phase === 'stopped' || (phase === 'running' && health !== 'fail')
  return warns ? own + ONLY_WARNS : own
}

interface Step {
  readonly path: string
  /** The name that services behind it are said to wait for. */
  readonly as: string
}

/** A group is not held up by what is in it: others are, who wait for the group. Nor does it hold up what is in it. */
const heldBy = (cause: string, waiters: ReadonlyMap<string, readonly string[]>): readonly Held[] => {
  const seen = new Set([cause])
  const held: Held[] = []
  let near: readonly Step[] = [{ path: cause, as: cause }]
  while (near.length > 0) {
    const next: Step[] = []
    for (const { path, as } of near)
      for (const waiter of waiters.get(path) ?? []) {
        if (seen.has(waiter)) continue
        seen.add(waiter)
        if (path.startsWith(`${waiter}/`) || parentOf(waiter) === path) next.push({ path: waiter, as })
        else {
          next.push({ path: waiter, as: waiter })
          held.push({ path: waiter, ...(as !== cause && { via: as }) })
        }
      }
    near = next
  }
  return held
}

/** `orders waits for it; api through orders`: in words, and no longer than a line. */
export const heldInWords = (group: string, held: readonly Held[]): string => {
  if (held.length === 0) return ''
  const name = (path: string): string => shortName(path, group)
  const direct = held.filter(({ via }) => via === undefined).map(({ path }) => name(path))
  const first = `${listing(direct)} ${direct.length === 1 ? 'waits' : 'wait'} for it`
  const further = held.filter(({ via }) => via !== undefined)
  if (further.length === 0) return first
  if (further.length > 2)
    return `${first}, and ${further.length} more through ${direct.length === 1 ? direct[0] : 'them'}`
  return `${first}, ${further.map(({ path, via }) => `${name(path)} through ${name(via!)}`).join(', ')}`
}
