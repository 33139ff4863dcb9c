import type { Phase, ServiceState } from '../../../core/state.ts'
import { firstLine } from '../../../core/text/error-text.ts'
import { labelOf, particularsOf } from '../../../core/text/state-text.ts'
import { visible } from '../../../core/text/visible.ts'
import { timeOfDay } from '../../../core/units.ts'

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
  backoff: 'bad',
  stopped: 'calm',
  failed: 'bad',
}

export const lookOf = (state: ServiceState): Look => {
  const { phase } = state
  const text = labelOf(state)
  const health = healthOf(state)
  if (health && health.tone !== 'good') return { ...health, text: `${text}, ${health.text}` }
  if (phase === 'running' && state.leaving) return { text, tone: 'busy', glyph: 'leaving' }
  if (phase === 'drained' && state.timedOut) return { text: 'drained, late', tone: 'warn', glyph: 'drained' }
  if (phase !== 'stopped' || state.how === 'stopped') return { text, tone: TONES[phase], glyph: phase }
  return { text, tone: state.how === 'ended' ? 'calm' : 'bad', glyph: state.how }
}

/** A state where its health stands beside it, in words of its own. */
export const besideHealth = (state: ServiceState): Look => ({
  ...lookOf(state),
  ...(state.phase === 'running' && { text: labelOf(state) }),
})

/** The particulars of a state as the page tells them. */
export const detailOf = (state: ServiceState): string =>
  visible(
    particularsOf(state, {
      deadline: at => `deadline ${timeOfDay(at)}`,
      due: at => `at ${timeOfDay(at)}`,
    }).join(', '),
  )

/** Of one that runs; nothing else has a health worth telling. */
export const healthOf = (state: ServiceState): Look | undefined => {
  if (state.phase !== 'running') return undefined
  if (state.health === 'pass') return { text: 'pass', tone: 'good', glyph: 'running' }
  return state.health === 'warn'
    ? { text: 'warn', tone: 'warn', glyph: 'warn' }
    : { text: 'fail', tone: 'bad', glyph: 'unwell' }
}

/** A path without the group that all of them are in. */
export const nameIn = (group: string, path: string): string =>
  path.startsWith(`${group}/`) ? path.slice(group.length + 1) : path

/** A path as it is shown: foreign text, which must not turn or break what stands around it. */
export const shownPath = (path: string): string => (path.trim() === '' ? JSON.stringify(path) : visible(path))

/** A path without the group that all of them are in, as it is shown. */
export const shortName = (path: string, group: string): string => shownPath(nameIn(group, path))

/** So much of a message stands in a sentence. */
const BRIEF = 160

/** The first line of a foreign text, for the middle of a sentence. */
export const brief = (text: string): string => {
  const line = visible(firstLine(text))
  return line.length <= BRIEF ? line : `${line.slice(0, BRIEF - 1)}…`
}

/** A foreign text of several lines, which it keeps. */
export const lines = (text: string): string =>
  text
    .split(/\r?\n/)
    .map(line => visible(line))
    .join('\n')

/** `a`, `a and b`, `a, b and 4 more`. */
export const listing = (names: readonly string[], most = 3): string => {
  if (names.length > most + 1) return `${names.slice(0, most).join(', ')} and ${names.length - most} more`
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
