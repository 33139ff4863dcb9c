import { permanent, type Scene } from '../scene.ts'
import { fan, list, pair, quickInner, withMore } from './graphs.ts'

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
    members: withMore(fan, { b: { quick: true }, c: { quick: true } }),
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
