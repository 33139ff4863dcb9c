import type { ConsoleRings } from '../../core/console-lines.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { UNITS_OF_COLUMN, wrapped } from '../../core/text/fit.ts'
import { visible } from '../../core/text/visible.ts'
import { cut, widthOf } from './fit.ts'
import { find, foundLines } from './found.ts'
import { choice, forceHint, frame, headline } from './frame.ts'
import { type Glyphs, glyphsFor } from './glyphs.ts'
import { type Lines, type Pane, paintLine } from './line.ts'
import type { Prompt, Search } from './prompt.ts'
import { inTree, type Stage, stageOf } from './stage.ts'

/**
 * The lines on the screen while keys are read. As in `frame`, no line is wider than the pane, and not all rows are
 * used.
 */
export const promptFrame = (
  status: GroupStatus,
  pane: Pane,
  prompt: Prompt,
  printed: ConsoleRings | undefined,
): readonly string[] => {
  const stage = stageOf(status)
  if (stage === 'before' || stage === 'over' || pane.rows < 2) return []
  const glyphs = glyphsFor(pane.unicode)
  const paint = (lines: Lines): readonly string[] => lines.map(cells => paintLine(cells, pane, glyphs))
  // The cursor stands in a row of its own below.
  const rows = pane.rows - 1
  const found = prompt.search && printed ? find(printed, prompt.search.text) : undefined
  const foot = [
    ...said(prompt, pane, glyphs),
    ...(prompt.search ? [searchLine(prompt.search, found ?? { lines: [], of: 0 }, pane, glyphs)] : []),
    ...(prompt.question
      ? [question(prompt.question, status, pane, glyphs)]
      : help(prompt, stage, printed !== undefined, pane)),
  ].slice(-rows)
  const room = rows - foot.length
  const wanted = found ? Math.max(1, found.lines.length) : 0
  const topRoom = Math.max(Math.min(room, Math.floor(room / 2)), room - wanted)
  const top =
    prompt.chosen === undefined
      ? frame(status, { ...pane, rows: topRoom + 1 }, printed).slice(0, topRoom)
      : paint(chosenTop(status, stage, prompt.chosen, topRoom, pane, glyphs))
  const lines = found && prompt.search ? foundLines(found, prompt.search.text, room - top.length, pane, glyphs) : []
  return [...top, ...paint(lines), ...paint(foot)]
}

/** The services around the chosen one, as many as there is room for. */
const chosenTop = (
  status: GroupStatus,
  stage: Stage,
  chosen: string,
  room: number,
  pane: Pane,
  glyphs: Glyphs,
): Lines => {
  const all = inTree(status.list, status.name)
  const at = all.findIndex(({ path }) => path === chosen)
  const hint = forceHint(status, stage)
  const most = Math.max(1, room - 1 - hint.length)
  const from = Math.max(0, Math.min(at - Math.floor(most / 2), all.length - most))
  const shown = all.slice(from, from + most)
  const table = choice(shown, chosen, status, stage, pane, glyphs)
  const place = shown.length < all.length ? `  ${at + 1}/${all.length}` : ''
  const head = [...headline(status, stage, pane, glyphs), ['faint', place] as const]
  return room < 2 ? table.slice(0, room) : [head, ...table, ...hint].slice(0, room)
}

/** So many lines of what came of a wish. */
const MOST_SAID = 3

const said = ({ said }: Prompt, { columns }: Pane, { ellipsis, good, bad, warn }: Glyphs): Lines => {
  if (!said) return []
  const [mark, text] = said
  const sign = mark === 'good' ? good : mark === 'bad' ? bad : warn
  const all = wrapped(visible(text, MOST_SAID * columns), Math.max(1, columns - 4))
  const kept = all.length > MOST_SAID ? [...all.slice(0, MOST_SAID - 1), `${all[MOST_SAID - 1]}${ellipsis}`] : all
  return kept.map((line, i) => [
    [mark, i === 0 ? `  ${sign} ` : '    '],
    ['plain', line],
  ])
}

const question = (
  { action, service }: NonNullable<Prompt['question']>,
  { name }: GroupStatus,
  { columns }: Pane,
  { ellipsis }: Glyphs,
): Lines[number] => {
  const short = cut(visible(service.slice(name.length + 1), columns * UNITS_OF_COLUMN), columns * 0.4, ellipsis)
  const ask = `  ${action} ${short}? `
  const full = 'y or Enter confirms, any other key cancels'
  return [
    ['busy', ask],
    ['plain', widthOf(ask + full) <= columns ? full : 'y confirms'],
  ]
}

/** The end of a long text is in sight, since that is where it is typed. */
const searchLine = (
  { text, isOpen }: Search,
  { lines, of }: { readonly lines: readonly unknown[]; readonly of: number },
  { columns }: Pane,
  { caret, ellipsis }: Glyphs,
): Lines[number] => {
  const count = `  ${lines.length} of ${of} ${of === 1 ? 'line' : 'lines'}`
  const room = Math.max(4, columns - 4 - caret.length - count.length)
  return [
    ['strong', '  / '],
    ['plain', `${endOf(visible(text), room, ellipsis)}${isOpen ? caret : ''}`],
    ['faint', count],
  ]
}

/** As much of the end of a text as there are columns for. */
const endOf = (text: string, columns: number, ellipsis: string): string => {
  if (widthOf(text) <= columns) return text
  let end = ''
  for (const { segment } of [...new Intl.Segmenter().segment(text)].toReversed()) {
    if (widthOf(ellipsis + segment + end) > columns) break
    end = segment + end
  }
  return ellipsis + end
}

/** The keys that do something now, the most useful first, as many as fit in a line. */
const help = ({ chosen, search }: Prompt, stage: Stage, canSearch: boolean, { columns, unicode }: Pane): Lines => {
  // A group that is leaving refuses everything, so nobody is invited.
  if (stage === 'leaving' && chosen === undefined && !search) return []
  const choose = `${unicode ? '↑↓' : 'arrows'} choose${chosen === undefined ? ' a service' : ''}`
  const keys = search?.isOpen
    ? ['Enter keeps the lines', 'Esc closes']
    : [
        ...(chosen === undefined ? [choose] : ['s start', 'x stop', 'r restart']),
        ...(search || chosen !== undefined ? [search ? 'Esc close search' : 'Esc close'] : []),
        ...(canSearch ? [search ? '/ edit search' : '/ search'] : []),
        ...(chosen === undefined ? [] : [choose]),
      ]
  let line = ''
  for (const key of keys) {
    const longer = `${line}  ${key}`
    if (widthOf(longer) > columns) break
    line = longer
  }
  return [[['faint', line]]]
}
