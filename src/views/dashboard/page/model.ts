import type { ServiceState } from '../../../core/state.ts'
import type { GroupEvent, TransitionEvent } from '../../../core/status/events.ts'
import type { Report } from '../../../core/status/report.ts'
import { foldStatus, type GroupStatus } from '../../../core/status/status.ts'
import { isFiguresOnly } from '../../../core/text/transition-text.ts'
import { type Life, lifeBefore, lifeMovedBy, live } from './life.ts'
import { EMPTY_LOG, type Line, type Log, lineOf, write } from './log.ts'

/** The picture of one run of a group: its status, and what has led to it. A value, plain data. */
export interface Model {
  readonly status: GroupStatus
  /** By path, the group's own too. */
  readonly lives: ReadonlyMap<string, Life>
  readonly log: Log
  /** Since when `ready` has been what it is. */
  readonly readySince: number
  /** When what is left will be forced, once the group is leaving and has a limit. */
  readonly deadline?: number | undefined
  /** Since when all is known, if there was something before that. */
  readonly begins?: number | undefined
  /** The last report of the process. */
  readonly report?: Report
}

/** How a reader holds the log: lines after this one have not been shown yet. */
export interface Reading {
  readonly from?: number
}

/** The model after some events. What has not changed stays the same object, so that a view can skip it. */
export const foldModel = (
  model: Model | undefined,
  events: readonly GroupEvent[],
  reading: Reading = {},
): Model | undefined => {
  let status = model?.status
  let readySince = model?.readySince ?? 0
  let deadline = model?.deadline
  let begins = model?.begins
  let log = model?.log ?? EMPTY_LOG
  let lines: Line[] = []
  const lives = new Map(model?.lives)
  for (const event of events) {
    if (event.kind === 'snapshot') {
      lives.clear()
      for (const one of [event.group, ...event.services]) lives.set(one.path, lifeBefore(one))
      readySince = event.group.since
      begins = event.group.startedAt === null && event.group.state.phase === 'idle' ? undefined : event.at
      log = EMPTY_LOG
      lines = []
    } else if (!status || event.seq <= status.seq) continue
    if (event.kind !== 'snapshot' && event.clockSet !== undefined) {
      const ms = event.clockSet
      for (const [path, life] of lives) lives.set(path, lifeMovedBy(life, ms))
      readySince += ms
      if (begins !== undefined) begins += ms
      if (deadline !== undefined) deadline += ms
    }
    const wasReady = status?.ready
    // As in a log of lines: figures are drawn, and nothing has happened.
    const isNoLine = event.kind === 'transition' && tellsFiguresOnly(status, event)
    status = foldStatus(event.kind === 'snapshot' ? undefined : status, event)
    if (event.kind !== 'snapshot' && status.ready !== wasReady) readySince = event.at
    if (event.kind === 'added') lives.set(event.path, live(undefined, { phase: 'idle' }, event.at))
    else if (event.kind === 'transition') lives.set(event.path, live(lives.get(event.path), event.state, event.at))
    else if (event.kind === 'removed')
      for (const path of [...lives.keys()])
        if (path === event.path || path.startsWith(`${event.path}/`)) lives.delete(path)
    if (status.group.seq === event.seq || event.kind === 'snapshot')
      deadline = deadlineAfter(deadline, status.group.state)
    if (!isNoLine) lines.push(lineOf(event, status.name, log.told + lines.length))
  }
  return status && { status, lives, log: write(log, lines, reading.from), readySince, deadline, begins }
}

const tellsFiguresOnly = (status: GroupStatus | undefined, { path, state, clockSet }: TransitionEvent): boolean => {
  if (clockSet) return false
  const before = status?.byPath(path)?.state
  return before !== undefined && isFiguresOnly(before, state)
}

/** Not every state on the way out tells it again. */
const deadlineAfter = (before: number | undefined, state: ServiceState): number | undefined =>
  state.phase === 'starting' ? undefined : 'deadline' in state ? state.deadline : before
