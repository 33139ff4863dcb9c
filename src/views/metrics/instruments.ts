import type { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { figuresOf } from '../../core/figures.ts'
import { shared } from '../../core/shared.ts'
import { HEALTHS, PHASES } from '../../core/state.ts'
import type { Tally } from '../../core/status/counts.ts'
import type { ServiceStatus } from '../../core/status/service-status.ts'
import type { Stage } from '../../core/status/stages.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { visible } from '../../core/text/visible.ts'
import { label } from '../common/label.ts'
import { defineProcess } from './process.ts'

export type PromClient = typeof import('prom-client')

/** From what hardly takes time to beyond the default limits: drain and stop 10 s, start 30 s. */
const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60]

type Of<L extends string> = 'group' | 'service' | L

/** The metrics of all groups in one registry under one prefix. */
export interface Instruments {
  /** The groups that are scraped. */
  readonly groups: Map<string, Tally>
  readonly transitions: Counter<Of<'from' | 'to'>>
  readonly restarts: Counter<Of<never>>
  readonly workFailures: Counter<Of<never>>
  readonly durations: Readonly<Record<Stage, Histogram<Of<'outcome'>>>>
  readonly groupDurations: Readonly<Record<'start' | 'shutdown', Histogram<'group' | 'outcome'>>>
  unregister(): void
}

/** Keyed by a metric that is in the registry: when somebody clears that, these are forgotten too. */
const known = shared('instruments.1', () => new WeakMap<object, Instruments>())

/** The instruments that are in the registry already, or new ones. */
export const instrumentsOf = (client: PromClient, registry: Registry, prefix: string): Instruments => {
  const there = registry.getSingleMetric(`${prefix}service_group_state`)
  const found = there && known().get(there)
  if (found) return found
  const registered: string[] = []
  const unregister = (): void => {
    for (const name of registered) registry.removeSingleMetric(name)
  }
  try {
    const groups = new Map<string, Tally>()
    const define: Define = (make, name, help, ...labelNames) => {
      const metric = make({ name: `${prefix}service_group_${name}`, help, labelNames, registers: [registry] })
      registered.push(`${prefix}service_group_${name}`)
      return metric
    }
    const first = defineGauges(client, define, groups)
    const isThere = (): boolean => registry.getSingleMetric(registered[0]!) === first
    const made = {
      groups,
      ...defineCounts(client, define),
      unregister: () => {
        stopMeasuring()
        if (isThere()) unregister()
      },
    }
    const stopMeasuring = defineProcess(client, define)
    known().set(first, made)
    return made
  } catch (error) {
    // A name is taken by another metric: none of ours is left behind.
    unregister()
    throw error
  }
}

interface Definition<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  readonly registers: Registry[]
}

/** Makes one of our metrics, with a name that begins as all of them do. */
export type Define = <L extends string, M>(
  make: (definition: Definition<L>) => M,
  name: string,
  help: string,
  ...labelNames: readonly L[]
) => M

/** Gauges of a group and its services, read off when they are scraped. Returns the first of them. */
const defineGauges = (client: PromClient, define: Define, groups: ReadonlyMap<string, Tally>): object => {
  const gauge =
    <L extends string>(read: (set: (labels: Record<L, string>, value: number) => void, status: GroupStatus) => void) =>
    (definition: Definition<L>): Gauge<L> =>
      new client.Gauge({
        ...definition,
        collect() {
          this.reset()
          for (const { status } of groups.values()) read((labels, value) => this.set(labels, value), status)
        },
      })
  const each = <L extends string>(
    read: (
      set: (labels: Record<Of<L>, string>, value: number) => void,
      labels: Record<Of<never>, string>,
      service: ServiceStatus,
    ) => void,
  ) =>
    gauge<Of<L>>((set, { name, list }) => {
      for (const service of list)
        read(set, { group: label(name), service: label(service.path.slice(name.length + 1)) }, service)
    })

  const first = define(
    gauge<'group' | 'state'>((set, { name, phase }) => {
      for (const state of PHASES) set({ group: label(name), state }, Number(phase === state))
    }),
    'state',
    'Lifecycle state of the group: 1 for the one it is in.',
    'group',
    'state',
  )
  define(
    gauge<'group' | 'health'>((set, status) => {
      for (const health of HEALTHS) set({ group: label(status.name), health }, Number(status.health === health))
    }),
    'health',
    'Health of the group, the worst of its services: 1 for what it is.',
    'group',
    'health',
  )
  define(
    gauge<'group'>((set, { name, ready }) => set({ group: label(name) }, Number(ready))),
    'ready',
    'Whether the group should be sent work.',
    'group',
  )
  define(
    each<'state'>((set, labels, { state: { phase } }) => {
      for (const state of PHASES) set({ ...labels, state }, Number(phase === state))
    }),
    'service_state',
    'Lifecycle state of a service: 1 for the one it is in.',
    'group',
    'service',
    'state',
  )
  define(
    each<'health'>((set, labels, { state }) => {
      const now = state.phase === 'running' ? state.health : undefined
      for (const health of HEALTHS) set({ ...labels, health }, Number(now === health))
    }),
    'service_health',
    'Health of a service: 1 for what it is; none while it does not run.',
    'group',
    'service',
    'health',
  )
  define(
    each<never>((set, labels, { state }) => set(labels, 'pending' in state ? (state.pending ?? 0) : 0)),
    'service_pending',
    'What a service that drains or stops has still to finish; 0 at other times.',
    'group',
    'service',
  )
  define(
    each<'figure'>((set, labels, { state }) => {
      for (const [figure, value] of figuresOf(state.info)) set({ ...labels, figure: label(figure) }, value)
    }),
    'service_figure',
    'A number that a service tells in its info, ten at most: how many messages it handles, and the like.',
    'group',
    'service',
    'figure',
  )
  define(
    each<'depends_on' | 'optional' | 'observer'>((set, labels, { dependsOn, optional = false, observer = false }) =>
      set(
        {
          ...labels,
          depends_on: visible(dependsOn?.map(label).join(',') ?? ''),
          optional: `${optional}`,
          observer: `${observer}`,
        },
        1,
      ),
    ),
    'service_info',
    'What a service was added as.',
    'group',
    'service',
    'depends_on',
    'optional',
    'observer',
  )
  return first
}

/** Counters of events, counted when they happen. */
const defineCounts = (
  client: PromClient,
  define: Define,
): Pick<Instruments, 'transitions' | 'restarts' | 'workFailures' | 'durations' | 'groupDurations'> => {
  const counter = <L extends string>(definition: Definition<L>): Counter<L> => new client.Counter(definition)
  const histogram = <L extends string>(definition: Definition<L>): Histogram<L> =>
    new client.Histogram({ ...definition, buckets: BUCKETS })
  const ofGroup = (what: string, help: string): Histogram<'group' | 'outcome'> =>
    define(histogram, `${what}_duration_seconds`, help, 'group', 'outcome')
  const ofService = (what: string, help: string): Histogram<Of<'outcome'>> =>
    define(histogram, `service_${what}_duration_seconds`, help, 'group', 'service', 'outcome')
  return {
    transitions: define(
      counter,
      'service_transitions_total',
      'How often a service went from one lifecycle state to another.',
      'group',
      'service',
      'from',
      'to',
    ),
    restarts: define(
      counter,
      'service_restarts_total',
      'How often a service began to start again, by itself or by hand.',
      'group',
      'service',
    ),
    workFailures: define(
      counter,
      'service_work_failures_total',
      'How many pieces of work of a service, such as handlers of messages or scheduled runs, have failed.',
      'group',
      'service',
    ),
    groupDurations: {
      start: ofGroup('start', 'How long starts of the whole group took.'),
      shutdown: ofGroup('shutdown', 'How long shutdowns of the whole group took, from what asked for it to the end.'),
    },
    durations: {
      start: ofService('start', 'How long starts of a service took.'),
      drain: ofService('drain', 'How long drains of a service took.'),
      stop: ofService('stop', 'How long stops of a service took, from its own turn on.'),
    },
  }
}
