import { distinctUntilChanged, map, type Observable } from 'rxjs'
import type { Health } from '../state.ts'
import type { Unready } from '../status/reasons.ts'
import type { GroupStatus } from '../status/status.ts'

/** Health and readiness of a group. */
export interface GroupHealth {
  readonly health: Health
  /** Whether the group should be sent work. */
  readonly ready: boolean
  /** The service that is not well, and why. */
  readonly detail?: string
  /** Why it is not ready, or not well; empty when all is well. Made when it is first read. */
  readonly reasons: readonly Unready[]
}

/** Emits the health of a group when it changes. */
export const healthChanges = (status$: Observable<GroupStatus>): Observable<GroupHealth> =>
  status$.pipe(distinctUntilChanged(tellsSame), map(pick))

const detailOf = ({ group: { state } }: GroupStatus): string | undefined =>
  state.phase === 'running' ? state.detail : undefined

const pick = (status: GroupStatus): GroupHealth => {
  const { health, ready } = status
  const detail = detailOf(status)
  return {
    health,
    ready,
    ...(detail !== undefined && { detail }),
    get reasons() {
      return status.reasons
    },
  }
}

/** A group says what its services come to; of what these say themselves only readiness goes before it. */
const tellsSame = (before: GroupStatus, status: GroupStatus): boolean =>
  before.ready === status.ready &&
  (status.group.seq !== status.seq || (before.health === status.health && detailOf(before) === detailOf(status)))
