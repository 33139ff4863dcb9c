import { figuresOf, type GroupFigures } from '../../../core/figures.ts'
import type { ServiceState } from '../../../core/state.ts'
import type { GroupEvent } from '../../../core/status/events.ts'

/** A value at a moment; it holds until the next point. */
export interface Point {
  readonly at: number
  readonly value: number
}

/** The figures of one service, by their name, in the order in which it tells them. */
export type Series = ReadonlyMap<string, readonly Point[]>

/** By the path of the service. */
export type AllSeries = ReadonlyMap<string, Series>

export const NO_SERIES: AllSeries = new Map()

/** So many points are kept of a figure, at most one a second: ten minutes of one that changes all the time. */
export const MOST_POINTS = 600
const APART = 1_000

/** The figures of a process with new ones added: the latest ten minutes. */
export const latestFigures = (
  known: readonly GroupFigures[] = [],
  fresh: readonly GroupFigures[],
): readonly GroupFigures[] => [...known, ...fresh].slice(-MOST_POINTS)

/** The figures after some events. The figures of services that tell no new ones stay the same objects. */
export const foldSeries = (before: AllSeries, events: readonly GroupEvent[]): AllSeries => {
  let all = before
  const set = (path: string, state: ServiceState, at: number): void => {
    const known = all.get(path)
    const next = seriesAfter(known, state, at)
    if (next === known || !next) return
    if (all === before) all = new Map(before)
    ;(all as Map<string, Series>).set(path, next)
  }
  for (const event of events) {
    if (event.kind === 'snapshot') {
      all = new Map()
      for (const { path, state } of event.services) set(path, state, event.at)
      continue
    }
    if (event.clockSet !== undefined) all = movedBy(all, event.clockSet)
    if (event.kind === 'transition') set(event.path, event.state, event.at)
    else if (event.kind === 'removed')
      all = new Map([...all].filter(([path]) => path !== event.path && !path.startsWith(`${event.path}/`)))
  }
  return all
}

const seriesAfter = (known: Series | undefined, state: ServiceState, at: number): Series | undefined => {
  let next = known
  for (const [name, value] of figuresOf(state.info)) {
    const points = known?.get(name) ?? []
    const last = points.at(-1)
    if (last?.value === value) continue
    if (next === known) next = new Map(known)
    // Two values within a second: the later one counts.
    const older = last && at - last.at < APART ? points.slice(0, -1) : points
    const point = { at: older === points ? at : last!.at, value }
    ;(next as Map<string, readonly Point[]>).set(name, [...older.slice(1 - MOST_POINTS), point])
  }
  return next
}

const movedBy = (all: AllSeries, ms: number): AllSeries =>
  new Map(
    [...all].map(([path, series]) => [
      path,
      new Map([...series].map(([name, points]) => [name, points.map(({ at, value }) => ({ at: at + ms, value }))])),
    ]),
  )

/** How fast a count rises, each second: a value for each point but the first. A count that falls has begun anew. */
export const perSecond = (points: readonly Point[]): readonly Point[] =>
  points.slice(1).map(({ at, value }, i) => {
    const before = points[i]!
    const rise = value < before.value ? value : value - before.value
    return { at, value: (rise * 1_000) / Math.max(APART, at - before.at) }
  })
