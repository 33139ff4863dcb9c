import type { Phase, Service, ServiceState, Shutdown, StateOf, Step, StopReason } from 'rx-service-group'
import { ReplaySubject } from 'rxjs'

/** Plays the group for one life of a service: records what it says, and takes it down step by step. */
export const live = (service: Service) => {
  const states: ServiceState[] = []
  const shutdown$ = new ReplaySubject<Shutdown>(1)
  const waiting = new Set<() => void>()
  let over: { readonly error?: unknown } | undefined
  const wake = () => {
    for (const look of [...waiting]) look()
  }
  const end = (how: { readonly error?: unknown }) => {
    over = how
    wake()
  }
  const subscription = service.lifecycle(shutdown$).subscribe({
    next: state => {
      states.push(state)
      wake()
    },
    error: (error: unknown) => end({ error }),
    complete: () => end({}),
  })
  const until = <T>(found: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const value = found()
        if (value === undefined && !over) return
        waiting.delete(look)
        if (value !== undefined) resolve(value)
        else reject(over?.error ?? new Error(`it ended after ${states.map(state => state.phase).join(', ')}`))
      }
      waiting.add(look)
      look()
    })
  return {
    states,
    subscription,
    until,
    phases: () => states.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1]),
    /** The first state of a phase, past or to come. */
    phase: <P extends Phase>(name: P) => until(() => states.find((s): s is StateOf<P> => s.phase === name)),
    step: (step: Step, reason: StopReason = { by: 'call' }) => shutdown$.next({ step, reason }),
    /** What its lifecycle ended with: an error, or `undefined`. */
    ended: () => until(() => over).then(({ error }) => error),
  }
}
