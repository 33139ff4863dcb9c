import {
  foldStatus,
  formatReport,
  type GroupEvent,
  type GroupStatus,
  reportOf,
  type ServiceGroup,
} from 'rx-service-group'
import { expect } from 'vitest'

/** All that one can ask of a status, as text: two that differ in anything are two texts. */
const allOf = (status: GroupStatus): string => {
  const { name, phase, health, ready, trigger, reasons, list, services } = status
  const report = reportOf(status)
  return JSON.stringify({
    ...{ status, name, phase, health, ready, trigger, reasons, list, services, report },
    text: formatReport(report),
  })
}

/** A group recorded as lines of JSON: by someone who was there from the beginning, and by late ones. */
export interface Recordings {
  /** Each begins with a snapshot; the first is the one from the beginning. */
  readonly ndjson: readonly (readonly string[])[]
  /** What the status was at each number, read at once. */
  readonly live: ReadonlyMap<number, string>
}

/**
 * Records a group from now on, and anew from each status it comes to.
 *
 * @param late begins a recording at this status
 */
export const record = (
  group: Pick<ServiceGroup, 'events$' | 'status$'>,
  late: (status: GroupStatus) => boolean = () => true,
): Recordings => {
  const ndjson: string[][] = []
  const live = new Map<number, string>()
  const begin = (): void => {
    const lines: string[] = []
    ndjson.push(lines)
    group.events$.subscribe(event => lines.push(JSON.stringify(event)))
  }
  begin()
  group.status$.subscribe(status => {
    live.set(status.seq, allOf(status))
    if (late(status)) begin()
  })
  return { ndjson, live }
}

/** Folds every recording, and compares each status on the way with the one that was live. */
export const expectTheSameWhenReplayed = ({ ndjson, live }: Recordings): void => {
  expect(ndjson.length).toBeGreaterThan(1)
  for (const lines of ndjson) {
    let status: GroupStatus | undefined
    for (const line of lines) {
      status = foldStatus(status, JSON.parse(line) as GroupEvent)
      const replayed = allOf(status)
      // Texts are compared as text, and shown as what they mean when they differ.
      if (replayed !== live.get(status.seq)) {
        expect(JSON.parse(replayed)).toEqual(JSON.parse(live.get(status.seq) ?? 'null'))
        expect(replayed).toBe(live.get(status.seq))
      }
    }
    expect(status?.seq).toBe(Math.max(...live.keys()))
  }
}
