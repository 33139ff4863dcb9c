import { describe, expect, test } from 'vitest'
import type { ErrorCode, ErrorInfo } from '../../../src/core/errors.ts'
import type { ServiceState, StopReason } from '../../../src/core/state.ts'
import { type Report, reportOf, type ServiceReport } from '../../../src/core/status/report.ts'
import { newStatus } from '../../../src/core/status/service-status.ts'
import { foldStatus, type GroupStatus } from '../../../src/core/status/status.ts'

const reason: StopReason = { by: 'signal', signal: 'SIGTERM' }
const failure = (code: ErrorCode, service: string): ErrorInfo => ({
  name: 'ServiceError',
  message: 'no',
  code,
  service,
})

/** What a word in a story means. */
const says = (word: string): ServiceState => {
  const [phase, particular = ''] = word.split(':') as [ServiceState['phase'] | 'leaving', string?]
  switch (phase) {
    case 'waiting':
      return { phase, for: ['x'] }
    case 'starting':
      return { phase, attempt: 1 }
    case 'running':
      return { phase, health: 'pass' }
    case 'leaving':
      return { phase: 'running', health: 'pass', leaving: reason }
    case 'draining':
    case 'stopping':
      return { phase, reason }
    case 'drained':
      return particular === 'late' ? { phase, timedOut: true } : { phase }
    case 'stopped': {
      const [how, code] = particular.split(' ') as ['stopped', ErrorCode?]
      return { phase, how: how || 'stopped', ...(code && { error: failure(code, 'x') }) }
    }
    case 'failed':
      return { phase, error: failure((particular || 'ERR_SERVICE_FAILED') as ErrorCode, 'x') }
    default:
      throw new Error(`unknown word: ${word}`)
  }
}

/**
 * A status told as a table: whom each depends on (`db`, `api<db`, `probes*`), then one line for each service with what
 * it came to and when (`db | 0 starting 5 running`). The group itself is `shop`.
 */
const story = (services: string, ...lines: readonly string[]): GroupStatus => {
  const at = 0
  const stamp = { seq: 0, at }
  const group = newStatus('shop', 0, 0)
  let status = foldStatus(undefined, { kind: 'snapshot', ...stamp, group, health: 'pass', services: [] })
  for (const word of services.split(' ').filter(Boolean)) {
    const [name = '', wanted] = word.replace('*', '').split('<')
    const dependsOn = wanted === undefined ? {} : { dependsOn: wanted === '' ? [] : wanted.split('+') }
    const observer = word.endsWith('*') ? { observer: true as const } : {}
    status = foldStatus(status, { kind: 'added', ...stamp, path: `shop/${name}`, ...dependsOn, ...observer })
  }
  const happenings = lines.flatMap(line => {
    const [name = '', told = ''] = line.split(/\s*\|\s*/)
    const path = name === 'shop' ? name : `shop/${name}`
    return Array.from(told.matchAll(/(\d+) ([a-z]+(?::\w+(?: ERR_\w+)?)?)/g), ([, when, word]) => ({
      at: Number(when),
      path,
      state: says(word!),
    }))
  })
  happenings.sort((a, b) => a.at - b.at)
  happenings.forEach((happening, n) => {
    status = foldStatus(status, { kind: 'transition', seq: n + 1, ...happening })
  })
  return status
}

const report = (services: string, ...lines: readonly string[]): Report => reportOf(story(services, ...lines))

describe('a group that was started and stopped', () => {
  const whole = report(
    'db api',
    'shop | 100 starting 130 running 200 leaving 205 draining 215 drained 215 stopping 250 stopped',
    'db   | 100 starting 110 running 200 leaving 230 stopping 250 stopped',
    'api  | 110 starting 130 running 200 leaving 205 draining 215 drained 215 stopping 230 stopped',
  )

  test('is told whole: who asked, in which order, how long each took, and what decided it', () => {
    expect(whole).toEqual({
      group: 'shop',
      ok: true,
      trigger: reason,
      outcome: 'stopped',
      startTook: 30,
      stopTook: 50,
      services: [
        {
          path: 'shop/db',
          outcome: 'stopped',
          startedAfter: 0,
          startTook: 10,
          drainTook: null,
          stoppedAfter: 30,
          stopTook: 20,
          restarts: 0,
          timedOut: [],
        },
        {
          path: 'shop/api',
          outcome: 'stopped',
          startedAfter: 10,
          startTook: 20,
          drainTook: 10,
          stoppedAfter: 15,
          stopTook: 15,
          restarts: 0,
          timedOut: [],
        },
      ],
      errors: [],
      criticalPath: { start: ['shop/db', 'shop/api'], stop: ['shop/api', 'shop/db'] },
    })
  })

  test('is told in plain JSON', () => expect(JSON.parse(JSON.stringify(whole))).toEqual(whole))
})

const only = (line: string): ServiceReport => report('db', 'shop | 0 starting', `db | ${line}`).services[0]!

describe('one service', () => {
  test.each<[string, string, Partial<ServiceReport>]>([
    [
      'that was never started',
      '9 stopped',
      { outcome: 'never started', startedAfter: null, startTook: null, stopTook: null },
    ],
    ['that is still starting', '1 starting', { outcome: 'still there', startedAfter: 1, startTook: null }],
    ['that runs', '1 starting 3 running', { outcome: 'still there', startTook: 2, stopTook: null }],
    [
      'that ended by itself',
      '1 starting 3 running 9 stopped:ended',
      { outcome: 'ended', startTook: 2, stopTook: null },
    ],
    ['that was a job', '1 starting 9 stopped:ended', { outcome: 'ended', startTook: 8 }],
    ['that failed to start', '1 starting 9 failed', { outcome: 'failed', startTook: 8 }],
    ['that failed without being started', '9 failed', { outcome: 'failed', startedAfter: null }],
    [
      'that was stopped while starting',
      '1 starting 4 stopping 9 stopped',
      { startTook: 3, stopTook: 5, outcome: 'stopped' },
    ],
    ['that was forced', '1 starting 3 running 4 stopping 9 stopped:forced', { outcome: 'forced', stopTook: 5 }],
    [
      'that was abandoned',
      '1 starting 3 running 4 stopping 9 stopped:abandoned',
      { outcome: 'abandoned', stopTook: 5 },
    ],
    ['that failed while stopping', '1 starting 3 running 4 stopping 9 failed', { outcome: 'failed', stopTook: 5 }],
    ['that drained', '1 starting 3 running 4 draining 6 drained 9 stopping', { drainTook: 2 }],
    [
      'that was stopped amid its drain',
      '1 starting 3 running 4 draining 7 stopping 9 stopped',
      { drainTook: 3, stopTook: 2 },
    ],
    ['that failed amid its drain', '1 starting 3 running 4 draining 7 failed', { drainTook: 3, outcome: 'failed' }],
  ])('%s', (_, line, expected) => expect(only(line)).toMatchObject(expected))

  test.each<[string, string, readonly string[]]>([
    ['in time has none', '1 starting 2 running 4 stopping 9 stopped', []],
    ['that was late to start', '1 starting 9 failed:ERR_START_TIMEOUT', ['start']],
    ['that was late to drain', '1 starting 2 running 4 draining 9 drained:late', ['drain']],
    ['that was late to stop', '1 starting 2 running 4 stopping 9 stopped:forced ERR_STOP_TIMEOUT', ['stop']],
    [
      'that was late for everything after its start',
      '1 starting 2 running 4 draining 5 drained:late 6 stopping 9 stopped:forced ERR_STOP_TIMEOUT',
      ['drain', 'stop'],
    ],
  ])('which of its deadlines ran out: one %s', (_, line, timedOut) => expect(only(line).timedOut).toEqual(timedOut))

  test('that was abandoned after its stop timeout ran out of that too', () => {
    const status = story('db', 'shop | 0 starting', 'db | 1 starting 2 running 3 stopping')
    const cause = failure('ERR_STOP_TIMEOUT', 'db')
    const error = { ...failure('ERR_ABANDONED', 'db'), cause }
    const state: ServiceState = { phase: 'stopped', how: 'abandoned', error, info: { open: 3 } }
    const [db] = reportOf(foldStatus(status, { kind: 'transition', seq: 99, at: 9, path: 'shop/db', state })).services
    expect(db).toMatchObject({ timedOut: ['stop'], error, info: { open: 3 } })
  })
})

describe('whether all went well', () => {
  const ends = (db: string, shop = 'stopped'): boolean =>
    report('db', `shop | 0 starting 5 running 6 stopping 10 ${shop}`, `db | ${db}`).ok
  test.each<[string, boolean, boolean]>([
    ['stopped is well', ends('1 starting 2 running 6 stopping 9 stopped'), true],
    ['ended is well', ends('1 starting 2 running 4 stopped:ended', 'stopped:ended'), true],
    ['never started is well', ends('9 stopped'), true],
    ['failed is not', ends('1 starting 2 running 4 failed', 'failed'), false],
    ['one that failed spoils it, whatever the group says', ends('1 starting 2 running 4 failed'), false],
    ['forced is not', ends('1 starting 2 running 6 stopping 9 stopped:forced', 'stopped:forced'), false],
    ['abandoned is not', ends('1 starting 2 running 6 stopping 9 stopped:abandoned', 'stopped:abandoned'), false],
    [
      'a drain that was too slow is not',
      ends('1 starting 2 running 6 draining 7 drained:late 8 stopping 9 stopped'),
      false,
    ],
    ['what is not over yet is not', report('db', 'shop | 0 starting 5 running', 'db | 1 starting 2 running').ok, false],
  ])('%s', (_, ok, expected) => expect(ok).toBe(expected))

  test('a group that never began has nothing to tell', () => {
    expect(report('db api', 'shop | 5 stopped', 'db | 5 stopped', 'api | 5 stopped')).toMatchObject({
      ok: true,
      outcome: 'never started',
      startTook: null,
      stopTook: null,
      criticalPath: { start: [], stop: [] },
    })
  })
})

describe('the order and the errors', () => {
  test('services come in the order they were started, those never started last, as added', () => {
    const { services } = report('a b c d', 'shop | 0 starting', 'c | 1 starting', 'b | 2 starting')
    expect(services.map(({ path }) => path)).toEqual(['shop/c', 'shop/b', 'shop/a', 'shop/d'])
  })

  test('errors come as they happened, each with its path; that of a group only sums up its services', () => {
    const { errors } = report(
      'a b c',
      'shop | 0 starting 20 failed:ERR_GROUP_FAILED',
      'a | 0 starting 1 running 12 stopping 15 failed:ERR_STOP_FAILED',
      'b | 1 starting 2 running 11 failed:ERR_SERVICE_FAILED',
      'c | 2 starting 3 running 12 stopped:forced ERR_STOP_TIMEOUT',
    )
    expect(errors.map(({ code, service }) => [code, service])).toEqual([
      ['ERR_SERVICE_FAILED', 'shop/b'],
      ['ERR_STOP_TIMEOUT', 'shop/c'],
      ['ERR_STOP_FAILED', 'shop/a'],
    ])
  })

  test('an error of the group as a whole is among them', () => {
    const { errors } = report('a', 'shop | 0 starting 20 failed:ERR_START_TIMEOUT', 'a | 0 starting')
    expect(errors.map(({ code, service }) => [code, service])).toEqual([['ERR_START_TIMEOUT', 'shop']])
  })
})

const starts = (services: string, ...lines: readonly string[]): string =>
  report(services, 'shop | 0 starting 99 running', ...lines)
    .criticalPath.start.map(path => path.slice(5))
    .join(' ')
const stops = (services: string, ...lines: readonly string[]): string =>
  report(services, 'shop | 0 starting 50 running 50 leaving 50 stopping 99 stopped', ...lines)
    .criticalPath.stop.map(path => path.slice(5))
    .join(' ')

describe('the critical path', () => {
  test('of a list is the list', () => {
    expect(starts('a b', 'a | 0 starting 9 running', 'b | 9 starting 10 running')).toBe('a b')
  })

  test('of a graph goes back from the last through those it waited for longest', () => {
    const path = starts(
      'db cache< api<db+cache log<',
      'db | 0 starting 3 running',
      'cache | 0 starting 5 running',
      'api | 5 starting 8 running',
      'log | 0 starting 7 running',
    )
    expect(path).toBe('cache api')
  })

  test('opens a group where it is part of it', () => {
    const path = starts(
      'db workers workers/mail workers/bill<',
      'db | 0 starting 3 running',
      'workers | 3 starting 9 running',
      'workers/mail | 3 starting 5 running',
      'workers/bill | 3 starting 9 running',
    )
    expect(path).toBe('db workers workers/bill')
  })

  test('ends at one that failed to start', () => {
    expect(starts('a b c', 'a | 0 starting 2 running 9 stopped', 'b | 2 starting 7 failed', 'c | 8 stopped')).toBe(
      'a b',
    )
  })

  test('of a stop is the list backwards', () => {
    const path = stops(
      'a b c',
      'a | 0 starting 1 running 80 stopping 90 stopped',
      'b | 1 starting 2 running 70 stopping 80 stopped',
      'c | 2 starting 3 running 50 stopping 70 failed',
    )
    expect(path).toBe('c b a')
  })

  test('of a stop passes by what had ended before', () => {
    const path = stops(
      'a job c',
      'a | 0 starting 1 running 70 stopping 90 stopped',
      'job | 1 starting 2 stopped:ended',
      'c | 2 starting 3 running 50 stopping 70 stopped',
    )
    expect(path).toBe('c a')
  })

  test('of a forced stop begins at the one that took longest, which waited for nobody', () => {
    const path = stops(
      'a b',
      'a | 0 starting 1 running 50 stopping 90 stopped:forced',
      'b | 1 starting 2 running 50 stopping 70 stopped:forced',
    )
    expect(path).toBe('a')
  })

  test('puts observers at its ends', () => {
    const lines = ['a | 1 starting 5 running 50 stopping 60 stopped', 'p | 0 starting 1 running 60 stopping 70 stopped']
    expect(starts('a p*', ...lines)).toBe('p a')
    expect(stops('a p*', ...lines)).toBe('a p')
  })

  test('of a group whose nested group could not be planned is told all the same', () => {
    const { criticalPath, services } = report(
      'db in in/a<b in/b<a',
      'shop | 0 starting 4 stopping 9 failed',
      'db | 0 starting 1 running 5 stopping 9 stopped',
      'in | 3 failed:ERR_CIRCULAR_DEPENDENCY',
    )
    expect(criticalPath).toEqual({ start: ['shop/db'], stop: ['shop/db'] })
    expect(services).toHaveLength(4)
  })

  test('of a group that could not be planned itself is empty', () => {
    const { criticalPath } = report('a<b b<a', 'shop | 3 failed:ERR_CIRCULAR_DEPENDENCY')
    expect(criticalPath).toEqual({ start: [], stop: [] })
  })

  test('of ten thousand is found in one go', () => {
    const names = Array.from({ length: 10_000 }, (_, n) => `s${n}`)
    const lines = names.map((name, n) => `${name} | ${n} starting ${n + 1} running`)
    expect(report(names.join(' '), 'shop | 0 starting 10000 running', ...lines).criticalPath.start).toHaveLength(10_000)
  })
})
