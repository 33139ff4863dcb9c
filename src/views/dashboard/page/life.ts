import type { ErrorInfo } from '../../../core/errors.ts'
import { errorOf, isFinal, type Phase, type ServiceState } from '../../../core/state.ts'
import type { ServiceStatus } from '../../../core/status/service-status.ts'
import { type Dense, denseOf, thicken } from './density.ts'

/** The kind of a stretch of a life, as it is drawn. */
export type Kind = Phase | 'leaving' | 'forced'

/** The kinds that a timeline draws, in the order of a life. */
export const DRAWN: readonly Kind[] = [
  'waiting',
  'starting',
  'running',
  'leaving',
  'draining',
  'drained',
  'stopping',
  'forced',
  'backoff',
]

/** One stretch of a service's life; the last one is open (`to` is `null`). */
export interface Segment {
  readonly kind: Kind
  readonly from: number
  readonly to: number | null
  /** The latest state of the stretch: its pending, its error. */
  readonly state: ServiceState
}

/** The past of a service, as far as it is kept. */
export interface Life {
  /** The first few, which tell of the start, and the newest. */
  readonly segments: readonly Segment[]
  /** The stretches between the first few and the newest, if they were too many to keep one by one. */
  readonly between?: readonly Dense[]
  readonly lastError?: { readonly at: number; readonly error: ErrorInfo }
}

/** So many stretches are kept one by one. */
export const KEPT = 120
/** So many of them are the first. */
export const FIRST = 8

export const kindOf = (state: ServiceState): Kind =>
  state.phase === 'running' && state.leaving ? 'leaving' : state.phase

export const live = (life: Life | undefined, state: ServiceState, at: number): Life => {
  const segments = life ? [...life.segments] : []
  let between = life?.between
  const kind = kindOf(state)
  const last = segments.at(-1)
  if (last?.kind === kind) segments[segments.length - 1] = { ...last, state }
  else {
    const forcedAt = state.phase === 'stopped' ? state.forcedAt : undefined
    if (last) segments[segments.length - 1] = { ...last, to: Math.max(last.from, forcedAt ?? at) }
    if (last && forcedAt !== undefined) segments.push({ kind: 'forced', from: forcedAt, to: at, state: last.state })
    segments.push({ kind, from: at, to: null, state })
    if (segments.length > KEPT) between = thicken(between ?? [], denseOf(segments.splice(FIRST, 1)[0]!))
  }
  const error = errorOf(state)
  const lastError = error ? { at, error } : life?.lastError
  return { segments, ...(between && { between }), ...(lastError && { lastError }) }
}

/** The same on a clock that was set by so many milliseconds. An error stays at the time that it was logged with. */
export const lifeMovedBy = (life: Life, ms: number): Life => ({
  ...life,
  ...(life.between && { between: life.between.map(one => ({ ...one, from: one.from + ms, to: one.to + ms })) }),
  segments: life.segments.map(segment => ({
    ...segment,
    from: segment.from + ms,
    to: segment.to === null ? null : segment.to + ms,
  })),
})

/** Since when a service is what it is said to be: leaving is more than its phase tells. */
export const sinceOf = ({ state, since, leftAt }: ServiceStatus): number =>
  kindOf(state) === 'leaving' ? (leftAt ?? since) : since

/** The life of one that was there before we looked: its times tell most of it. */
export const lifeBefore = (status: ServiceStatus): Life => {
  const { state, startedAt, readyAt, leftAt, drainingAt, drainedAt, stoppingAt } = status
  const times: readonly (readonly [Kind, number | null])[] = [
    ['starting', startedAt],
    ['running', readyAt],
    ['leaving', readyAt === null || leftAt === drainingAt || leftAt === stoppingAt ? null : leftAt],
    ['draining', drainingAt],
    ['drained', drainedAt],
    ['stopping', stoppingAt],
  ]
  const kind = kindOf(state)
  const known = times
    .flatMap(([kind, from]) => (from === null ? [] : [{ kind, from }]))
    .filter(one => one.kind !== kind)
  const begun = [...known, { kind, from: sinceOf(status) }]
  const segments = begun.map(
    ({ kind, from }, i): Segment => ({ kind, from, to: begun[i + 1]?.from ?? null, state: stateOf(kind, status) }),
  )
  const error = errorOf(state)
  return { segments, ...(error && { lastError: { at: status.since, error } }) }
}

/** Of what is over only the name is known. */
const stateOf = (kind: Kind, { state }: ServiceStatus): ServiceState => {
  if (kind === kindOf(state)) return state
  if (kind === 'running' || kind === 'leaving') return { phase: 'running', health: 'pass' }
  if (kind === 'starting') return { phase: 'starting', attempt: 1 }
  if (kind === 'drained') return { phase: 'drained' }
  return kind === 'draining' || kind === 'stopping' ? { phase: kind, reason: { by: 'call' } } : { phase: 'idle' }
}

export const isOver = (segment: Segment): boolean => isFinal(segment.state)
