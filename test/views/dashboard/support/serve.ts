import express from 'express'
import type { GroupEvent } from 'rx-service-group'
import { type DashboardOptions, dashboard } from 'rx-service-group/dashboard'
import { type Observable, Subject } from 'rxjs'

type Watched = Parameters<typeof dashboard>[0]

export const serve = (watched: Watched, options?: DashboardOptions): express.Express =>
  express().use(dashboard(watched, options))

/** Events played by hand, watched as a group is. */
export const played = (
  name: string,
): {
  readonly name: string
  readonly events$: Observable<GroupEvent>
  play(...events: readonly GroupEvent[]): void
  end(): void
} => {
  const events$ = new Subject<GroupEvent>()
  return {
    name,
    events$,
    play: (...events) => {
      for (const event of events) events$.next(event)
    },
    end: () => events$.complete(),
  }
}
