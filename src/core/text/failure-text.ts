import type { Report } from '../status/report.ts'
import { isGraceful, notesOf } from './report-table.ts'
import { errors, headline, plain } from './report-text.ts'
import { visible } from './visible.ts'

/**
 * The part of a report that tells why an end was not graceful, as text: a sentence, the services that did not end
 * gracefully, and the errors. It is for places with little room, where the causes must not be cut off.
 */
export const failureText = (report: Report): string => {
  const services = report.services.filter(service => !isGraceful(service))
  return [
    ...headline(report, plain),
    ...services.map(service => {
      const notes = notesOf(service)
      const name = visible(service.path.slice(report.group.length + 1), 400)
      return `  ${name}: ${service.outcome}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
    }),
    ...errors(report, plain),
    '',
  ].join('\n')
}
