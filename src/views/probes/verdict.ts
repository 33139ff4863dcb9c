import { type Health, isFinal, isServing } from '../../core/state.ts'
import type { GroupStatus } from '../../core/status/status.ts'

export type Probe = 'livez' | 'readyz' | 'startupz' | 'healthz'

/** The verdict of one probe on a group, in the words of the health+json draft. `hasRun`: it has once been running. */
type Verdict = (status: GroupStatus, hasRun: boolean) => Health

const unless = (failed: boolean, otherwise: Health = 'pass'): Health => (failed ? 'fail' : otherwise)

/**
 * Each asks something else, so each fails for something else. None of them looks at more than the group itself, so
 * that to be asked costs the same among ten services and among thousands.
 */
export const verdicts: Readonly<Record<Probe, Verdict>> = {
  /**
   * Whether the process is worth keeping. No bad health and no step of a shutdown is a reason to kill it: that would
   * cut what is being finished. But nothing will ever work again in a process that has outlived its group.
   */
  livez: ({ group }) => unless(isFinal(group.state)),
  readyz: ({ ready, health }) => unless(!ready, health),
  startupz: (_, hasRun) => unless(!hasRun),
  /** For who asks only one question: up, and how well. A service that is being restarted is a `warn`. */
  healthz: ({ group: { state }, health }) => unless(!isServing(state), health),
}
