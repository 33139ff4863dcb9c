import type { ErrorInfo } from './errors.ts'

/** The health of a running service, in the words of the health+json draft. */
export type Health = 'pass' | 'warn' | 'fail'

/** The words for health, the best first. */
export const HEALTHS: readonly Health[] = ['pass', 'warn', 'fail']

/** Particulars that a service tells of itself, such as its address. Flat JSON. */
export type Info = Readonly<Record<string, string | number | boolean | null>>

/** The reason that a service is asked to end for. Plain JSON. */
export type StopReason =
  | { readonly by: 'signal'; readonly signal: string }
  | { readonly by: 'failure'; readonly service: string; readonly error: ErrorInfo }
  | { readonly by: 'uncaught'; readonly error: ErrorInfo }
  | { readonly by: 'call'; readonly message?: string }
  /** All services have ended, or the named member with `onEnd: 'stop-group'` has. */
  | { readonly by: 'end'; readonly service?: string }

/** How a service came to its end. `abandoned`: it did not end in its force budget. */
export type Ending = 'ended' | 'stopped' | 'forced' | 'abandoned'

/**
 * Where a service is in its life. Each phase carries what a person would ask next. Plain JSON; moments are milliseconds
 * since the epoch.
 *
 * - `deadline`: when the present timeout runs out. A service tells it once it has asked for more time with `extend()`.
 *   The group that leads a shutdown tells when all members that are left will be forced.
 * - `forcedAt`: when the service was forced
 * - `down`: the service was not up when it was asked to end. This error had taken it down; it had not come up since.
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
 * The phases that may follow each phase. A living phase may also repeat with new particulars.
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

/** The names of all phases, in the order of an incarnation. */
export const PHASES: readonly Phase[] = Object.keys(transitions) as Phase[]

/** Whether a value is a word for health. */
export const isHealth = (value: unknown): value is Health => HEALTHS.includes(value as Health)

/** Nothing can follow: the service has stopped or failed. */
export const isFinal = (state: ServiceState): state is StateOf<'stopped' | 'failed'> =>
  state.phase === 'stopped' || state.phase === 'failed'

/** The service has not begun to start. */
export const isBeforeStart = ({ phase }: ServiceState): boolean => phase === 'idle' || phase === 'waiting'

/** The service runs, and has not been asked to end. */
export const isServing = (state: ServiceState): state is StateOf<'running'> & { readonly leaving?: undefined } =>
  state.phase === 'running' && state.leaving === undefined

/** The service has been asked to end, and has not come to its end. */
export const isLeaving = (state: ServiceState): boolean => state.phase === 'drained' || reasonOf(state) !== undefined

/** The service no longer serves, for another reason than that it has ended by itself. */
export const isGoingDown = (state: ServiceState): boolean =>
  state.phase === 'draining' || state.phase === 'stopping' ? state.reason.by !== 'end' : state.phase === 'drained'

/** The service has nothing left to drain. */
export const hasDrained = (state: ServiceState): boolean => state.phase !== 'draining'

/** The service failed, and its restart policy starts it again. */
export const isRestarting = (state: ServiceState): boolean =>
  state.phase === 'backoff' || (state.phase === 'starting' && state.attempt > 1)

/** A hook of the service is at work: it starts, drains or stops. */
export const isBusy = ({ phase }: ServiceState): boolean =>
  phase === 'starting' || phase === 'draining' || phase === 'stopping'

/** The phase of the service passes by itself. */
export const isPassing = (state: ServiceState): boolean =>
  state.phase !== 'idle' && state.phase !== 'running' && !isFinal(state)

/** The service ended by itself, without a failure. */
export const hasEnded = (state: ServiceState): boolean => state.phase === 'stopped' && state.how === 'ended'

/** The service did not end even when it was forced. */
export const isAbandoned = (state: ServiceState): boolean => state.phase === 'stopped' && state.how === 'abandoned'

/** The service had to be forced, whether it ended then or was abandoned. */
export const wasForced = (
  state: ServiceState,
): state is StateOf<'stopped'> & { readonly how: 'forced' | 'abandoned' } =>
  state.phase === 'stopped' && (state.how === 'forced' || state.how === 'abandoned')

/** The service runs, or has ended as a job does: a member that depends on it may start. */
export const isReady = (state: ServiceState): boolean => state.phase === 'running' || hasEnded(state)

/** The service is final and not ready: a member that depends on it can never start. */
export const isLost = (state: ServiceState): boolean => isFinal(state) && !isReady(state)

/** The start of the service is decided, well or not: a member that only comes after it may start. */
export const isSettled = (state: ServiceState): boolean => state.phase === 'running' || isFinal(state)

/** The service serves with health `pass`, or has ended by itself. */
export const isWell = (state: ServiceState): boolean => (isServing(state) ? state.health === 'pass' : hasEnded(state))

/** The service does not serve, and is not over: a group that needs it is not ready. */
export const isUnready = (state: ServiceState): boolean => !isServing(state) && !isFinal(state)

/** The service failed, was abandoned, or runs with a health other than `pass`. */
export const isUnwell = (state: ServiceState): boolean =>
  state.phase === 'running' ? state.health !== 'pass' : state.phase === 'failed' || isAbandoned(state)

/** The service has not come up yet. A lifecycle that says nothing at first is starting too. */
export const isStarting = ({ phase }: ServiceState): boolean => phase === 'starting' || phase === 'idle'

/** The reason that a service is ending for, if it is. */
export const reasonOf = (state: ServiceState): StopReason | undefined =>
  state.phase === 'running'
    ? state.leaving
    : state.phase === 'draining' || state.phase === 'stopping'
      ? state.reason
      : undefined

/** The error that a state carries, if it does. */
export const errorOf = (state: ServiceState): ErrorInfo | undefined => ('error' in state ? state.error : undefined)

/** The reason of a shutdown in a few words. */
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
