import { describe, expect, test } from 'vitest'
import type { Health, ServiceState, StopReason } from '../../src/core/state.ts'
import { healthOf, Unwell } from '../../src/core/unwell.ts'

const reason = { by: 'call' } as const
const error = { name: 'Error', message: 'no' }
const running = (health: Health, detail?: string): ServiceState => ({
  phase: 'running',
  health,
  ...(detail !== undefined && { detail }),
})
const stopping = (because: StopReason): ServiceState => ({ phase: 'stopping', reason: because })

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
      healthOf(state, false, false, false),
      healthOf(state, false, true, false),
      healthOf(state, false, false, true),
    ]).toEqual([health, leaving, optional])
  })

  test('one that was stopped before it ran has failed all the same', () => {
    expect(healthOf({ phase: 'stopped', how: 'stopped' }, true, false, false)).toBe('fail')
  })
})

describe('the health of a group', () => {
  const told = (unwell: Unwell): string => `${unwell.health} ${unwell.detail ?? '-'}${unwell.news ? '' : ' (old)'}`

  test('the worst of it, naming the first of the worst', () => {
    const unwell = new Unwell()
    const log: string[] = []
    const note = (name: string, state: ServiceState, health: Health): void => {
      unwell.news = false
      unwell.note(name, health, state)
      log.push(told(unwell))
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
      'warn a warn: slow',
      'warn a warn: slow (and 1 more)',
      'fail c fail: down (and 2 more)',
      'fail c fail: down (and 2 more)',
      'fail c fail: down (and 2 more) (old)',
      'warn a warn: slower (and 1 more)',
      'fail a fail: failed (and 1 more)',
      'warn b warn',
      'pass -',
    ])
  })

  test('one that is drained is as well as it was', () => {
    const unwell = new Unwell()
    unwell.note('other', 'warn', running('warn'))
    unwell.note('ending', 'fail', { phase: 'drained' })
    expect(unwell.health).toBe('warn')
    unwell.note('leaving', 'fail', { phase: 'draining', reason })
    unwell.note('leaving', 'fail', { phase: 'drained' })
    expect(unwell.detail).toBe('leaving fail: drained (and 1 more)')
  })
})
