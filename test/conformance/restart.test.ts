import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type AddOptions,
  type RestartPolicy,
  type Service,
  ServiceError,
  type ServiceGroup,
  service,
  serviceGroup,
  task,
} from 'rx-service-group'
import { type FakeService, fakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { Observable, throwError, VirtualAction, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { asked, linesOf, plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

/** No chance, and short waits. */
const even = { jitter: 0, initialDelay: 100 } as const

interface Scene {
  readonly time: VirtualTime
  readonly shop: ServiceGroup<'shop', 'db' | 'worker' | 'api'>
  readonly db: FakeService
  readonly worker: FakeService
  readonly api: FakeService
}

/** A worker between two others that have done nothing to deserve its end. */
const scene = (restart: AddOptions['restart'], options: AddOptions = {}): Scene => {
  const { time, shop } = shopUnderVirtualTime()
  const [db, worker, api] = [plain('db'), plain('worker', { clock: time }), plain('api')]
  const group = shop
    .add(db)
    .add(worker, { ...(restart !== undefined && { restart }), ...options })
    .add(api)
  return { time, shop: group, db, worker, api }
}

const ways: Readonly<Record<string, (worker: FakeService) => void>> = {
  'ends well': worker => worker.end(),
  'fails later': worker => worker.die(),
}

/** What becomes of the worker, of the group, and of its health. */
const fates = {
  restarted: [['backoff', 'starting (attempt 2)', 'running'], 'running', 'pass', 2],
  stopped: [['stopped (ended)'], 'running', 'pass', 1],
  'failed, the group goes on': [['failed ERR_SERVICE_FAILED'], 'running', 'warn', 1],
  'failed, the group goes down': [['failed ERR_SERVICE_FAILED'], 'failed', 'fail', 1],
} as const

describe('R2 the matrix: policy x way of ending', () => {
  test.each<[RestartPolicy | undefined, keyof typeof ways, keyof typeof fates]>([
    ['permanent', 'ends well', 'restarted'],
    ['permanent', 'fails later', 'restarted'],
    ['transient', 'ends well', 'stopped'],
    ['transient', 'fails later', 'restarted'],
    ['temporary', 'ends well', 'stopped'],
    ['temporary', 'fails later', 'failed, the group goes on'],
    [undefined, 'ends well', 'stopped'],
    [undefined, 'fails later', 'failed, the group goes down'],
  ])('R2 %s, %s: %s', async (policy, way, fate) => {
    const { time, shop, db, worker, api } = scene(policy)
    await shop.start()
    const trace = recordTrace(shop)
    ways[way]?.(worker)
    await time.advance(500)
    const [lines, phase, health, starts] = fates[fate]
    const told = linesOf(trace.lines, 'shop/worker').map(line => line.replace(/^backoff.*/, 'backoff'))
    expect([told, shop.status.phase, shop.status.health, worker.starts]).toEqual([lines, phase, health, starts])
    const answer = phase === 'running' ? 'pong' : 'no answer'
    expect([db.ping(), api.ping(), db.starts, api.starts]).toEqual([answer, answer, 1, 1])
    const report = await shop.stop()
    expect(report.ok).toBe(fate === 'restarted' || fate === 'stopped')
    expect(time.timers).toBe(0)
  })

  test.each<[RestartPolicy | undefined, boolean]>([
    ['permanent', true],
    ['transient', true],
    ['temporary', false],
    [undefined, false],
  ])('R2 %s, fails to start: tried again is %s', async (policy, again) => {
    const { time, shop, worker } = scene(policy)
    worker.start.will('rejects')
    const started = watch(shop.start())
    await time.settle()
    worker.start.will('returns')
    expect(started.now).toBe(again ? 'pending' : 'rejected')
    await time.advance(500)
    expect([worker.starts, shop.status.phase]).toEqual(again ? [2, 'running'] : [1, 'failed'])
    expect(started.now).toBe(again ? 'resolved' : 'rejected')
    await shop.stop()
  })

  test.each<[RestartPolicy]>([['permanent'], ['transient'], ['temporary']])(
    'R2 %s, asked to end: never restarted, whichever way it ends',
    async policy => {
      for (const stop of ['returns', 'rejects'] as const) {
        const { time, shop, worker } = scene(policy)
        await shop.start()
        worker.stop.will(stop)
        const report = await shop.stop()
        await time.advance(100_000)
        expect([worker.starts, report.ok]).toEqual([1, stop === 'returns'])
      }
    },
  )

  test('R2 a temporary service that has failed is named, and the report tells', async () => {
    const { time, shop, db, api, worker } = scene('temporary')
    await shop.start()
    const trace = recordTrace(shop)
    worker.die(new Error('no route'))
    await time.settle()
    expect(trace.take()).toEqual(['shop/worker failed ERR_SERVICE_FAILED', 'shop running warn "worker failed"'])
    expect([db.ping(), api.ping()]).toEqual(['pong', 'pong'])
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: false, outcome: 'stopped', trigger: { by: 'call' } })
    expect(report.errors).toMatchObject([{ service: 'shop/worker', message: 'service "worker": failed: no route' }])
  })

  test('R2 when only temporary services are left and the last one fails, the group has ended', async () => {
    const { shop } = shopUnderVirtualTime()
    const worker = plain('worker')
    shop.add(worker, { restart: 'temporary' })
    await shop.start()
    worker.die()
    expect(await shop.stop()).toMatchObject({ ok: false, outcome: 'ended', trigger: { by: 'end' } })
  })
})

describe('R3 backoff', () => {
  test('R3 longer each time, up to the cap; a failed restart waits too; a stable run begins anew', async () => {
    const { time, shop, db, worker, api } = scene({ policy: 'transient', ...even, maxDelay: 400, resetAfter: 1_000 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    worker.die()
    await time.advance(50)
    worker.start.will('rejects')
    await time.advance(1_000)
    worker.start.will('returns')
    await time.advance(50)
    expect(worker.ping()).toBe('pong')
    await time.advance(999)
    worker.die()
    await time.advance(1_400)
    worker.die()
    await time.advance(100)
    expect(trace.lines.filter(line => line.includes('shop/worker'))).toEqual([
      '0 shop/worker backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      '100 shop/worker starting (attempt 2)',
      '100 shop/worker backoff (attempt 3 at 300) ERR_START_FAILED',
      '300 shop/worker starting (attempt 3)',
      '300 shop/worker backoff (attempt 4 at 700) ERR_START_FAILED',
      '700 shop/worker starting (attempt 4)',
      '700 shop/worker backoff (attempt 5 at 1100) ERR_START_FAILED',
      '1100 shop/worker starting (attempt 5)',
      '1100 shop/worker running',
      '2099 shop/worker backoff (attempt 6 at 2499) ERR_SERVICE_FAILED',
      '2499 shop/worker starting (attempt 6)',
      '2499 shop/worker running',
      '3499 shop/worker backoff (attempt 2 at 3599) ERR_SERVICE_FAILED',
      '3599 shop/worker starting (attempt 2)',
      '3599 shop/worker running',
    ])
    expect([db.starts, api.starts]).toEqual([1, 1])
  })

  test('R3 the group says who is not there, until it is; dependents run on', async () => {
    const { time, shop, worker, api } = scene({ policy: 'permanent', ...even })
    await shop.start()
    const trace = recordTrace(shop)
    worker.start.will('waits')
    worker.die()
    expect(api.ping()).toBe('pong')
    expect(shop.status.services['shop/worker']?.state).toMatchObject({
      phase: 'backoff',
      attempt: 2,
      retryAt: 100,
      error: { code: 'ERR_SERVICE_FAILED', cause: { message: 'worker died' } },
    })
    await time.advance(100)
    worker.start.succeed()
    await time.settle()
    expect(trace.lines).toEqual([
      'shop/worker backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      'shop running warn "worker: restarting"',
      'shop/worker starting (attempt 2)',
      'shop/worker running',
      'shop running',
    ])
    expect(api.ping()).toBe('pong')
  })

  test('R3 a first start that fails holds up those after it, not the ones before', async () => {
    const { time, shop, db, worker, api } = scene({ policy: 'permanent', ...even })
    worker.start.will('rejects')
    const trace = recordTrace(shop, { times: true })
    const started = watch(shop.start())
    await time.advance(99)
    worker.start.will('returns')
    expect([started.now, db.ping(), api.starts]).toEqual(['pending', 'pong', 0])
    await time.advance(1)
    expect(started.now).toBe('resolved')
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/db starting',
      '0 shop/db running',
      '0 shop/worker starting',
      '0 shop/worker backoff (attempt 2 at 100) ERR_START_FAILED',
      '100 shop/worker starting (attempt 2)',
      '100 shop/worker running',
      '100 shop/api starting',
      '100 shop/api running',
      '100 shop running',
    ])
  })

  test('R3 each attempt has a start deadline of its own', async () => {
    const { time, shop, worker } = scene({ policy: 'permanent', ...even, factor: 1 }, { startTimeout: 30 })
    worker.start.will(40)
    const trace = recordTrace(shop, { times: true })
    const started = watch(shop.start())
    await time.advance(130)
    worker.start.will(20)
    await time.advance(150)
    expect(started.now).toBe('resolved')
    expect(trace.lines.filter(line => line.includes('shop/worker'))).toEqual([
      '0 shop/worker starting',
      '30 shop/worker stopping',
      '30 shop/worker backoff (attempt 2 at 130) ERR_START_TIMEOUT',
      '130 shop/worker starting (attempt 2)',
      '160 shop/worker stopping',
      '160 shop/worker backoff (attempt 3 at 260) ERR_START_TIMEOUT',
      '260 shop/worker starting (attempt 3)',
      '280 shop/worker running',
    ])
  })

  test('R3 a start deadline of the group says who waits to be restarted', async () => {
    const { time, shop } = shopUnderVirtualTime({ startTimeout: 50 })
    shop.add(plain('worker', { start: 'rejects' }), { restart: { policy: 'permanent', ...even } })
    const error = rejectionOf(shop.start())
    await time.advance(50)
    expect(await error).toMatchObject({
      code: 'ERR_START_TIMEOUT',
      message: expect.stringContaining('"worker" waits to be restarted: service "worker": start failed'),
    })
    expect(time.timers).toBe(0)
  })

  test('R3 unless told otherwise, the first wait is 250 to 500 ms', async () => {
    const { time, shop, worker } = scene('permanent')
    await shop.start()
    for (let n = 0; n < 20; n++) {
      worker.die()
      const { state } = shop.status.services['shop/worker']!
      const wait = state.phase === 'backoff' ? state.retryAt - time.now() : 0
      expect(wait).toBeGreaterThanOrEqual(250)
      expect(wait).toBeLessThanOrEqual(500)
      await time.advance(500 + 600_000)
    }
    expect(worker.starts).toBe(21)
  })
})

describe('R4 intensity', () => {
  test('R4 one restart too many brings the group down, naming the culprit and the last cause', async () => {
    const { time, shop, db, worker, api } = scene({ policy: 'permanent', ...even, maxRestarts: 2 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    for (const n of [1, 2, 3]) {
      worker.die(new Error(`cause ${n}`))
      await time.advance(300)
    }
    expect(trace.lines).toEqual([
      '0 shop/worker backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      '0 shop running warn "worker: restarting"',
      '100 shop/worker starting (attempt 2)',
      '100 shop/worker running',
      '100 shop running',
      '300 shop/worker backoff (attempt 3 at 500) ERR_SERVICE_FAILED',
      '300 shop running warn "worker: restarting"',
      '500 shop/worker starting (attempt 3)',
      '500 shop/worker running',
      '500 shop running',
      '600 shop/worker failed ERR_RESTART_LIMIT',
      '600 shop running (leaving) fail "worker failed"',
      '600 shop/api running (leaving)',
      '600 shop/db running (leaving)',
      '600 shop stopping',
      '600 shop/api stopping',
      '600 shop/api stopped',
      '600 shop/db stopping',
      '600 shop/db stopped',
      '600 shop failed ERR_GROUP_FAILED',
    ])
    expect(await shop.stop()).toMatchObject({
      ok: false,
      trigger: { by: 'failure', service: 'shop/worker' },
      errors: [{ code: 'ERR_RESTART_LIMIT', service: 'shop/worker', cause: { cause: { message: 'cause 3' } } }],
    })
    expect([db.starts, worker.starts, api.starts]).toEqual([1, 3, 1])
    expect(time.timers).toBe(0)
  })

  test.each([
    [1_000, 3],
    [999, 4],
  ])('R4 the window is exact: three restarts in 999 ms, two allowed within %d ms', async (period, starts) => {
    const { time, shop, worker } = scene({ policy: 'permanent', initialDelay: 0, maxRestarts: 2, period })
    await shop.start()
    for (const wait of [400, 599, 0]) {
      worker.die()
      await time.advance(wait)
    }
    await time.settle()
    expect(worker.starts).toBe(starts)
  })
})

describe('R6 never two incarnations', () => {
  test('R6 a new one starts only when a slow end is over', async () => {
    const { time, shop } = shopUnderVirtualTime()
    let inner: ((how: 'stopped' | 'complete') => void) | undefined
    let open = 0
    const slow: Service = {
      name: 'slow',
      lifecycle: () =>
        new Observable(out => {
          open++
          out.next({ phase: 'running', health: 'pass' })
          inner = how => (how === 'stopped' ? out.next({ phase: 'stopped', how: 'ended' }) : out.complete())
          return () => open--
        }),
    }
    shop.add(slow, { restart: { policy: 'permanent', ...even } })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    inner?.('stopped')
    await time.advance(1_000)
    expect([trace.take(), open]).toEqual([[], 1])
    inner?.('complete')
    expect(open).toBe(0)
    await time.advance(100)
    expect(open).toBe(1)
    expect(trace.take().filter(line => line.includes('shop/slow'))).toEqual([
      '1000 shop/slow backoff (attempt 2 at 1100) service "slow" ended',
      '1100 shop/slow starting (attempt 2)',
      '1100 shop/slow running',
    ])
  })

  test('R6 a start that is abandoned is given up with its group, which says why', async () => {
    const { time, shop, worker } = scene({ policy: 'permanent', ...even }, { startTimeout: 30, stopTimeout: 20 })
    worker.start.will('hangs')
    const trace = recordTrace(shop, { times: true })
    const error = rejectionOf(shop.start())
    await time.advance(100_000)
    expect(await error).toMatchObject({ code: 'ERR_GROUP_FAILED', service: 'shop/worker' })
    expect(
      linesOf(
        trace.lines.map(line => line.replace(/^\d+ /, '')),
        'shop/worker',
      ),
    ).toEqual(['starting', 'stopping', 'stopped (abandoned) ERR_ABANDONED'])
    const { state } = shop.status.services['shop/worker']!
    expect(state).toMatchObject({
      error: { message: expect.stringMatching(/was abandoned; .*; it is not restarted, because it may still run$/) },
    })
    expect([worker.starts, time.timers]).toEqual([1, 0])
  })

  test('R6 one that says it left its own code running is given up with its group', async () => {
    const { time, shop, worker } = scene({ policy: 'permanent', ...even })
    await shop.start()
    worker.info({ abandoned: 1 })
    worker.die(new Error('no route'))
    await time.advance(100_000)
    const { errors } = await shop.stop()
    expect(errors).toMatchObject([
      {
        code: 'ERR_ABANDONED',
        service: 'shop/worker',
        message: expect.stringMatching(
          /^service "worker": not restarted, because it left a call running; last error: .*no route$/,
        ),
        cause: { code: 'ERR_SERVICE_FAILED' },
      },
    ])
    expect(worker.starts).toBe(1)
  })
})

describe('R6 fail() while its main still runs', () => {
  /** A task that dies at 10; how many of its mains are at work, and the most there ever were. */
  const dying = (time: VirtualTime, main: (signal: AbortSignal) => Promise<unknown>) => {
    const mains = { at: 0, most: 0, begun: 0 }
    const worker = task('worker', async ({ signal, fail }) => {
      mains.begun++
      mains.most = Math.max(mains.most, ++mains.at)
      if (mains.begun === 1) time.schedule(() => fail(new Error('lost the connection')), 10)
      await main(signal)
      mains.at--
    })
    return { mains, worker }
  }

  test('R6 one that gives up when it is told to is gone before the next begins, even without a wait', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mains, worker } = dying(time, signal => new Promise(resolve => signal.addEventListener('abort', resolve)))
    shop.add(worker, { restart: { policy: 'permanent', initialDelay: 0 } })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    await time.advance(1_000)
    expect([mains.begun, mains.at, mains.most]).toEqual([2, 1, 1])
    expect(trace.lines.slice(4).filter(line => line.includes('shop/worker'))).toEqual([
      '10 shop/worker backoff (attempt 2 at 10) ERR_SERVICE_FAILED',
      '10 shop/worker starting (attempt 2)',
      '10 shop/worker running',
    ])
    await shop.stop()
    expect([mains.at, time.timers]).toEqual([0, 0])
  })

  test('R6 one that runs on all the same has no second beside it: it is given up with its group', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mains, worker } = dying(time, () => new Promise(() => undefined))
    shop.add(worker, { restart: { policy: 'permanent', ...even } })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    await time.advance(100_000)
    expect([mains.begun, mains.at]).toEqual([1, 1])
    expect(trace.lines.slice(4)).toEqual([
      '10 shop/worker running {abandoned: 1}',
      '10 shop/worker failed ERR_ABANDONED {abandoned: 1}',
      '10 shop running (leaving) fail "worker failed"',
      '10 shop stopping',
      '10 shop failed ERR_GROUP_FAILED',
    ])
    expect((await shop.stop()).errors).toMatchObject([
      { code: 'ERR_ABANDONED', service: 'shop/worker', cause: { code: 'ERR_SERVICE_FAILED' } },
    ])
    expect(time.timers).toBe(0)
  })
})

describe('R7 stop during backoff', () => {
  test('R7 wins at once: no other incarnation, no stop hook, no timer', async () => {
    const { time, shop, worker } = scene({ policy: 'permanent', ...even })
    await shop.start()
    worker.die()
    await time.advance(50)
    const trace = recordTrace(shop, { times: true })
    const report = await shop.stop()
    expect(trace.lines).toEqual([
      '50 shop running (leaving) warn "worker: restarting"',
      '50 shop/api running (leaving)',
      '50 shop/worker stopped',
      '50 shop running (leaving)',
      '50 shop/db running (leaving)',
      '50 shop stopping',
      '50 shop/api stopping',
      '50 shop/api stopped',
      '50 shop/db stopping',
      '50 shop/db stopped',
      '50 shop stopped',
    ])
    expect(report).toMatchObject({ ok: false, outcome: 'stopped', services: [{}, { down: true }, {}] })
    expect([asked(worker), time.timers]).toEqual([['start'], 0])
  })

  test('R7 also while the group is still starting', async () => {
    const { time, shop, worker, api } = scene({ policy: 'permanent', ...even })
    worker.start.will('rejects')
    const error = rejectionOf(shop.start())
    await time.advance(50)
    const report = await shop.stop()
    expect(await error).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
    expect(report.services.map(({ path, outcome }) => `${path} ${outcome}`)).toEqual([
      'shop/db stopped',
      'shop/worker stopped',
      'shop/api never started',
    ])
    expect([worker.starts, api.starts, time.timers]).toEqual([1, 0, 0])
  })

  test('R7 another that fails meanwhile takes it along', async () => {
    const { time, shop, db, worker } = scene({ policy: 'permanent', ...even })
    await shop.start()
    worker.die()
    const trace = recordTrace(shop)
    db.die()
    await time.advance(100_000)
    expect(shop.status.phase).toBe('failed')
    expect(linesOf(trace.lines, 'shop/worker')).toEqual(['stopped'])
    expect([worker.starts, time.timers]).toEqual([1, 0])
  })

  test('R7 a second incarnation is stopped like a first', async () => {
    const { time, shop, worker } = scene({ policy: 'permanent', ...even }, { stopTimeout: 30 })
    await shop.start()
    worker.die()
    await time.advance(100)
    worker.stop.will('hangs')
    const stopping = shop.stop()
    await time.advance(30 + 1_000)
    expect((await stopping).services.find(({ path }) => path === 'shop/worker')).toMatchObject({
      outcome: 'abandoned',
      timedOut: ['stop'],
    })
    expect([worker.starts, time.timers]).toEqual([2, 0])
  })
})

test.each([
  ['AbortError', () => new DOMException('not ours', 'AbortError')],
  ['TimeoutError', () => new DOMException('not ours', 'TimeoutError')],
  ['ERR_ABANDONED of another', () => new ServiceError('ERR_ABANDONED', 'other', 'not ours')],
])('R9 a foreign %s is a failure, and is restarted', async (_, foreign) => {
  const { time, shop } = shopUnderVirtualTime()
  let lives = 0
  const worker = task('worker', ({ signal }) => {
    if (++lives === 1) return Promise.reject(foreign())
    return new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
  })
  shop.add(worker, { restart: { policy: 'transient', ...even } })
  const trace = recordTrace(shop)
  await shop.start()
  await time.advance(100)
  expect(linesOf(trace.lines, 'shop/worker')).toEqual([
    'starting',
    'running',
    'backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
    'starting (attempt 2)',
    'running',
  ])
  expect(await shop.stop()).toMatchObject({ ok: true })
})

test.each(['unready', 'drain', 'stop'] as const)(
  'T12 a crash during shutdown, at %s, is recorded, never restarted, never blocks',
  async hook => {
    const { time, shop } = shopUnderVirtualTime({ drainDelay: 10 })
    const worker = fakeService('worker', { [hook]: 'waits' })
    shop.add(plain('db')).add(worker, { restart: { policy: 'permanent', ...even } })
    await shop.start()
    const stopping = shop.stop()
    await time.advance(hook === 'unready' ? 9 : 10)
    worker.die(new Error('no route'))
    await time.advance(100_000)
    const report = await stopping
    expect(report.errors).toMatchObject([{ code: 'ERR_SERVICE_FAILED', service: 'shop/worker' }])
    expect([worker.starts, shop.status.phase, time.timers]).toEqual([1, 'failed', 0])
  },
)

describe('T16 after each restart nothing is left', () => {
  test('T16 no timer, and no listener of the one that is gone', async () => {
    const { time, shop, worker } = scene({ policy: 'permanent', ...even, factor: 1, maxRestarts: Infinity })
    await shop.start()
    for (let n = 1; n <= 50; n++) {
      if (n % 3 === 0) worker.end()
      else worker.die()
      expect([time.timers, worker.alive]).toEqual([1, false])
      await time.advance(100)
      expect([time.timers, worker.alive, worker.starts]).toEqual([0, true, n + 1])
    }
    await shop.stop()
    expect(time.timers).toBe(0)
  })

  test('T16 a hundred thousand restarts leave no trace in memory', { timeout: 60_000 }, () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = (): number => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const clock = new VirtualTimeScheduler(VirtualAction)
    const sizes: number[] = []
    let lives = 0
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    const dying = service('dying', {
      start: ({ fail }) => {
        if (++lives % 50_000 === 1) sizes.push(used())
        if (lives <= 150_000) fail(new Error(`life ${lives}`))
      },
    })
    const group = serviceGroup('shop', { clock }).add(dying, {
      restart: { policy: 'permanent', initialDelay: 1, factor: 1, jitter: 0, maxRestarts: 50, period: 50 },
    })
    void group.start()
    clock.flush()
    Error.stackTraceLimit = limit
    expect([lives, group.status.phase]).toEqual([150_001, 'running'])
    const [, first, , last] = sizes as [number, number, number, number]
    expect(last - first).toBeLessThan(1_000_000)
    void group.stop()
    expect(clock.actions).toEqual([])
  })
})

test.each<[unknown, string, string]>([
  [
    'always',
    'ERR_INVALID_OPTION',
    'service "worker": restart must be "permanent", "transient" or "temporary", got "always"',
  ],
  [null, 'ERR_INVALID_OPTION', 'service "worker": restart must be "permanent", "transient" or "temporary", got null'],
  [
    {},
    'ERR_INVALID_OPTION',
    'service "worker": restart.policy must be "permanent", "transient" or "temporary", got undefined',
  ],
  [{ factor: 0.5 }, 'ERR_INVALID_OPTION', 'service "worker": restart.factor must be a number >= 1, got 0.5'],
  [{ factor: Number.NaN }, 'ERR_INVALID_OPTION', 'service "worker": restart.factor must be a number >= 1, got NaN'],
  [{ jitter: 1.1 }, 'ERR_INVALID_OPTION', 'service "worker": restart.jitter must be 0 to 1, got 1.1'],
  [
    { maxRestarts: 1.5 },
    'ERR_INVALID_OPTION',
    'service "worker": restart.maxRestarts must be a whole number >= 0, or Infinity, got 1.5',
  ],
  ...(['initialDelay', 'maxDelay', 'resetAfter', 'period'] as const).map((option): [unknown, string, string] => [
    { [option]: -1 },
    'ERR_INVALID_DURATION',
    `service "worker": restart.${option} must be a number of milliseconds >= 0, got -1`,
  ]),
])('restart: %j is refused at once', (given, code, message) => {
  const options = typeof given === 'object' && given !== null && Object.keys(given).length > 0
  const restart = (options ? { policy: 'permanent', ...given } : given) as 'permanent'
  const { shop } = shopUnderVirtualTime()
  expect(() => shop.add(plain('worker'), { restart })).toThrow(expect.objectContaining({ code, message }))
  expect(shop.size).toBe(0)
})

test('R10 inside a nested group a restart is seen outside, and heals inside', async () => {
  const { time, shop } = shopUnderVirtualTime()
  const worker = plain('worker')
  const inner = serviceGroup('inner', { clock: time }).add(worker, { restart: { policy: 'permanent', ...even } })
  shop.add(inner)
  await shop.start()
  const trace = recordTrace(shop)
  worker.die()
  await time.advance(100)
  expect(trace.lines).toEqual([
    'shop/inner/worker backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
    'shop/inner running warn "worker: restarting"',
    'shop running warn "inner: worker: restarting"',
    'shop/inner/worker starting (attempt 2)',
    'shop/inner/worker running',
    'shop/inner running',
    'shop running',
  ])
  await shop.stop()
  expect(time.timers).toBe(0)
})

test('V1 a service that fails in its start at once, while a listener asks the group to stop', async () => {
  const { time, shop } = shopUnderVirtualTime()
  shop.add(service('worker', { start: () => throwError(() => new Error('no')) }), { restart: 'permanent' })
  const trace = recordTrace(shop)
  shop.status$.subscribe(({ services }) => {
    if (services['shop/worker']?.state.phase === 'backoff') void shop.stop()
  })
  expect(await rejectionOf(shop.start())).toMatchObject({ code: 'ERR_GROUP_STOPPED' })
  expect(linesOf(trace.lines, 'shop/worker').map(line => line.split(' ')[0])).toEqual([
    'starting',
    'backoff',
    'stopped',
  ])
  expect(time.timers).toBe(0)
})
