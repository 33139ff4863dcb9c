import { isFinal, wasForced } from '../../../core/state.ts'
import { criticalPaths } from '../../../core/status/critical-path.ts'
import { parentOf, type ServiceStatus } from '../../../core/status/service-status.ts'
import type { GroupStatus } from '../../../core/status/status.ts'
import { milliseconds } from '../../../core/units.ts'
import { type Dense, denseOf, joined, sharesOf } from './density.ts'
import { FIRST, type Kind, type Life, type Segment } from './life.ts'
import { inTree } from './rows.ts'
import { type Look, lookOf } from './words.ts'

/** Which part of a group's life a timeline shows. */
export type Part = 'start' | 'stop' | 'all'

/** A stretch of time in milliseconds since the epoch. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** A stretch as it is drawn; `open` when it goes on. */
export interface Bar extends Span {
  readonly kind: Kind
  readonly open: boolean
  /** How it ended, when it did not end well: forced, abandoned, failed, late. */
  readonly bad?: string
  /** Of many changes in a little time: how large a part of it each kind was, and how many there were. */
  readonly crowd?: { readonly shares: readonly (readonly [Kind, number])[]; readonly changes: number }
}

export interface GanttRow {
  readonly path: string
  readonly name: string
  readonly depth: number
  readonly bars: readonly Bar[]
  readonly critical: boolean
  readonly look: Look
}

export interface Gantt {
  readonly part: Part
  /** The span that is known, from its first moment to now or its end. */
  readonly told: Span
  /** Whether it is still going on: then what is told ends now. */
  readonly goesOn: boolean
  /**
   * The span that is drawn: a little longer, and growing by steps, so that a row is drawn anew only when it has news.
   */
  readonly drawn: Span
  readonly rows: readonly GanttRow[]
  readonly criticalPath: readonly string[]
}

/** The part that people want to see at this moment. */
export const partNow = ({ phase, trigger, group }: GroupStatus): Part =>
  trigger !== undefined || (isFinal(group.state) && group.leftAt !== null) || phase === 'stopping' ? 'stop' : 'start'

/** From when to when a part goes, without an end while it goes on; `undefined` while it has not begun. */
export const spanOf = (
  { group }: GroupStatus,
  part: Part,
): { readonly from: number; readonly to?: number } | undefined => {
  const { startedAt, readyAt, leftAt, endedAt } = group
  const from = part === 'stop' ? leftAt : startedAt
  if (from === null) return undefined
  const to = (part === 'start' ? (readyAt ?? leftAt) : null) ?? endedAt
  return to === null ? { from } : { from, to }
}

/** 1, 2, 5, 10, ... at least so long. */
export const roundUp = (ms: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(ms, 1)))
  return power * ([1, 1.5, 2, 3, 5, 7.5].find(factor => factor * power >= ms) ?? 10)
}

export const ganttOf = (
  status: GroupStatus,
  lives: ReadonlyMap<string, Life>,
  part: Part,
  now: number,
  deadline?: number,
): Gantt | undefined => {
  const span = spanOf(status, part)
  if (!span) return undefined
  const goesOn = span.to === undefined
  // The clocks of two machines may differ by a moment.
  const told = { from: span.from, to: span.to ?? Math.max(now, span.from) }
  const length = Math.max(told.to - told.from, 1)
  const least = goesOn ? roundUp(length * 1.04) : length * 1.02
  const end = told.from + least
  // A deadline far away would press everything into a corner.
  const near = deadline !== undefined && goesOn && deadline - told.from < length * 3
  const drawn = { from: told.from, to: near ? Math.max(end, told.from + (deadline - told.from) * 1.04) : end }
  const criticalPath = criticalOf(status, part)
  const critical = new Set(criticalPath)
  const rows = inTree(status.name, status.list).map(({ status: one, name, depth }) => ({
    path: one.path,
    name,
    depth,
    bars: barsOf(lives.get(one.path), drawn),
    critical: critical.has(one.path),
    look: lookOf(one.state),
  }))
  return { part, told, goesOn, drawn, rows, criticalPath }
}

const UNDRAWN: ReadonlySet<Kind> = new Set(['idle', 'stopped', 'failed'])

const QUIET: ReadonlySet<Kind> = new Set(['waiting', 'running', 'leaving', 'drained'])

const bars = new WeakMap<Life, { readonly drawn: Span; readonly bars: readonly Bar[] }>()

/** The same bars again while neither the life nor what is drawn of it has changed. */
const barsOf = (life: Life | undefined, drawn: Span): readonly Bar[] => {
  if (!life) return []
  const known = bars.get(life)
  if (known && known.drawn.from === drawn.from && known.drawn.to === drawn.to) return known.bars
  const made = piecesOf(life, drawn).flatMap(piece =>
    'lasted' in piece ? crowdBar(piece, drawn) : barOf(piece, drawn),
  )
  bars.set(life, { drawn, bars: made })
  return made
}

/** A stretch, and the state that came after it. */
interface Piece extends Segment {
  readonly next: ServiceStatus['state'] | undefined
}

/** So many parts of what is drawn hold one crowd each. */
const CELLS = 200
/** Fewer short stretches in a row than this are drawn one by one. */
const CROWD = 6

/** Pieces that are drawn one by one, and stretches too dense for that. */
const piecesOf = ({ segments, between = [] }: Life, drawn: Span): readonly (Piece | Dense)[] => {
  const cell = (drawn.to - drawn.from) / CELLS
  const all: readonly (Piece | Dense)[] = segments.map((segment, i) => ({ ...segment, next: segments[i + 1]?.state }))
  const pieces: (Piece | Dense)[] = []
  let crowd: (Piece | Dense)[] = []
  const flush = (): void => {
    const isCrowd = crowd.length >= CROWD || crowd.some(one => 'lasted' in one)
    if (isCrowd) pieces.push(crowd.map(one => ('lasted' in one ? one : denseOf(one))).reduce(joined))
    else pieces.push(...crowd)
    crowd = []
  }
  for (const piece of [...all.slice(0, FIRST), ...between, ...all.slice(FIRST)]) {
    if (piece.to !== null && piece.to <= drawn.from) continue
    const isShort = 'lasted' in piece || (piece.to !== null && piece.to - piece.from < cell)
    if (!isShort || (crowd.length > 0 && piece.from - crowd[0]!.from >= cell)) flush()
    if (isShort) crowd.push(piece)
    else pieces.push(piece)
  }
  flush()
  return pieces
}

const crowdBar = (dense: Dense, drawn: Span): readonly Bar[] => {
  const shares = sharesOf(dense)
  const [kind] = shares[0]!
  const [from, to] = [Math.max(dense.from, drawn.from), Math.min(dense.to, drawn.to)]
  return to < from ? [] : [{ kind, from, to, open: false, crowd: { shares, changes: dense.count } }]
}

const barOf = ({ kind, from, to, next }: Piece, drawn: Span): readonly Bar[] => {
  const shortest = (drawn.to - drawn.from) / 1_000
  if (UNDRAWN.has(kind) || from > drawn.to || (to !== null && to <= drawn.from && from < drawn.from)) return []
  // A phase that a service only passes through is not worth a piece; work that took a moment is.
  if (QUIET.has(kind) && to !== null && to - Math.max(from, drawn.from) < shortest) return []
  const bad = next && badEnd(next)
  return [
    {
      kind,
      from: Math.max(from, drawn.from),
      to: Math.min(to ?? drawn.to, drawn.to),
      open: to === null,
      ...(bad && { bad }),
    },
  ]
}

const badEnd = (state: ServiceStatus['state']): string | undefined => {
  if (state.phase === 'failed' || state.phase === 'backoff') return 'failed'
  if (state.phase === 'drained' && state.timedOut) return 'out of time'
  return wasForced(state) ? state.how : undefined
}

/** Which services decided how long it took; none while their order is not known. */
const criticalOf = ({ group, list }: GroupStatus, part: Part): readonly string[] => {
  if (part === 'all' || list.length === 0) return []
  try {
    return criticalPaths(group, list)[part]
  } catch {
    // An order that does not work out is refused by the group itself, and told as its error.
    return []
  }
}

/** Where the marks of a time axis are, in milliseconds from its beginning: at most so many, at round times. */
export const ticksOf = (length: number, most: number): readonly number[] => {
  const step = STEPS.find(step => length / step <= most) ?? roundUp(length / most)
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step)
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const STEPS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 20, 30].map(n => n * SECOND),
  ...[1, 2, 5, 10, 20, 30].map(n => n * MINUTE),
  ...[1, 2, 4, 8, 12, 24, 48].map(n => n * HOUR),
]

/** The text at a mark of an axis: `0`, `200 ms`, `1.5 s`, `5 min`, `2 h`. */
export const tickText = (ms: number): string => (ms === 0 ? '0' : milliseconds(ms))

/** The services that everybody waits for at this moment. */
export const awaited = (status: GroupStatus, part: Part): readonly ServiceStatus[] => {
  const busy: readonly string[] = part === 'stop' ? ['draining', 'stopping'] : ['starting', 'backoff']
  const all = status.list.filter(({ state }) => busy.includes(state.phase))
  // A group inside is waited for because of what is in it.
  const groups = new Set<string>()
  for (const one of all)
    for (let path = parentOf(one.path); path !== '' && !groups.has(path); path = parentOf(path)) groups.add(path)
  return all.filter(({ path }) => !groups.has(path))
}
