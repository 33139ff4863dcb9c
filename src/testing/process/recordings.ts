import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GroupEvent } from '../../core/status/events.ts'
import type { Report } from '../../core/status/report.ts'
import { foldStatus, type GroupStatus } from '../../core/status/status.ts'

/** The recording of one run of a process, as far as it was read. */
interface Recording {
  /** How many bytes of its file have been read. */
  read: number
  status?: GroupStatus
  report?: Report
}

/** The recordings of the runs of one process, read as they grow. */
export class Recordings {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'rx-service-group-'))
  readonly #files = new Map<string, Recording>()

  /** Reads what has come since. */
  read(): void {
    for (const file of readdirSync(this.folder)) {
      const recording = this.#files.get(file) ?? { read: 0 }
      this.#files.set(file, recording)
      const path = join(this.folder, file)
      if (Number(statSync(path, { bigint: true }).size) === recording.read) continue
      const rest = readFileSync(path).subarray(recording.read)
      // A line that is half written is read with the next.
      const whole = rest.subarray(0, rest.lastIndexOf(10) + 1)
      recording.read += whole.length
      for (const line of whole.toString().split('\n')) if (line !== '') take(recording, JSON.parse(line))
    }
  }

  /** The status of each group that was run, in the order of their runs. */
  get statuses(): readonly GroupStatus[] {
    return this.#recordings.flatMap(({ status }) => status ?? [])
  }

  /** The reports of the runs that have ended. */
  get reports(): readonly Report[] {
    return this.#recordings.flatMap(({ report }) => report ?? [])
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  get #recordings(): readonly Recording[] {
    const numberOf = (file: string): number => Number(/-(\d+)\./.exec(file)?.[1])
    return [...this.#files].sort(([a], [b]) => numberOf(a) - numberOf(b)).map(([, recording]) => recording)
  }
}

const take = (recording: Recording, line: GroupEvent | ({ readonly kind: 'report' } & Report)): void => {
  if (line.kind === 'report') {
    const { kind: _, ...report } = line
    recording.report = report
  } else recording.status = foldStatus(recording.status, line)
}
