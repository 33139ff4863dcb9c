import type { ErrorInfo } from '../../../core/errors.ts'
import { describeReason, type Phase, type ServiceState } from '../../../core/state.ts'
import { milliseconds } from '../../../core/units.ts'

/** How a state is meant. Each has a colour and a glyph, and is always told in words too. */
export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'calm'

/** The name of a glyph, drawn in `parts/glyph.tsx`. */
export type Glyph = Phase | 'leaving' | 'warn' | 'unwell' | 'ended' | 'forced' | 'abandoned'

/** A state as a chip shows it. */
export interface Look {
  readonly text: string
  readonly tone: Tone
  readonly glyph: Glyph
}

const TONES: Readonly<Record<Phase, Tone>> = {
  idle: 'calm',
  waiting: 'calm',
  starting: 'busy',
  running: 'good',
  draining: 'busy',
  drained: 'busy',
  stopping: 'busy',
  backoff: 'warn',
  stopped: 'calm',
  failed: 'bad',
}

/** In the order of a life: for legends and tests. */
export const PHASES: readonly Phase[] = [
  'idle',
  'waiting',
  'starting',
  'running',
  'draining',
  'drained',
  'stopping',
  'backoff',
  'stopped',
  'failed',
]

export const lookOf = (state: ServiceState): Look => {
  const { phase } = state
  if (phase === 'running' && state.leaving) return { text: 'leaving', tone: 'busy', glyph: 'leaving' }
  if (phase === 'drained' && state.timedOut) return { text: 'drained, late', tone: 'warn', glyph: 'drained' }
  if (phase !== 'stopped' || state.how === 'stopped') return { text: phase, tone: TONES[phase], glyph: phase }
  return { text: state.how, tone: state.how === 'ended' ? 'calm' : 'bad', glyph: state.how }
}

/** Of one that runs; nothing else has a health worth telling. */
export const healthOf = (state: ServiceState): Look | undefined => {
  if (state.phase !== 'running') return undefined
  if (state.health === 'pass') return { text: 'pass', tone: 'good', glyph: 'running' }
  return state.health === 'warn'
    ? { text: 'warn', tone: 'warn', glyph: 'warn' }
    : { text: 'fail', tone: 'bad', glyph: 'unwell' }
}

export const errorOf = (state: ServiceState): ErrorInfo | undefined => ('error' in state ? state.error : undefined)

/** What went wrong, in a line: the innermost cause that the message only repeats. */
export const essence = (error: ErrorInfo): string => {
  const { message, cause } = error
  return cause && cause.message !== '' && message.includes(cause.message) ? essence(cause) : firstLine(message)
}

export const firstLine = (text: string): string => text.split('\n', 1)[0]!

/** What a state tells beside its name. */
export const detailOf = (state: ServiceState): string => {
  switch (state.phase) {
    case 'waiting':
      return `for ${state.for.join(', ')}`
    case 'starting':
      return [
        ...(state.attempt > 1 ? [`attempt ${state.attempt}`] : []),
        ...(state.extended === undefined ? [] : [`asks for ${milliseconds(state.extended)} more`]),
      ].join(', ')
    case 'running':
      return [
        ...(state.leaving ? [describeReason(state.leaving)] : []),
        ...(state.health === 'pass' ? [] : [state.health]),
        ...(state.detail === undefined ? [] : [state.detail]),
      ].join(': ')
    case 'draining':
    case 'stopping':
      return [
        ...(state.pending ? [`${state.pending} pending`] : []),
        ...(state.extended === undefined ? [] : [`asks for ${milliseconds(state.extended)} more`]),
      ].join(', ')
    case 'drained':
      return state.timedOut ? 'its time ran out' : ''
    case 'backoff':
      return `${essence(state.error)} (next is attempt ${state.attempt})`
    case 'failed':
      return essence(state.error)
    case 'stopped':
      return state.error ? essence(state.error) : ''
    case 'idle':
      return ''
  }
}

const two = (n: number): string => String(n).padStart(2, '0')

/** The time of day where the reader is: `12:03:04`. */
export const clock = (at: number): string => {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
}

export const preciseClock = (at: number): string =>
  `${clock(at)}.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`

/** A path without the group that all of them are in. */
export const shortName = (path: string, group: string): string =>
  path.startsWith(`${group}/`) ? path.slice(group.length + 1) : path

/** `a`, `a and b`, `a, b and 4 more`. */
export const listing = (names: readonly string[], most = 3): string => {
  if (names.length > most + 1) return `${names.slice(0, most).join(', ')} and ${names.length - most} more`
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
