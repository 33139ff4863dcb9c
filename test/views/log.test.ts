import { type Clock, type GroupOptions, type ServiceContext, service, serviceGroup, task } from 'rx-service-group'
import { formatReport, log } from 'rx-service-group/log'
import { concat, delay, NEVER, of, throwError, VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { milliseconds } from '../../src/core/units.ts'

/** Where this file threw an error differs with each change to it. */
const placed = (line: string): string => line.replace(/at \S*log\.test\.ts:\d+:\d+/, 'at <this file>')

const output = (terminal = false) => {
  const lines: string[] = []
  return { lines, write: (text: string) => lines.push(...text.trimEnd().split('\n')), isTTY: terminal }
}

const wait = (ms: number, clock: Clock) => of(0).pipe(delay(ms, clock))

/** A shop whose queue takes its time, under virtual time. */
const shop = (options: GroupOptions = {}) => {
  const clock = new VirtualTimeScheduler()
  const group = serviceGroup('shop', { clock, ...options })
    .add(
      service('queue', {
        start: ({ info }) => {
          info({ prefetch: 5 })
          return wait(20, clock)
        },
        drain: ({ pending }) => {
          pending(3)
          return wait(40, clock)
        },
        stop: () => wait(5, clock),
      }),
    )
    .add(service('api', { start: () => wait(1, clock), stop: () => throwError(() => new Error('lost the key')) }), {
      dependsOn: ['queue'],
    })
  return { clock, group }
}

test('a line for each transition, aligned and without colour elsewhere than on a terminal', async () => {
  const { clock, group } = shop()
  const out = output()
  log(group, { output: out })
  void group.start()
  clock.flush()
  void group.stop('enough')
  clock.flush()
  expect(out.lines.map(placed)).toEqual([
    '00:00:00.000  shop        starting',
    '00:00:00.000  shop/api    waiting    for queue',
    '00:00:00.000  shop/queue  starting',
    '00:00:00.020  shop/queue  running    after 20 ms, prefetch 5',
    '00:00:00.020  shop/api    starting',
    '00:00:00.021  shop/api    running    after 1 ms',
    '00:00:00.021  shop        running    after 21 ms',
    '00:00:00.021  shop        leaving    stop(): enough',
    '00:00:00.021  shop/queue  draining',
    '00:00:00.021  shop/queue  draining   3 pending',
    '00:00:00.021  shop        draining',
    '00:00:00.061  shop/queue  drained    after 40 ms',
    '00:00:00.061  shop        drained    after 40 ms',
    '00:00:00.061  shop        stopping',
    '00:00:00.061  shop/api    stopping',
    '00:00:00.061  shop/api    failed     service "api": stop failed: lost the key [ERR_STOP_FAILED] (at <this file>)',
    '00:00:00.061  shop/queue  stopping',
    '00:00:00.066  shop/queue  stopped    after 5 ms',
    '00:00:00.066  shop        failed     because of shop/api',
  ])
})

test('a deadline that was moved is told once, as the time that is left', () => {
  const clock = new VirtualTimeScheduler()
  const drain = ({ extend, pending }: ServiceContext) => {
    clock.schedule(() => extend(12_000), 200)
    clock.schedule(() => pending(2), 400)
    return wait(600, clock)
  }
  const group = serviceGroup('shop', { clock }).add(service('queue', { drain }))
  const out = output()
  log(group, { output: out })
  void group.start()
  clock.flush()
  void group.stop('enough')
  clock.flush()
  expect(out.lines.filter(line => line.includes('draining'))).toEqual([
    '00:00:00.000  shop/queue  draining',
    '00:00:00.000  shop        draining',
    `00:00:00.200  shop/queue  draining   deadline in ${milliseconds(12_000)}`,
    '00:00:00.400  shop/queue  draining   2 pending',
  ])
})

test('on a terminal the phase is coloured, and its name still stands there', () => {
  const { clock, group } = shop()
  const out = output(true)
  log(group, { output: out })
  void group.start()
  clock.flush()
  expect(out.lines[3]).toBe(
    '\u001b[2m00:00:00.020\u001b[22m  shop/queue  \u001b[32mrunning  \u001b[39m  after 20 ms, prefetch 5',
  )
})

test('json gives the events as they are, one a line, and the report last', () => {
  const { clock, group } = shop()
  const out = output()
  const events: unknown[] = []
  group.events$.subscribe(event => events.push(event))
  log(group, { format: 'json', output: out })
  void group.start()
  clock.flush()
  void group.stop()
  clock.flush()
  const told = out.lines.map(line => JSON.parse(line))
  expect(told.slice(0, -1)).toEqual(JSON.parse(JSON.stringify(events)))
  expect(told.at(-1)).toEqual({ kind: 'report', ...JSON.parse(JSON.stringify(group.report)) })
})

test('it ends with the group, and nothing listens any more', () => {
  const { clock, group } = shop()
  const subscription = log(group, { output: output() })
  void group.start()
  clock.flush()
  void group.stop()
  clock.flush()
  expect(subscription.closed).toBe(true)
})

test('the report is a table in start order, with who triggered it, the errors and the critical paths', () => {
  const { clock, group } = shop()
  void group.start()
  clock.flush()
  void group.stop('enough')
  clock.flush()
  expect(formatReport(group.report).split('\n').map(placed)).toEqual([
    '',
    'shop failed in 45 ms: stop(): enough',
    '',
    '  #  service  started  ready in  drained in  stopping  gone in  outcome',
    '  1  queue      +0 ms     20 ms       40 ms    +40 ms     5 ms  stopped',
    '  2  api       +20 ms      1 ms           -    +40 ms     0 ms  failed',
    '',
    '  error 1 shop/api: service "api": stop failed: lost the key [ERR_STOP_FAILED]',
    '          at <this file>',
    '',
    '  critical path of the start: queue → api (21 ms)',
    '  critical path of the stop: api → queue (45 ms)',
    '',
  ])
})

test('the report of a drain that ran out of its time says so', () => {
  const clock = new VirtualTimeScheduler()
  const group = serviceGroup('shop', { clock }).add(service('queue', { drain: () => wait(60, clock) }), {
    drainTimeout: 10,
  })
  void group.start()
  void group.stop()
  clock.flush()
  expect(formatReport(group.report).split('\n').slice(1, 6)).toEqual([
    'shop stopped, not gracefully, in 10 ms: stop() was called',
    '',
    '  #  service  started  ready in  drained in  stopping  gone in  outcome',
    '  1  queue      +0 ms      0 ms       10 ms    +10 ms     0 ms  stopped',
    '     drain timed out',
  ])
})

/** A shop with a worker that dies twice, and what brings it back. */
const flaky = (options: GroupOptions = {}) => {
  const clock = new VirtualTimeScheduler()
  let lives = 0
  const worker = task('worker', () =>
    concat(wait(10, clock), ++lives < 3 ? throwError(() => new Error('no route')) : NEVER),
  )
  const restart = { policy: 'permanent', initialDelay: 100, jitter: 0 } as const
  return { clock, group: serviceGroup('shop', { clock, ...options }).add(worker, { restart }) }
}

test('a restart reads well: what the group says of it, and how often it has started again', () => {
  const { clock, group } = flaky()
  const out = output()
  log(group, { output: out })
  void group.start()
  clock.flush()
  expect(out.lines.map(placed)).toEqual([
    '00:00:00.000  shop         starting',
    '00:00:00.000  shop/worker  starting',
    '00:00:00.000  shop/worker  running    after 0 ms',
    '00:00:00.000  shop         running    after 0 ms',
    '00:00:00.010  shop/worker  backoff    tries again at 00:00:00.110: service "worker": failed: no route [ERR_SERVICE_FAILED] (at <this file>)',
    '00:00:00.010  shop         running    warn: worker: restarting',
    '00:00:00.110  shop/worker  starting   attempt 2',
    '00:00:00.110  shop/worker  running    after 0 ms, restarted once',
    '00:00:00.110  shop         running',
    '00:00:00.120  shop/worker  backoff    tries again at 00:00:00.320: service "worker": failed: no route [ERR_SERVICE_FAILED] (at <this file>)',
    '00:00:00.120  shop         running    warn: worker: restarting',
    '00:00:00.320  shop/worker  starting   attempt 3',
    '00:00:00.320  shop/worker  running    after 0 ms, restarted twice',
    '00:00:00.320  shop         running',
  ])
})

test('a log that begins late knows of the restarts before it', () => {
  const { clock, group } = flaky()
  const out = output()
  void group.start()
  clock.schedule(() => log(group, { output: out }), 200)
  clock.flush()
  expect(out.lines[1]).toBe('00:00:00.320  shop/worker  running    after 0 ms, restarted twice')
})

test('the report says how often a service was restarted, and its last life', () => {
  const { clock, group } = flaky()
  void group.start()
  clock.flush()
  void group.stop('enough')
  clock.flush()
  expect(formatReport(group.report).split('\n').slice(1, 6)).toEqual([
    'shop stopped gracefully in 0 ms: stop(): enough',
    '',
    '  #  service  started  ready in  drained in  stopping  gone in  outcome',
    '  1  worker   +320 ms      0 ms           -     +0 ms     0 ms  stopped',
    '     restarted twice',
  ])
  expect(group.report.services).toMatchObject([{ path: 'shop/worker', restarts: 2 }])
})

test.each([
  [1, 'restarted once'],
  [2, 'restarted twice'],
  [3, 'restarted 3 times'],
])('%d restarts are told as %s', (restarts, told) => {
  const { group } = shop()
  const { services, ...report } = group.report
  const [queue] = services
  expect(formatReport({ ...report, services: [{ ...queue!, restarts }] })).toMatch(
    new RegExp(`still there\\n {5}${told}\\n`),
  )
})

test('figures that go on while a service runs get no line of their own, but come with the next', async () => {
  const clock = new VirtualTimeScheduler()
  let tell: ServiceContext | undefined
  const start = (context: ServiceContext) => {
    tell = context
  }
  const group = serviceGroup('shop', { clock }).add(service('queue', { start }))
  const out = output()
  log(group, { output: out })
  void group.start()
  clock.flush()
  const before = out.lines.length
  tell?.info({ handled: 1, lastProgress: '2026-01-01T00:00:00.000Z' })
  tell?.info({ handled: 2, lastProgress: '2026-01-01T00:00:01.000Z' })
  expect(out.lines.slice(before)).toEqual([])
  tell?.info({ lastFailure: 'out of paper' })
  tell?.setHealth('warn', 'slow')
  expect(out.lines.slice(before)).toEqual([
    '00:00:00.000  shop/queue  running    handled 2, lastProgress 2026-01-01T00:00:01.000Z, lastFailure out of paper',
    '00:00:00.000  shop/queue  running    warn: slow',
    '00:00:00.000  shop        running    warn: queue: slow',
  ])
})

test('counts are told again when a service has ended, and pending tells what is in flight before that', async () => {
  const clock = new VirtualTimeScheduler()
  const queue = service('queue', {
    start: ({ info }) => info({ prefetch: 5 }),
    drain: ({ info, pending }) => {
      info({ inFlight: 3, handled: 7, failed: 1 })
      pending(3)
      info({ inFlight: 0, handled: 9, cut: 1 })
    },
  })
  const group = serviceGroup('shop', { clock }).add(queue)
  const out = output()
  log(group, { output: out })
  void group.start()
  clock.flush()
  const before = out.lines.length
  void group.stop()
  clock.flush()
  expect(out.lines.slice(before).filter(line => line.includes('shop/queue'))).toEqual([
    '00:00:00.000  shop/queue  draining',
    '00:00:00.000  shop/queue  draining   3 pending, cut 1',
    '00:00:00.000  shop/queue  drained    after 0 ms',
    '00:00:00.000  shop/queue  stopping',
    '00:00:00.000  shop/queue  stopped    after 0 ms, handled 9, failed 1',
  ])
})
