import { permanent, type Scene } from '../scene.ts'
import { inner, quickInner, withMore } from './graphs.ts'

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
    members: [
      { name: 'inner', group: inner, restart: permanent() },
      { name: 'c', quick: true },
    ],
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
  {
    title: 'stops by hand of a nested group and inside it',
    members: [
      { name: 'inner', group: quickInner },
      { name: 'c', dependsOn: ['inner'] },
    ],
    calls: ['stop inner', 'inner.stop x', 'restart inner'],
    mortal: [],
  },
  {
    title: 'a nested group that is forced by itself',
    members: [{ name: 'inner', group: inner }, { name: 'c' }],
    calls: ['inner.stop', 'inner.force', 'stop'],
    mortal: [],
  },
]
