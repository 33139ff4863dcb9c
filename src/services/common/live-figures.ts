import { AsyncResource } from 'node:async_hooks'
// Not the global ones, which tests fake and count: the moments of figures are nothing to wait for.
import { clearTimeout, setTimeout } from 'node:timers'
import { Observable } from 'rxjs'
import type { Info, ServiceState } from '../../core/state.ts'

/** The least time between two states of a running service that differ only in their figures, in milliseconds. */
const EVERY = 1_000

/** Figures of one incarnation that change too often for each change to be a state. */
export interface LiveFigures {
  /** A figure may have changed. A call costs next to nothing. */
  readonly changed: () => void
  /** Adds the figures to each state. A running service says its state again when they have changed. */
  readonly addTo: (states$: Observable<ServiceState>) => Observable<ServiceState>
}

/**
 * Figures such as `inFlight` and `handled`. Each state of the service has the figures of that moment. While the service
 * runs, its state is repeated at most once a second, and only when figures have changed: a second after the first
 * change, so that a short rush of work is one repetition. While it drains, each change of `pending` tells them.
 *
 * @param now the figures at this moment; empty while there is nothing to tell
 */
export const liveFigures = (now: () => Info): LiveFigures => {
  let timer: NodeJS.Timeout | undefined
  let tick: (() => void) | undefined
  return {
    changed: () => {
      // The incarnation is what keeps the process alive, if anything does.
      if (!timer && tick) timer = setTimeout(tick, EVERY).unref()
    },
    addTo: states$ =>
      new Observable(out => {
        let latest: ServiceState | undefined
        let told: Info = {}
        const isNews = (figures: Info): boolean => Object.entries(figures).some(([name, value]) => told[name] !== value)
        const say = (state: ServiceState): void => {
          const figures = now()
          latest = state
          told = figures
          const isEmpty = Object.keys(figures).length === 0
          out.next(isEmpty ? state : { ...state, info: { ...state.info, ...figures } })
        }
        const end = (): void => {
          clearTimeout(timer)
          timer = tick = undefined
        }
        // Not in the context of the request that came first, such as its trace.
        tick = AsyncResource.bind(() => {
          timer = undefined
          if (latest?.phase === 'running' && isNews(now())) say(latest)
        })
        const states = states$.subscribe({
          next: say,
          error: error => {
            // An error carries no figures.
            if (latest && isNews(now())) say(latest)
            end()
            out.error(error)
          },
          complete: () => {
            end()
            out.complete()
          },
        })
        return () => {
          end()
          states.unsubscribe()
        }
      }),
  }
}
