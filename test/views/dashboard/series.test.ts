import type { GroupEvent } from 'rx-service-group'
import { expect, test } from 'vitest'
import { figuresOf } from '../../../src/core/figures.ts'
import { foldSeries, MOST_POINTS, NO_SERIES, perSecond } from '../../../src/views/dashboard/page/series.ts'
import { story } from './support/events.ts'

const AT = 1_000_000

/** A group whose service tells these figures, so many milliseconds after the beginning. */
const told = (...all: readonly (readonly [after: number, info: Readonly<Record<string, number | string>>])[]) => {
  const { snapshot, becomes } = story('shop', ['orders', 'db'], AT)
  const events: readonly GroupEvent[] = [
    snapshot,
    ...all.map(([after, info]) => becomes('orders', { phase: 'running', health: 'pass', info }, after)),
  ]
  return foldSeries(NO_SERIES, events)
}

test('the figures of a service are points, one for each change, and one a second at most', () => {
  const series = told(
    [0, { inFlight: 1, queue: 'orders', port: 80 }],
    [2_000, { inFlight: 1 }],
    [3_000, { inFlight: 5 }],
    [3_500, { inFlight: 7 }],
    [4_000, { inFlight: 6, handled: 10 }],
  )
  expect([...series.keys()]).toEqual(['shop/orders'])
  expect([...series.get('shop/orders')!]).toEqual([
    [
      'inFlight',
      [
        { at: AT, value: 1 },
        { at: AT + 3_000, value: 7 },
        { at: AT + 4_000, value: 6 },
      ],
    ],
    ['handled', [{ at: AT + 4_000, value: 10 }]],
  ])
})

test('ten minutes of a figure that changes each second are kept', () => {
  const points = told(...Array.from({ length: 700 }, (_, n) => [n * 1_000, { handled: n }] as const))
    .get('shop/orders')!
    .get('handled')!
  expect(points).toHaveLength(MOST_POINTS)
  expect(points.at(-1)).toEqual({ at: AT + 699_000, value: 699 })
})

test('what tells nothing new stays the same object', () => {
  const { snapshot, becomes } = story('shop', ['orders'], AT)
  const running = { phase: 'running', health: 'pass', info: { handled: 3 } } as const
  const before = foldSeries(NO_SERIES, [snapshot, becomes('orders', running, 10)])
  expect(foldSeries(before, [becomes('orders', { ...running, health: 'warn' }, 5_000)])).toBe(before)
})

test('a service that is removed takes its figures with it, and a clock that is set moves them', () => {
  const before = told([0, { handled: 3 }])
  const moved: GroupEvent = { kind: 'added', seq: 9, at: AT + 7_000, path: 'shop/late', clockSet: 5_000 }
  expect(foldSeries(before, [moved]).get('shop/orders')!.get('handled')).toEqual([{ at: AT + 5_000, value: 3 }])
  const removed: GroupEvent = { kind: 'removed', seq: 9, at: AT + 7_000, path: 'shop/orders' }
  expect(foldSeries(before, [removed]).size).toBe(0)
})

test('a count is drawn as what it rises by each second, also after it has begun anew', () => {
  const points = [
    [0, 100],
    [1_000, 120],
    [3_000, 160],
    [4_000, 5],
  ].map(([at, value]) => ({ at: at!, value: value! }))
  expect(perSecond(points).map(({ value }) => value)).toEqual([20, 20, 5])
})

test('the first ten numbers that a service tells are its figures, but for those that name something', () => {
  const info = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`f${n}`, n]))
  expect(figuresOf({ port: 1, pid: 2, threadId: 3, text: 'x', ...info }).map(([name]) => name)).toEqual(
    Array.from({ length: 10 }, (_, n) => `f${n}`),
  )
  expect(figuresOf(undefined)).toEqual([])
})
