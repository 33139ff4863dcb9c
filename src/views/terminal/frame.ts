import type { ConsoleRings } from '../../core/console-lines.ts'
import { describeReason, isBusy } from '../../core/state.ts'
import { worstFirst } from '../../core/status/reasons.ts'
import { parentOf, type ServiceStatus } from '../../core/status/service-status.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { UNITS_OF_COLUMN } from '../../core/text/fit.ts'
import { labelOf, toneOf } from '../../core/text/state-text.ts'
import { visible } from '../../core/text/visible.ts'
import { elapsed } from '../../core/units.ts'
import { cut, padEnd, widthOf } from './fit.ts'
import { type Glyphs, glyphsFor, spinner } from './glyphs.ts'
import { verdict } from './lasting.ts'
import { type Cell, fits, type Lines, type Pane, paintLine } from './line.ts'
import { printedBelow, SHOWN } from './printed.ts'
import { type Row, rowOf } from './row.ts'
import { inTree, isFine, leavesOf, openOf, type Stage, stageOf } from './stage.ts'

/** The text on the screen, a string a line, none wider than the pane, and fewer than its rows. */
export const frame = (status: GroupStatus, pane: Pane, printed?: ConsoleRings): readonly string[] => {
  const stage = stageOf(status)
  if (stage === 'before' || stage === 'well' || stage === 'over') return []
  const glyphs = glyphsFor(pane.unicode)
  const head = headline(status, stage, pane, glyphs)
  const foot = forceHint(status, stage)
  // The cursor stands in a row of its own below.
  const room = Math.max(0, pane.rows - 2 - foot.length)
  return [head, ...body(status, stage, room, pane, glyphs, printed), ...foot].map(cells =>
    paintLine(cells, pane, glyphs),
  )
}

/** The key that a person may press to force a shutdown that a signal began. */
export const forceHint = (status: GroupStatus, stage: Stage): Lines =>
  stage === 'leaving' && status.trigger?.by === 'signal' ? [[['faint', '  press Ctrl-C again to force']]] : []

/** How the group is, in a line. */
export const headline = (status: GroupStatus, stage: Stage, pane: Pane, glyphs: Glyphs): readonly Cell[] => {
  const { group, trigger, health } = status
  const name: Cell = ['strong', ` ${shortName(group.path, 0, pane, glyphs)}`]
  const leaves = leavesOf(status.list)
  const fine = leaves.filter(({ state }) => isFine(state)).length
  const turning: Cell = ['busy', spinner(glyphs, pane.now)]
  if (stage === 'coming')
    return [
      turning,
      name,
      ['plain', ` is starting, ${fine} of ${leaves.length} up, ${elapsed(pane.now - group.since)}`],
    ]
  if (stage === 'well' || stage === 'unwell') {
    const sign = health === 'pass' && stage === 'unwell' ? turning : verdict(status, glyphs)
    const ready = status.ready ? '' : ', not ready'
    return [sign, name, ['plain', ` is up${ready}, ${fine} of ${leaves.length} well`]]
  }
  const why = trigger ? `: ${describeReason(trigger)}` : ''
  return [turning, name, ['plain', ` is ${labelOf(group.state)}${timeLeft(group, pane)}${why}`]]
}

const timeLeft = ({ state }: ServiceStatus, { now }: Pane): string => {
  if (!('deadline' in state) || state.deadline === undefined) return ''
  const left = state.deadline - now
  return left > 0 ? `, ${elapsed(left)} left` : ', time is up'
}

/** A line for each service; when there are too many, for those that are not done, and how many more there are. */
const body = (
  status: GroupStatus,
  stage: Stage,
  room: number,
  pane: Pane,
  glyphs: Glyphs,
  printed: ConsoleRings | undefined,
): Lines => {
  const all = inTree(status.list, status.name)
  const table = (services: readonly ServiceStatus[], titleOf: typeof alone): Lines => {
    const rows = services.map(service => rowOf(service, stage, pane.now, glyphs))
    const titles = services.map(service => titleOf(service, status.name))
    // A fault is worth a line of its own when there is no room for it beside the name.
    const isFolded = ({ mark }: Row): boolean => stage === 'unwell' || mark === 'bad'
    for (const most of SHOWN) {
      const below = (i: number): Lines => printedBelow(services[i]!, titles[i]!.indent, printed, most)
      const folded = lines(rows, titles, isFolded, below, pane, glyphs)
      if (folded.length <= room) return folded
    }
    return unfolded(rows, titles, pane, glyphs)
  }
  if (stage !== 'unwell' && all.length <= room) return table(all, inPlace)
  const open = stage === 'unwell' ? worstFirst(openOf(all, stage)) : openOf(all, stage)
  if (stage === 'unwell' && open.length <= room) return table(open, alone)
  // One row tells of all the others.
  const shown = (stage === 'unwell' ? open : firstBusy(open)).slice(0, Math.max(0, room - 1))
  const rest = leavesOf(all).filter(service => !shown.includes(service))
  const others: readonly Cell[] = [['faint', `  ${glyphs.ellipsis} and ${howMany(rest)}`]]
  return [...table(shown, alone).slice(0, Math.max(0, room - 1)), others].slice(0, room)
}

/** A line for each service as it stands in the tree, one of which is chosen. */
export const choice = (
  services: readonly ServiceStatus[],
  chosen: string,
  { name }: GroupStatus,
  stage: Stage,
  pane: Pane,
  glyphs: Glyphs,
): Lines => {
  const rows = services.map(service => rowOf(service, stage, pane.now, glyphs))
  const titles = services.map(service => inPlace(service, name))
  return unfolded(rows, titles, pane, glyphs).map((cells, i) => {
    if (services[i]!.path !== chosen) return cells
    const [, sign, [, title], ...rest] = cells as readonly [Cell, Cell, Cell, ...Cell[]]
    return [['strong', `${glyphs.pointer} ${titles[i]!.indent}`], sign, ['strong', title], ...rest]
  })
}

/** Services that are busy come before services that wait for their turn. */
const firstBusy = (services: readonly ServiceStatus[]): readonly ServiceStatus[] => {
  const comesFirst = ({ state }: ServiceStatus): boolean => toneOf(state) === 'bad' || isBusy(state)
  return [...services.filter(comesFirst), ...services.filter(service => !comesFirst(service))]
}

/** `37 more running, 2 waiting`: the most first. */
const howMany = (rest: readonly ServiceStatus[]): string => {
  const counts = new Map<string, number>()
  for (const { state } of rest) counts.set(labelOf(state), (counts.get(labelOf(state)) ?? 0) + 1)
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([phase, count], i) => `${count}${i === 0 ? ' more' : ''} ${phase}`)
    .join(', ')
}

/** How a service is called: with its whole path, or below the group that it is in. */
interface Title {
  readonly indent: string
  readonly name: string
}

const alone = ({ path }: ServiceStatus, root: string): Title => ({ indent: '', name: path.slice(root.length + 1) })

const inPlace = ({ path }: ServiceStatus, root: string): Title => ({
  indent: '  '.repeat(path.slice(root.length + 1).split('/').length - 1),
  name: path.slice(parentOf(path).length + 1),
})

/** A long name leaves the phase in sight. */
const shortName = (name: string, indent: number, { columns }: Pane, { ellipsis }: Glyphs): string =>
  cut(visible(name, columns * UNITS_OF_COLUMN), Math.floor(columns * 0.4) - indent, ellipsis)

/** Each row as one line, and nothing below it. */
const unfolded = (rows: readonly Row[], titles: readonly Title[], pane: Pane, glyphs: Glyphs): Lines =>
  lines(
    rows,
    titles,
    () => false,
    () => [],
    pane,
    glyphs,
  )

const lines = (
  rows: readonly Row[],
  titles: readonly Title[],
  isFolded: (row: Row) => boolean,
  below: (i: number) => Lines,
  pane: Pane,
  glyphs: Glyphs,
): Lines => {
  const names = titles.map(({ indent, name }) => shortName(name, indent.length, pane, glyphs))
  const width = {
    name: Math.max(0, ...titles.map(({ indent }, i) => indent.length + widthOf(names[i]!))),
    phase: Math.max(0, ...rows.map(({ phase }) => phase.length)),
    time: Math.max(0, ...rows.map(({ time }) => time.length)),
  }
  return rows.flatMap((row, i): Lines => {
    const { glyph, mark, phase, time, detail } = row
    const { indent } = titles[i]!
    const cells: readonly Cell[] = [
      ['plain', `  ${indent}`],
      [mark, glyph],
      ['plain', ` ${padEnd(names[i]!, width.name - indent.length)}  `],
      [mark, phase.padEnd(width.phase)],
      ['faint', width.time === 0 ? '' : `  ${time.padStart(width.time)}`],
    ]
    if (detail === '') return [cells, ...below(i)]
    const whole: readonly Cell[] = [...cells, ['plain', `  ${detail}`]]
    if (!isFolded(row) || fits(whole, pane.columns)) return [whole, ...below(i)]
    return [cells, [['plain', `    ${indent}${detail}`]], ...below(i)]
  })
}
