import { isFinal, isLeaving, isPassing, isWell, type ServiceState } from '../../core/state.ts'
import { parentOf, type ServiceStatus } from '../../core/status/service-status.ts'
import type { GroupStatus } from '../../core/status/status.ts'

/**
 * The part of a group to look at: nothing before its start; all of it while it comes up and while it leaves; in
 * between only what is not well; nothing once it is over.
 */
export type Stage = 'before' | 'coming' | 'well' | 'unwell' | 'leaving' | 'over'

export const stageOf = (status: GroupStatus): Stage => {
  const { state } = status.group
  if (isFinal(state)) return 'over'
  if (state.phase === 'idle') return 'before'
  if (isLeaving(state)) return 'leaving'
  if (state.phase !== 'running') return 'coming'
  return status.ready && status.health === 'pass' ? 'well' : 'unwell'
}

/** The service is well, or has stopped as it was asked to. */
export const isFine = (state: ServiceState): boolean =>
  isWell(state) || (state.phase === 'stopped' && state.how === 'stopped')

/** Nothing more is expected of it in this stage. */
const isDone = (state: ServiceState, stage: Stage): boolean => (stage === 'leaving' ? isFinal(state) : isFine(state))

/** The services that are not done; a group only when nothing in it says more. */
export const openOf = (list: readonly ServiceStatus[], stage: Stage): readonly ServiceStatus[] => {
  const open = list.filter(({ state }) => !isDone(state, stage))
  const explained = new Set(open.map(({ path }) => parentOf(path)))
  return open.filter(({ path }) => !explained.has(path))
}

/** Whether the picture changes without an event. */
export const moves = (status: GroupStatus, stage: Stage): boolean =>
  stage === 'coming' || stage === 'leaving' || (stage === 'unwell' && status.list.some(({ state }) => isPassing(state)))

/** The services that hold no others: people count these. */
export const leavesOf = (list: readonly ServiceStatus[]): readonly ServiceStatus[] => {
  const groups = new Set(list.map(({ path }) => parentOf(path)))
  return list.filter(({ path }) => !groups.has(path))
}

/** Every group before what is in it, whenever that was added. */
export const inTree = (list: readonly ServiceStatus[], root: string): readonly ServiceStatus[] => {
  const inside = new Map<string, ServiceStatus[]>()
  for (const service of list) {
    const parent = parentOf(service.path)
    const known = inside.get(parent)
    if (known) known.push(service)
    else inside.set(parent, [service])
  }
  const below = (path: string): readonly ServiceStatus[] =>
    (inside.get(path) ?? []).flatMap(service => [service, ...below(service.path)])
  return below(root)
}
