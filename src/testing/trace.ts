import type { Observable, Subscription } from 'rxjs'
import { known } from '../core/options.ts'
import { canFollow, type Info, type Phase, type ServiceState, transitions } from '../core/state.ts'
import type { GroupEvent, TransitionEvent } from '../core/status/events.ts'
import { requestText } from '../core/text/transition-text.ts'

/** All events of a group, from the moment at which the recording began. */
export interface Trace {
  /**
   * One line an event: `shop/db running`.
   *
   * @throws Error when a service came to a phase that can't follow its last one, or events had a gap
   */
  readonly lines: readonly string[]
  /** The lines since the last call of `take`. Throws as `lines` does. */
  take(): readonly string[]
  /** The events themselves. Throws as `lines` does. */
  readonly events: readonly GroupEvent[]
  /** Whether the stream has completed. */
  readonly completed: boolean
  /** Ends the recording. */
  end(): void
}

const OPTIONS = ['times']

/** How a trace is written. */
export interface TraceOptions {
  /** Begins each line with the time, in milliseconds of the group's clock: `30 shop/db running`. Default false. */
  readonly times?: boolean
}

/**
 * Records the events of a group as short lines, so that a test can compare a whole trace. Usual particulars are left
 * out: health `pass`, how `stopped`, the first attempt. Errors are shown by their code.
 *
 * An illegal transition throws in the listener, which RxJS reports as uncaught, and whenever the trace is read.
 *
 * @example
 * ```ts
 * const group = serviceGroup('shop').add(service('db', {}))
 * const trace = recordTrace(group)
 * await group.start()
 * console.log(trace.lines)
 * // [ 'shop starting', 'shop/db starting', 'shop/db running', 'shop running' ]
 * ```
 */
export const recordTrace = (group: { readonly events$: Observable<GroupEvent> }, options: TraceOptions = {}): Trace => {
  known({ kind: 'recordTrace', name: '' }, options, OPTIONS)
  const events: GroupEvent[] = []
  const lines: string[] = []
  const phases = new Map<string, Phase>()
  let seq: number | undefined
  let completed = false
  let illegal: Error | undefined
  let taken = 0

  const check = (event: GroupEvent): void => {
    if (seq !== undefined && event.seq !== seq + 1) throw new Error(`event ${event.seq} came after event ${seq}`)
    seq = event.seq
    if (event.kind === 'snapshot') {
      for (const { path, state } of [event.group, ...event.services]) phases.set(path, state.phase)
    } else if (event.kind === 'added') {
      const before = phases.get(event.path)
      if (before && transitions[before].length > 0) throw new Error(`"${event.path}" begins anew, but is ${before}`)
      phases.set(event.path, 'idle')
    } else if (event.kind === 'removed') {
      if (!phases.has(event.path)) throw new Error(`"${event.path}" was removed, but was never added`)
      for (const path of phases.keys())
        if (path === event.path || path.startsWith(`${event.path}/`)) phases.delete(path)
    } else if (event.kind === 'transition') {
      const before = phases.get(event.path)
      if (!before) throw new Error(`"${event.path}" is ${event.state.phase}, but was never added`)
      if (!canFollow(before, event.state.phase))
        throw new Error(`illegal transition of "${event.path}": ${before} -> ${event.state.phase}`)
      phases.set(event.path, event.state.phase)
    }
  }

  const subscription: Subscription = group.events$.subscribe({
    next: event => {
      events.push(event)
      const line = describeEvent(event)
      if (line !== undefined) lines.push(options.times ? `${event.at} ${line}` : line)
      try {
        check(event)
      } catch (error) {
        illegal ??= error as Error
        throw error
      }
    },
    complete: () => {
      completed = true
    },
  })

  const checked = <T>(value: T): T => {
    if (illegal) throw illegal
    return value
  }
  return {
    get lines() {
      return checked([...lines])
    },
    get events() {
      return checked([...events])
    },
    get completed() {
      return completed
    },
    take() {
      const news = lines.slice(taken)
      taken = lines.length
      return checked(news)
    },
    end: () => subscription.unsubscribe(),
  }
}

const describeEvent = (event: GroupEvent): string | undefined => {
  switch (event.kind) {
    case 'snapshot':
      return undefined
    case 'added':
      return [
        `${event.path} added`,
        ...(event.dependsOn ? [`after ${event.dependsOn.join(', ') || 'none'}`] : []),
        ...(event.observer ? ['(observer)'] : []),
      ].join(' ')
    case 'removed':
      return `${event.path} removed`
    case 'failure':
      return `${event.path} failure of ${event.what}: ${event.error.message}${event.omitted ? ` (${event.omitted} more)` : ''}`
    case 'request':
      return `${event.path} request: ${requestText(event)}`
    case 'transition':
      return `${event.path} ${describeState(usual(event))}`
    default:
      return undefined
  }
}

/** Every shutdown has its deadline, which the group tells. The deadline of a service is told when it was moved. */
const usual = ({ path, state }: TransitionEvent): ServiceState => {
  if (path.includes('/') || !('deadline' in state)) return state
  const { deadline, ...rest } = state
  return rest
}

/**
 * A state in a few words: its phase, and the particulars that are not usual.
 *
 * @example
 * ```ts
 * console.log(describeState({ phase: 'running', health: 'warn', detail: 'slow' })) // running warn "slow"
 * ```
 */
export const describeState = (state: ServiceState): string =>
  [state.phase, ...particulars(state), ...(state.info ? [`{${describeInfo(state.info)}}`] : [])].join(' ')

const describeInfo = (info: Info): string =>
  Object.entries(info)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')

const deadline = (at: number | undefined): readonly string[] => (at === undefined ? [] : [`(deadline ${at})`])

const particulars = (state: ServiceState): readonly string[] => {
  switch (state.phase) {
    case 'waiting':
      return [`for ${state.for.join(', ')}`]
    case 'starting':
      return [...(state.attempt === 1 ? [] : [`(attempt ${state.attempt})`]), ...deadline(state.deadline)]
    case 'running':
      return [
        ...(state.leaving ? ['(leaving)'] : []),
        ...(state.health === 'pass' ? [] : [state.health]),
        ...(state.detail === undefined ? [] : [`"${state.detail}"`]),
      ]
    case 'draining':
    case 'stopping':
      return [...(state.pending === undefined ? [] : [`(${state.pending} pending)`]), ...deadline(state.deadline)]
    case 'drained':
      return state.timedOut ? ['(timed out)'] : []
    case 'backoff':
      return [`(attempt ${state.attempt} at ${state.retryAt})`, state.error.code ?? state.error.message]
    case 'stopped':
      return [
        ...(state.how === 'stopped' ? [] : [`(${state.how})`]),
        ...(state.error ? [state.error.code ?? state.error.message] : []),
      ]
    case 'failed':
      return [state.error.code ?? state.error.message]
    case 'idle':
      return []
  }
}
