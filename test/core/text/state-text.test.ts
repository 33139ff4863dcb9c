import type { ServiceState } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { labelOf, particularsOf, toneOf } from '../../../src/core/text/state-text.ts'

const reason = { by: 'signal', signal: 'SIGTERM' } as const
const cause = { name: 'Error', message: 'no route' }
const error = { name: 'ServiceError', message: 'service "db" failed: no route', cause }

const LINES: readonly (readonly [ServiceState, string, string])[] = [
  [{ phase: 'idle' }, 'faint', 'idle'],
  [{ phase: 'waiting', for: ['db', 'queue'] }, 'faint', 'waiting, for db, queue'],
  [{ phase: 'starting', attempt: 1 }, 'busy', 'starting'],
  [{ phase: 'starting', attempt: 2, deadline: 1_500 }, 'busy', 'starting, attempt 2'],
  [{ phase: 'running', health: 'pass' }, 'good', 'running'],
  [{ phase: 'running', health: 'pass', detail: 'check failed' }, 'good', 'running, check failed'],
  [{ phase: 'running', health: 'warn', detail: 'slow disk' }, 'busy', 'running, warn: slow disk'],
  [{ phase: 'running', health: 'fail' }, 'bad', 'running, fail'],
  [{ phase: 'running', health: 'pass', leaving: reason }, 'busy', 'leaving, SIGTERM'],
  [{ phase: 'draining', reason, pending: 3 }, 'busy', 'draining, 3 pending'],
  [{ phase: 'draining', reason, pending: 0 }, 'busy', 'draining'],
  [{ phase: 'drained' }, 'plain', 'drained'],
  [{ phase: 'drained', timedOut: true }, 'bad', 'drained, drain timed out'],
  [{ phase: 'stopping', reason }, 'busy', 'stopping'],
  [{ phase: 'backoff', attempt: 3, retryAt: 5, error }, 'bad', 'backoff, attempt 3 is next: no route'],
  [{ phase: 'stopped', how: 'stopped' }, 'faint', 'stopped'],
  [{ phase: 'stopped', how: 'ended' }, 'faint', 'ended'],
  [{ phase: 'stopped', how: 'abandoned', error }, 'bad', 'abandoned, no route'],
  [{ phase: 'failed', error }, 'bad', 'failed, no route'],
  [
    { phase: 'failed', error: { ...error, code: 'ERR_GROUP_FAILED', service: 'shop/db' } },
    'bad',
    'failed, because of shop/db',
  ],
]

describe('a state in words', () => {
  test.each(LINES)('%j', (state, tone, line) => {
    expect([labelOf(state), ...particularsOf(state)].join(', ')).toBe(line)
    expect(toneOf(state)).toBe(tone)
  })

  test('tells the reason of every shutdown, or of none, where that is asked for', () => {
    const draining: ServiceState = { phase: 'draining', reason, pending: 1 }
    expect(particularsOf(draining, { reasons: 'all' })).toEqual(['SIGTERM', '1 pending'])
    expect(particularsOf({ phase: 'running', health: 'pass', leaving: reason }, { reasons: 'none' })).toEqual([])
  })

  test('tells when a restart is due, and the whole error, where that is asked for', () => {
    const backoff: ServiceState = { phase: 'backoff', attempt: 3, retryAt: 5, error }
    const words = particularsOf(backoff, { due: at => `at ${at}`, error: ({ message }) => message })
    expect(words).toEqual(['tries again at 5: service "db" failed: no route'])
  })
})
