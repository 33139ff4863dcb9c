import type { ServiceGroup } from '../core/group/service-group.ts'
import { describeReason, isFinal } from '../core/state.ts'
import { failureText } from '../core/text/failure-text.ts'
import { visible } from '../core/text/visible.ts'
import { tellNow } from './output.ts'
import { reportText } from './report-output.ts'
import type { RunSettings } from './run-options.ts'
import { writeTerminationLog } from './termination-log.ts'

/** How many services a line names, at most. */
const MOST = 20

/** Tells that the program called `process.exit()` before its group was over and reported. */
export const tellUnstopped = (group: ServiceGroup<string, never>, { report, terminationLog }: RunSettings): void => {
  const { status } = group
  if (isFinal(status.group.state)) {
    if (report === undefined) tellNow(reportText(group.report))
    if (!group.report.ok) writeTerminationLog(terminationLog, failureText(group.report))
    return
  }
  const left = status.list.filter(({ startedAt, state }) => startedAt !== null && !isFinal(state))
  const names = left.slice(0, MOST).map(({ path }) => path.slice(group.name.length + 1))
  const more = left.length > MOST ? ` and ${left.length - MOST} more` : ''
  const when = status.trigger
    ? `during the shutdown (${describeReason(status.trigger)})`
    : `while it was ${status.phase}`
  const rest = left.length === 0 ? 'no service was left' : `not stopped: ${names.join(', ')}${more}`
  const line = `${visible(`group "${group.name}": process.exit() was called ${when}; ${rest}`)}\n`
  tellNow(line)
  writeTerminationLog(terminationLog, line)
}
