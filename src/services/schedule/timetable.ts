import type { Cron as CronOfCroner } from 'croner'
import { messageOf, serviceError } from '../../core/errors.ts'
import { optionalPackage } from '../../core/optional-package.ts'
import { must, refuse, show } from '../../core/options.ts'
import loadCroner from './croner.cts'

/** When the next run after a moment is due, both in milliseconds since the epoch; `undefined`: never again. */
export type Timetable = (after: number) => number | undefined

/** @throws ServiceError `ERR_INVALID_OPTION`, `ERR_MISSING_PACKAGE` */
export const timetable = (service: string, pattern: string | Date, timezone: string | undefined): Timetable => {
  const { Cron } = optionalPackage<typeof import('croner')>(service, 'croner', loadCroner)
  const goodZone = timezone === undefined || isTimezone(timezone)
  must(service, 'timezone', goodZone, 'a name like "Europe/Berlin"', timezone)
  let cron: CronOfCroner
  try {
    cron = new Cron(pattern, timezone === undefined ? {} : { timezone })
  } catch (error) {
    const why = messageOf(error).replace(/^CronPattern: /, '')
    const what = `pattern must be a cron pattern, a date as ISO 8601, or a Date, got ${show(pattern)}: ${why}`
    throw serviceError('ERR_INVALID_OPTION', service, what, { cause: error })
  }
  // A year that has passed is no mistake, nor is a date.
  if (cron.getPattern() !== undefined && !cron.nextRun(new Date(0)))
    refuse(service, `pattern ${show(pattern)} never comes; give one that does`)
  return after => cron.nextRun(new Date(after))?.getTime()
}

/**
 * When the next run is due after the clock was set back. What has run does not run again, unless the schedule would
 * stand still for longer than its pace until the old time has come again: then it goes on by the new time.
 *
 * @param last when the last run was due, if there was one
 */
export const afterSetBack = (timetable: Timetable, now: number, last: number | undefined): number | undefined => {
  const next = timetable(now)
  if (last === undefined || next === undefined || next > last) return next
  const fresh = timetable(last)
  if (fresh === undefined) return undefined
  const pace = Math.max(fresh - last, (timetable(fresh) ?? fresh) - fresh)
  return last - now > pace ? next : fresh
}

const isTimezone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
