import { distinctUntilChanged, map, type Observable } from 'rxjs'
import type { Health } from '../state.ts'
import type { Unready } from '../status/reasons.ts'
import { type GroupStatus, haveReasonsChanged } from '../status/status.ts'

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

/** The group tells what its services come to. Before it does, only readiness and a further reason can have changed. */
const tellsSame = (before: GroupStatus, status: GroupStatus): boolean =>
  before.ready === status.ready &&
  !(status.phase === 'running' && haveReasonsChanged(before, status)) &&
  (status.group.seq !== status.seq || (before.health === status.health && detailOf(before) === detailOf(status)))
