import { expect, test } from 'vitest'
import { judge, type Written } from './chaos/ledger.ts'

/** A consumer that wrote this; times are in the last column. */
const consumer = (name: string, ...lines: readonly string[]): Written => ({ name, prefetch: 1, lines })
const confirmed = (...numbers: readonly number[]) => numbers.map(n => `confirmed ${n} 1`)
const closed = consumer('a', 'session x', 'handled 1 1 x 100', 'end 200 stopped - -')
const other = (...handled: readonly string[]) => consumer('b', 'session y', ...handled, 'end 900 stopped - -')
const none = { killed: 0, lost: 0, forced: 0, copying: 0, publishing: 0 }

test('what was confirmed and neither handled nor parked is lost, though another copy of it was handled', () => {
  const verdict = judge(
    [...confirmed(1, 2, 3), 'confirmed 2 2'],
    [closed, other('handled 2 2 y 300')],
    [{ n: 3, copy: '1' }],
  )
  expect(verdict).toMatchObject({ lost: ['2 of 1'], unexplained: [], done: 2, parked: 1 })
})

test('what is handled again after a stop in order has no excuse', () => {
  const verdict = judge(confirmed(1), [closed, other('handled 1 1 y 300')], [])
  expect(verdict).toMatchObject({ again: none, unexplained: ['1 of 1: a (closed), b (closed)'] })
})

for (const [excuse, ...lines] of [
  ['killed', 'handled 1 1 x 100'],
  ['lost', 'handled 1 1 x 100', 'lost consuming 150', 'end 200 stopped - -'],
  ['lost', 'handled 1 1 x 100', 'session z', 'handled 5 1 z 150', 'end 200 stopped - -'],
  ['forced', 'handled 1 1 x 100', 'end 200 forced - -'],
] as const)
  test(`what is handled again after a session that was ${excuse} is explained, up to the prefetch: ${lines.join('; ')}`, () => {
    const cut = consumer('a', 'session x', ...lines)
    const once = judge(confirmed(1), [cut, other('handled 1 1 y 300')], [])
    expect(once).toMatchObject({ again: { ...none, [excuse]: 1 }, unexplained: [], overPrefetch: [] })

    const [first = '', ...rest] = lines
    const more = consumer('a', 'session x', 'handled 2 1 x 90', first, ...rest)
    const twice = judge(confirmed(1, 2), [more, other('handled 1 1 y 300', 'handled 2 1 y 310')], [])
    expect(twice).toMatchObject({ again: { ...none, [excuse]: 2 }, overPrefetch: [{ process: 'a', again: 2 }] })
  })

test('a session that came after the lost one, in the same process, is not excused by that', () => {
  const two = consumer('a', 'session x', 'lost consuming 50', 'session z', 'handled 1 1 z 100', 'end 200 stopped - -')
  expect(judge(confirmed(1), [two, other('handled 1 1 y 300')], [])).toMatchObject({
    unexplained: ['1 of 1: a (closed), b (closed)'],
  })
})

test('of two sessions that were cut off, the one that did it first is charged', () => {
  const first = consumer('a', 'session x', 'handled 1 1 x 100', 'lost consuming 150')
  const second = consumer('b', 'session y', 'handled 1 1 y 300')
  expect(judge(confirmed(1), [second, first], [])).toMatchObject({ again: { ...none, lost: 1 } })
})

test('a message that was copied may be there twice if a connection was lost or blocked at that time, or its process killed', () => {
  const copying = (...lines: readonly string[]) =>
    judge(
      confirmed(1),
      [consumer('a', 'session x', 'copy 1 1 1000', ...lines), other('handled 1 1 y 2000', 'handled 1 1 y 2100')],
      [],
    )
  const end = 'end 9000 stopped - -'
  for (const line of ['lost publishing 1100', 'lost consuming 1100', 'blocked 1100']) {
    expect(copying(line, 'unblocked 1500', end).again).toEqual({ ...none, copying: 1 })
    expect(copying(line.replace('1100', '9100'), end).unexplained).toHaveLength(1)
  }
  const restarted = judge(
    confirmed(1),
    [
      consumer('a', 'session x', 'copy 1 1 1000', end),
      consumer('c', 'session z', 'lost consuming 1100', end),
      other('handled 1 1 y 2000', 'handled 1 1 y 2100'),
    ],
    [],
  )
  expect(restarted.again).toEqual({ ...none, copying: 1 })
  expect(copying('handled 2 1 x 1200').again).toEqual({ ...none, copying: 1 })
  expect(copying('handled 2 1 x 9200').unexplained).toHaveLength(1)
  expect(copying(end).unexplained).toHaveLength(1)
})

test('what the producer held when it lost its connection may have been published twice', () => {
  const both = [closed, other('handled 1 1 y 300')]
  expect(judge(['again 1 1', ...confirmed(1)], both, [])).toMatchObject({
    again: { publishing: 1 },
    unexplained: [],
  })
  const thrice = [...both, other('handled 1 1 y 400')]
  expect(judge(['again 1 1', ...confirmed(1)], thrice, [])).toMatchObject({ unexplained: [expect.any(String)] })
})
