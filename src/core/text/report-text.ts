import { describeReason } from '../state.ts'
import type { Report } from '../status/report.ts'
import { milliseconds } from '../units.ts'
import { errorLines } from './error-text.ts'
import { wrapped } from './fit.ts'
import { reportTable } from './report-table.ts'
import { visible } from './visible.ts'

/** Marks a part of a report, for example with a colour. */
export type Paint = (mark: 'good' | 'bad' | 'faint' | 'strong', text: string) => string

export const plain: Paint = (_, text) => text

/**
 * The width that a report fits into, in columns, but for its errors: places and messages are to be found as they are.
 */
const COLUMNS = 80

/**
 * A report as text: a sentence, a table with a row for each service in start order, the errors with the first cause
 * first, and the critical paths. It fits 80 columns, but for the errors. Texts of others are escaped. The
 * messages of errors are cut at 1,000 characters, all others at 2,000 at most.
 *
 * @param paint colours a part of the text. Default: none.
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * await group.start()
 * console.log(formatReport(await group.stop()))
 * ```
 */
export const formatReport = (report: Report, paint: Paint = plain): string =>
  [
    '',
    ...headline(report, paint),
    ...reportTable(report, COLUMNS, paint),
    ...cut(report, paint),
    ...errors(report, paint),
    ...footer(report, paint),
    '',
  ].join('\n')

export const headline = ({ group, outcome, ok, trigger, stopTook }: Report, paint: Paint): readonly string[] => {
  const name = visible(group)
  const took = stopTook === null ? '' : ` in ${milliseconds(stopTook)}`
  const graceful = outcome === 'still there' ? '' : ' gracefully'
  const verdict = ok ? graceful : outcome === 'failed' ? '' : ', not gracefully,'
  const why = trigger ? `: ${visible(describeReason(trigger))}` : ''
  const [first = '', ...rest] = wrapped(`${name} ${outcome}${verdict}${took}${why}`, COLUMNS)
  const begin = `${name} ${outcome}${verdict}`
  // A name that takes the whole line is not coloured.
  const painted = first.startsWith(begin)
    ? `${paint('strong', name)} ${ok ? outcome : paint('bad', outcome)}${paint(ok ? 'good' : 'bad', verdict)}${first.slice(begin.length)}`
    : first
  return [painted, ...rest]
}

/** The work that the services have cut off, in their own words. */
const cut = ({ group, services }: Report, paint: Paint): readonly string[] => {
  const lines = services.flatMap(({ path, info }) => {
    if (typeof info?.['cutWork'] !== 'string') return []
    const told = visible(`${path.slice(group.length + 1)}: ${info['cutWork']}`)
    return hanging(paint('bad', 'cut'), told, '  cut '.length)
  })
  return lines.length === 0 ? [] : [...lines, '']
}

/** A text behind a word, with its further lines below the first. */
const hanging = (word: string, text: string, indent: number): readonly string[] =>
  wrapped(text, COLUMNS - indent).map((line, i) => (i === 0 ? `  ${word} ${line}` : `${' '.repeat(indent)}${line}`))

/** Longest path before an error, in characters. */
const LONGEST_PATH = 200

export const errors = ({ errors: all }: Report, paint: Paint): readonly string[] => {
  const lines = all.flatMap((error, i) => {
    const [first = '', ...rest] = errorLines(error)
    const count = error.count === undefined ? '' : ` x ${error.count}`
    return [
      `  ${paint('bad', `error ${i + 1}`)} ${visible(error.service, LONGEST_PATH)}: ${first}${count}`,
      ...rest.map(line => `        ${line}`),
    ]
  })
  return lines.length === 0 ? [] : [...lines, '']
}

const footer = ({ criticalPath, startTook, stopTook, keepsAlive, group }: Report, paint: Paint): readonly string[] => {
  const indented = (text: string): readonly string[] =>
    wrapped(text, COLUMNS - 4).map((line, i) => `${i === 0 ? '  ' : '    '}${line}`)
  const chain = (part: string, path: readonly string[], took: number | null): readonly string[] => {
    if (path.length < 2 || took === null) return []
    const names = path.map(name => visible(name.slice(group.length + 1))).join(' → ')
    return indented(`critical path of the ${part}: ${names} (${milliseconds(took)})`).map(line => paint('faint', line))
  }
  return [
    ...chain('start', criticalPath.start, startTook),
    ...chain('stop', criticalPath.stop, stopTook),
    ...(keepsAlive && keepsAlive.length > 0
      ? indented(`still keeps the process alive: ${visible(keepsAlive.join(', '))}`)
      : []),
  ]
}
