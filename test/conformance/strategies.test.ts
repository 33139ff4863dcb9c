import { type AddOptions, type GroupOptions, job, type ServiceGroup } from 'rx-service-group'
import { type FakeOptions, type FakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { linesOf, outcomes, plain, shopUnderVirtualTime, watch } from './setup.ts'

/** No chance, and a wait that shows. */
const restart = { policy: 'permanent', jitter: 0, initialDelay: 100, factor: 1 } as const

interface Scene {
  readonly time: VirtualTime
  readonly shop: ServiceGroup<'shop'>
  readonly fakes: Readonly<Record<string, FakeService>>
  /** Who was asked what, in order. */
  readonly log: string[]
}

/** `a b<a c*`: a, then b that depends on a, then an observer c. All are permanent. */
const scene = async (
  line: string,
  options: GroupOptions,
  how: Readonly<Record<string, AddOptions & FakeOptions>> = {},
): Promise<Scene> => {
  const { time, shop } = shopUnderVirtualTime(options)
  const log: string[] = []
  const fakes: Record<string, FakeService> = {}
  for (const word of line.split(' ')) {
    const [name = '', wanted] = word.replace('*', '').split('<')
    const { start, stop, drain = 'absent', ...rest } = how[name] ?? {}
    fakes[name] = plain(name, { clock: time, log, drain, ...(stop && { stop }) })
    const dependsOn = wanted === undefined ? {} : { dependsOn: wanted === '' ? [] : wanted.split('+') }
    shop.add(fakes[name], { restart, ...dependsOn, observer: word.endsWith('*'), ...rest } as AddOptions<never>)
  }
  await shop.start()
  // The first start takes no time, so that each trace begins at 0.
  for (const [name, { start }] of Object.entries(how)) if (start) fakes[name]!.start.will(start)
  log.length = 0
  return { time, shop, fakes, log }
}

const own = (lines: readonly string[]): readonly string[] =>
  lines.filter(line => !/^\d* ?shop (running|stopping)/.test(line))

describe('R5 the whole trace of each strategy', () => {
  test('R5 one-for-one: nobody else notices', async () => {
    const { time, shop, fakes, log } = await scene('a b c', { strategy: 'one-for-one' })
    const trace = recordTrace(shop, { times: true })
    fakes['b']!.die()
    await time.advance(100)
    expect(own(trace.lines)).toEqual([
      '0 shop/b backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      '100 shop/b starting (attempt 2)',
      '100 shop/b running',
    ])
    expect([log, time.timers]).toEqual([['b start'], 0])
  })

  test('R5 R6 rest-for-one: those after it go down in reverse, each gone before the next, and come up in order', async () => {
    const { time, shop, fakes, log } = await scene(
      'a b c d',
      { strategy: 'rest-for-one' },
      { c: { stop: 30 }, d: { stop: 50, start: 10 } },
    )
    const trace = recordTrace(shop, { times: true })
    fakes['b']!.die()
    await time.advance(40)
    // Until its turn comes each of them serves.
    expect([fakes['a']!.ping(), fakes['c']!.ping(), fakes['d']!.ping()]).toEqual(['pong', 'pong', 'no answer'])
    await time.advance(200)
    expect(own(trace.lines)).toEqual([
      '0 shop/b backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      '0 shop/d stopping',
      '50 shop/d waiting for c',
      '50 shop/c stopping',
      '80 shop/c waiting for b',
      '100 shop/b starting (attempt 2)',
      '100 shop/b running',
      '100 shop/c starting',
      '100 shop/c running',
      '100 shop/d starting',
      '110 shop/d running',
    ])
    expect([log, time.timers]).toEqual([['d stop', 'c stop', 'b start', 'c start', 'd start'], 0])
    expect(shop.status).toMatchObject({ health: 'pass', ready: true })
  })

  test('R5 rest-for-one on a graph: only those behind it, independent ones side by side', async () => {
    const { time, shop, fakes } = await scene(
      'a b<a c<a d<b+c e<',
      { strategy: 'rest-for-one' },
      { b: { stop: 20 }, c: { stop: 30 }, d: { stop: 10 } },
    )
    const trace = recordTrace(shop, { times: true })
    fakes['a']!.die()
    await time.advance(100)
    expect(own(trace.lines)).toEqual([
      '0 shop/a backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      '0 shop/d stopping',
      '10 shop/d waiting for b, c',
      '10 shop/b stopping',
      '10 shop/d waiting for b',
      '10 shop/c stopping',
      '10 shop/d waiting for b, c',
      '30 shop/b waiting for a',
      '40 shop/c waiting for a',
      '100 shop/a starting (attempt 2)',
      '100 shop/a running',
      '100 shop/b starting',
      '100 shop/b running',
      '100 shop/d waiting for c',
      '100 shop/c starting',
      '100 shop/c running',
      '100 shop/d starting',
      '100 shop/d running',
    ])
    expect([fakes['e']!.starts, fakes['e']!.ping()]).toEqual([1, 'pong'])
  })

  test('R5 one-for-all: those before it too, and observers watch on', async () => {
    const { time, shop, fakes, log } = await scene('a b c o*', { strategy: 'one-for-all' }, { c: { drain: 20 } })
    const trace = recordTrace(shop, { times: true })
    fakes['b']!.end()
    await time.advance(100)
    expect(own(trace.lines)).toEqual([
      '0 shop/b backoff (attempt 2 at 100) service "b" ended',
      '0 shop/c draining',
      '20 shop/c drained',
      '20 shop/c stopping',
      '20 shop/c waiting for b',
      '20 shop/a stopping',
      '100 shop/a starting',
      '100 shop/a running',
      '100 shop/b starting (attempt 2)',
      '100 shop/b running',
      '100 shop/c starting',
      '100 shop/c running',
    ])
    expect(log).toEqual(['c drain', 'c stop', 'a stop', 'a start', 'b start', 'c start'])
    expect([fakes['o']!.starts, time.timers]).toEqual([1, 0])
  })
})

describe('R5 failures within a circle', () => {
  test('R5 one that fails while the others go down comes back with them, after its own wait', async () => {
    const { time, shop, fakes } = await scene('a b c d', { strategy: 'rest-for-one' }, { d: { stop: 50 } })
    const trace = recordTrace(shop, { times: true })
    fakes['b']!.die()
    await time.advance(20)
    fakes['c']!.die()
    await time.advance(200)
    expect(own(trace.lines)).toEqual([
      '0 shop/b backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      '0 shop/d stopping',
      '20 shop/c backoff (attempt 2 at 120) ERR_SERVICE_FAILED',
      '50 shop/d waiting for c',
      '100 shop/b starting (attempt 2)',
      '100 shop/b running',
      '120 shop/c starting (attempt 2)',
      '120 shop/c running',
      '120 shop/d starting',
      '120 shop/d running',
    ])
    expect(['a', 'b', 'c', 'd'].map(name => fakes[name]!.starts)).toEqual([1, 2, 2, 2])
  })

  test('R5 one whose next start fails takes those after it down again; those before it stay up', async () => {
    const { time, shop, fakes, log } = await scene('a b c', { strategy: 'rest-for-one' })
    fakes['b']!.start.will('rejects')
    fakes['a']!.die()
    await time.advance(150)
    fakes['b']!.start.will('returns')
    await time.advance(100)
    expect(log).toEqual(['c stop', 'b stop', 'a start', 'b start', 'b start', 'c start'])
    expect([shop.status.ready, time.timers]).toEqual([true, 0])
  })

  test('R5 two roots at once, with dependents of both: these start once, when both are there', async () => {
    const { time, shop, fakes } = await scene(
      'a< b< c<a+b d<c',
      { strategy: 'rest-for-one' },
      { b: { restart: { ...restart, initialDelay: 300 } } },
    )
    const trace = recordTrace(shop, { times: true })
    fakes['a']!.die()
    fakes['b']!.die()
    await time.advance(300)
    expect(own(trace.lines)).toEqual([
      '0 shop/a backoff (attempt 2 at 100) ERR_SERVICE_FAILED',
      '0 shop/d stopping',
      '0 shop/d waiting for c',
      '0 shop/c stopping',
      '0 shop/c waiting for a',
      '0 shop/b backoff (attempt 2 at 300) ERR_SERVICE_FAILED',
      '0 shop/c waiting for a, b',
      '100 shop/a starting (attempt 2)',
      '100 shop/a running',
      '100 shop/c waiting for b',
      '300 shop/b starting (attempt 2)',
      '300 shop/b running',
      '300 shop/c starting',
      '300 shop/c running',
      '300 shop/d starting',
      '300 shop/d running',
    ])
    expect(['a', 'b', 'c', 'd'].map(name => fakes[name]!.starts)).toEqual([2, 2, 2, 2])
  })

  test('R5 one that fails its stop on the way down is told, and comes back all the same', async () => {
    const { time, shop, fakes } = await scene('a b', { strategy: 'rest-for-one' }, { b: { stop: 'rejects' } })
    const trace = recordTrace(shop, { times: true })
    fakes['a']!.die()
    await time.advance(100)
    expect(
      linesOf(
        trace.lines.map(line => line.replace(/^\d+ /, '')),
        'shop/b',
      ),
    ).toEqual(['stopping', 'backoff (attempt 1 at 0) ERR_STOP_FAILED', 'waiting for a', 'starting', 'running'])
    expect(shop.status.phase).toBe('running')
  })

  test('R5 one that does not stop in time is forced, and comes back', async () => {
    const { time, shop, fakes } = await scene(
      'a b',
      { strategy: 'rest-for-one' },
      { b: { stop: 'waits', stopTimeout: 150 } },
    )
    const trace = recordTrace(shop, { times: true })
    fakes['a']!.die()
    await time.advance(149)
    expect(fakes['a']!.starts).toBe(1)
    fakes['b']!.stop.will('returns')
    await time.advance(1)
    expect(
      linesOf(
        trace.lines.map(line => line.replace(/^\d+ /, '')),
        'shop/b',
      ).at(-1),
    ).toBe('running')
    expect([fakes['a']!.starts, fakes['b']!.starts, time.timers]).toEqual([2, 2, 0])
  })

  test('R6 one that can not be got rid of on the way down: the group gives up and says why', async () => {
    const { time, shop, fakes } = await scene(
      'a b c',
      { strategy: 'one-for-all' },
      { b: { stop: 'hangs', stopTimeout: 50 } },
    )
    fakes['c']!.die()
    await time.advance(100_000)
    expect(shop.status.phase).toBe('stopped')
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: false, outcome: 'abandoned', trigger: { by: 'failure', service: 'shop/b' } })
    expect(report.errors[0]).toMatchObject({ service: 'shop/b' })
    expect(outcomes(report)).toMatchObject({ 'shop/b': 'abandoned' })
    expect([fakes['a']!.starts, fakes['b']!.starts, fakes['c']!.starts, time.timers]).toEqual([1, 1, 1, 0])
  })

  test('R6 one that left calls running on the way down is not started again', async () => {
    const { time, shop, fakes } = await scene('a b', { strategy: 'rest-for-one' })
    fakes['b']!.info({ abandoned: 2 })
    fakes['a']!.die()
    await time.advance(100_000)
    const report = await shop.stop()
    expect(report.errors).toMatchObject([
      { code: 'ERR_ABANDONED', service: 'shop/b', message: '"b" is not restarted, because it left 2 calls running' },
      // It waited to be restarted when the group went down.
      { code: 'ERR_SERVICE_FAILED', service: 'shop/a', message: 'service "a" failed: a died' },
    ])
    expect([fakes['b']!.starts, time.timers]).toEqual([1, 0])
  })
})

describe('R5 who comes back', () => {
  test('R2 R5 a temporary sibling goes down with the others and stays away; nobody misses it', async () => {
    const { time, shop, fakes } = await scene(
      'a t b',
      { strategy: 'one-for-all' },
      { t: { restart: 'temporary', drain: 10 } },
    )
    const trace = recordTrace(shop)
    fakes['b']!.die()
    await time.advance(100)
    expect(linesOf(trace.lines, 'shop/t')).toEqual(['draining', 'drained', 'stopping', 'stopped'])
    expect(linesOf(trace.lines, 'shop').filter(line => line.includes('fail'))).toEqual([])
    expect(shop.status).toMatchObject({ health: 'pass', ready: true })
    expect(await shop.stop()).toMatchObject({ ok: true })
  })

  test('R5 what depends on a temporary one that stays away comes back without it', async () => {
    const { time, shop, fakes } = await scene('a t<a b<t', { strategy: 'one-for-all' }, { t: { restart: 'temporary' } })
    fakes['a']!.die()
    await time.advance(100)
    expect([fakes['b']!.ping(), shop.status.phase, shop.status.services['shop/t']!.state.phase]).toEqual([
      'pong',
      'running',
      'stopped',
    ])
  })

  test('R5 a temporary one that a second failure overtakes while it drains is still stopped', async () => {
    const { time, shop, fakes } = await scene(
      'a b t',
      { strategy: 'rest-for-one' },
      { t: { restart: 'temporary', drain: 50 } },
    )
    fakes['b']!.die()
    await time.advance(10)
    fakes['a']!.die()
    await time.advance(200)
    expect(shop.status.list.map(({ state }) => state.phase)).toEqual(['running', 'running', 'stopped'])
  })

  test('R5 one that has ended comes back with all, not with the rest; a job is done again', async () => {
    for (const [strategy, starts] of [
      ['one-for-all', 2],
      ['rest-for-one', 1],
    ] as const) {
      const { time, shop } = shopUnderVirtualTime({ strategy })
      let done = 0
      const api = plain('api')
      shop.add(job('migrate', () => void done++)).add(api, { dependsOn: ['migrate'], restart })
      await shop.start()
      api.die()
      await time.advance(100)
      expect([strategy, done, api.ping(), shop.status.ready]).toEqual([strategy, starts, 'pong', true])
    }
  })

  test('R5 an optional one that has failed stays as it is', async () => {
    const { time, shop, fakes } = await scene(
      'a b c',
      { strategy: 'one-for-all' },
      { b: { optional: true, restart: 'temporary' } },
    )
    fakes['b']!.die()
    fakes['c']!.die()
    await time.advance(100)
    expect(shop.status.list.map(({ state }) => state.phase)).toEqual(['running', 'failed', 'running'])
    expect(shop.status).toMatchObject({ health: 'warn', ready: true })
  })

  test('R5 S16 what depends on one that is lost while it comes back is released', async () => {
    const { time, shop, fakes } = await scene(
      'a b<a c<b',
      { strategy: 'rest-for-one' },
      { b: { optional: true, restart: 'temporary' }, c: { optional: true } },
    )
    fakes['b']!.start.will('rejects')
    const again = watch(shop.restart('b'))
    await time.advance(100)
    expect(again.now).toBe('rejected')
    expect(shop.status.list.map(({ state }) => state.phase)).toEqual(['running', 'failed', 'failed'])
    expect(shop.status.services['shop/c']!.state).toMatchObject({ error: { code: 'ERR_DEPENDENCY_FAILED' } })
  })
})

describe('R7 T16 the group is stopped within a circle', () => {
  test.each<[string, number, 'stop' | 'force']>(
    (['stop', 'force'] as const).flatMap(how =>
      [0, 10, 45, 60, 100, 105, 115].map((at): [string, number, 'stop' | 'force'] => [how, at, how]),
    ),
  )('R7 %s at %d ms: all are stopped once, nothing starts after', async (_, at, how) => {
    const { time, shop, fakes, log } = await scene(
      'a b c d',
      { strategy: 'rest-for-one', shutdownTimeout: how === 'force' ? 0 : Infinity },
      { b: { start: 10 }, c: { stop: 10, start: 10 }, d: { stop: 40 } },
    )
    fakes['b']!.die()
    await time.advance(at)
    const before = log.length
    const stopped = shop.stop()
    await time.advance(10_000)
    await stopped
    expect(log.slice(before).filter(call => call.endsWith('start'))).toEqual([])
    for (const name of ['a', 'b', 'c', 'd']) {
      const fake = fakes[name]!
      expect(fake.alive).toBe(false)
      expect(fake.stop.calls).toBeLessThanOrEqual(fake.starts)
    }
    expect(time.timers).toBe(0)
    expect(shop.status.list.every(({ state }) => state.phase === 'stopped')).toBe(true)
  })
})

describe('R4 the limit of the whole group', () => {
  test('R4 restarts of all services count together; who asks for one too many is named', async () => {
    const { time, shop, fakes } = await scene('a b', { maxRestarts: 2, period: 1_000 })
    fakes['a']!.die()
    await time.advance(100)
    fakes['b']!.die()
    await time.advance(100)
    fakes['a']!.die(new Error('the last straw'))
    const report = await shop.stop()
    expect(report).toMatchObject({
      ok: false,
      trigger: { by: 'failure', service: 'shop/a' },
      errors: [
        {
          code: 'ERR_RESTART_LIMIT',
          service: 'shop/a',
          message: expect.stringMatching(/group "shop".*at most twice within 1 s.*the last straw/),
        },
      ],
    })
    expect(time.timers).toBe(0)
  })

  test('R4 the group can do without an optional one that is given up', async () => {
    const { time, shop, fakes } = await scene('a b', { maxRestarts: 0 }, { b: { optional: true } })
    fakes['b']!.die()
    await time.settle()
    expect(shop.status).toMatchObject({ phase: 'running', health: 'warn', ready: true })
    expect(shop.status.services['shop/b']!.state).toMatchObject({
      phase: 'failed',
      error: { code: 'ERR_RESTART_LIMIT' },
    })
    expect(time.timers).toBe(0)
  })

  test('R4 those that go down with another do not count', async () => {
    const { time, shop, fakes } = await scene('a b c', { strategy: 'one-for-all', maxRestarts: 2, period: 1_000 })
    for (let n = 0; n < 2; n++) {
      fakes['a']!.die()
      await time.advance(100)
    }
    expect([shop.status.phase, fakes['c']!.starts]).toEqual(['running', 3])
  })
})

test('R5 V5 during a circle the group is not ready, its health is warn, and the reasons say who is away', async () => {
  const { time, shop, fakes } = await scene('a b<a', { strategy: 'rest-for-one' }, { b: { drain: 20, start: 5 } })
  const seen: string[] = []
  shop.health$.subscribe(({ health, ready }) => seen.push(`${health} ${ready}`))
  fakes['a']!.die()
  await time.advance(50)
  expect(shop.status.reasons).toMatchObject([
    { path: 'shop/a', phase: 'backoff' },
    { path: 'shop/b', phase: 'waiting', through: ['shop/a'] },
  ])
  await time.advance(100)
  expect(shop.status.reasons).toEqual([])
  expect(seen.filter((one, n) => one !== seen[n - 1])).toEqual([
    'pass true',
    'pass false',
    'warn false',
    'warn true',
    'pass true',
  ])
})
