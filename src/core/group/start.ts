import { NEVER } from 'rxjs'
import type { ServiceError } from '../errors.ts'
import { conduct, type Led } from '../shutdown.ts'
import type { ServiceState } from '../state.ts'
import { startTimeoutOf, stoppedEarly } from './group-errors.ts'
import type { ServiceGroup } from './service-group.ts'

/**
 * Starts a group that no other code leads, and leads it through its life with its own clocks. Resolves when the group
 * is running.
 *
 * @param told why the group failed, if it did; and what to do when this tells a failure
 */
export const startGroup = (
  group: Pick<ServiceGroup<string, never>, 'options' | 'status'> & Led,
  told: { readonly failure: () => ServiceError | undefined; readonly failed: () => void },
): Promise<void> =>
  new Promise((resolve, reject) => {
    const { clock, drainDelay, forceTimeout, shutdownTimeout } = group.options
    const clocks = { drainDelay: () => drainDelay, shutdownTimeout, forceTimeout }
    let last: ServiceState | undefined
    conduct(
      group,
      { trigger$: NEVER, force$: NEVER, ...clocks, clock },
      {
        next: state => {
          last = state
          if (state.phase === 'running') resolve()
        },
        error: error => {
          told.failed()
          reject(error)
        },
        // The group is gone, or was abandoned, and has never run.
        complete: () => reject(startTimeoutOf(last) ?? told.failure() ?? stoppedEarly(group.status)),
      },
    )
  })
