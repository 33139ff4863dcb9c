import {
  describeReason,
  errorOf,
  type Health,
  isBeforeStart,
  isUnready,
  isUnwell,
  isWell,
  type Phase,
  reasonOf,
  type ServiceState,
  type StopReason,
} from '../state.ts'
import { byParent, parentOf, type ServiceStatus } from './service-status.ts'

/** A reason that a group is not ready, or not well: a service, and what that service waits for. Plain JSON. */
export interface Unready {
  /** The path of the service. The group itself when it was not started, is leaving, or is over. */
  readonly path: string
  readonly phase: Phase
  /** The health of a running service. */
  readonly health?: Health
  readonly detail?: string
  /**
   * The services that it is not ready because of: the dependencies it waits for, the services of a nested group that
   * has begun to start, or the group that holds it and has not. Each has a reason of its own in the list. Left out when
   * the fault is the service's own.
   */
  readonly through?: readonly string[]
}

/**
 * A reason for each service that is not ready, or not well, the worst first. A leaving group is a reason itself, and
 * comes before all others.
 */
export const reasonsOf = (group: ServiceStatus, list: readonly ServiceStatus[]): readonly Unready[] => {
  const leaving = reasonOf(group.state)
  const { phase } = group.state
  if (phase === 'running' && !leaving) {
    const reasons = explain(list)
    // The group has not been told yet that the last of its services is well again.
    return reasons.length === 0 && !isWell(group.state) ? [reasonOfItself(group)] : reasons
  }
  if (phase === 'starting') return [{ path: group.path, phase }, ...explain(list)]
  const detail = phase === 'failed' ? group.state.error.message : leaving && leavingBecause(leaving)
  // The other services are leaving because they were asked to. Only services that fail or warn besides are told.
  const wrong = explain(list.filter(({ state }) => isUnwell(state)))
  return [{ path: group.path, phase, ...(detail !== undefined && { detail }) }, ...wrong]
}

/**
 * Whether a service that was a reason before is another reason now. The group tells by itself when there are more or
 * fewer reasons, and what is wrong with the service that its detail names.
 */
export const isAnotherReason = (before: ServiceStatus, now: ServiceStatus, group: ServiceStatus): boolean => {
  if (isWell(before.state) || isWell(now.state)) return false
  const told = group.state.phase === 'running' ? group.state.detail : undefined
  const [member = ''] = now.path.slice(group.path.length + 1).split('/')
  if (told === undefined || told.startsWith(`${member}:`) || told.startsWith(`${member} `)) return false
  const [was, is] = [reasonOfItself(before), reasonOfItself(now)]
  return was.phase !== is.phase || was.health !== is.health || was.detail !== is.detail
}

/** How bad a service is for its group: 0 keeps the group from being ready, 1 fails without that, 2 only warns. */
export const severityOf = ({ state, optional }: ServiceStatus): 0 | 1 | 2 => {
  const fails = state.phase === 'running' ? state.health === 'fail' : isUnwell(state)
  if (!optional && (fails || isUnready(state))) return 0
  return fails ? 1 : 2
}

/** The worst first, in the order added where they are equally bad. */
export const worstFirst = (services: readonly ServiceStatus[]): readonly ServiceStatus[] =>
  services.toSorted((a, b) => severityOf(a) - severityOf(b))

const explain = (list: readonly ServiceStatus[]): readonly Unready[] => {
  const unready = list.filter(({ state }) => !isWell(state))
  if (unready.length === 0) return NONE
  const paths = new Set(unready.map(({ path }) => path))
  /** Until a group starts, nothing in it does. */
  const held = new Set(unready.filter(({ state }) => isBeforeStart(state)).map(({ path }) => path))
  const inside = byParent(unready)
  const declared = new Map(list.flatMap(({ path, dependsOn }) => (dependsOn?.length ? [[path, dependsOn]] : [])))
  const names = new Set(list.map(({ path }) => path))
  const dependsOnIt = (path: string, it: string, seen = new Set<string>()): boolean =>
    (declared.get(path) ?? []).some(name => {
      const next = `${parentOf(path)}/${name}`
      if (next === it) return true
      if (seen.has(next)) return false
      seen.add(next)
      return dependsOnIt(next, it, seen)
    })
  /** The services that are not up yet, by group, in the order of adding. */
  const before = new Map<string, ServiceStatus[]>()
  const severities = new Map(unready.map(service => [service.path, severityOf(service)]))
  const reasons = unready.map((service): Unready => {
    const { path, state, dependsOn, observer } = service
    const parent = parentOf(path)
    const chain = `${parent}${observer ? ' observer' : ''}`
    const earlier = before.get(chain)
    const through = (): readonly string[] => {
      if (!isBeforeStart(state)) return names.has(path) ? (inside.get(path)?.map(one => one.path) ?? NONE) : NONE
      if (held.has(parent)) return [parent]
      if (dependsOn) return dependsOn.map(name => `${parent}/${name}`).filter(other => paths.has(other))
      const one =
        earlier?.findLast(other => !dependsOnIt(other.path, path)) ??
        (observer ? undefined : before.get(`${parent} observer`)?.at(-1))
      return one ? [one.path] : NONE
    }
    const because = through()
    if (isUnready(state)) {
      if (earlier) earlier.push(service)
      else before.set(chain, [service])
    }
    return { ...reasonOfItself(service), ...(because.length > 0 && { through: because }) }
  })
  return reasons.toSorted((a, b) => severities.get(a.path)! - severities.get(b.path)!)
}

const reasonOfItself = ({ path, state }: ServiceStatus): Unready => {
  const detail = detailOf(state)
  return {
    path,
    phase: state.phase,
    ...(state.phase === 'running' && { health: state.health }),
    ...(detail !== undefined && { detail }),
  }
}

const NONE: readonly never[] = Object.freeze([])

const detailOf = (state: ServiceState): string | undefined =>
  state.phase === 'running'
    ? (state.detail ?? (state.leaving && leavingBecause(state.leaving)))
    : (errorOf(state)?.message ?? (state.phase === 'stopped' ? state.how : undefined))

const leavingBecause = (reason: StopReason): string => `leaving: ${describeReason(reason)}`
