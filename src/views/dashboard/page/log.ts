import type { ErrorInfo } from '../../../core/errors.ts'
import { errorOf } from '../../../core/state.ts'
import type { GroupEvent } from '../../../core/status/events.ts'
import { essence } from '../../../core/text/error-text.ts'
import { failureText, requestText } from '../../../core/text/transition-text.ts'
import { visible } from '../../../core/text/visible.ts'
import { detailOf, type Look, lookOf } from './words.ts'

/** One line of the event log. */
export interface Line extends Look {
  /** Counts all lines ever told, kept or not. */
  readonly n: number
  /** The number of the event, which is the same on every page. */
  readonly seq: number
  readonly at: number
  readonly path: string
  readonly detail: string
  readonly error?: ErrorInfo
}

/** The newest lines, oldest first. */
export interface Log {
  readonly lines: readonly Line[]
  readonly told: number
}

export const EMPTY_LOG: Log = { lines: [], told: 0 }

/** So many lines are kept; and while the reader has stopped the log, so many that are to be shown later. */
export const LINES = 5_000
const UNSEEN = 100_000

const ACCEPTED = { tone: 'busy', glyph: 'leaving' } as const
const REFUSED = { tone: 'warn', glyph: 'warn' } as const

export const lineOf = (event: GroupEvent, group: string, n: number): Line => {
  const { at, seq } = event
  if (event.kind === 'transition') {
    const error = errorOf(event.state)
    const detail = detailOf(event.state)
    return { n, seq, at, path: event.path, ...lookOf(event.state), detail, ...(error && { error }) }
  }
  const plain = { n, seq, at, tone: 'calm', glyph: 'idle' } as const
  if (event.kind === 'added') {
    const needs = event.dependsOn?.length ? `depends on ${event.dependsOn.join(', ')}` : ''
    return { ...plain, path: event.path, text: 'added', detail: needs }
  }
  if (event.kind === 'removed') return { ...plain, path: event.path, text: 'removed', detail: '' }
  if (event.kind === 'failure')
    return {
      n,
      seq,
      at,
      path: event.path,
      text: 'failure',
      tone: 'bad',
      glyph: 'unwell',
      detail: visible(failureText(event.what, essence(event.error), event.omitted)),
      error: event.error,
    }
  if (event.kind === 'request') {
    const look = event.outcome === 'refused' ? REFUSED : ACCEPTED
    return { n, seq, at, path: event.path, text: 'request', ...look, detail: visible(requestText(event)) }
  }
  // A kind of a later version.
  if (event.kind !== 'snapshot') return { ...plain, path: group, text: 'event', detail: '' }
  const { length } = event.services
  return { ...plain, path: group, text: 'snapshot', detail: `${length} ${length === 1 ? 'service' : 'services'}` }
}

/** Adds lines; drops the oldest, but never one that is newer than `from`, which a reader has not been shown yet. */
export const write = (log: Log, added: readonly Line[], from = Infinity): Log => {
  const lines = log.lines.concat(added)
  const told = log.told + added.length
  const unseen = lines.findIndex(({ n }) => n > from)
  const wanted = unseen < 0 ? lines.length : Math.max(unseen, lines.length - UNSEEN)
  const first = Math.min(lines.length - LINES, wanted)
  return { lines: first > 0 ? lines.slice(first) : lines, told }
}

/** The lines that hold a text in their path, state or detail. */
export const matching = (lines: readonly Line[], filter: string): readonly Line[] => {
  const wanted = filter.trim().toLowerCase()
  if (wanted === '') return lines
  return lines.filter(({ path, text, detail }) => `${path} ${text} ${detail}`.toLowerCase().includes(wanted))
}
