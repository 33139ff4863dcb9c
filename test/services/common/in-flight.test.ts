import { expect, test } from 'vitest'
import { makeInFlight } from '../../../src/services/common/in-flight.ts'

const told = (pieces: readonly string[]) => {
  const inFlight = makeInFlight<string>()
  for (const piece of pieces) inFlight.take(piece)
  const said: (number | 'end')[] = []
  inFlight.untilEmpty$().subscribe({ next: count => said.push(count), complete: () => said.push('end') })
  return { inFlight, said }
}

test('work in flight is counted down to zero, and that is the end', () => {
  const { inFlight, said } = told(['a', 'b'])
  expect(inFlight.release('a')).toBe(true)
  expect(inFlight.release('b')).toBe(true)
  inFlight.take('c')
  inFlight.release('c')
  expect(said).toEqual([2, 1, 0, 'end'])
})

test('nothing in flight from the start says nothing', () => {
  expect(told([]).said).toEqual(['end'])
})

test('a piece is released once, and the oldest comes first', () => {
  const { inFlight, said } = told(['a', 'b'])
  expect(inFlight.release('x')).toBe(false)
  inFlight.release('a')
  expect(inFlight.release('a')).toBe(false)
  inFlight.take('c')
  expect([inFlight.size, inFlight.has('a'), inFlight.all()]).toEqual([2, false, ['b', 'c']])
  expect(said).toEqual([2, 1])
})
