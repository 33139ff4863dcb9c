import type { JSX } from 'preact'
import type { Point } from '../series.ts'

/** The span of a sparkline, in milliseconds: the last ten minutes, or as much as there is, but a minute at least. */
const LONGEST = 600_000
const SHORTEST = 60_000

/** Points that are further apart have nothing between them, in milliseconds. */
export const GAP = 5_000

const WIDTH = 120
const HEIGHT = 24

interface Props {
  readonly points: readonly Point[]
  /** The right end, in milliseconds since the epoch. */
  readonly now: number
  /** A value holds until the next one; otherwise it is measured again and again, and a gap stays empty. */
  readonly holds?: boolean
}

/** A small picture of a value over the last minutes, from 0 at its lower edge. The text beside it tells the value. */
export const Sparkline = ({ points, now, holds = false }: Props): JSX.Element => {
  const shown = inSpan(points, now, holds)
  const span = Math.min(LONGEST, Math.max(SHORTEST, now - (shown[0]?.at ?? now)))
  const most = Math.max(...shown.map(({ value }) => value), 0)
  const x = (at: number): number => round(WIDTH - ((now - at) * WIDTH) / span)
  const y = (value: number): number => round(HEIGHT - 1 - (most === 0 ? 0 : (value * (HEIGHT - 3)) / most))
  const path = shown.map(({ at, value }, i) => {
    const before = shown[i - 1]
    if (!before || (!holds && at - before.at > GAP)) return `M${x(at)} ${y(value)}h.01`
    return holds ? `H${x(at)}V${y(value)}` : `L${x(at)} ${y(value)}`
  })
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={`${path.join('')}${holds && shown.length > 0 ? `H${WIDTH}` : ''}`} />
    </svg>
  )
}

/** The points of the last ten minutes, and the value that held at their begin. */
const inSpan = (points: readonly Point[], now: number, holds: boolean): readonly Point[] => {
  const begin = now - LONGEST
  const first = points.findIndex(({ at }) => at >= begin)
  const inside = first < 0 ? [] : points.slice(first)
  const before = holds ? points[first < 0 ? points.length - 1 : first - 1] : undefined
  return before ? [{ at: begin, value: before.value }, ...inside] : inside
}

/** The lowest and the highest value of the last ten minutes. */
export const rangeOf = (
  points: readonly Point[],
  now: number,
  holds = false,
): { readonly low: number; readonly high: number } | undefined => {
  const values = inSpan(points, now, holds).map(({ value }) => value)
  return values.length === 0 ? undefined : { low: Math.min(...values), high: Math.max(...values) }
}

const round = (value: number): number => Math.round(value * 100) / 100
