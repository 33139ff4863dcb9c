import type { Report, ServiceReport } from '../status/report.ts'
import { milliseconds, restarted } from '../units.ts'
import { essence } from './error-text.ts'
import { padEnd, widthOf, wrapped } from './fit.ts'
import type { Paint } from './report-text.ts'
import { visible } from './visible.ts'

const TITLES = ['#', 'service', 'started', 'ready in', 'drained in', 'stopping', 'gone in', 'outcome'] as const

/** The columns of the names, and of the outcome. All others are figures. */
const [NAME, OUTCOME] = [1, TITLES.length - 1]

/** One service. */
interface Row {
  readonly cells: readonly string[]
  readonly notes: readonly string[]
  readonly graceful: boolean
}

/** A row for each service. A name that is too long has a line of its own, and so have notes that do not fit behind. */
export const reportTable = ({ group, services }: Report, columns: number, paint: Paint): readonly string[] => {
  if (services.length === 0) return ['  (no services)']
  const rows = services.map((service, i) => rowOf(service, i + 1, group))
  const { widths, hasOutcome } = layOut(rows, columns)
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === NAME || column === OUTCOME ? padEnd(cell, widths[column]!) : cell.padStart(widths[column]!),
      )
      .join(' '.repeat(GAP))
  const below = ' '.repeat(INDENT + widths[0]! + GAP)
  const linesOf = ({ cells, notes, graceful }: Row): readonly string[] => {
    const mark = graceful ? 'good' : 'bad'
    const [number, name, outcome] = [cells[0]!, cells[NAME]!, cells[OUTCOME]!]
    const isShort = widthOf(name) <= widths[NAME]!
    const row = `  ${lineOf(
      cells
        .slice(0, OUTCOME)
        .with(0, isShort ? number : '')
        .with(NAME, isShort ? name : ''),
    )}`
    const whole = notes.length === 0 ? outcome : `${outcome} (${notes.join(', ')})`
    const isOneLine = hasOutcome && widthOf(row) + GAP + widthOf(whole) <= columns
    const behind = isOneLine ? whole : hasOutcome ? outcome : ''
    const told = isOneLine ? [] : hasOutcome ? notes : [outcome, ...notes]
    const names = isShort ? [] : wrapped(name, columns - below.length)
    return [
      ...names.map((part, i) => `${i === 0 ? `  ${number.padStart(widths[0]!)}  ` : below}${part}`),
      behind === '' ? row : `${row}  ${paint(mark, behind)}`,
      ...(told.length === 0 ? [] : wrapped(told.join(', '), columns - below.length)).map(
        line => `${below}${paint(mark, line)}`,
      ),
    ]
  }
  const titles = lineOf(TITLES.slice(0, hasOutcome ? TITLES.length : OUTCOME)).trimEnd()
  return ['', `  ${paint('faint', titles)}`, ...rows.flatMap(linesOf), '']
}

/** The widths of the columns. Where the durations are long the outcome has no column: it comes before the notes. */
const layOut = (rows: readonly Row[], columns: number): { widths: readonly number[]; hasOutcome: boolean } => {
  const widest = (column: number, most = Infinity): number =>
    rows.reduce((widest, { cells }) => {
      const width = widthOf(cells[column]!)
      return width > most ? widest : Math.max(widest, width)
    }, TITLES[column]!.length)
  const others = TITLES.map((_, column) => (column === NAME ? 0 : widest(column)))
  const all = others.reduce((sum, width) => sum + width, INDENT + GAP * OUTCOME)
  const hasOutcome = all + TITLES[NAME]!.length <= columns
  const room = columns - all + (hasOutcome ? 0 : others[OUTCOME]! + GAP)
  return { widths: others.with(NAME, widest(NAME, room)), hasOutcome }
}

/** Before each line, and between two columns. */
const [INDENT, GAP] = [2, 2]

export const isGraceful = ({ outcome, timedOut, down }: ServiceReport): boolean =>
  !down && timedOut.length === 0 && (outcome === 'stopped' || outcome === 'ended' || outcome === 'never started')

const rowOf = (service: ServiceReport, order: number, group: string): Row => {
  const { path, outcome, startedAfter, startTook, drainTook, stoppedAfter, stopTook } = service
  const cells = [
    startedAfter === null ? '-' : String(order),
    visible(path.slice(group.length + 1), LONGEST_NAME),
    startedAfter === null ? '-' : `+${milliseconds(startedAfter)}`,
    startTook === null ? '-' : milliseconds(startTook),
    drainTook === null ? '-' : milliseconds(drainTook),
    stoppedAfter === null ? '-' : `+${milliseconds(stoppedAfter)}`,
    stopTook === null ? '-' : milliseconds(stopTook),
    outcome,
  ]
  return { cells, notes: notesOf(service), graceful: isGraceful(service) }
}

/** Longest name, and longest of the texts of others among the notes, in characters. */
const [LONGEST_NAME, LONGEST_NOTE] = [400, 200]

export const notesOf = (service: ServiceReport): readonly string[] => {
  const { restarts, timedOut, info, down, inBackoff, optional, error } = service
  const why = error ? `: ${visible(essence(error), LONGEST_NOTE)}` : ''
  return [
    ...(optional && !isGraceful(service) ? ['optional'] : []),
    ...(down ? [`${inBackoff ? 'was in backoff' : 'was down'}${why}`] : []),
    ...(restarts > 0 ? [restarted(restarts)] : []),
    ...timedOut.map(what => `${what} timed out`),
    ...(info?.['cut'] === undefined ? [] : [visible(`cut: ${info['cut']}`, LONGEST_NOTE)]),
    ...(info?.['abandoned'] === undefined ? [] : [visible(`abandoned: ${info['abandoned']}`, LONGEST_NOTE)]),
  ]
}
