import { permanent, type Scene } from '../scene.ts'
import { beside, chain, fan, list, pair, watched, withMore } from './graphs.ts'

/** Start, failures, ends and stop, without any restart. */
export const lives: readonly Scene[] = [
  { title: 'a list', members: withMore(list, { b: { drains: true } }), calls: ['stop'], mortal: ['a', 'b'] },
  {
    title: 'a fan',
    members: withMore(fan, { a: { drains: true }, b: { drains: true }, c: { quick: true } }),
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
  {
    title: 'a list with an observer',
    members: withMore(watched, { b: { drains: true } }),
    calls: ['stop'],
    mortal: ['b', 'c'],
  },
  {
    title: 'an optional service in a list',
    members: withMore(list, { b: { optional: true, restart: permanent() } }),
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'an optional service that comes last',
    members: withMore(pair, { b: { optional: true, restart: permanent() } }),
    calls: ['stop'],
    mortal: ['b'],
  },
  {
    title: 'an optional service with dependents',
    members: withMore(fan, { a: { optional: true, restart: permanent() }, c: { quick: true } }),
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
