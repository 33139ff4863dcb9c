import { describe, expect, test } from 'vitest'
import type { Report, ServiceReport } from '../../../src/core/status/report.ts'
import { widthOf } from '../../../src/core/text/fit.ts'
import { formatReport } from '../../../src/core/text/report-text.ts'

const error = { name: 'Error', message: 'service "x": failed: no', cause: { name: 'Error', message: 'no' } }

const one = (path: string, more: Partial<ServiceReport> = {}): ServiceReport => ({
  path: `shop/${path}`,
  outcome: 'stopped',
  startedAfter: 320,
  startTook: 1_200,
  drainTook: 10_400,
  stoppedAfter: 10_400,
  stopTook: 340,
  restarts: 0,
  timedOut: [],
  ...more,
})

const report = (services: readonly ServiceReport[], more: Partial<Report> = {}): Report => ({
  group: 'shop',
  ok: true,
  trigger: { by: 'signal', signal: 'SIGTERM' },
  outcome: 'stopped',
  startTook: 1_520,
  stopTook: 10_800,
  services,
  errors: [],
  criticalPath: { start: services.map(({ path }) => path), stop: services.map(({ path }) => path).toReversed() },
  ...more,
})

const NAME_OF_40 = 'payment-reconciliation-worker-north-west'

const linesOf = (told: Report): readonly string[] => formatReport(told).split('\n')

describe('a report fits 80 columns', () => {
  test.each<[string, readonly ServiceReport[]]>([
    ['short names', [one('db'), one('api')]],
    ['a name of 40 letters', [one('db'), one(NAME_OF_40), one('api')]],
    ['a nested path', [one('workers'), one(`workers/${NAME_OF_40}`), one(`workers/region/${NAME_OF_40}/mailer`)]],
    ['wide characters', [one('订单处理器订单处理器订单处理器订单处理器'), one('注文処理サービス')]],
    ['emoji', [one('🛒 cart 👩‍👩‍👧‍👦'.repeat(8))]],
    ['a name without an end', [one('x'.repeat(1_000))]],
    [
      'every outcome',
      (['ended', 'forced', 'abandoned', 'failed', 'never started', 'still there'] as const).map(outcome =>
        one('db', { outcome }),
      ),
    ],
    [
      'long durations',
      [
        one(NAME_OF_40, {
          startedAfter: 5_430_000,
          startTook: 5_430_000,
          drainTook: 5_430_000,
          stoppedAfter: 5_430_000,
          stopTook: 5_430_000,
          outcome: 'still there',
        }),
      ],
    ],
    ['a thousand services', Array.from({ length: 1_000 }, (_, n) => one(`service-number-${n}`))],
    [
      'all that there is to note',
      [
        one(NAME_OF_40, {
          outcome: 'abandoned',
          optional: true,
          down: true,
          inBackoff: true,
          restarts: 3,
          timedOut: ['start', 'drain', 'stop'],
          info: { cut: 3, abandoned: 2, cutWork: 'GET /orders/with-a-long-name for 3 s, '.repeat(10) },
          error: { name: 'Error', message: 'connect ECONNREFUSED 10.0.0.1:5432 '.repeat(20) },
        }),
      ],
    ],
  ])('with %s', (_, services) => {
    for (const trigger of [
      { by: 'signal', signal: 'SIGTERM' },
      { by: 'call', message: 'a reason '.repeat(30) },
    ] as const) {
      const lines = linesOf(
        report(services, { trigger, keepsAlive: Array.from({ length: 20 }, () => 'TCPServerWrap') }),
      )
      for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(80)
    }
  })

  test('a name that is too long for its column has a line of its own, and loses nothing', () => {
    expect(linesOf(report([one('db'), one(NAME_OF_40)])).slice(3, 7)).toEqual([
      '  #  service  started  ready in  drained in  stopping  gone in  outcome',
      '  1  db       +320 ms     1.2 s      10.4 s   +10.4 s   340 ms  stopped',
      '  2  payment-reconciliation-worker-north-west',
      '              +320 ms     1.2 s      10.4 s   +10.4 s   340 ms  stopped',
    ])
  })

  test('it says of a service in backoff that it was, and why; of another that it was down', () => {
    const down = one('search', { down: true, error, restarts: 2, optional: true })
    expect(linesOf(report([{ ...down, inBackoff: true }])).slice(4, 6)).toEqual([
      '  1  search   +320 ms     1.2 s      10.4 s   +10.4 s   340 ms  stopped',
      '     optional, was in backoff: no, restarted twice',
    ])
    expect(linesOf(report([down]))[5]).toBe('     optional, was down: no, restarted twice')
  })

  test('an error keeps its lines, however long they are', () => {
    const place = `at start (/app/${'a-folder/'.repeat(12)}db.js:3:5)`
    const told = { ...error, service: 'shop/db', stack: `Error: no\n    ${place}` }
    expect(formatReport(report([one('db')], { errors: [told] }))).toContain(`          ${place}\n`)
  })
})
