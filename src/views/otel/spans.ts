import type { Attributes, Context, Span, SpanContext, Tracer } from '@opentelemetry/api'
import type { ErrorInfo } from '../../core/errors.ts'
import type { ServiceGroup } from '../../core/group/service-group.ts'
import { describeReason, isFinal, type Phase, reasonOf, type ServiceState } from '../../core/state.ts'
import type { GroupEvent } from '../../core/status/events.ts'
import type { ServiceStatus } from '../../core/status/service-status.ts'
import { type StageOutcome, stageEnded } from '../../core/status/stages.ts'
import { foldStatus, type GroupStatus } from '../../core/status/status.ts'
import { visible } from '../../core/text/visible.ts'
import { label } from '../common/label.ts'
import { ATTEMPT, ERROR_TYPE, NAME, OUTCOME, REASON, SERVICE, WAITING_FOR } from './attributes.ts'

/** The kinds of spans. A group has no drain and stop of its own: its shutdown holds those of its services. */
type Kind = 'wait' | 'start' | 'shutdown' | 'drain' | 'stop' | 'crash' | 'restart'

const KINDS: Readonly<Partial<Record<Phase, Kind>>> = {
  waiting: 'wait',
  backoff: 'restart',
  starting: 'start',
  draining: 'drain',
  stopping: 'stop',
}

/** In whose span of a group a service's span is. */
const WITHIN: Readonly<Record<Kind, Kind>> = {
  wait: 'start',
  start: 'start',
  crash: 'start',
  restart: 'start',
  shutdown: 'shutdown',
  drain: 'shutdown',
  stop: 'shutdown',
}

/** A shutdown goes on through these. */
const LEAVING: ReadonlySet<Phase> = new Set(['running', 'draining', 'drained', 'stopping'])

/** The error that ends an incarnation which was running, and was not asked to end. */
const crashOf = ({ path, state: before }: ServiceStatus, state: ServiceState): ErrorInfo | undefined => {
  if (before.phase !== 'running' || before.leaving) return undefined
  if (state.phase === 'failed' || state.phase === 'backoff') return state.error
  const reason = reasonOf(state)
  const name = path.slice(path.lastIndexOf('/') + 1)
  return reason?.by === 'failure' && reason.service === name ? reason.error : undefined
}

/**
 * Tells the stages of all lives in a group as spans, at the times of the events. Returns what ends those still open.
 */
export const spans = (
  { ROOT_CONTEXT, SpanStatusCode, trace }: typeof import('@opentelemetry/api'),
  { name, events$ }: Pick<ServiceGroup<string, never>, 'name' | 'events$'>,
  tracer: Tracer,
): (() => void) => {
  let status!: GroupStatus
  const groups = new Set([name])
  const open = new Map<string, { readonly span: Span; readonly set: number }>()
  /** By how much the clock was set since the snapshot. */
  let set = 0
  /** The start of the present incarnation of each service, or of the last one. */
  const lives = new Map<string, SpanContext>()
  /** The crash that ended an incarnation, until the next one begins. */
  const crashes = new Map<string, SpanContext>()
  /** Starts that have come to nothing: what undoes them belongs to the same trace. */
  const undoing = new Map<string, Span>()

  const parentOf = (path: string, kind: Kind): Context => {
    const group = path.slice(0, path.lastIndexOf('/'))
    const undone = WITHIN[kind] === 'shutdown' ? undoing.get(path) : undefined
    // A service that goes down before its group says so is still part of the start.
    const restart = kind === 'wait' || kind === 'start' ? open.get(`restart ${path}`)?.span : undefined
    const parent = undone ?? restart ?? open.get(`${WITHIN[kind]} ${group}`)?.span ?? open.get(`start ${group}`)?.span
    // The work under way where the event came from has nothing to do with it.
    return parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  }
  const begin = (kind: Kind, path: string, at: number, attributes: Attributes): void => {
    const key = `${kind} ${path}`
    if (open.has(key)) return
    const own = {
      [NAME]: label(name),
      ...(path !== name && { [SERVICE]: label(path.slice(name.length + 1)) }),
      ...attributes,
    }
    const title = `${kind} ${label(path.slice(path.lastIndexOf('/') + 1))}`
    const before = kind === 'start' || kind === 'crash' ? lives.get(path) : undefined
    const linked = kind === 'restart' ? (crashes.get(path) ?? lives.get(path)) : before
    const span = tracer.startSpan(
      title,
      { startTime: new Date(at), attributes: own, ...(linked && { links: [{ context: linked }] }) },
      parentOf(path, kind),
    )
    open.set(key, { span, set })
    if (kind === 'start') {
      lives.set(path, span.spanContext())
      crashes.delete(path)
    }
  }
  /** A crash takes no time. */
  const crash = (path: string, at: number, error: ErrorInfo): void => {
    begin('crash', path, at, {})
    crashes.set(path, open.get(`crash ${path}`)!.span.spanContext())
    end('crash', path, at, 'failed', error)
  }
  const end = (kind: Kind, path: string, at: number, outcome?: StageOutcome, error?: ErrorInfo): void => {
    const key = `${kind} ${path}`
    const begun = open.get(key)
    if (!begun) return
    open.delete(key)
    const { span } = begun
    // A span is as long as it took, also when the clock was set meanwhile.
    const ended = new Date(at - set + begun.set)
    if (kind === 'start' && outcome !== 'ok') undoing.set(path, span)
    else undoing.delete(path)
    if (outcome) span.setAttribute(OUTCOME, outcome)
    if (error) span.recordException(error, ended)
    if (error || (outcome && outcome !== 'ok' && outcome !== 'cancelled')) {
      span.setAttribute(ERROR_TYPE, label(error?.code ?? error?.name ?? outcome!))
      span.setStatus({ code: SpanStatusCode.ERROR, message: visible(error?.message ?? outcome!) })
    }
    span.end(ended)
  }

  const enter = (path: string, state: ServiceState, at: number): void => {
    const reason = reasonOf(state)
    const because = reason && { [REASON]: visible(describeReason(reason)) }
    if (groups.has(path) && because) return begin('shutdown', path, at, because)
    const kind = KINDS[state.phase]
    if (!kind || (groups.has(path) && WITHIN[kind] === 'shutdown')) return
    begin(kind, path, at, {
      ...because,
      ...(state.phase === 'waiting' && { [WAITING_FOR]: state.for.map(label) }),
      ...((state.phase === 'starting' || state.phase === 'backoff') && { [ATTEMPT]: state.attempt }),
    })
    if (state.phase === 'backoff') open.get(`restart ${path}`)?.span.recordException(state.error, new Date(at))
  }

  const leave = (one: ServiceStatus, state: ServiceState, at: number): void => {
    const { path } = one
    const ended = stageEnded(one, state)
    const error = 'error' in state ? state.error : undefined
    const crashed = crashOf(one, state)
    if (crashed) crash(path, at, crashed)
    if (one.state.phase === 'waiting') end('wait', path, at, undefined, error)
    if (ended) end(ended.stage, path, at, ended.outcome, ended.error)
    // A restart lasts until the service runs again, or has failed to.
    if (ended?.stage === 'start') end('restart', path, at, ended.outcome, ended.error)
    else if (isFinal(state)) end('restart', path, at, 'cancelled')
    if (!LEAVING.has(state.phase))
      end('shutdown', path, at, ended && ended.stage !== 'start' ? ended.outcome : undefined, error)
  }

  const join = (path: string): void => {
    const parent = path.lastIndexOf('/')
    if (parent > 0) groups.add(path.slice(0, parent))
  }

  const onEvent = (event: GroupEvent): void => {
    const before = status
    status = foldStatus(before, event)
    if (event.kind !== 'snapshot') set += event.clockSet ?? 0
    if (event.kind === 'snapshot') {
      for (const { path } of event.services) join(path)
      for (const { path, state, since, leftAt } of [event.group, ...event.services])
        enter(path, state, groups.has(path) ? (leftAt ?? since) : since)
    } else if (event.kind === 'added') join(event.path)
    else if (event.kind === 'transition') {
      const { path, state, at } = event
      const one = before.service(path)!
      if (one.state.phase !== state.phase) leave(one, state, at)
      enter(path, state, at)
    } else {
      const isGone = (path: string): boolean => path === event.path || path.startsWith(`${event.path}/`)
      for (const path of groups) if (isGone(path)) groups.delete(path)
      for (const known of [undoing, lives, crashes])
        for (const path of known.keys()) if (isGone(path)) known.delete(path)
    }
  }

  const subscription = events$.subscribe(onEvent)
  return () => {
    subscription.unsubscribe()
    for (const begun of open.values()) begun.span.end(new Date(status.at - set + begun.set))
    open.clear()
  }
}
