import { UNBOUNDED } from '../defaults.ts'
import type { GroupPlan, PlannedService } from '../group-plan.ts'
import { type Order, plan } from '../plan.ts'
import type { Entry } from './entry.ts'
import type { GroupOptions } from './options.ts'

/** How long the process may take to end after the shutdown, in milliseconds: the default of `run`. */
const FOR_THE_END = 1_000

/** The longest stages of a service, or of all services of a group, in milliseconds. */
interface Longest {
  readonly start: number
  readonly drain: number
  readonly stop: number
}

/** The part of a nested group's plan that the plan of the outer group needs. */
export interface Inner extends Longest {
  readonly services: readonly PlannedService[]
}

type Clocks = Required<Pick<GroupOptions, 'startTimeout' | 'drainDelay' | 'shutdownTimeout' | 'forceTimeout'>>

/**
 * Plans the services of a group, those of nested groups too.
 *
 * @throws ServiceError `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY`
 */
export const innerPlan = (entries: readonly Entry[], clocks: Clocks): Inner => {
  const { before, declared, sequence } = plan(entries)
  const inner = entries.map(entry => entry.inside?.plan?.())
  const longest = entries.map((entry, node) => longestOf(entry, inner[node], clocks))
  const levels = chains(before, sequence, () => 1)
  const services = sequence.flatMap(node => {
    const { path, observer, optional, deadlines = UNBOUNDED } = entries[node]!
    const one: PlannedService = {
      path,
      level: levels[node]! - 1,
      after: before[node]!.map(other => entries[other]!.path),
      ...(observer && { observer }),
      ...(optional && { optional }),
      ...deadlines,
    }
    return [one, ...(inner[node]?.services ?? []).map(deep => within(deep, path))]
  })
  const most = (order: Order, stage: keyof Longest): number =>
    Math.max(0, ...chains(order, sequence, node => longest[node]![stage]))
  return {
    services,
    start: Math.min(clocks.startTimeout, most(before, 'start')),
    drain: most(declared, 'drain'),
    stop: Math.min(clocks.shutdownTimeout + clocks.forceTimeout, most(before, 'stop')),
  }
}

/** A service of a nested group, with its path in the outer one. */
const within = (deep: PlannedService, path: string): PlannedService => {
  const moved = (inner: string): string => `${path}${inner.slice(inner.indexOf('/'))}`
  return { ...deep, path: moved(deep.path), after: deep.after.map(moved) }
}

const longestOf = ({ deadlines = UNBOUNDED, observer }: Entry, inner: Inner | undefined, clocks: Clocks): Longest => {
  const { startTimeout, drainTimeout, stopTimeout } = deadlines
  return {
    start: Math.min(startTimeout, inner?.start ?? Infinity),
    drain: observer ? 0 : Math.min(drainTimeout, inner?.drain ?? Infinity),
    // A service that has to be forced has its force budget besides.
    stop: inner ? Math.min(stopTimeout + clocks.forceTimeout, inner.stop) : stopTimeout + clocks.forceTimeout,
  }
}

/** For each node, the longest chain that ends with it. */
const chains = (order: Order, sequence: readonly number[], weight: (node: number) => number): readonly number[] => {
  const lengths: number[] = []
  for (const node of sequence)
    lengths[node] = weight(node) + Math.max(0, ...order[node]!.map(before => lengths[before]!))
  return lengths
}

/**
 * The plan of a group, without starting anything.
 *
 * @throws ServiceError `ERR_UNKNOWN_DEPENDENCY`, `ERR_CIRCULAR_DEPENDENCY`
 */
export const planOf = (group: string, entries: readonly Entry[], clocks: Clocks): GroupPlan => {
  const { services, start, drain, stop } = innerPlan(entries, clocks)
  const own = services.filter(({ path }) => path.split('/').length === 2)
  const levels: string[][] = []
  for (const { path, level } of own) {
    levels[level] ??= []
    levels[level].push(path)
  }
  const whole = clocks.drainDelay + drain + stop
  const longestStop =
    own.length === 0 ? 0 : whole <= clocks.shutdownTimeout ? whole : clocks.shutdownTimeout + clocks.forceTimeout
  const grace = longestStop + FOR_THE_END
  return {
    group,
    services,
    levels,
    longestStart: start,
    longestStop,
    grace,
    kubernetes: grace === Infinity ? '' : `terminationGracePeriodSeconds: ${Math.ceil(grace / 1_000)}`,
  }
}
