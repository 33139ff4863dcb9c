import type { Phase, ServiceState } from '../state.ts'
import type { Mark } from './paint.ts'

const TONES: Readonly<Record<Phase, Mark>> = {
  idle: 'faint',
  waiting: 'faint',
  starting: 'busy',
  running: 'good',
  draining: 'busy',
  drained: 'plain',
  stopping: 'busy',
  backoff: 'bad',
  stopped: 'faint',
  failed: 'bad',
}

/** The phase in one word; one that is over tells how. */
export const labelOf = (state: ServiceState): string => {
  if (state.phase === 'running' && state.leaving) return 'leaving'
  return state.phase === 'stopped' && state.how !== 'stopped' ? state.how : state.phase
}

/** How a phase is marked where there is colour. */
export const toneOf = (state: ServiceState): Mark => {
  if (state.phase === 'running' && (state.leaving || state.health !== 'pass'))
    return state.health === 'fail' ? 'bad' : 'busy'
  if (state.phase === 'drained' && state.timedOut) return 'bad'
  if (state.phase === 'stopped' && (state.how === 'forced' || state.how === 'abandoned')) return 'bad'
  return TONES[state.phase]
}
