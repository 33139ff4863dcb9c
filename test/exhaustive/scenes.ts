import type { Strategy } from 'rx-service-group'
import { type Placing, permanent, type Scene } from './scene.ts'

/** Three services in each shape that a graph of three can have, but for names. */
export const GRAPHS: Readonly<Record<string, readonly Placing[]>> = {
  list: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  fan: [{ name: 'a' }, { name: 'b', dependsOn: ['a'] }, { name: 'c', dependsOn: ['a'] }],
  chain: [{ name: 'a' }, { name: 'b', dependsOn: ['a'] }, { name: 'c', dependsOn: ['b'] }],
  join: [
    { name: 'a', dependsOn: [] },
    { name: 'b', dependsOn: [] },
    { name: 'c', dependsOn: ['a', 'b'] },
  ],
  'side by side': [
    { name: 'a', dependsOn: [] },
    { name: 'b', dependsOn: [] },
    { name: 'c', dependsOn: [] },
  ],
  watched: [{ name: 'a' }, { name: 'b' }, { name: 'c', observer: true }],
}

export const STRATEGIES: readonly Strategy[] = ['one-for-one', 'rest-for-one', 'one-for-all']

/** The same services, some of them with more to say. */
export const withMore = (
  graph: readonly Placing[],
  more: Readonly<Record<string, Partial<Placing>>>,
): readonly Placing[] => graph.map(placing => ({ ...placing, ...more[placing.name] }))

const each = (build: (name: string, graph: readonly Placing[]) => readonly Scene[]): readonly Scene[] =>
  Object.entries(GRAPHS).flatMap(([name, graph]) => build(name, graph))

/** Start, failures, ends and stop, without any restart. */
const lives = each((name, graph) => [
  { title: `${name}: lives`, members: withMore(graph, { b: { drains: true } }), calls: ['stop'] },
])

/** One service fails, and is restarted with those that belong to it. */
const restarts = each((name, graph) =>
  STRATEGIES.map(strategy => ({
    title: `${name}: ${strategy}`,
    members: withMore(graph, { a: { restart: permanent() } }),
    strategy,
    calls: ['stop'],
    mortal: ['a'],
  })),
)

const [list = [], fan = [], chain = []] = Object.values(GRAPHS)

/** Members with a life of their own: an optional one, a job, one that drains, one that says `stopped` early. */
const kinds: readonly Scene[] = [
  { title: 'optional', members: withMore(fan, { a: { optional: true, restart: permanent() } }), calls: ['stop'] },
  {
    title: 'optional in a list',
    members: withMore(list, { b: { optional: true, restart: permanent() } }),
    calls: ['stop'],
    mortal: ['b'],
  },
  { title: 'job', members: withMore(fan, { a: { job: true } }), calls: ['stop'] },
  {
    title: 'job that stops the group',
    members: withMore(list, { b: { job: true, onEnd: 'stop-group' } }),
    calls: ['stop'],
  },
  {
    title: 'drains',
    members: withMore(fan, { a: { drains: true }, b: { drains: true }, c: { drains: true } }),
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'says stopped before it completes',
    members: withMore(list, { a: { lingers: true, restart: permanent() }, c: { lingers: true } }),
    strategy: 'one-for-all',
    calls: ['stop'],
    mortal: ['a'],
  },
]

/** Restarts, removals and additions by hand. */
const changes: readonly Scene[] = [
  { title: 'restart by hand: list', members: list, calls: ['stop', 'restart b'], mortal: ['b'] },
  { title: 'restart by hand: fan', members: fan, calls: ['stop', 'restart a'], mortal: ['b'] },
  { title: 'restart by hand twice', members: chain, calls: ['restart a', 'restart b'], mortal: ['a'] },
  {
    title: 'restart by hand of one in backoff',
    members: withMore(fan, { a: { restart: permanent() } }),
    calls: ['stop', 'restart a'],
    mortal: ['a'],
  },
  {
    title: 'restart by hand in one-for-all',
    members: withMore(list, { b: { restart: permanent() } }),
    strategy: 'one-for-all',
    calls: ['restart a', 'stop'],
    mortal: ['b'],
  },
  {
    title: 'removal: list',
    members: withMore(list, { b: { drains: true } }),
    calls: ['stop', 'remove b'],
    mortal: ['b', 'c'],
  },
  { title: 'removal: fan', members: fan, calls: ['remove c', 'remove a', 'stop'], mortal: [] },
  {
    title: 'removal and restart',
    members: withMore(list, { a: { restart: permanent() } }),
    strategy: 'rest-for-one',
    calls: ['remove b', 'restart b'],
    mortal: ['a'],
  },
  {
    title: 'addition',
    members: list.slice(0, 2),
    later: [{ name: 'd' }],
    calls: ['add d', 'stop'],
    mortal: ['a', 'd'],
  },
  {
    title: 'addition that depends',
    members: list.slice(0, 2),
    later: [{ name: 'd', dependsOn: ['a'] }],
    calls: ['add d', 'restart a', 'stop'],
    mortal: ['a'],
  },
  { title: 'removal and addition', members: list, later: [{ name: 'b' }], calls: ['remove b', 'add b'], mortal: ['b'] },
]

/** A group inside a group. */
const inner: readonly Placing[] = [{ name: 'x' }, { name: 'y', drains: true }]
const nested: readonly Scene[] = [
  { title: 'nested', members: [{ name: 'a' }, { name: 'inner', group: inner }], calls: ['stop'] },
  { title: 'nested before', members: [{ name: 'inner', group: inner }, { name: 'c' }], calls: ['stop'] },
  {
    title: 'nested, restarted',
    members: [{ name: 'inner', group: inner, restart: permanent() }, { name: 'c' }],
    strategy: 'rest-for-one',
    calls: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'nested, restarts inside',
    members: [
      { name: 'inner', group: withMore(inner, { x: { restart: permanent() } }), strategy: 'one-for-all' },
      { name: 'c' },
    ],
    calls: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'nested, stopped inside',
    members: [{ name: 'inner', group: inner }, { name: 'c' }],
    calls: ['inner.stop', 'stop'],
    mortal: ['x'],
  },
  {
    title: 'nested, restarted by hand',
    members: [
      { name: 'inner', group: inner },
      { name: 'c', dependsOn: ['inner'] },
    ],
    calls: ['restart inner', 'inner.restart x'],
    mortal: [],
  },
  {
    title: 'nested, changed inside',
    members: [{ name: 'inner', group: inner }, { name: 'c' }],
    calls: ['inner.remove x', 'restart inner'],
    mortal: ['y'],
  },
]

/** The steps are told by somebody else; or time runs out. */
const led: readonly Scene[] = [
  { title: 'steps: fan', members: withMore(fan, { b: { drains: true } }), lead: 'steps', mortal: ['b'] },
  {
    title: 'steps: list',
    members: withMore(list, { b: { drains: true, restart: permanent() } }),
    lead: 'steps',
    mortal: ['b'],
  },
  { title: 'steps: nested', members: [{ name: 'inner', group: inner }, { name: 'c' }], lead: 'steps', mortal: ['x'] },
  {
    title: 'out of time',
    members: withMore(list.slice(0, 2), { b: { drains: true } }),
    shutdownTimeout: 9,
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'out of time: nested',
    members: [{ name: 'inner', group: inner }],
    shutdownTimeout: 9,
    calls: ['stop'],
    mortal: [],
  },
  {
    title: 'drain delay',
    members: list.slice(0, 2),
    drainDelay: 5,
    shutdownTimeout: 9,
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'timeouts of one',
    members: withMore(list.slice(0, 2), { b: { startTimeout: 3, stopTimeout: 4, restart: permanent() } }),
    calls: ['stop'],
    mortal: ['b'],
  },
]

/** Calls by a listener, at any event. */
const late: readonly Scene[] = [
  { title: 'late stop: list', members: withMore(list.slice(0, 2), { b: { drains: true } }), late: ['stop'] },
  { title: 'late stop: fan', members: withMore(fan, { a: { quick: true } }), late: ['stop'], mortal: ['b'] },
  {
    title: 'late stop: restarts',
    members: withMore(list, { a: { restart: permanent() }, b: { quick: true }, c: { quick: true } }),
    strategy: 'rest-for-one',
    late: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'late restart',
    members: withMore(fan, { c: { quick: true } }),
    late: ['restart a'],
    calls: ['stop'],
    mortal: ['a'],
  },
  {
    title: 'late removal',
    members: withMore(list, { a: { quick: true } }),
    late: ['remove b'],
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'late addition',
    members: list.slice(0, 2),
    later: [{ name: 'd', quick: true }],
    late: ['add d'],
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'late stop inside',
    members: [
      { name: 'inner', group: withMore(inner, { x: { quick: true } }) },
      { name: 'c', quick: true },
    ],
    late: ['inner.stop'],
    calls: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'late stop, heard inside',
    members: [
      { name: 'inner', group: withMore(inner, { x: { quick: true } }) },
      { name: 'c', quick: true },
    ],
    hears: 'inner',
    late: ['stop'],
    mortal: ['x'],
  },
  {
    title: 'late restart, heard inside',
    members: [
      { name: 'inner', group: withMore(inner, { x: { quick: true } }) },
      { name: 'c', quick: true },
    ],
    hears: 'inner',
    late: ['restart inner'],
    calls: ['stop'],
    mortal: ['x'],
  },
]

/** Calls from inside the code of a service. */
const inside: readonly Scene[] = (['start', 'unready', 'drain', 'stop'] as const).flatMap(moment =>
  ['stop', 'restart a', 'remove c', 'restart b'].map(call => ({
    title: `${call} inside ${moment}`,
    members: withMore(list, { a: { quick: true }, b: { inside: { [moment]: call } } }),
    calls: ['stop', 'restart b'].filter(other => other !== call),
    mortal: ['b'],
  })),
)

export const groups: Readonly<Record<string, readonly Scene[]>> = {
  lives,
  restarts,
  kinds,
  changes,
  nested,
  led,
  late,
  inside,
}

export const small: readonly Scene[] = Object.values(groups).flat()
