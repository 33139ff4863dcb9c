import { permanent, type Scene } from '../scene.ts'
import { GRAPHS, pair, STRATEGIES, withMore } from './graphs.ts'

const CALLS = ['stop', 'restart a', 'restart b', 'remove c', 'add d']

const later = [{ name: 'd', dependsOn: ['a'] }]

/** Every graph under every strategy, with all that may fail, all calls, and each call by a listener. */
const everyGraph: readonly Scene[] = Object.entries(GRAPHS).flatMap(([name, graph]) =>
  STRATEGIES.flatMap((strategy): readonly Scene[] => {
    const members = withMore(graph, { a: { restart: permanent(2) }, b: { drains: true } })
    const both = withMore(graph, { a: { restart: permanent() }, b: { restart: permanent(), drains: true } })
    const quick = withMore(members, { b: { quick: true } })
    const nested = [
      { name: 'inner', group: both, strategy, restart: permanent() },
      { name: 'e', dependsOn: ['inner'] },
    ]
    const about = `${strategy}, ${name}`
    return [
      { title: `${about}: failures`, members, strategy, calls: ['stop'] },
      { title: `${about}: two that are restarted`, members: both, strategy, calls: ['stop'], mortal: ['a', 'b'] },
      { title: `${about}: all calls`, members, strategy, later, calls: CALLS, mortal: ['a'] },
      { title: `${about}: stops by hand`, members, strategy, calls: ['stop a', 'stop b', 'restart b'], mortal: ['a'] },
      { title: `${about}: steps`, members, strategy, lead: 'steps', calls: ['restart b'], mortal: ['a', 'b'] },
      { title: `${about}: out of time`, members, strategy, calls: ['stop'], shutdownTimeout: 9, mortal: ['a'] },
      {
        title: `${about}: nested`,
        members: nested,
        strategy,
        calls: ['stop', 'inner.stop', 'restart inner'],
        mortal: ['a'],
      },
      ...CALLS.map(
        (call): Scene => ({
          title: `${about}: ${call} by a listener`,
          members: quick,
          strategy,
          later,
          late: [call],
          calls: CALLS.slice(0, 2),
          mortal: ['a'],
        }),
      ),
    ]
  }),
)

/** Scenes that are too large for the tests. */
const more: readonly Scene[] = [
  {
    title: 'a stop by hand of services that are restarted',
    members: withMore(pair, { a: { restart: permanent() }, b: { dependsOn: ['a'], restart: permanent() } }),
    strategy: 'one-for-all',
    calls: ['stop a'],
    mortal: ['a', 'b'],
  },
  {
    title: 'restarts with and without dependents',
    members: withMore(pair, { b: { dependsOn: ['a'] } }),
    calls: ['renew a', 'restart a', 'stop'],
    mortal: ['b'],
  },
]

export const large: readonly Scene[] = [...everyGraph, ...more]
