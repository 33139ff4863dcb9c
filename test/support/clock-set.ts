import type { GroupEvent, ServiceState } from 'rx-service-group'

/** The same events, as they are told when the clock was set by so many milliseconds before one of them. */
export const clockSetBefore = (events: readonly GroupEvent[], nth: number, ms: number): readonly GroupEvent[] =>
  events.map((event, n) => {
    if (n < nth || event.kind === 'snapshot') return event
    const moved = { ...event, at: event.at + ms, ...(n === nth && { clockSet: ms }) }
    return moved.kind === 'transition' ? { ...moved, state: stateAt(moved.state, ms) } : moved
  })

/** What a state tells of times is told by the clock of that moment, too. */
const stateAt = (state: ServiceState, ms: number): ServiceState => ({
  ...state,
  ...('retryAt' in state && { retryAt: state.retryAt + ms }),
  ...('deadline' in state && state.deadline !== undefined && { deadline: state.deadline + ms }),
  ...('forcedAt' in state && state.forcedAt !== undefined && { forcedAt: state.forcedAt + ms }),
})
