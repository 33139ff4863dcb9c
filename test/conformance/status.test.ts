import {
  canFollow,
  type ErrorInfo,
  foldStatus,
  type GroupEvent,
  type GroupStatus,
  job,
  type Phase,
  type Service,
  type ServiceContext,
  service,
  serviceGroup,
  task,
  transitions,
} from 'rx-service-group'
import { describeState, type FakeService, fakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { asked, linesOf, outcomes, plain, rejectionOf, shopUnderVirtualTime, uncaughtDuring } from './setup.ts'

type Shop = ReturnType<typeof shopUnderVirtualTime>['shop']

interface Life {
  readonly way: string
  readonly service: (time: VirtualTime) => Service
  /** What happens after start() was called. */
  readonly script: (fake: FakeService, shop: Shop, time: VirtualTime) => unknown
  readonly states: readonly string[]
}

const whenRunning = (act: (fake: FakeService) => void) => async (fake: FakeService, _: Shop, time: VirtualTime) => {
  await time.settle()
  act(fake)
}
const untilItEnds = (_: FakeService, __: Shop, time: VirtualTime): Promise<void> => time.settle()
const stop = async (_: FakeService, shop: Shop, time: VirtualTime): Promise<void> => {
  await time.settle()
  void shop.stop()
  await time.advance(100_000)
}
const stopThen = (act: (fake: FakeService) => void) => async (fake: FakeService, shop: Shop, time: VirtualTime) => {
  void shop.stop()
  await time.settle()
  act(fake)
}
const LEAVING = 'running (leaving)'

const lives: readonly Life[] = [
  {
    way: 'all goes well',
    service: () => fakeService('db'),
    script: stop,
    states: ['starting', 'running', LEAVING, 'draining', 'drained', 'stopping', 'stopped'],
  },
  {
    way: 'all goes well, asynchronously',
    service: clock => fakeService('db', { otherwise: 10, clock }),
    script: async (fake, shop, time) => {
      await time.advance(10)
      await stop(fake, shop, time)
    },
    states: ['starting', 'running', LEAVING, 'draining', 'drained', 'stopping', 'stopped'],
  },
  {
    way: 'nothing to drain',
    service: () => plain('db'),
    script: stop,
    states: ['starting', 'running', LEAVING, 'stopping', 'stopped'],
  },
  {
    way: 'start fails',
    service: () => plain('db', { start: 'rejects' }),
    script: untilItEnds,
    states: ['starting', 'failed ERR_START_FAILED'],
  },
  {
    way: 'start takes too long and heeds its signal',
    service: () => plain('db', { start: 'waits' }),
    script: (_, __, time) => time.advance(30_000),
    states: ['starting', 'stopping', 'failed ERR_START_TIMEOUT'],
  },
  {
    way: 'start takes too long and ignores its signal',
    service: () => plain('db', { start: 'hangs' }),
    script: (_, __, time) => time.advance(41_000),
    states: ['starting', 'stopping', 'stopped (abandoned) ERR_ABANDONED'],
  },
  {
    way: 'stopped in start',
    service: () => plain('db', { start: 'waits' }),
    script: stop,
    states: ['starting', 'stopping', 'stopped'],
  },
  {
    way: 'stopped in start, which succeeds all the same',
    service: () => fakeService('db', { start: 'hangs' }),
    script: stopThen(fake => fake.start.succeed()),
    states: ['starting', 'stopping', 'stopped'],
  },
  {
    way: 'stopped in start, which fails',
    service: () => plain('db', { start: 'hangs' }),
    script: stopThen(fake => fake.start.fail()),
    states: ['starting', 'stopping', 'failed ERR_START_FAILED'],
  },
  {
    way: 'stopped in start, which succeeds, and the stop fails',
    service: () => plain('db', { start: 'hangs', stop: 'throws' }),
    script: stopThen(fake => fake.start.succeed()),
    states: ['starting', 'stopping', 'failed ERR_STOP_FAILED'],
  },
  {
    way: 'run fails',
    service: () => plain('db'),
    script: whenRunning(fake => fake.die()),
    states: ['starting', 'running', 'failed ERR_SERVICE_FAILED'],
  },
  {
    way: 'stop fails',
    service: () => plain('db', { stop: 'throws' }),
    script: stop,
    states: ['starting', 'running', LEAVING, 'stopping', 'failed ERR_STOP_FAILED'],
  },
  {
    way: 'drain and stop both fail',
    service: () => fakeService('db', { drain: 'throws', stop: 'rejects' }),
    script: stop,
    states: ['starting', 'running', LEAVING, 'draining', 'drained', 'stopping', 'failed ERR_DRAIN_FAILED'],
  },
  {
    way: 'drain takes too long',
    service: () => fakeService('db', { drain: 'waits', stop: 'resolves' }),
    script: stop,
    states: ['starting', 'running', LEAVING, 'draining', 'drained (timed out)', 'stopping', 'stopped'],
  },
  {
    way: 'stop takes too long',
    service: () => plain('db', { stop: 'waits' }),
    script: stop,
    states: ['starting', 'running', LEAVING, 'stopping', 'stopped (forced) ERR_STOP_TIMEOUT'],
  },
  {
    way: 'stop takes too long, and fails when forced',
    service: () => plain('db', { stop: 'hangs', force: 'throws' }),
    script: async (fake, shop, time) => {
      await time.settle()
      void shop.stop()
      await time.advance(10_000)
      fake.stop.succeed()
    },
    states: ['starting', 'running', LEAVING, 'stopping', 'failed ERR_STOP_TIMEOUT'],
  },
  {
    way: 'stop never ends',
    service: () => plain('db', { stop: 'hangs' }),
    script: stop,
    states: ['starting', 'running', LEAVING, 'stopping', 'stopped (abandoned) ERR_ABANDONED'],
  },
  {
    way: 'ends by itself',
    service: () => plain('db'),
    script: whenRunning(fake => fake.end()),
    states: ['starting', 'running', 'stopped (ended)'],
  },
  {
    way: 'a job that ends well',
    service: () => job('db', () => undefined),
    script: untilItEnds,
    states: ['starting', 'stopped (ended)'],
  },
  {
    way: 'a job that fails',
    service: () => job('db', () => Promise.reject(new Error('no'))),
    script: untilItEnds,
    states: ['starting', 'failed ERR_START_FAILED'],
  },
  {
    way: 'a job that is stopped, and ends well all the same',
    service: () => job('db', () => Promise.resolve()),
    script: (_, shop) => shop.stop(),
    states: ['starting', 'stopping', 'stopped'],
  },
  {
    way: 'a task that ends well',
    service: () => task('db', () => Promise.resolve()),
    script: untilItEnds,
    states: ['starting', 'running', 'stopped (ended)'],
  },
  {
    way: 'a task that fails',
    service: () => task('db', () => Promise.reject(new Error('no'))),
    script: untilItEnds,
    states: ['starting', 'running', 'failed ERR_SERVICE_FAILED'],
  },
  {
    way: 'a task that is stopped',
    service: () => task('db', ({ signal }) => new Promise(resolve => signal.addEventListener('abort', resolve))),
    script: stop,
    states: ['starting', 'running', LEAVING, 'stopping', 'stopped'],
  },
  {
    way: 'a task that throws its abort when it is stopped',
    service: () =>
      task(
        'db',
        ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
      ),
    script: stop,
    states: ['starting', 'running', LEAVING, 'stopping', 'stopped'],
  },
  {
    way: 'a task that ignores its signal',
    service: () => task('db', () => new Promise(() => undefined)),
    script: stop,
    states: ['starting', 'running', LEAVING, 'stopping', 'stopped (abandoned) ERR_ABANDONED'],
  },
]

describe('phases', () => {
  test.each(lives.map(life => [life.way, life] as const))('V1 the states of a service when %s', async (_, life) => {
    const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: Infinity })
    const service = life.service(time)
    shop.add(service)
    const trace = recordTrace(shop)
    shop.start().catch(() => undefined)
    await life.script(service as FakeService, shop, time)
    await shop.stop()
    expect(linesOf(trace.lines, 'shop/db')).toEqual(life.states)
    expect(trace.completed).toBe(true)
    expect(time.timers).toBe(0)
  })

  test('V1 both fail: what ran and what stops are two errors, the first cause first', async () => {
    const { shop } = shopUnderVirtualTime()
    const api = plain('api')
    shop.add(plain('db', { stop: 'throws' })).add(api)
    await shop.start()
    api.die(new Error('first'))
    const report = await shop.stop()
    expect(report.errors.map(({ service, code }) => [service, code])).toEqual([
      ['shop/api', 'ERR_SERVICE_FAILED'],
      ['shop/db', 'ERR_STOP_FAILED'],
    ])
  })

  test('V1 errors of one service that came together are kept, the first cause first', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(fakeService('db', { drain: 'throws', stop: 'rejects', unready: 'throws' }))
    await shop.start()
    const { errors } = await shop.stop()
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({
      code: 'ERR_UNREADY_FAILED',
      message: 'service "db": unready failed: db: unready failed (then: 2 more errors)',
      cause: { message: 'db: unready failed' },
    })
    expect(errors[0]?.errors?.map(({ code }) => code)).toEqual([
      'ERR_UNREADY_FAILED',
      'ERR_DRAIN_FAILED',
      'ERR_STOP_FAILED',
    ])
  })

  test('V1 what can follow what is one table, and nothing follows the end', () => {
    for (const [from, list] of Object.entries(transitions) as [Phase, readonly Phase[]][])
      for (const to of Object.keys(transitions) as Phase[]) expect(canFollow(from, to)).toBe(list.includes(to))
    expect([transitions.stopped, transitions.failed]).toEqual([[], []])
  })
})

const numbers = (events: readonly GroupEvent[]): readonly number[] => events.map(({ seq }) => seq)
const from = (first: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => first + i)

describe('late and re-entrant listeners', () => {
  test('V2 whoever subscribes, whenever, gets one snapshot, then each change once, in order', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const mailer = fakeService('mailer', { otherwise: 'resolves' })
    shop
      .add(fakeService('db', { otherwise: 'resolves' }))
      .add(serviceGroup('workers', { clock: time }).add(mailer).add(plain('printer')))
      .add(plain('api'))
    const streams: GroupEvent[][] = []
    const ends: GroupStatus[] = []
    const listen = (depth: number): void => {
      const events: GroupEvent[] = []
      let status: GroupStatus | undefined
      streams.push(events)
      shop.events$.subscribe({
        next: event => {
          events.push(event)
          status = foldStatus(status, event)
          // Again at every event, from inside the callback.
          if (depth === 0) listen(1)
        },
        complete: () => ends.push(status!),
      })
    }
    listen(0)
    await shop.start()
    mailer.setHealth('warn', 'slow')
    await shop.stop()

    const last = shop.status.seq
    expect(streams).toHaveLength(streams[0]!.length + 1)
    expect(streams.length).toBeGreaterThan(40)
    for (const events of streams) {
      const [snapshot, ...changes] = events
      expect(snapshot?.kind).toBe('snapshot')
      expect(changes.every(({ kind }) => kind !== 'snapshot')).toBe(true)
      expect(numbers(events)).toEqual(from(snapshot!.seq, last - snapshot!.seq + 1))
    }
    expect(ends).toHaveLength(streams.length)
    for (const status of ends) {
      expect(status.seq).toBe(last)
      expect(status.services).toEqual(shop.status.services)
    }
  })

  test('V2 events that a listener causes reach the others after the event it heard, in order', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db).add(plain('api'))
    const heard: (readonly number[])[] = []
    const record = (): void => {
      const events: GroupEvent[] = []
      shop.events$.subscribe({ next: event => events.push(event), complete: () => heard.push(numbers(events)) })
    }
    record()
    let times = 0
    shop.events$.subscribe(event => {
      if (event.kind !== 'transition' || event.path !== 'shop/db' || event.state.phase !== 'running') return
      if (times++ < 3) db.setHealth('warn', `round ${times}`)
    })
    record()
    const trace = recordTrace(shop)
    await shop.start()
    await shop.stop()
    expect(linesOf(trace.lines, 'shop/db')).toEqual([
      'starting',
      'running',
      'running warn "round 1"',
      'running warn "round 2"',
      'running warn "round 3"',
      'running (leaving) warn "round 3"',
      'stopping',
      'stopped',
    ])
    expect(heard).toHaveLength(2)
    for (const seqs of heard) expect(seqs).toEqual(from(seqs[0]!, seqs.length))
  })

  test('V2 status$ starts with what is true now, and tells each change once', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db'))
    await shop.start()
    const statuses: GroupStatus[] = []
    let completed = false
    shop.status$.subscribe({ next: status => statuses.push(status), complete: () => (completed = true) })
    expect(statuses).toEqual([shop.status])
    await shop.stop()
    expect(statuses.map(({ seq }) => seq)).toEqual(from(statuses[0]!.seq, 7))
    expect(
      statuses.map(({ services }) => services['shop/db']?.state).map(state => state && describeState(state)),
    ).toEqual(['running', 'running', 'running (leaving)', 'running (leaving)', 'stopping', 'stopped', 'stopped'])
    expect(completed).toBe(true)
  })

  test('V2 particulars within a phase are told ten times a second at most, the first and the last exactly', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = fakeService('db', { drain: 'waits' })
    shop.add(db)
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stopped = shop.stop()
    for (let pending = 100; pending > 0; pending--) {
      db.pending(pending)
      await time.advance(3)
    }
    db.pending(0)
    db.drain.succeed()
    await stopped
    expect(trace.lines.filter(line => line.includes('pending'))).toEqual([
      '0 shop/db draining (100 pending)',
      '100 shop/db draining (67 pending)',
      '200 shop/db draining (34 pending)',
      '300 shop/db draining (1 pending)',
      '300 shop/db draining (0 pending)',
    ])
  })

  test('V3 state changes before listeners hear of it', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db')).add(plain('api'))
    const wrong: number[] = []
    shop.events$.subscribe(event => {
      if (shop.status.seq < event.seq) wrong.push(event.seq)
      if (event.kind === 'transition' && event.path === 'shop/db' && event.state.phase === 'running')
        expect(shop.status.services['shop/db']?.state.phase).toBe('running')
    })
    await shop.start()
    await shop.stop()
    expect(wrong).toEqual([])
  })

  test('V3 a listener that throws, or never settles, harms no other listener and no service', async () => {
    const { shop } = shopUnderVirtualTime()
    const fakes = [fakeService('db'), fakeService('api')]
    for (const fake of fakes) shop.add(fake)
    const before = recordTrace(shop)
    let thrown = 0
    const throwing = (): void => {
      thrown++
      throw new Error('a bad dashboard')
    }
    shop.events$.subscribe(throwing)
    shop.status$.subscribe(throwing)
    shop.health$.subscribe(throwing)
    shop.events$.subscribe(() => new Promise(() => undefined))
    const after = recordTrace(shop)
    const uncaught = await uncaughtDuring(async () => {
      await shop.start()
      expect(await shop.stop()).toMatchObject({ ok: true })
    })
    expect(thrown).toBeGreaterThan(20)
    expect(uncaught).toHaveLength(thrown)
    expect(before.lines).toEqual(after.lines)
    expect(before.lines.at(-1)).toBe('shop stopped')
    expect([before.completed, after.completed]).toEqual([true, true])
    expect(fakes.map(asked)).toEqual(fakes.map(() => ['start', 'unready', 'drain', 'stop']))
  })

  test('V3 a listener that leaves inside its callback hears nothing more', async () => {
    const { shop } = shopUnderVirtualTime()
    shop.add(plain('db'))
    let heard = 0
    const subscription = shop.events$.subscribe(event => {
      heard++
      if (event.seq === 3) subscription.unsubscribe()
    })
    await shop.start()
    await shop.stop()
    expect(heard).toBe(3)
  })

  test('V4 terminal is terminal: the streams complete, and a late listener gets the end and completes', async () => {
    const { shop } = shopUnderVirtualTime()
    let kept: ServiceContext | undefined
    shop.add(
      service('db', {
        start: context => {
          kept = context
        },
      }),
    )
    await shop.start()
    await shop.stop()
    const end = shop.status
    const late: unknown[] = []
    shop.status$.subscribe({ next: status => late.push(status), complete: () => late.push('complete') })
    expect(late).toEqual([end, 'complete'])
    const events = recordTrace(shop)
    expect([events.events.map(({ kind }) => kind), events.completed]).toEqual([['snapshot'], true])
    const health: unknown[] = []
    shop.health$.subscribe({ next: value => health.push(value), complete: () => health.push('complete') })
    expect(health).toEqual([
      { health: 'pass', ready: false, reasons: [{ path: 'shop', phase: 'stopped' }] },
      'complete',
    ])
    // A hook that kept its context can't bring anything back to life.
    kept?.setHealth('fail')
    kept?.pending(3)
    kept?.info({ late: true })
    kept?.fail(new Error('too late'))
    expect(shop.status).toBe(end)
  })

  test('V4 a status that someone keeps never changes, across thousands of transitions', async () => {
    const { shop } = shopUnderVirtualTime()
    const fakes = Array.from({ length: 20 }, (_, i) => plain(`s${i}`))
    for (const fake of fakes) shop.add(fake)
    await shop.start()
    // Each is told by its JSON at once, or read for the first time only at the end.
    const told: { readonly status: GroupStatus; readonly json: string }[] = []
    const unread: { readonly status: GroupStatus; readonly path: string; readonly detail: string }[] = []
    for (let round = 0; round < 10_000; round++) {
      const fake = fakes[(round * 7) % fakes.length]!
      fake.setHealth('warn', `round ${round}`)
      if (round % 500 === 0) told.push({ status: shop.status, json: JSON.stringify(shop.status) })
      else if (round % 333 === 0)
        unread.push({ status: shop.status, path: `shop/${fake.name}`, detail: `round ${round}` })
    }
    await shop.stop()
    for (const { status, json } of told) expect(JSON.stringify(status)).toBe(json)
    expect(unread.length).toBeGreaterThan(20)
    for (const { status, path, detail } of unread)
      expect(status.services[path]?.state).toMatchObject({ phase: 'running', detail })
    expect(() => Object.assign(shop.status.services, { 'shop/s0': 1 })).toThrow(TypeError)
  })

  test('V4 a nested group’s own streams complete with it, while the outer one goes on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const workers = serviceGroup('workers', { clock: time }).add(plain('mailer'))
    shop.add(plain('db')).add(workers)
    const own = recordTrace(workers)
    const outer = recordTrace(shop)
    await shop.start()
    await workers.stop('on its own')
    expect(own.lines.at(-1)).toBe('workers stopped')
    expect([own.completed, outer.completed]).toEqual([true, false])
    expect(shop.status.phase).toBe('running')
    await shop.stop()
    expect(outer.completed).toBe(true)
  })
})

/** Errors without stacks, which differ from machine to machine. */
const withoutStacks = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, v) => (key === 'stack' ? undefined : v)))

describe('the report', () => {
  test('V6 it holds trigger, order, durations, timeouts, errors and critical paths, by path', async () => {
    const { time, shop } = shopUnderVirtualTime({ forceTimeout: 100 })
    const clock = time
    const workers = serviceGroup('workers', { clock })
      .add(fakeService('mailer', { start: 20, drain: 'waits', stop: 5, clock }), { drainTimeout: 40 })
      .add(plain('printer', { start: 5, stop: 'hangs', clock }), { stopTimeout: 50 })
    shop
      .add(plain('db', { start: 10, stop: 7, clock }), { dependsOn: [] })
      .add(plain('cache', { start: 3, stop: 'rejects', clock }), { dependsOn: [] })
      .add(workers, { dependsOn: ['db'] })
      .add(fakeService('api', { start: 1, drain: 8, stop: 2, clock }), { dependsOn: ['workers', 'cache'] })
    const start = shop.start()
    await time.advance(36)
    await start
    await time.advance(64)
    void shop.stop({ by: 'signal', signal: 'SIGTERM' })
    await time.advance(1_000)
    const report = await shop.stop()

    const cacheFailed: Partial<ErrorInfo> = {
      name: 'ServiceError',
      message: 'service "cache": stop failed: cache: stop failed',
      code: 'ERR_STOP_FAILED',
      cause: { name: 'Error', message: 'cache: stop failed' },
    }
    const printerAbandoned: Partial<ErrorInfo> = {
      name: 'ServiceError',
      message:
        'service "printer": did not end within 100 ms of force and was abandoned; raise forceTimeout, or release more in force()',
      code: 'ERR_ABANDONED',
      cause: {
        name: 'ServiceError',
        message:
          'service "printer": stop timed out after 50 ms and was forced; raise stopTimeout if stop() needs longer',
        code: 'ERR_STOP_TIMEOUT',
        service: 'printer',
      },
    }
    // api drains 8, then mailer runs out of its 40; api stops 2, printer 150, mailer 5, db 7.
    expect(withoutStacks(report)).toEqual({
      group: 'shop',
      ok: false,
      trigger: { by: 'signal', signal: 'SIGTERM' },
      outcome: 'abandoned',
      startTook: 36,
      stopTook: 48 + 2 + 150 + 5 + 7,
      services: [
        {
          path: 'shop/db',
          outcome: 'stopped',
          startedAfter: 0,
          startTook: 10,
          drainTook: null,
          stoppedAfter: 205,
          stopTook: 7,
          restarts: 0,
          timedOut: [],
        },
        {
          path: 'shop/cache',
          outcome: 'failed',
          startedAfter: 0,
          startTook: 3,
          drainTook: null,
          stoppedAfter: 50,
          stopTook: 0,
          restarts: 0,
          timedOut: [],
          error: { ...cacheFailed, service: 'cache' },
        },
        {
          path: 'shop/workers',
          outcome: 'abandoned',
          startedAfter: 10,
          startTook: 25,
          drainTook: 40,
          stoppedAfter: 50,
          stopTook: 155,
          restarts: 0,
          timedOut: [],
        },
        {
          path: 'shop/workers/mailer',
          outcome: 'stopped',
          startedAfter: 10,
          startTook: 20,
          drainTook: 40,
          stoppedAfter: 200,
          stopTook: 5,
          restarts: 0,
          timedOut: ['drain'],
        },
        {
          path: 'shop/workers/printer',
          outcome: 'abandoned',
          startedAfter: 30,
          startTook: 5,
          drainTook: null,
          stoppedAfter: 50,
          stopTook: 150,
          restarts: 0,
          timedOut: ['stop'],
          error: { ...printerAbandoned, service: 'printer' },
        },
        {
          path: 'shop/api',
          outcome: 'stopped',
          startedAfter: 35,
          startTook: 1,
          drainTook: 8,
          stoppedAfter: 48,
          stopTook: 2,
          restarts: 0,
          timedOut: [],
        },
      ],
      errors: [
        { ...cacheFailed, service: 'shop/cache' },
        { ...printerAbandoned, service: 'shop/workers/printer' },
      ],
      criticalPath: {
        start: ['shop/db', 'shop/workers', 'shop/workers/mailer', 'shop/workers/printer', 'shop/api'],
        stop: ['shop/api', 'shop/workers', 'shop/workers/printer', 'shop/workers/mailer', 'shop/db'],
      },
    })
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })

  test('V6 the failed, the timed out, the cancelled and the never started have their places', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const clock = time
    shop
      .add(plain('db', { start: 10, clock }))
      .add(plain('slow', { start: 'waits' }), { dependsOn: ['db'], startTimeout: 25 })
      .add(plain('cancelled', { start: 'waits' }), { dependsOn: ['db'] })
      .add(plain('never'), { dependsOn: ['slow'] })
    const error = rejectionOf(shop.start())
    await time.advance(1_000)
    await error
    const { report } = shop
    expect(report.trigger).toMatchObject({ by: 'failure', service: 'shop/slow', error: { code: 'ERR_START_TIMEOUT' } })
    expect(
      report.services.map(({ path, outcome, startedAfter, startTook, timedOut }) => [
        path,
        outcome,
        startedAfter,
        startTook,
        timedOut,
      ]),
    ).toEqual([
      ['shop/db', 'stopped', 0, 10, []],
      ['shop/slow', 'failed', 10, 25, ['start']],
      ['shop/cancelled', 'stopped', 10, 25, []],
      ['shop/never', 'never started', null, null, []],
    ])
    expect(report.criticalPath.start).toEqual(['shop/db', 'shop/slow'])
    expect(report).toMatchObject({ ok: false, outcome: 'failed', startTook: null })
  })

  test('V6 an abandoned start is said to have run out of its start time', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop.add(plain('stuck', { start: 'hangs' }), { startTimeout: 20, stopTimeout: 30 })
    const error = rejectionOf(shop.start())
    await time.advance(2_000)
    await error
    expect(shop.report.services).toMatchObject([{ outcome: 'abandoned', timedOut: ['start'] }])
  })

  test('V6 while the group runs it says what has happened so far', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop.add(plain('db', { start: 10, clock: time }))
    expect(shop.report).toMatchObject({ ok: false, outcome: 'still there', startTook: null, errors: [] })
    const start = shop.start()
    await time.advance(10)
    await start
    expect(shop.report).toMatchObject({ outcome: 'still there', startTook: 10, stopTook: null })
  })
})

describe('observers', () => {
  test('V9 an observer serves from before the first start until after the last stop, wherever it is added', async () => {
    for (const place of [0, 1, 2]) {
      const { time, shop } = shopUnderVirtualTime({ drainDelay: 100 })
      const log: string[] = []
      const probes = fakeService('probes', { log })
      const db = fakeService('db', { otherwise: 'waits', log })
      const api = fakeService('api', { otherwise: 'waits', log })
      const fakes: FakeService[] = [db, api]
      fakes.splice(place, 0, probes)
      for (const fake of fakes) shop.add(fake, { observer: fake === probes })
      const trace = recordTrace(shop)
      let silent = 0
      shop.events$.subscribe(event => {
        const { path } = event.kind === 'transition' ? event : { path: '' }
        if (/db|api/.test(path) && probes.ping() !== 'pong') silent++
      })
      const start = shop.start()
      for (const fake of [db, api]) {
        await time.settle()
        fake.start.succeed()
      }
      await start
      const stopped = shop.stop()
      await time.advance(100)
      for (const step of ['drain', 'stop'] as const)
        for (const fake of [api, db]) {
          fake[step].succeed()
          await time.settle()
        }
      expect(await stopped).toMatchObject({ ok: true })
      expect(silent).toBe(0)
      // It goes through its own hooks at its own turn, when all others are gone.
      expect(log.filter(line => !line.endsWith('force'))).toEqual([
        'probes start',
        'db start',
        'api start',
        'api unready',
        'db unready',
        'db drain',
        'api drain',
        'api stop',
        'db stop',
        'probes unready',
        'probes drain',
        'probes stop',
      ])
      expect(trace.lines).toEqual([
        'shop starting',
        'shop/probes starting',
        'shop/probes running',
        'shop/db starting',
        'shop/db running',
        'shop/api starting',
        'shop/api running',
        'shop running',
        'shop running (leaving)',
        'shop/api running (leaving)',
        'shop/db running (leaving)',
        'shop/db draining',
        'shop/api draining',
        'shop draining',
        'shop/api drained',
        'shop/db drained',
        'shop drained',
        'shop stopping',
        'shop/api stopping',
        'shop/api stopped',
        'shop/db stopping',
        'shop/db stopped',
        'shop/probes stopping',
        'shop/probes stopped',
        'shop stopped',
      ])
    }
  })

  test('V9 it sees a rollback to its end, and a group whose services have all ended', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const probes = plain('probes')
    const db = plain('db', { stop: 'waits' })
    shop
      .add(db)
      .add(plain('api', { start: 'throws' }))
      .add(probes, { observer: true })
    const error = rejectionOf(shop.start())
    await time.settle()
    expect([db.stop.open, probes.ping()]).toEqual([true, 'pong'])
    db.stop.succeed()
    await error
    expect(probes.alive).toBe(false)
  })

  test('V9 observers keep an order among themselves, and one added at run time watches the end as well', async () => {
    const { shop } = shopUnderVirtualTime()
    shop
      .add(plain('db'), { dependsOn: [] })
      .add(plain('first'), { observer: true })
      .add(plain('second'), { observer: true })
    await shop.start()
    shop.add(plain('third'), { observer: true })
    const trace = recordTrace(shop)
    await shop.stop()
    expect(trace.lines.filter(line => line.endsWith('stopping')).slice(1)).toEqual([
      'shop/db stopping',
      'shop/third stopping',
      'shop/second stopping',
      'shop/first stopping',
    ])
  })

  test('V9 one that fails to start keeps the others from starting', async () => {
    const { shop } = shopUnderVirtualTime()
    const db = plain('db')
    shop.add(db).add(plain('probes', { start: 'throws' }), { observer: true })
    expect(await rejectionOf(shop.start())).toMatchObject({ service: 'shop/probes' })
    expect(db.starts).toBe(0)
    expect(outcomes(shop.report)).toEqual({ 'shop/probes': 'failed', 'shop/db': 'never started' })
  })
})
