import type { ErrorInfo, ServiceState } from 'rx-service-group'

/** A state with all particulars on which anything can depend; texts of errors are left out. */
export const wordOf = (state: ServiceState): string => {
  switch (state.phase) {
    case 'waiting':
      return `waiting for ${state.for.join('+')}`
    case 'starting':
      return `starting ${state.attempt}`
    case 'running':
      return `running ${state.health}${state.leaving ? ` leaving by ${state.leaving.by}` : ''}`
    case 'draining':
    case 'stopping':
      return `${state.phase} by ${state.reason.by}`
    case 'drained':
      return state.timedOut ? 'drained late' : 'drained'
    case 'backoff':
      return `backoff ${state.attempt} ${errorWord(state.error)}`
    case 'stopped':
      return `${state.how}${state.error ? ` ${errorWord(state.error)}` : ''}${state.down ? ' down' : ''}`
    case 'failed':
      return `failed ${errorWord(state.error)}`
    default:
      return state.phase
  }
}

const errorWord = ({ code, name }: ErrorInfo): string => code ?? name

export const isOver = ({ phase }: ServiceState): boolean => phase === 'stopped' || phase === 'failed'

/** Running, or ended well: a service that depends on this one may begin. */
export const isReady = (state: ServiceState): boolean =>
  state.phase === 'running' || (state.phase === 'stopped' && state.how === 'ended')

/** The group has been told to end, or is over: nothing in it may begin. */
export const isLeaving = (state: ServiceState): boolean =>
  ['draining', 'drained', 'stopping'].includes(state.phase) || isOver(state) || ('leaving' in state && !!state.leaving)
