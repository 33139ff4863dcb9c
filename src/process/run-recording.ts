import type { ServiceGroup } from '../core/group/service-group.ts'
import { jsonLine } from '../core/status/recording.ts'
import type { Report } from '../core/status/report.ts'

/** The environment variable that names the folder for recordings: how a test looks into a process that it starts. */
const VARIABLE = 'RX_SERVICE_GROUP_RECORDINGS'

let folder: string | undefined
let recordings = 0

/**
 * Records a run into a file of its own in the folder that the environment names: its events, one a line, and its report
 * as the last line. Each line is written before the process goes on, so that the file is whole whatever ends it. The
 * variable is taken out of the environment, because the processes that this one starts are other programs.
 *
 * @returns writes the report, and ends the recording
 */
export const recordRun = (group: ServiceGroup<string, never>): ((report?: Report) => void) => {
  folder ??= process.env[VARIABLE]
  delete process.env[VARIABLE]
  if (!folder) return () => {}
  const { closeSync, openSync, writeSync } = process.getBuiltinModule('node:fs')
  let file: number | undefined
  const write = (told: object): void => {
    try {
      if (file !== undefined) writeSync(file, `${jsonLine(told)}\n`)
    } catch {
      // Nobody reads the recording any more.
      file = undefined
    }
  }
  try {
    file = openSync(`${folder}/${process.pid}-${++recordings}.ndjson`, 'a')
  } catch {
    return () => {}
  }
  const events = group.events$.subscribe(write)
  return report => {
    events.unsubscribe()
    if (report) write({ kind: 'report', ...report })
    if (file !== undefined) closeSync(file)
    file = undefined
  }
}
