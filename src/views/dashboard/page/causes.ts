import type { Unready } from '../../../core/status/reasons.ts'
import { listing, shortName } from './words.ts'

/** One thing that keeps a group from being ready, and whom it holds up. */
export interface Cause {
  readonly path: string
  readonly phase: Unready['phase']
  readonly health?: Unready['health']
  readonly detail?: string
  /** Those it holds up, nearest first. */
  readonly held: readonly Held[]
}

export interface Held {
  readonly path: string
  /** The one of those held up before it that it waits for, unless it waits for the cause itself. */
  readonly via?: string
}

/** From the causes to all that wait for them, instead of from each that waits to the next: what people ask for. */
export const causesOf = (group: string, reasons: readonly Unready[]): readonly Cause[] => {
  const known = new Set(reasons.map(({ path }) => path))
  const waiters = new Map<string, string[]>()
  for (const { path, through } of reasons)
    for (const other of through ?? []) {
      const list = waiters.get(other)
      if (list) list.push(path)
      else waiters.set(other, [path])
    }
  const roots = reasons.filter(({ path, through }) => path !== group && !through?.some(other => known.has(other)))
  return roots.map(({ path, phase, health, detail }) => ({
    path,
    phase,
    ...(health && { health }),
    ...(detail !== undefined && { detail }),
    held: heldBy(path, waiters),
  }))
}

const heldBy = (path: string, waiters: ReadonlyMap<string, readonly string[]>): readonly Held[] => {
  const seen = new Set([path])
  const held: Held[] = []
  let near: readonly string[] = [path]
  while (near.length > 0) {
    const next: string[] = []
    for (const one of near)
      for (const waiter of waiters.get(one) ?? []) {
        if (seen.has(waiter)) continue
        seen.add(waiter)
        next.push(waiter)
        held.push({ path: waiter, ...(one !== path && { via: one }) })
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
