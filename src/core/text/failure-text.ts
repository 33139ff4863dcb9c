import type { Report } from '../status/report.ts'
import { isGraceful, notesOf } from './report-table.ts'
import { errors, headline, plain } from './report-text.ts'
import { visible } from './visible.ts'

/** How many services are named, at most: the causes come after them. */
const MOST = 20

/**
 * The part of a report that tells why an end was not graceful, as text: a sentence, the services that did not end
 * gracefully, and the errors. It is for places with little room, where the causes must not be cut off.
 */
export const failureText = (report: Report): string => {
  const services = report.services.filter(service => !isGraceful(service))
  return [
    ...headline(report, plain),
    ...services.slice(0, MOST).map(service => {
      const notes = notesOf(service)
      const name = visible(service.path.slice(report.group.length + 1), 400)
      return `  ${name}: ${service.outcome}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
    }),
    ...(services.length > MOST ? [`  and ${services.length - MOST} more`] : []),
    ...errors(report, plain),
    '',
  ].join('\n')
}
