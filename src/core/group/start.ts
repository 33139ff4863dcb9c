import { NEVER } from 'rxjs'
import { conduct } from '../shutdown.ts'
import type { Group } from './group.ts'

/**
 * Starts a group that no other code leads, and leads it through its life with its own clocks. Resolves when the group
 * is running.
 *
 * @param whyNot the error to reject with, given the error of the lifecycle if there is one. Called when the group is
 * over, or can't be started.
 */
export const startGroup = (
  group: Pick<Group, 'name' | 'options' | 'lifecycle' | 'led'>,
  whyNot: (error?: unknown) => unknown,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const { clock, drainDelay, forceTimeout, shutdownTimeout } = group.options
    const clocks = { drainDelay: () => drainDelay, shutdownTimeout, forceTimeout }
    conduct(
      group,
      { trigger$: NEVER, force$: NEVER, ...clocks, clock },
      {
        next: state => {
          if (state.phase === 'running') resolve()
        },
        error: error => reject(whyNot(error)),
        complete: () => reject(whyNot()),
      },
    )
  })
