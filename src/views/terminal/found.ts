import type { ConsoleRings, LineOf } from '../../core/console-lines.ts'
import { UNITS_OF_COLUMN } from '../../core/text/fit.ts'
import { visible } from '../../core/text/visible.ts'
import { cut, padEnd, widthOf } from './fit.ts'
import type { Glyphs } from './glyphs.ts'
import type { Cell, Lines, Pane } from './line.ts'

/** The lines in which a text stands, the newest last, and how many were looked through. */
export interface Found {
  readonly lines: readonly LineOf[]
  readonly of: number
}

/** As on the dashboard, neither capitals nor blanks around the text make a difference. */
const wantedOf = (text: string): string => text.trim().toLowerCase()

/** The console lines of all services in which a text stands. Without a text, all of them. */
export const find = (rings: ConsoleRings, text: string): Found => {
  const wanted = wantedOf(text)
  let of = 0
  const found: LineOf[] = []
  for (const { path, lines } of rings.all()) {
    of += lines.length
    for (const line of lines) if (line.text.toLowerCase().includes(wanted)) found.push({ ...line, path })
  }
  return { lines: found.sort((a, b) => a.at - b.at), of }
}

/** The newest lines that were found, as many as there is room for, each with the name of its service. */
export const foundLines = ({ lines, of }: Found, text: string, room: number, pane: Pane, glyphs: Glyphs): Lines => {
  if (room < 1) return []
  if (lines.length === 0)
    return [[['faint', of === 0 ? '  nothing was printed yet' : `  no line has "${text.trim()}"`]]]
  const shown = lines.slice(-room)
  const most = Math.floor(pane.columns * 0.3)
  const names = shown.map(({ path }) => {
    const whole = visible(path.slice(path.indexOf('/') + 1), pane.columns * UNITS_OF_COLUMN)
    // Services of one group begin alike.
    return cut(widthOf(whole) > most ? whole.slice(whole.lastIndexOf('/') + 1) : whole, most, glyphs.ellipsis)
  })
  const width = Math.max(...names.map(widthOf))
  return shown.map((line, i) => [
    ['plain', `  ${padEnd(names[i]!, width)} `],
    [line.from === 'stderr' ? 'bad' : 'faint', '| '],
    ...inParts(line.text, wantedOf(text), pane.columns - width - 6, glyphs),
  ])
}

/** So many characters before the text that was searched for are shown, where there is no room for all. */
const BEFORE = 10

/** The text that was searched for stands out, and is in sight. */
const inParts = (line: string, wanted: string, columns: number, { ellipsis }: Glyphs): readonly Cell[] => {
  const lower = line.toLowerCase()
  // A few capitals have another length when they are small.
  const at = wanted === '' || lower.length !== line.length ? -1 : lower.indexOf(wanted)
  if (at < 0) return [['plain', line]]
  const end = at + wanted.length
  const begin = end > columns - ellipsis.length ? Math.max(0, at - BEFORE) : 0
  return [
    ['plain', `${begin > 0 ? ellipsis : ''}${line.slice(begin, at)}`],
    ['strong', line.slice(at, end)],
    ['plain', line.slice(end)],
  ]
}
