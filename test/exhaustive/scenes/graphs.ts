import type { Strategy } from 'rx-service-group'
import type { Placing } from '../scene.ts'

export const list: readonly Placing[] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
export const pair: readonly Placing[] = list.slice(0, 2)
export const fan: readonly Placing[] = [{ name: 'a' }, { name: 'b', dependsOn: ['a'] }, { name: 'c', dependsOn: ['a'] }]
export const chain: readonly Placing[] = [
  { name: 'a' },
  { name: 'b', dependsOn: ['a'] },
  { name: 'c', dependsOn: ['b'] },
]
export const join: readonly Placing[] = [
  { name: 'a', dependsOn: [] },
  { name: 'b', dependsOn: [] },
  { name: 'c', dependsOn: ['a', 'b'] },
]
export const beside: readonly Placing[] = list.map(({ name }) => ({ name, dependsOn: [] }))
export const watched: readonly Placing[] = [{ name: 'a' }, { name: 'b' }, { name: 'c', observer: true }]

export const GRAPHS: Readonly<Record<string, readonly Placing[]>> = {
  list,
  fan,
  chain,
  join,
  'side by side': beside,
  watched,
}

export const STRATEGIES: readonly Strategy[] = ['one-for-one', 'rest-for-one', 'one-for-all']

/** The same services, some of them with more to say. */
export const withMore = (
  graph: readonly Placing[],
  more: Readonly<Record<string, Partial<Placing>>>,
): readonly Placing[] => graph.map(placing => ({ ...placing, ...more[placing.name] }))

/** What a nested group holds. */
export const inner: readonly Placing[] = [{ name: 'x' }, { name: 'y', drains: true }]
export const quickInner = withMore(inner, { x: { quick: true } })
