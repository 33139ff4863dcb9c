import type { Observable } from 'rxjs'
import { isFinal, type Phase } from '../state.ts'
import type { GroupEvent, TransitionEvent } from './events.ts'
import { type Stage, type StageOutcome, stageEnded } from './stages.ts'
import { foldStatus, type GroupStatus, onClockOf } from './status.ts'

/**
 * Is told the facts to count and to time. A service is named by its path inside the group. Durations are milliseconds.
 */
export interface Counter {
  /** The group has the service. Told again when a service begins a new incarnation. */
  joined?(service: string): void
  /** The service was removed. */
  left?(service: string): void
  transitioned(service: string, from: Phase, to: Phase): void
  /** The service begins to start again, by itself or by hand. */
  restarted(service: string): void
  stageEnded(service: string, stage: Stage, outcome: StageOutcome, took: number): void
  /** So many pieces of work have failed. */
  workFailed?(service: string, count: number): void
  groupEnded(stage: 'start' | 'shutdown', outcome: StageOutcome, took: number): void
}

/** A count that is under way. */
export interface Tally {
  /** The status folded from all events that were counted. */
  readonly status: GroupStatus
  unsubscribe(): void
}

/** Tells a counter the events of a group. A phase that repeats with new particulars does not count. */
export const tally = (
  { name, events$ }: { readonly name: string; readonly events$: Observable<GroupEvent> },
  counter: Counter,
): Tally => {
  let status!: GroupStatus
  /** The services that have started before: their next start is a restart. */
  const begun = new Set<string>()
  const serviceOf = (path: string): string => path.slice(name.length + 1)

  const onTransition = ({ path, state, at }: TransitionEvent, before: GroupStatus): void => {
    const one = before.byPath(path)!
    const [from, to] = [one.state.phase, state.phase]
    if (from === to) return
    const ended = stageEnded(one, state)
    if (path === name) {
      if (ended?.stage === 'start') counter.groupEnded('start', ended.outcome, at - one.since)
      const outcome = ended && ended.stage !== 'start' ? ended.outcome : 'ok'
      if (isFinal(state) && one.leftAt !== null) counter.groupEnded('shutdown', outcome, at - one.leftAt)
      return
    }
    const service = serviceOf(path)
    counter.transitioned(service, from, to)
    if (ended) counter.stageEnded(service, ended.stage, ended.outcome, at - one.since)
    if (to !== 'starting') return
    if (begun.has(path)) counter.restarted(service)
    begun.add(path)
  }

  const onEvent = (event: GroupEvent): void => {
    const before = status && onClockOf(status, event)
    status = foldStatus(status, event)
    if (event.kind === 'transition') return onTransition(event, before)
    if (event.kind === 'failure') return counter.workFailed?.(serviceOf(event.path), 1 + (event.omitted ?? 0))
    if (event.kind === 'snapshot')
      for (const { path, startedAt } of event.services) {
        if (startedAt !== null) begun.add(path)
        counter.joined?.(serviceOf(path))
      }
    else if (event.kind === 'added') {
      if (event.path !== name) counter.joined?.(serviceOf(event.path))
    } else if (event.kind === 'removed')
      for (const { path } of before.list)
        if (!status.byPath(path)) {
          begun.delete(path)
          counter.left?.(serviceOf(path))
        }
  }

  const subscription = events$.subscribe(onEvent)
  return {
    get status() {
      return status
    },
    unsubscribe: () => subscription.unsubscribe(),
  }
}
