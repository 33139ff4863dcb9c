import { styleText } from 'node:util'
import type { Subscription } from 'rxjs'
import type { AddedEvent, SnapshotEvent, TransitionEvent } from '../../core/events.ts'
import type { ServiceGroup } from '../../core/group.ts'
import { advance, again, newcomer, type ServiceStatus } from '../../core/service-status.ts'
import type { Info, ServiceState } from '../../core/state.ts'
import { type Line, type Tone, toLine } from './line.ts'

export { formatReport } from '../../core/report-text.ts'

/** Where lines go: any writable stream. On a terminal they are coloured. */
export interface LogOutput {
  write(text: string): unknown
  readonly isTTY?: boolean
  hasColors?(): boolean
}

/** How a log is written, and where to. */
export interface LogOptions {
  /** `text` for people, `json` (one event a line, the report last) for machines. Default `text`. */
  readonly format?: 'text' | 'json'
  /** Default `process.stdout`. */
  readonly output?: LogOutput
}

/**
 * One readable line for each transition of a group and all inside it, from now to its end.
 *
 * @returns the subscription; the log ends with the group by itself.
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * log(group)
 * await group.start()
 * await group.stop()
 * ```
 */
export const log = (
  group: Pick<ServiceGroup<string, never>, 'events$' | 'report'>,
  { format = 'text', output = process.stdout }: LogOptions = {},
): Subscription => {
  if (format === 'json') {
    const line = (value: object): unknown => output.write(`${JSON.stringify(value)}\n`)
    return group.events$.subscribe({ next: line, complete: () => line({ kind: 'report', ...group.report }) })
  }
  const seen = new Map<string, ServiceStatus>()
  const told = new Map<string, Info | undefined>()
  const color = output.isTTY === true && output.hasColors?.() !== false
  let width = 0

  const widen = (path: string): void => {
    width = Math.max(width, path.length)
  }
  const onSnapshot = ({ group: own, services }: SnapshotEvent): void => {
    for (const service of [own, ...services]) {
      widen(service.path)
      seen.set(service.path, service)
    }
  }
  const onAdded = ({ path, seq, at }: AddedEvent): void => {
    widen(path)
    const known = seen.get(path)
    seen.set(path, known ? again(known, seq, at) : newcomer(path, seq, at))
    told.delete(path)
  }
  const forget = (gone: string): void => {
    for (const path of [...seen.keys()])
      if (path === gone || path.startsWith(`${gone}/`)) {
        seen.delete(path)
        told.delete(path)
      }
  }
  const onTransition = (event: TransitionEvent): void => {
    const { path, state, seq, at } = event
    const before = seen.get(path)!
    const now = advance(before, state, seq, at)
    seen.set(path, now)
    const moved = before.state.phase !== state.phase
    if (!moved && isNoise(state, path)) return
    const took = moved && TIMED.has(before.state.phase) ? at - before.since : undefined
    const restarts = moved && state.phase === 'running' ? now.restarts : 0
    output.write(`${layOut(toLine(event, { told: told.get(path), took, restarts }), width, color)}\n`)
    told.set(path, state.info)
  }
  return group.events$.subscribe(event => {
    if (event.kind === 'snapshot') onSnapshot(event)
    else if (event.kind === 'added') onAdded(event)
    else if (event.kind === 'removed') forget(event.path)
    else onTransition(event)
  })
}

/** Within a phase: what the group says for all, what is told once the service runs, and that nothing is left. */
const isNoise = (state: ServiceState, path: string): boolean =>
  state.phase === 'starting' ||
  (state.phase === 'running' && state.leaving !== undefined && path.includes('/')) ||
  ((state.phase === 'draining' || state.phase === 'stopping') && state.pending === 0)

/** Phases whose length people want to know. */
const TIMED: ReadonlySet<string> = new Set(['starting', 'draining', 'stopping'])

/** The longest phase, `abandoned`. */
const PHASE_WIDTH = 9

const layOut = ({ time, path, phase, tone, detail }: Line, width: number, color: boolean): string => {
  const columns = color
    ? [
        styleText('dim', time, ALWAYS),
        path.padEnd(width),
        styleText(STYLES[tone], phase.padEnd(PHASE_WIDTH), ALWAYS),
        detail,
      ]
    : [time, path.padEnd(width), phase.padEnd(PHASE_WIDTH), detail]
  return columns.join('  ').trimEnd()
}

const STYLES = { good: 'green', bad: 'red', busy: 'yellow', faint: 'dim', plain: 'reset' } as const satisfies Record<
  Tone,
  string
>

/** Whether to colour was decided by the output at hand, not by the standard one. */
const ALWAYS = { validateStream: false }
