import type { ServiceState } from 'rx-service-group'
import { expect, test } from 'vitest'
import { allowedBy, verbsFor } from '../../../src/views/dashboard/page/actions.ts'
import { effectOf } from '../../../src/views/dashboard/page/affected.ts'
import type { Hello } from '../../../src/views/dashboard/page/connection.ts'
import { wholeText } from '../../../src/views/dashboard/page/error-words.ts'
import { foldModel } from '../../../src/views/dashboard/page/model.ts'
import { moment, today } from '../../../src/views/dashboard/page/moments.ts'
import { story } from './support/events.ts'

const RUNNING = { phase: 'running', health: 'pass' } as const
const reason = { by: 'call' } as const

test('a moment of another day is told with its date', () => {
  const day = new Date(2026, 10, 27).getTime()
  expect(moment(day + 3_600_000, day)).toBe('01:00:00')
  expect(moment(day - 1_000, day)).toBe('2026-11-26 23:59:59')
  expect(moment(new Date(2027, 0, 2, 3, 4, 5).getTime(), day)).toBe('2027-01-02 03:04:05')
  expect(moment(Date.now(), today())).toMatch(/^\d\d:\d\d:\d\d$/)
})

test('an error is copied with its stack, its causes, and the errors that came with it', () => {
  const refused = { name: 'Error', message: 'refused', code: 'ECONNREFUSED', stack: 'Error: refused\n    at connect' }
  const text = wholeText({
    name: 'ServiceError',
    message: 'start failed\nin two lines',
    code: 'ERR_START_FAILED',
    service: 'db',
    stack: 'ServiceError: start failed\nin two lines\n    at start (db.js:1:2)',
    cause: {
      name: 'AggregateError',
      message: 'all',
      errors: [refused, { name: 'Error', message: 'timed out', status: 504 }],
    },
  })
  expect(text.split('\n')).toEqual([
    'ServiceError: start failed',
    'in two lines [ERR_START_FAILED, db]',
    '    at start (db.js:1:2)',
    'caused by AggregateError: all',
    '1) Error: refused [ECONNREFUSED]',
    '       at connect',
    '2) Error: timed out [status 504]',
  ])
})

test.each<[ServiceState, readonly string[]]>([
  [RUNNING, ['restart', 'stop']],
  [{ phase: 'backoff', error: { name: 'E', message: '' }, attempt: 1, retryAt: 0 }, ['restart', 'stop']],
  [{ phase: 'stopping', reason }, ['restart']],
  [{ phase: 'stopped', how: 'stopped' }, ['start']],
  [{ phase: 'failed', error: { name: 'E', message: '' } }, ['start']],
])('of %j only what makes sense can be asked for', (state, verbs) => {
  const hello = (actions: Hello['actions']) => ({ boot: '', now: 0, seq: 0, group: 'shop', actions })
  expect(verbsFor(state, allowedBy(hello(['start', 'stop', 'restart'])))).toEqual(verbs)
  expect(verbsFor(state, allowedBy(hello(true)))).toEqual(['restart'])
  expect(verbsFor(state, allowedBy(hello(false)))).toEqual([])
  expect(verbsFor(state, allowedBy(undefined))).toEqual([])
})

test('an action says what else it touches', () => {
  const { snapshot } = story('shop', [
    ['db', { dependsOn: [] }],
    ['orders', { dependsOn: ['db'] }],
    ['api', { dependsOn: ['orders'] }],
    ['other', { dependsOn: [], optional: true }],
    'workers',
    'workers/mailer',
    ['workers/api', { dependsOn: ['mailer'] }],
  ])
  const { status } = foldModel(undefined, [snapshot])!
  expect(effectOf({ action: 'restart', service: 'db' }, status)).toEqual([
    'It drains, stops and starts again.',
    'With it goes what depends on it: orders and api.',
  ])
  expect(effectOf({ action: 'stop', service: 'other' }, status)).toEqual([
    'It drains and stops, and stays down until started again.',
    'Nothing else depends on it.',
    'The group can do without it.',
  ])
  expect(effectOf({ action: 'stop', service: 'workers' }, status)[0]).toBe(
    'It and the 2 services in it drain and stop, and stay down until started again.',
  )
  expect(effectOf({ action: 'restart', service: 'workers/mailer' }, status)[1]).toBe(
    'With it goes what depends on it: workers/api.',
  )
  expect(effectOf({ action: 'stop' }, status)).toEqual([
    'All 7 services drain and stop in reverse order, and the process ends.',
  ])
})
