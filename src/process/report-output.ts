import { messageOf } from '../core/errors.ts'
import type { Report } from '../core/status/report.ts'
import { paintFor } from '../core/text/paint.ts'
import { formatReport } from '../core/text/report-text.ts'
import { milliseconds } from '../core/units.ts'
import { tell, tellOf } from './output.ts'

/** A callback for the report, or `false` for no report. Default: print it to standard error. */
export type ReportOption = ((report: Report) => unknown) | false | undefined

/** How long the end of a process waits for an asynchronous callback, in milliseconds. */
const CALLBACK_TIMEOUT = 5_000

/** Settles when the report is out, or can't be written. When the callback fails the report is printed instead. */
export const tellReport = async (report: Report, option: ReportOption): Promise<void> => {
  if (option === false) return
  const problem = option && (await call(option, report))
  if (problem !== undefined) await tellOf(report.group, `the report callback ${problem}; printing the report`)
  if (!option || problem !== undefined) await tell(reportText(report))
}

/** The report as it is printed to standard error. */
export const reportText = (report: Report): string => formatReport(report, paintFor(process.stderr, process.env))

/** The problem of the callback, if it has one. */
const call = async (
  callback: Exclude<ReportOption, false | undefined>,
  report: Report,
): Promise<string | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>(resolve => {
    timer = setTimeout(resolve, CALLBACK_TIMEOUT, `did not settle within ${milliseconds(CALLBACK_TIMEOUT)}`)
  })
  try {
    return await Promise.race([Promise.resolve(callback(report)).then(() => undefined), late])
  } catch (error) {
    return `failed: ${messageOf(error)}`
  } finally {
    clearTimeout(timer)
  }
}
