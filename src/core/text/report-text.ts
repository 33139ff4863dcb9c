import { describeReason } from '../state.ts'
import type { Report, ServiceReport } from '../status/report.ts'
import { milliseconds, restarted } from '../units.ts'
import { errorLines } from './error-text.ts'
import { visible } from './visible.ts'

/** Marks a part of a report, for example with a colour. */
export type Paint = (mark: 'good' | 'bad' | 'faint' | 'strong', text: string) => string

const plain: Paint = (_, text) => text

/**
 * A report as text: a sentence, a table with a row for each service in start order, the errors with the first cause
 * first, and the critical paths.
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
    headline(report, paint),
    ...table(report, paint),
    ...cut(report, paint),
    ...errors(report, paint),
    ...footer(report, paint),
    '',
  ].join('\n')

const headline = ({ group, outcome, ok, trigger, stopTook }: Report, paint: Paint): string => {
  const why = trigger ? `: ${visible(describeReason(trigger))}` : ''
  const took = stopTook === null ? '' : ` in ${milliseconds(stopTook)}`
  const graceful = outcome === 'still there' ? '' : paint('good', ' gracefully')
  const verdict = ok ? graceful : outcome === 'failed' ? '' : paint('bad', ', not gracefully,')
  return `${paint('strong', visible(group))} ${ok ? outcome : paint('bad', outcome)}${verdict}${took}${why}`
}

const COLUMNS = ['#', 'service', 'started', 'ready in', 'drained in', 'stopping', 'gone in', 'outcome'] as const

const table = ({ group, services }: Report, paint: Paint): readonly string[] => {
  if (services.length === 0) return ['  (no services)']
  const rows = services.map((service, i) => cells(service, i + 1, group))
  const widths = COLUMNS.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
  return [
    '',
    `  ${paint('faint', line(COLUMNS).trimEnd())}`,
    ...rows.map(
      (row, i) => `  ${line(row.slice(0, -1))}  ${paint(isGraceful(services[i]!) ? 'good' : 'bad', row.at(-1)!)}`,
    ),
    '',
  ]
}

const isText = (column: number): boolean => column === 1 || column === COLUMNS.length - 1

const isGraceful = ({ outcome, timedOut, down }: ServiceReport): boolean =>
  !down && timedOut.length === 0 && (outcome === 'stopped' || outcome === 'ended' || outcome === 'never started')

const cells = (service: ServiceReport, order: number, group: string): readonly string[] => {
  const { path, outcome, startedAfter, startTook, drainTook, stoppedAfter, stopTook } = service
  const { restarts, timedOut, info, down, optional } = service
  const notes = [
    ...(optional && !isGraceful(service) ? ['optional'] : []),
    ...(down ? ['was down'] : []),
    ...(restarts > 0 ? [restarted(restarts)] : []),
    ...timedOut.map(what => `${what} timed out`),
    ...(info?.['cut'] === undefined ? [] : [visible(`cut: ${info['cut']}`)]),
    ...(info?.['abandoned'] === undefined ? [] : [visible(`abandoned: ${info['abandoned']}`)]),
  ]
  return [
    startedAfter === null ? '-' : String(order),
    visible(path.slice(group.length + 1)),
    startedAfter === null ? '-' : `+${milliseconds(startedAfter)}`,
    startTook === null ? '-' : milliseconds(startTook),
    drainTook === null ? '-' : milliseconds(drainTook),
    stoppedAfter === null ? '-' : `+${milliseconds(stoppedAfter)}`,
    stopTook === null ? '-' : milliseconds(stopTook),
    notes.length === 0 ? outcome : `${outcome} (${notes.join(', ')})`,
  ]
}

/** The work that the services have cut off, in their own words. */
const cut = ({ group, services }: Report, paint: Paint): readonly string[] => {
  const lines = services.flatMap(({ path, info }) =>
    typeof info?.['cutWork'] === 'string'
      ? [`  ${paint('bad', 'cut')} ${visible(`${path.slice(group.length + 1)}: ${info['cutWork']}`)}`]
      : [],
  )
  return lines.length === 0 ? [] : [...lines, '']
}

const errors = ({ errors: all }: Report, paint: Paint): readonly string[] => {
  const lines = all.flatMap((error, i) => {
    const [first = '', ...rest] = errorLines(error)
    const count = error.count === undefined ? '' : ` x ${error.count}`
    return [
      `  ${paint('bad', `error ${i + 1}`)} ${visible(error.service)}: ${first}${count}`,
      ...rest.map(line => `        ${line}`),
    ]
  })
  return lines.length === 0 ? [] : [...lines, '']
}

const footer = ({ criticalPath, startTook, stopTook, keepsAlive, group }: Report, paint: Paint): readonly string[] => {
  const chain = (part: string, path: readonly string[], took: number | null): readonly string[] => {
    if (path.length < 2 || took === null) return []
    const names = path.map(name => visible(name.slice(group.length + 1))).join(' → ')
    return [paint('faint', `  critical path of the ${part}: ${names} (${milliseconds(took)})`)]
  }
  return [
    ...chain('start', criticalPath.start, startTook),
    ...chain('stop', criticalPath.stop, stopTook),
    ...(keepsAlive && keepsAlive.length > 0
      ? [`  still keeps the process alive: ${visible(keepsAlive.join(', '))}`]
      : []),
  ]
}
