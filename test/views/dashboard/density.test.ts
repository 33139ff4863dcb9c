import { expect, test } from 'vitest'
import { ganttOf } from '../../../src/views/dashboard/page/gantt.ts'
import { KEPT } from '../../../src/views/dashboard/page/life.ts'
import { foldModel, type Model } from '../../../src/views/dashboard/page/model.ts'
import { story } from './support/events.ts'

const RUNNING = { phase: 'running', health: 'pass' } as const
const error = { name: 'Error', message: 'no' }

/** A service that is up for 3 s and down for 1 s, again and again. */
const flapping = (changes: number): { readonly model: Model; readonly end: number } => {
  const { snapshot, becomes } = story('shop', ['db'], 0)
  let at = 1_000
  const events = [snapshot, becomes('', { phase: 'starting', attempt: 1 }, at), becomes('', RUNNING, at)]
  for (let n = 0; n < changes; n++) {
    events.push(becomes('db', n % 2 === 0 ? RUNNING : { phase: 'backoff', error, attempt: n, retryAt: at }, at))
    at += n % 2 === 0 ? 3_000 : 1_000
  }
  const model = foldModel(undefined, events)
  return { model: model!, end: at }
}

test('hours of flapping fill the whole row, with the true part of the time in each state', () => {
  const { model, end } = flapping(20_000)
  const { rows, drawn } = ganttOf(model.status, model.lives, 'all', end)!
  const { bars } = rows[0]!
  let reached = 1_000
  for (const { from, to } of bars) {
    // Nowhere a hole that one could see.
    expect(from - reached).toBeLessThan((drawn.to - drawn.from) / 100)
    reached = Math.max(reached, to)
  }
  expect(reached).toBeGreaterThan(end - 5_000)
  const crowds = bars.filter(({ crowd }) => crowd)
  expect(crowds.length).toBeGreaterThan(50)
  for (const { crowd } of crowds.filter(({ crowd }) => crowd!.changes > 100))
    expect(Object.fromEntries(crowd!.shares)['running']).toBeCloseTo(0.75, 1)
})

test('what is kept and what is drawn of a life is bounded, however often it changes', () => {
  for (const changes of [1_000, 10_000, 50_000]) {
    const { model, end } = flapping(changes)
    const { segments, between = [] } = model.lives.get('shop/db')!
    expect(segments.length).toBeLessThanOrEqual(KEPT)
    expect(between.length).toBeLessThanOrEqual(200)
    expect(segments.length + between.reduce((sum, { count }) => sum + count, 0)).toBe(changes + 1)
    expect(ganttOf(model.status, model.lives, 'all', end)!.rows[0]!.bars.length).toBeLessThan(450)
  }
})

test('a few short stretches are drawn one by one, as they were', () => {
  const { model, end } = flapping(4)
  const { rows } = ganttOf(model.status, model.lives, 'all', end)!
  expect(rows[0]!.bars.map(({ kind, crowd }) => [kind, crowd])).toEqual(
    ['running', 'backoff', 'running', 'backoff'].map(kind => [kind, undefined]),
  )
})
