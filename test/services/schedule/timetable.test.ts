import { describe, expect, test } from 'vitest'
import { afterSetBack, timetable } from '../../../src/services/schedule/timetable.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const at = (time: string): number => Date.parse(`2024-03-05T${time}Z`)
const shown = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().slice(8, 19)

describe('X6 when the next run is due after the clock was set back', () => {
  test.each<[pattern: string, last: string | undefined, now: string, due: string | undefined, why: string]>([
    ['* * * * *', '12:00:00', '11:00:10', '05T11:01:00', 'it would stand still for an hour'],
    ['* * * * *', '12:00:00', '11:59:50', '05T12:01:00', 'that minute has run'],
    ['* * * * * *', '12:00:00', '11:00:00', '05T11:00:01', 'it would stand still for an hour'],
    ['0 3 * * *', '03:00:00', '02:10:00', '06T03:00:00', 'today it has run'],
    ['0 3 * * *', undefined, '02:10:00', '05T03:00:00', 'today it has not run'],
    ['0 3 * * *', undefined, '03:10:00', '06T03:00:00', 'it is over for today'],
    ['0 * * * *', '03:00:00', '02:10:00', '05T04:00:00', 'that hour has run'],
    ['0 * * * *', '03:00:00', '00:10:00', '05T01:00:00', 'it would stand still for hours'],
    ['0,1 3 * * *', '03:00:00', '02:01:00', '05T03:01:00', 'only the second has not run today'],
    ['0,1 3 * * *', '03:01:00', '02:01:00', '06T03:00:00', 'both have run'],
    ['2024-03-05T12:00:00Z', '12:00:00', '11:00:00', undefined, 'it was to run once'],
    ['2024-03-05T12:00:00Z', undefined, '11:00:00', '05T12:00:00', 'it has not run'],
  ])('%s, last at %s, now %s: %s, since %s', (pattern, last, now, due) => {
    const times = timetable('poll', pattern, 'UTC')
    expect(shown(afterSetBack(times, at(now), last === undefined ? undefined : at(last)))).toBe(due)
  })

  test('a year back it takes no longer to find out', () => {
    const every = timetable('poll', '* * * * * *', 'UTC')
    const last = at('12:00:00')
    expect(afterSetBack(every, last - 365 * 24 * HOUR, last)).toBe(last - 365 * 24 * HOUR + 1_000)
  })
})
