import { permanent, type Scene } from '../scene.ts'
import { beside, chain, fan, list, pair, withMore } from './graphs.ts'

/** Restarts, removals and additions by hand. */
export const changes: readonly Scene[] = [
  {
    title: 'a restart by hand in a list',
    members: withMore(list, { c: { quick: true } }),
    calls: ['stop', 'restart b'],
    mortal: ['b'],
  },
  {
    title: 'a restart by hand in a fan',
    members: withMore(fan, { b: { drains: true }, c: { quick: true } }),
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
    title: 'a restart by hand after a dependency has failed',
    members: withMore(fan, { a: { restart: { policy: 'temporary' } }, c: { quick: true } }),
    calls: ['restart b'],
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
  {
    title: 'a stop by hand in a chain',
    members: withMore(chain, { b: { drains: true }, c: { quick: true } }),
    calls: ['stop a', 'stop'],
    mortal: ['b'],
  },
  {
    title: 'a stop by hand of a dependent, and then of its dependency',
    members: withMore(fan, { c: { quick: true } }),
    calls: ['stop b', 'stop a'],
    mortal: ['b'],
  },
  {
    title: 'a stop by hand of all services',
    members: pair,
    calls: ['stop a', 'stop b', 'restart a'],
    mortal: [],
  },
  {
    title: 'a stop by hand and restarts of a chain',
    members: withMore(chain, { c: { quick: true } }),
    calls: ['stop a', 'restart a', 'restart b'],
    mortal: [],
  },
  {
    title: 'a stop by hand and a removal',
    members: withMore(pair, { b: { dependsOn: ['a'] } }),
    calls: ['stop a', 'remove b'],
    mortal: [],
  },
  {
    title: 'a restart without dependents and a stop by hand',
    members: withMore(pair, { b: { dependsOn: ['a'] } }),
    calls: ['renew a', 'stop a'],
    mortal: ['b'],
  },
  {
    title: 'a stop that is forced',
    members: withMore(pair, { b: { drains: true } }),
    calls: ['stop', 'force'],
    mortal: ['b'],
  },
]
