import { type Placing, permanent, type Scene } from '../scene.ts'
import { beside, chain, fan, list, pair, STRATEGIES, watched, withMore } from './graphs.ts'

/** Start, failures, ends and stop, without any restart. */
export const lives: readonly Scene[] = [
  { title: 'a list', members: withMore(list, { b: { drains: true } }), calls: ['stop'] },
  {
    title: 'a fan',
    members: withMore(fan, { a: { drains: true }, b: { drains: true } }),
    calls: ['stop'],
    mortal: ['a', 'b'],
  },
  {
    title: 'a chain that drains',
    members: withMore(chain, { a: { drains: true }, b: { drains: true }, c: { drains: true } }),
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'services side by side',
    members: withMore(beside, { b: { drains: true } }),
    calls: ['stop'],
    mortal: ['a'],
  },
  { title: 'a list with an observer', members: withMore(watched, { b: { drains: true } }), calls: ['stop'] },
  {
    title: 'an optional service in a list',
    members: withMore(list, { b: { optional: true, restart: permanent() } }),
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'an optional service with dependents',
    members: withMore(fan, { a: { optional: true, restart: permanent() } }),
    calls: ['stop'],
    mortal: ['a'],
  },
  { title: 'a job with dependents', members: withMore(fan, { a: { job: true } }), calls: ['stop'] },
  {
    title: 'a job whose end stops the group',
    members: withMore(list, { b: { job: true, onEnd: 'stop-group' } }),
    calls: ['stop'],
  },
]

/** One service fails, and is restarted with those that belong to it. */
export const restarts: readonly Scene[] = [
  ...STRATEGIES.flatMap((strategy): readonly Scene[] => [
    {
      title: `${strategy} in a list`,
      members: withMore(list, { a: { restart: permanent() } }),
      strategy,
      calls: ['stop'],
      mortal: ['a'],
    },
    {
      title: `${strategy} in a fan`,
      members: withMore(fan, { a: { restart: permanent() } }),
      strategy,
      calls: ['stop'],
      mortal: ['a'],
    },
  ]),
  {
    title: 'one-for-all with an observer',
    members: withMore(watched, { a: { restart: permanent() } }),
    strategy: 'one-for-all',
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'rest-for-one among services side by side',
    members: withMore(beside, { a: { restart: permanent() } }),
    strategy: 'rest-for-one',
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'one-for-all with services that complete late',
    members: withMore(pair, { a: { lingers: true, restart: permanent() }, b: { lingers: true } }),
    strategy: 'one-for-all',
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'two services that are restarted',
    members: withMore(pair, { a: { restart: permanent(), quick: true }, b: { restart: permanent() } }),
    strategy: 'one-for-all',
    calls: ['stop'],
  },
]

/** Restarts, removals and additions by hand. */
export const changes: readonly Scene[] = [
  { title: 'a restart by hand in a list', members: list, calls: ['stop', 'restart b'], mortal: ['b'] },
  {
    title: 'a restart by hand in a fan',
    members: withMore(fan, { b: { drains: true } }),
    calls: ['stop', 'restart a'],
    mortal: ['b'],
  },
  {
    title: 'two restarts by hand in a chain',
    members: withMore(chain, { c: { quick: true } }),
    calls: ['restart a', 'restart b'],
    mortal: [],
  },
  {
    title: 'a restart by hand of a service in backoff',
    members: withMore(fan, { a: { restart: permanent() }, b: { quick: true }, c: { quick: true } }),
    calls: ['stop', 'restart a'],
    mortal: ['a'],
  },
  {
    title: 'a restart by hand in one-for-all',
    members: withMore(pair, { b: { restart: permanent() } }),
    strategy: 'one-for-all',
    calls: ['restart a', 'stop'],
    mortal: ['b'],
  },
  {
    title: 'a removal from a list',
    members: withMore(list, { b: { drains: true } }),
    calls: ['stop', 'remove b'],
    mortal: ['b', 'c'],
  },
  { title: 'removals from a fan', members: fan, calls: ['remove c', 'remove a', 'stop'], mortal: [] },
  {
    title: 'a removal during restarts',
    members: withMore(list, { a: { restart: permanent() }, c: { quick: true } }),
    strategy: 'rest-for-one',
    calls: ['remove b'],
    mortal: ['a'],
  },
  {
    title: 'a removal and a restart of one service',
    members: pair,
    calls: ['remove b', 'restart b', 'stop'],
    mortal: ['b'],
  },
  { title: 'an addition', members: pair, later: [{ name: 'd' }], calls: ['add d', 'stop'], mortal: ['a', 'd'] },
  {
    title: 'an addition that depends on a restarted service',
    members: withMore(pair, { b: { quick: true } }),
    later: [{ name: 'd', dependsOn: ['a'] }],
    calls: ['add d', 'restart a', 'stop'],
    mortal: [],
  },
  {
    title: 'an addition that depends on a service that goes down',
    members: withMore(pair, { a: { quick: true }, b: { dependsOn: ['a'] } }),
    later: [{ name: 'd', dependsOn: ['a'], quick: true }],
    calls: ['restart a', 'add d', 'stop'],
    mortal: [],
  },
  {
    title: 'a restart by hand before all dependents have begun',
    members: [...beside.slice(0, 2), { name: 'c', dependsOn: ['a', 'b'] }, { name: 'd', dependsOn: ['a'] }],
    calls: ['restart a'],
    mortal: [],
  },
  {
    title: 'a removal and an addition under one name',
    members: list,
    later: [{ name: 'b' }],
    calls: ['remove b', 'add b'],
    mortal: ['b'],
  },
]

const inner: readonly Placing[] = [{ name: 'x' }, { name: 'y', drains: true }]
const quickInner = withMore(inner, { x: { quick: true } })

/** A group inside a group. */
export const nested: readonly Scene[] = [
  {
    title: 'a nested group after a service',
    members: [{ name: 'a' }, { name: 'inner', group: inner }],
    calls: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'a nested group with a dependent',
    members: [
      { name: 'inner', group: inner },
      { name: 'c', dependsOn: ['inner'], drains: true },
    ],
    calls: ['stop'],
    mortal: ['y'],
  },
  {
    title: 'a nested group that is restarted',
    members: [{ name: 'inner', group: inner, restart: permanent() }, { name: 'c' }],
    strategy: 'rest-for-one',
    calls: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'restarts inside a nested group',
    members: [
      { name: 'inner', group: withMore(inner, { x: { restart: permanent() } }), strategy: 'one-for-all' },
      { name: 'c', quick: true },
    ],
    calls: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'a nested group that is stopped by itself',
    members: [{ name: 'inner', group: inner }, { name: 'c' }],
    calls: ['inner.stop', 'stop'],
    mortal: ['x'],
  },
  {
    title: 'restarts by hand of a nested group and inside it',
    members: [
      { name: 'inner', group: inner },
      { name: 'c', dependsOn: ['inner'] },
    ],
    calls: ['restart inner', 'inner.restart x'],
    mortal: [],
  },
  {
    title: 'a removal inside a nested group',
    members: [
      { name: 'inner', group: quickInner },
      { name: 'c', quick: true },
    ],
    calls: ['inner.remove x', 'restart inner', 'stop'],
    mortal: ['y'],
  },
]

/** The steps are told by the leader of the group; or time runs out. */
export const led: readonly Scene[] = [
  {
    title: 'steps told to a fan',
    members: withMore(fan, { b: { drains: true }, c: { quick: true } }),
    lead: 'steps',
    mortal: [],
  },
  {
    title: 'steps told to a service that is restarted',
    members: withMore(pair, { b: { drains: true, restart: permanent() } }),
    lead: 'steps',
    mortal: ['b'],
  },
  {
    title: 'steps told to a nested group',
    members: [{ name: 'inner', group: inner }, { name: 'c' }],
    lead: 'steps',
    mortal: [],
  },
  {
    title: 'a shutdown that runs out of time',
    members: withMore(pair, { b: { drains: true } }),
    shutdownTimeout: 9,
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'a shutdown of a nested group that runs out of time',
    members: [{ name: 'inner', group: inner }, { name: 'c' }],
    shutdownTimeout: 9,
    calls: ['stop'],
    mortal: [],
  },
  { title: 'a drain delay', members: pair, drainDelay: 5, shutdownTimeout: 9, calls: ['stop'], mortal: ['a'] },
  {
    title: 'a service that runs out of time',
    members: withMore(pair, { b: { startTimeout: 3, stopTimeout: 4, restart: permanent() } }),
    calls: ['stop'],
    mortal: ['b'],
  },
]

/** Calls by a listener, at any event. */
export const listeners: readonly Scene[] = [
  { title: 'stop by a listener in a list', members: withMore(pair, { b: { drains: true } }), late: ['stop'] },
  {
    title: 'stop by a listener in a fan',
    members: withMore(fan, { a: { quick: true } }),
    late: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'stop by a listener during restarts',
    members: withMore(list, { a: { restart: permanent() }, b: { quick: true }, c: { quick: true } }),
    strategy: 'rest-for-one',
    late: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'a restart by a listener',
    members: withMore(fan, { c: { quick: true } }),
    late: ['restart a'],
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'a removal by a listener',
    members: withMore(list, { a: { quick: true } }),
    late: ['remove b'],
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'an addition by a listener',
    members: pair,
    later: [{ name: 'd', quick: true }],
    late: ['add d'],
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'a nested group that a listener stops',
    members: [
      { name: 'inner', group: quickInner },
      { name: 'c', quick: true },
    ],
    late: ['inner.stop'],
    calls: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'stop by a listener of a nested group',
    members: [
      { name: 'inner', group: quickInner },
      { name: 'c', quick: true },
    ],
    hears: 'inner',
    late: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'a restart by a listener of the nested group',
    members: [
      { name: 'inner', group: quickInner },
      { name: 'c', quick: true },
    ],
    hears: 'inner',
    late: ['restart inner'],
    mortal: ['x'],
  },
]

/** Calls from inside the code of a service. */
export const inside: readonly Scene[] = (['start', 'unready', 'drain', 'stop'] as const).flatMap(moment =>
  ['stop', 'restart a', 'restart b', 'remove c'].map(
    (call): Scene => ({
      title: `${call} from inside, at ${moment}`,
      members: withMore(list, { a: { quick: true }, b: { inside: { [moment]: call } } }),
      calls: call === 'restart b' ? ['stop'] : ['restart b', 'stop'].filter(other => other !== call),
      mortal: [],
    }),
  ),
)

export const small: readonly Scene[] = [lives, restarts, changes, nested, led, listeners, inside].flat()
