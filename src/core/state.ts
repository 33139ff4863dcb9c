import type { ErrorInfo } from './errors.ts'

/** How well a running service is, in the words of the health+json draft. */
export type Health = 'pass' | 'warn' | 'fail'

/** The words for it. */
export const HEALTHS: readonly Health[] = ['pass', 'warn', 'fail']

/** Particulars of a service's own (an address, what was cut): flat JSON. */
export type Info = Readonly<Record<string, string | number | boolean | null>>

/** Why a service is asked to end. Plain JSON. */
export type StopReason =
  | { readonly by: 'signal'; readonly signal: string }
  | { readonly by: 'failure'; readonly service: string; readonly error: ErrorInfo }
  | { readonly by: 'uncaught'; readonly error: ErrorInfo }
  | { readonly by: 'call'; readonly message?: string }
  /** All services have ended; or the one that is named, whose end is the group's. */
  | { readonly by: 'end'; readonly service?: string }

/** How a service came to its end. `abandoned`: it did not let go, even when forced. */
export type Ending = 'ended' | 'stopped' | 'forced' | 'abandoned'

/**
 * Where a service is in its life. Each phase carries what a person would ask next. Plain JSON; moments are milliseconds
 * since the epoch.
 *
 * - `deadline`: when the present timeout runs out. A service tells it once it has asked for more time with `extend()`.
 *   The group that leads a shutdown tells when all members that are left will be forced.
 * - `forcedAt`: when the service was forced
 * - `down`: the service was not up when it was asked to end. This error had taken it down, and it had not come up since.
 */
export type ServiceState = { readonly info?: Info } & (
  | { readonly phase: 'idle' }
  | { readonly phase: 'waiting'; readonly for: readonly string[] }
  | { readonly phase: 'starting'; readonly attempt: number; readonly deadline?: number }
  | {
      readonly phase: 'running'
      readonly health: Health
      readonly detail?: string
      readonly leaving?: StopReason
      readonly deadline?: number
    }
  | {
      readonly phase: 'draining'
      readonly reason: StopReason
      readonly pending?: number
      readonly deadline?: number
    }
  | { readonly phase: 'drained'; readonly timedOut?: true }
  | {
      readonly phase: 'stopping'
      readonly reason: StopReason
      readonly pending?: number
      readonly deadline?: number
    }
  | { readonly phase: 'backoff'; readonly error: ErrorInfo; readonly attempt: number; readonly retryAt: number }
  | {
      readonly phase: 'stopped'
      readonly how: Ending
      readonly error?: ErrorInfo
      readonly forcedAt?: number
      readonly down?: ErrorInfo
    }
  | { readonly phase: 'failed'; readonly error: ErrorInfo }
)

/** The name of a phase: `'idle'`, `'waiting'`, ... `'failed'`. */
export type Phase = ServiceState['phase']

/** The state of one phase: `StateOf<'running'>`. */
export type StateOf<P extends Phase> = Extract<ServiceState, { readonly phase: P }>

/**
 * Which phase may follow which. Each living phase may also repeat with new particulars.
 *
 * @example
 * ```ts
 * console.log(transitions.drained) // [ 'drained', 'stopping', 'failed', 'stopped' ]
 * ```
 */
export const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  idle: ['idle', 'waiting', 'starting', 'failed', 'stopped'],
  waiting: ['waiting', 'starting', 'failed', 'stopped'],
  starting: ['starting', 'running', 'draining', 'stopping', 'backoff', 'failed', 'stopped'],
  running: ['running', 'draining', 'stopping', 'backoff', 'failed', 'stopped'],
  draining: ['draining', 'drained', 'stopping', 'failed', 'stopped'],
  drained: ['drained', 'stopping', 'failed', 'stopped'],
  stopping: ['stopping', 'waiting', 'starting', 'backoff', 'failed', 'stopped'],
  backoff: ['backoff', 'waiting', 'starting', 'failed', 'stopped'],
  stopped: [],
  failed: [],
}

/**
 * Whether one phase may follow another.
 *
 * @example
 * ```ts
 * console.log(canFollow('starting', 'running'), canFollow('stopped', 'starting')) // true false
 * ```
 */
export const canFollow = (from: Phase, to: Phase): boolean => transitions[from].includes(to)

/** True once nothing can follow: the service is gone, or given up. */
export const isFinal = (state: ServiceState): boolean => state.phase === 'stopped' || state.phase === 'failed'

/** What depends on a service in this state may start: it is running, or ended well as a job does. */
export const isReady = (state: ServiceState): boolean =>
  state.phase === 'running' || (state.phase === 'stopped' && state.how === 'ended')

/** Final and not ready: what depends on a service in this state can't start. */
export const isLost = (state: ServiceState): boolean => isFinal(state) && !isReady(state)

/** Running or over: a service that only comes after this one may start. */
export const isSettled = (state: ServiceState): boolean => state.phase === 'running' || isFinal(state)

/** Before its first start, or between two incarnations. */
export const isAhead = ({ phase }: ServiceState): boolean => phase === 'idle' || phase === 'waiting'

/** Whether a service has not come up yet. A lifecycle that says nothing at first is starting too. */
export const isStarting = ({ phase }: ServiceState): boolean => phase === 'starting' || phase === 'idle'

/** Why a service in this state is ending, if it is. */
export const reasonOf = (state: ServiceState): StopReason | undefined =>
  state.phase === 'running'
    ? state.leaving
    : state.phase === 'draining' || state.phase === 'stopping'
      ? state.reason
      : undefined

/** Why something was asked to end, as a few words. */
export const describeReason = (reason: StopReason): string => {
  switch (reason.by) {
    case 'signal':
      return reason.signal
    case 'failure':
      return `${reason.service} failed`
    case 'uncaught':
      return `uncaught: ${reason.error.message}`
    case 'call':
      return reason.message === undefined ? 'stop() was called' : `stop(): ${reason.message}`
    case 'end':
      return reason.service === undefined ? 'all services have ended' : `${reason.service} has ended`
  }
}
