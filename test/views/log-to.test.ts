import { type Clock, service, serviceGroup, task } from 'rx-service-group'
import { type LogFunction, type Logger, log } from 'rx-service-group/log'
import { delay, map, of, VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'

type Call = readonly [level: string, ...args: unknown[]]

const levels = ['info', 'warn', 'error'] as const

/** A logger that keeps its calls, with further members by which the real one is known. */
const logger = (members: object = {}) => {
  const calls: Call[] = []
  class Kept {
    readonly calls = calls
    info(...args: unknown[]) {
      this.calls.push(['info', ...args])
    }
    warn(...args: unknown[]) {
      this.calls.push(['warn', ...args])
    }
    error(...args: unknown[]) {
      this.calls.push(['error', ...args])
    }
  }
  return Object.assign(new Kept(), members)
}

const PINO = { child: () => {}, bindings: () => {}, setBindings: () => {} }
const BUNYAN = { child: () => {}, addStream: () => {}, addSerializers: () => {} }
const WINSTON = { transports: [], configure: () => {}, log: () => {} }

/** A shop whose worker fails twice: it is tried again once, and then takes the group down. */
const logged = (to: Logger | LogFunction) => {
  const clock: Clock & VirtualTimeScheduler = new VirtualTimeScheduler()
  const dies = () =>
    of(0).pipe(
      delay(10, clock),
      map(() => {
        throw new Error('connection reset')
      }),
    )
  const group = serviceGroup('shop', { clock })
    .add(service('db', { start: ({ info, setHealth }) => [info({ port: 5432 }), setHealth('warn', 'slow disk')] }))
    .add(task('worker', dies), { restart: { policy: 'permanent', maxRestarts: 1, initialDelay: 5, jitter: 0 } })
  log(group, { to })
  group.start().catch(() => {})
  clock.flush()
}

const summary = (calls: readonly Call[]) =>
  calls.map(([level, ...args]) => `${level} ${args.find(arg => typeof arg === 'string')}`)

test('a line for each transition comes by its level: what failed as error, what is not well as warn', () => {
  const to = logger()
  logged(to)
  expect(summary(to.calls).map(line => line.replace(/ (at \d|service "worker").*/, ' ...'))).toEqual([
    'info shop starting',
    'info shop/db starting',
    'warn shop/db running: after 0 ms, warn: slow disk, port 5432',
    'info shop/worker starting',
    'info shop/worker running: after 0 ms',
    'warn shop running: after 0 ms, warn: db: slow disk',
    'warn shop/worker backoff: tries again ...',
    'warn shop running: warn: db: slow disk (and 1 more)',
    'info shop/worker starting: attempt 2',
    'info shop/worker running: after 0 ms, restarted once',
    'warn shop running: warn: db: slow disk',
    'error shop/worker failed: ...',
    'error shop leaving: shop/worker failed, fail: worker failed (and 1 more)',
    'info shop stopping',
    'info shop/db stopping',
    'info shop/db stopped: after 0 ms',
    'error shop failed: because of shop/worker',
  ])
})

test.each([
  ['pino', PINO],
  ['bunyan', BUNYAN],
])('%s gets the fields first, with the error as err', (_, members) => {
  const to = logger(members)
  logged(to)
  const [level, fields, message] = to.calls.find(([level]) => level === 'error')!
  expect([level, message]).toEqual(['error', expect.stringMatching(/^shop\/worker failed: .*connection reset/)])
  expect(fields).toMatchObject({ service: 'shop/worker', phase: 'failed', err: { code: 'ERR_RESTART_LIMIT' } })
  expect(fields).not.toHaveProperty('error')
  expect(to.calls.every(call => typeof call[1] === 'object' && typeof call[2] === 'string')).toBe(true)
})

test('winston gets the message first, and then the fields', () => {
  const to = logger(WINSTON)
  logged(to)
  expect(to.calls.every(call => typeof call[1] === 'string' && typeof call[2] === 'object')).toBe(true)
  expect(to.calls.find(([, , fields]) => (fields as { service: string }).service === 'shop/db')?.[2]).toEqual({
    service: 'shop/db',
    phase: 'starting',
    attempt: 1,
  })
})

test('any other logger gets the message alone, and a function gets all three', () => {
  const to = logger()
  logged(to)
  expect(to.calls.every(call => call.length === 2)).toBe(true)
  const calls: unknown[][] = []
  logged((...all) => calls.push(all))
  expect(calls.length).toBe(to.calls.length)
  expect(calls[0]).toEqual(['info', 'shop starting', { service: 'shop', phase: 'starting', attempt: 1 }])
})

test('a logger that is none, or comes with a format, is refused', () => {
  const group = serviceGroup('shop')
  for (const to of [{}, 'console', null, { info: () => {} }])
    expect(() => log(group, { to: to as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }))
  expect(() => log(group, { to: console, format: 'json' })).toThrow(/leave out format and output/)
  expect(levels.every(level => typeof console[level] === 'function')).toBe(true)
})
