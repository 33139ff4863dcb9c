import { describe, expect, test } from 'vitest'
import { healthOf, troubleOf, UnhealthyMembers } from '../../../src/core/group/member-health.ts'
import type { Health, ServiceState, StopReason } from '../../../src/core/state.ts'

const reason = { by: 'call' } as const
const error = { name: 'Error', message: 'no' }
const running = (health: Health, detail?: string): ServiceState => ({
  phase: 'running',
  health,
  ...(detail !== undefined && { detail }),
})
const stopping = (because: StopReason): ServiceState => ({ phase: 'stopping', reason: because })

const plain = { failed: false, leaving: false, needed: true, returning: false }

describe('the health of one, seen from its group', () => {
  test.each<[string, ServiceState, Health, Health, Health]>([
    // state                                                           as it is, group leaving, optional
    ['not started', { phase: 'idle' }, 'pass', 'pass', 'pass'],
    ['starting', { phase: 'starting', attempt: 1 }, 'pass', 'pass', 'pass'],
    ['well', running('pass'), 'pass', 'pass', 'pass'],
    ['warning', running('warn'), 'warn', 'warn', 'warn'],
    ['failing', running('fail'), 'fail', 'fail', 'warn'],
    ['draining', { phase: 'draining', reason }, 'fail', 'pass', 'warn'],
    ['drained', { phase: 'drained' }, 'fail', 'pass', 'warn'],
    ['stopping', stopping(reason), 'fail', 'pass', 'warn'],
    ['at its end', stopping({ by: 'end' }), 'pass', 'pass', 'pass'],
    ['ended', { phase: 'stopped', how: 'ended' }, 'pass', 'pass', 'pass'],
    ['failed', { phase: 'failed', error }, 'fail', 'fail', 'warn'],
  ])('%s', (_, state, health, leaving, optional) => {
    expect([
      healthOf(state, plain),
      healthOf(state, { ...plain, leaving: true }),
      healthOf(state, { ...plain, needed: false }),
    ]).toEqual([health, leaving, optional])
  })

  test('one that was stopped before it ran has failed all the same', () => {
    expect(healthOf({ phase: 'stopped', how: 'stopped' }, { ...plain, failed: true })).toBe('fail')
  })
})

describe('what is wrong with one, for people', () => {
  test.each<[ServiceState, string]>([
    [running('warn', 'slow disk'), 'db: slow disk'],
    [running('warn'), 'db warns'],
    [running('fail'), 'db is failing'],
    [{ phase: 'backoff', error, attempt: 2, retryAt: 0 }, 'db: restarting'],
    [{ phase: 'starting', attempt: 2 }, 'db: restarting'],
    [{ phase: 'starting', attempt: 1 }, 'db: starting'],
    [{ phase: 'draining', reason }, 'db: draining'],
    [{ phase: 'drained' }, 'db: drained'],
    [stopping(reason), 'db: stopping'],
    [{ phase: 'failed', error }, 'db failed'],
    [{ phase: 'stopped', how: 'stopped' }, 'db was stopped'],
    [{ phase: 'stopped', how: 'forced' }, 'db was forced'],
    [{ phase: 'stopped', how: 'abandoned' }, 'db was abandoned'],
    [{ phase: 'stopped', how: 'ended' }, 'db has ended'],
  ])('%j', (state, expected) => expect(troubleOf('db', state)).toBe(expected))

  test('one that the group can do without is failing all the same', () => {
    const unhealthy = new UnhealthyMembers()
    unhealthy.note('cache', 'warn', running('fail'))
    expect(unhealthy.detail).toBe('cache is failing')
  })

  test('waiting for the next try and trying are one thing to tell', () => {
    const unhealthy = new UnhealthyMembers()
    unhealthy.note('db', 'warn', { phase: 'backoff', error, attempt: 2, retryAt: 0 })
    unhealthy.tell()
    unhealthy.note('db', 'warn', { phase: 'starting', attempt: 2 })
    expect(unhealthy.hasNews).toBe(false)
  })
})

describe('the health of a group', () => {
  const told = (unhealthy: UnhealthyMembers): string =>
    `${unhealthy.health} ${unhealthy.detail ?? '-'}${unhealthy.hasNews ? '' : ' (old)'}`

  test('the worst of it, naming the first of the worst', () => {
    const unhealthy = new UnhealthyMembers()
    const log: string[] = []
    const note = (name: string, state: ServiceState, health: Health): void => {
      unhealthy.tell()
      unhealthy.note(name, health, state)
      log.push(told(unhealthy))
    }
    note('db', running('pass'), 'pass')
    note('a', running('warn', 'slow'), 'warn')
    note('b', running('warn'), 'warn')
    note('c', running('fail', 'down'), 'fail')
    note('a', running('warn', 'slower'), 'warn')
    note('db', running('pass'), 'pass')
    note('c', running('pass'), 'pass')
    note('a', { phase: 'failed', error }, 'fail')
    note('a', running('pass'), 'pass')
    note('b', running('pass'), 'pass')
    expect(log).toEqual([
      'pass - (old)',
      'warn a: slow',
      'warn a: slow (and 1 more)',
      'fail c: down (and 2 more)',
      'fail c: down (and 2 more) (old)',
      'fail c: down (and 2 more) (old)',
      'warn a: slower (and 1 more)',
      'fail a failed (and 1 more)',
      'warn b warns',
      'pass -',
    ])
  })

  test('one that is drained is as well as it was', () => {
    const unhealthy = new UnhealthyMembers()
    unhealthy.note('other', 'warn', running('warn'))
    unhealthy.note('ending', 'fail', { phase: 'drained' })
    expect(unhealthy.health).toBe('warn')
    unhealthy.note('leaving', 'fail', { phase: 'draining', reason })
    unhealthy.note('leaving', 'fail', { phase: 'drained' })
    expect(unhealthy.detail).toBe('leaving: drained (and 1 more)')
  })
})
