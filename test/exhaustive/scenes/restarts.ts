import { permanent, type Scene } from '../scene.ts'
import { beside, fan, list, pair, STRATEGIES, watched, withMore } from './graphs.ts'

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
      members: withMore(fan, { a: { restart: permanent() }, c: { quick: true } }),
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
    members: withMore(beside, { a: { restart: permanent() }, c: { quick: true } }),
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
    title: 'one-for-all with a temporary service',
    members: withMore(pair, { a: { restart: permanent() }, b: { restart: { policy: 'temporary' } } }),
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
