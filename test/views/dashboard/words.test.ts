import { expect, test } from 'vitest'
import { timeOfDay } from '../../../src/core/units.ts'
import { detailOf } from '../../../src/views/dashboard/page/words.ts'

test('a service that has asked for time is shown with its deadline', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5)
  const reason = { by: 'call' } as const
  expect(detailOf({ phase: 'starting', attempt: 2, deadline: at })).toBe(`attempt 2, deadline ${timeOfDay(at)}`)
  expect(detailOf({ phase: 'stopping', reason, pending: 3, deadline: at })).toBe(`3 pending, deadline ${timeOfDay(at)}`)
  expect(detailOf({ phase: 'draining', reason })).toBe('')
})
