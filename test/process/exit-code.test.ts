import type { Report } from 'rx-service-group'
import { expect, test } from 'vitest'
import { exitCodeOf } from '../../src/process/exit-code.ts'

type Told = Partial<Report['services'][number]>

const error = { name: 'Error', message: 'no', service: 'shop/x' }

/** A report of a group and what became of its services, as far as the exit code asks. */
const report = (services: Readonly<Record<string, Told>>, outcome: Report['outcome'] = 'stopped'): Report =>
  ({
    group: 'shop',
    ok: false,
    outcome,
    services: Object.entries(services).map(([path, told]) => ({ path, outcome: 'stopped', timedOut: [], ...told })),
  }) as unknown as Report

const optional = true as const
const down = true as const

test.each<[string, Report, number]>([
  ['a group that is ok', { ...report({}), ok: true }, 0],
  ['a service that failed', report({ db: { outcome: 'failed', error } }), 1],
  ['an optional one that failed', report({ db: {}, cache: { outcome: 'failed', error, optional } }), 0],
  [
    'an optional one that was late to start',
    report({ cache: { outcome: 'failed', timedOut: ['start'], error, optional } }),
    0,
  ],
  ['an optional one that was down', report({ cache: { down, error, optional } }), 0],
  ['one that was down', report({ cache: { down, error } }), 1],
  ['an optional one that waited in vain', report({ ui: { outcome: 'never started', error, optional } }), 0],
  ['an optional one that had to be forced', report({ cache: { outcome: 'forced', optional } }), 1],
  ['an optional one that was abandoned', report({ cache: { outcome: 'abandoned', error, optional } }, 'abandoned'), 1],
  ['an optional one whose drain ran out of its time', report({ cache: { timedOut: ['drain'], optional } }), 1],
  [
    'a service inside an optional group',
    report({ in: { outcome: 'failed', error, optional }, 'in/db': { outcome: 'failed', error } }),
    0,
  ],
  [
    'a service whose name only begins like an optional one',
    report({ in: { optional }, inner: { outcome: 'failed', error } }),
    1,
  ],
  ['a group that failed', report({ cache: { outcome: 'failed', error, optional } }, 'failed'), 1],
  ['a group that was forced', report({}, 'forced'), 1],
])('%s', (_, told, code) => expect(exitCodeOf(told, 0, undefined)).toBe(code))

test('an uncaught error counts, whatever else is well', () => {
  expect(exitCodeOf({ ...report({}), ok: true }, 1, undefined)).toBe(1)
})

test('a signal that forced it comes first', () => {
  expect(exitCodeOf({ ...report({}), ok: true }, 1, 'SIGINT')).toBe(130)
})
