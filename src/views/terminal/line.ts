import { UNITS_OF_COLUMN } from '../../core/text/fit.ts'
import { inColor, type Mark, withoutColor } from '../../core/text/paint.ts'
import { LONGEST, visible } from '../../core/text/visible.ts'
import { cut } from './fit.ts'
import type { Glyphs } from './glyphs.ts'

/** Through what a group is seen. Times are milliseconds. */
export interface Pane {
  readonly columns: number
  readonly rows: number
  readonly now: number
  readonly color: boolean
  readonly unicode: boolean
}

/** A part of a line. */
export type Cell = readonly [mark: Mark, text: string]

export type Lines = readonly (readonly Cell[])[]

/** The texts of cells without colour. Only so much of each is looked at as may stand in a line. */
const textsOf = (cells: readonly Cell[], columns: number): readonly string[] =>
  cells.map(([, text]) => visible(text, Math.min(LONGEST, columns * UNITS_OF_COLUMN)))

/** Whether a line fits without being cut. */
export const fits = (cells: readonly Cell[], columns: number): boolean => {
  const whole = textsOf(cells, columns).join('')
  return cut(whole, columns, '') === whole
}

/** Cut to the width of the pane, then coloured: colours have no width. */
export const paintLine = (cells: readonly Cell[], { columns, color }: Pane, { ellipsis }: Glyphs): string => {
  const texts = textsOf(cells, columns)
  const whole = texts.join('').trimEnd()
  const kept = cut(whole, columns, ellipsis)
  const paint = color ? inColor : withoutColor
  let at = 0
  return cells
    .map(([mark], i) => {
      const part = kept.slice(at, i === cells.length - 1 ? undefined : at + texts[i]!.length)
      at += texts[i]!.length
      return paint(mark, part)
    })
    .join('')
}
