import { permanent, type Scene } from '../scene.ts'
import { fan, inner, pair, withMore } from './graphs.ts'

/** The steps are told by the leader of the group; or time runs out. */
export const led: readonly Scene[] = [
  {
    title: 'steps told to a fan',
    members: withMore(fan, { a: { quick: true }, b: { drains: true }, c: { quick: true } }),
    lead: 'steps',
    mortal: [],
  },
  {
    title: 'steps told to a service that is restarted',
    members: withMore(pair, { a: { quick: true }, b: { drains: true, restart: permanent() } }),
    lead: 'steps',
    mortal: ['b'],
  },
  {
    title: 'steps told to a nested group',
    members: [
      { name: 'inner', group: inner },
      { name: 'c', quick: true },
    ],
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
