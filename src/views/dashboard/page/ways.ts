import { parentOf } from '../../../core/status/service-status.ts'
import { BOX, type Box } from './layers.ts'

/** How a line leads from the middle below one box to the middle above another, as an SVG path. */
export const wayOf = (above: Box, below: Box, boxes: readonly Box[]): string => {
  const [from, to] = endsOf(above, below)
  const aside = asideOf(above, below, boxes)
  if (aside === undefined) return `M${from.x} ${from.y}${curve(from, to)}`
  // It bends where no boxes are: between two lines of them.
  const down = { x: aside, y: from.y + BOX.between }
  const up = { x: aside, y: below.y - BOX.between }
  return `M${from.x} ${from.y}${curve(from, down)}V${up.y}${curve(up, to)}`
}

/** Where a line goes down that would run behind a box on its straight way: between the boxes, or beside them all. */
export const asideOf = (above: Box, below: Box, boxes: readonly Box[]): number | undefined => {
  const [from, to] = endsOf(above, below)
  const parent = parentOf(above.path)
  const beside = boxes.filter(
    box =>
      box !== above && box !== below && parentOf(box.path) === parent && box.y < to.y && box.y + box.height > from.y,
  )
  const isFree = ({ x, y }: Point): boolean =>
    !beside.some(box => inside(x, box.x, box.width) && inside(y, box.y, box.height))
  if (STEPS.every(step => isFree(along(from, to, step)))) return undefined
  const length = (x: number): number => Math.abs(x - from.x) + Math.abs(x - to.x)
  return beside
    .flatMap(({ x, width }) => [x - BOX.gap / 2, x + width + BOX.gap / 2])
    .filter(x => beside.every(box => x < box.x || x > box.x + box.width))
    .toSorted((a, b) => length(a) - length(b))[0]
}

/** A line ends inside the arrow, not at its point. */
const ARROW = 4

interface Point {
  readonly x: number
  readonly y: number
}

const STEPS = Array.from({ length: 31 }, (_, i) => (i + 1) / 32)

const inside = (at: number, from: number, length: number): boolean => at > from && at < from + length

const endsOf = (above: Box, below: Box): readonly [from: Point, to: Point] => [
  { x: above.x + above.width / 2, y: above.y + above.height },
  { x: below.x + below.width / 2, y: below.y - ARROW },
]

const bendOf = (from: Point, to: Point): number => Math.max(12, (to.y - from.y) / 2)

const curve = (from: Point, to: Point): string => {
  const bend = bendOf(from, to)
  return `C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`
}

/** A point of that curve: 0 is its beginning, 1 its end. */
const along = (from: Point, to: Point, t: number): Point => {
  const bend = bendOf(from, to)
  const s = 1 - t
  const [a, b, c, d] = [s ** 3, 3 * s * s * t, 3 * s * t * t, t ** 3]
  return {
    x: (a + b) * from.x + (c + d) * to.x,
    y: a * from.y + b * (from.y + bend) + c * (to.y - bend) + d * to.y,
  }
}
