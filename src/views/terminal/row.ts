import { isFinal, type ServiceState, wasForced } from '../../core/state.ts'
import { type ServiceStatus, sinceOf } from '../../core/status/service-status.ts'
import type { Mark } from '../../core/text/paint.ts'
import { labelOf, particularsOf, toneOf } from '../../core/text/state-text.ts'
import { elapsed, milliseconds, restarted } from '../../core/units.ts'
import { type Glyphs, spinner } from './glyphs.ts'
import type { Stage } from './stage.ts'

/** One service, cut into the columns of a line. */
export interface Row {
  readonly glyph: string
  readonly mark: Mark
  readonly phase: string
  readonly time: string
  readonly detail: string
}

export const rowOf = (service: ServiceStatus, stage: Stage, now: number, glyphs: Glyphs): Row => {
  const { state } = service
  const again = service.restarts > 0 && stage === 'unwell' ? [restarted(service.restarts)] : []
  return {
    glyph: glyphOf(state, now, glyphs),
    mark: toneOf(state),
    phase: labelOf(state),
    time: timeOf(service, stage, now),
    detail: [...particulars(state, now, stage), ...again].join(', '),
  }
}

const glyphOf = (state: ServiceState, now: number, glyphs: Glyphs): string => {
  switch (state.phase) {
    case 'idle':
    case 'waiting':
    case 'drained':
      return glyphs.quiet
    case 'starting':
    case 'draining':
    case 'stopping':
      return spinner(glyphs, now)
    case 'running':
      return state.health === 'pass' ? glyphs.good : state.health === 'warn' ? glyphs.warn : glyphs.bad
    case 'backoff':
      return glyphs.again
    case 'stopped':
      return wasForced(state) ? glyphs.bad : glyphs.good
    case 'failed':
      return glyphs.bad
  }
}

/** How long it has been in a phase that passes; how long it took to come to one that lasts. */
const timeOf = (service: ServiceStatus, stage: Stage, now: number): string => {
  const { state, startedAt, readyAt, stoppingAt, endedAt } = service
  if (state.phase === 'idle') return ''
  if (state.phase === 'running' && !state.leaving) return stage === 'coming' ? took(startedAt, readyAt) : ''
  if (isFinal(state)) return took(stage === 'leaving' ? stoppingAt : startedAt, endedAt)
  return elapsed(now - sinceOf(service))
}

const took = (from: number | null, to: number | null): string =>
  from === null || to === null ? '' : milliseconds(to - from)

const particulars = (state: ServiceState, now: number, stage: Stage): readonly string[] => {
  // When the whole group is leaving, the headline tells the reason.
  const reasons = stage === 'leaving' ? 'none' : 'running'
  const words = particularsOf(state, { reasons, due: retryAt => `in ${elapsed(retryAt - now)}` })
  return state.phase === 'drained' && words.length === 0 ? ['waits for its turn'] : words
}
