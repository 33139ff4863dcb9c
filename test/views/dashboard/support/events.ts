import type { GroupEvent, ServiceState, ServiceStatus } from 'rx-service-group'
import { newStatus } from '../../../../src/core/status/service-status.ts'

/** The status of a service that has just been added. */
export const idle = (path: string, at: number, more: Partial<ServiceStatus> = {}): ServiceStatus => ({
  ...newStatus(path, 0, at),
  ...more,
})

/** Numbers events as a group does: a snapshot of idle services first, then what is told. */
export const story = (
  group: string,
  services: readonly (string | readonly [name: string, more: Partial<ServiceStatus>])[],
  at = Date.now(),
) => {
  let seq = 0
  const snapshot: GroupEvent = {
    kind: 'snapshot',
    seq,
    at,
    health: 'pass',
    group: idle(group, at),
    services: services.map(one =>
      typeof one === 'string' ? idle(`${group}/${one}`, at) : idle(`${group}/${one[0]}`, at, one[1]),
    ),
  }
  /** One is in another state, so many milliseconds after the beginning; without a name the group itself. */
  const becomes = (name: string, state: ServiceState, after = 0): GroupEvent => ({
    kind: 'transition',
    seq: ++seq,
    at: at + after,
    path: name === '' ? group : `${group}/${name}`,
    state,
  })
  return { snapshot, becomes }
}
