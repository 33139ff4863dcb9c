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
  const needed = TITLES.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => widthOf(cells[column]!))),
  )
  const others = needed.reduce((sum, width, column) => sum + (column === NAME ? 0 : width), INDENT + GAP * OUTCOME)
  const widths = needed.map((width, column) =>
    column === NAME ? Math.min(width, Math.max(columns - others, LEAST_NAME)) : width,
  )
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
    const fits = widthOf(name) <= widths[NAME]!
    const figures = lineOf(
      cells
        .with(NAME, fits ? name : '')
        .with(0, fits ? number : '')
        .slice(0, OUTCOME),
    )
    const row = `  ${figures}  `
    const told = notes.join(', ')
    const whole = told === '' ? outcome : `${outcome} (${told})`
    const isOneLine = widthOf(row) + widthOf(whole) <= columns
    const names = fits ? [] : wrapped(name, columns - below.length)
    return [
      ...names.map((part, i) => `${i === 0 ? `  ${number.padStart(widths[0]!)}  ` : below}${part}`),
      `${row}${paint(mark, isOneLine ? whole : outcome)}`,
      ...(isOneLine ? [] : wrapped(told, columns - below.length).map(line => `${below}${paint(mark, line)}`)),
    ]
  }
  return ['', `  ${paint('faint', lineOf(TITLES).trimEnd())}`, ...rows.flatMap(linesOf), '']
}

/** Before each line, and between two columns. */
const [INDENT, GAP] = [2, 2]

/** The narrowest column of names: that of its title. */
const LEAST_NAME = 'service'.length

const isGraceful = ({ outcome, timedOut, down }: ServiceReport): boolean =>
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

const notesOf = (service: ServiceReport): readonly string[] => {
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
