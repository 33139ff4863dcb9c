import type { Health, Info, ServiceState, StopReason } from '../state.ts'

/** Where a service made from hooks is, seen from inside. */
export type HookedPhase = 'idle' | 'starting' | 'running' | 'draining' | 'drained' | 'stopping' | 'over'

/** What the hooks of a service have said of it so far. */
export interface Said {
  readonly health: Health
  readonly detail?: string | undefined
  readonly pending?: number | undefined
  readonly info?: Info | undefined
}

export const NOTHING_SAID: Said = Object.freeze({ health: 'pass' })

const STARTING: ServiceState = Object.freeze({ phase: 'starting', attempt: 1 })
const RUNNING: ServiceState = Object.freeze({ phase: 'running', health: 'pass' })
const DRAINED: ServiceState = Object.freeze({ phase: 'drained' })

/** The state that a service is in, with what it has said that belongs there. */
export const hookedState = (phase: HookedPhase, reason: StopReason | undefined, said: Said): ServiceState => {
  const pending = said.pending === undefined ? undefined : { pending: said.pending }
  switch (phase) {
    case 'running':
      return withInfo(running(said, reason), said)
    case 'draining':
      return withInfo({ phase: 'draining', reason: reason!, ...pending }, said)
    case 'drained':
      return withInfo(DRAINED, said)
    case 'stopping':
      return withInfo(
        pending ? { phase: 'stopping', reason: reason!, ...pending } : { phase: 'stopping', reason: reason! },
        said,
      )
    default:
      return withInfo(STARTING, said)
  }
}

const running = ({ health, detail }: Said, reason: StopReason | undefined): ServiceState => {
  if (health === 'pass' && detail === undefined)
    return reason ? { phase: 'running', health: 'pass', leaving: reason } : RUNNING
  return { phase: 'running', health, ...(detail !== undefined && { detail }), ...(reason && { leaving: reason }) }
}

export const withInfo = (state: ServiceState, { info }: Said): ServiceState => (info ? { ...state, info } : state)
