import { type AddOptions, type GroupOptions, type ServiceGroup, serviceGroup } from 'rx-service-group'
import { type FakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { linesOf, outcomes, plain, rejectionOf, shopUnderVirtualTime, watch } from './setup.ts'

const restart = { policy: 'permanent', jitter: 0, initialDelay: 100, factor: 1 } as const

interface Scene {
  readonly time: VirtualTime
  readonly shop: ServiceGroup<'shop', 'workers' | 'api'>
  readonly workers: ServiceGroup<'workers', 'a' | 'b'>
  readonly a: FakeService
  readonly b: FakeService
  readonly api: FakeService
}

/** A group of two that can't restart themselves, and one behind it. */
const scene = (options: AddOptions<never> = { restart }, inner: GroupOptions = {}): Scene => {
  const { time, shop } = shopUnderVirtualTime()
  const [a, b, api] = [plain('a', { clock: time }), plain('b', { clock: time }), plain('api')]
  const workers = serviceGroup('workers', { clock: time, ...inner })
    .add(a)
    .add(b)
  const group = shop.add(workers, options).add(api)
  return { time, shop: group, workers, a, b, api }
}

const started = async (options?: AddOptions<never>, inner?: GroupOptions): Promise<Scene> => {
  const made = scene(options, inner)
  await made.shop.start()
  return made
}

describe('R10 a group that fails and is restarted', () => {
  test('R10 as one unit, its inner order kept; both journals tell it', async () => {
    const { time, shop, workers, a, api } = await started()
    const [outside, inside] = [recordTrace(shop, { times: true }), recordTrace(workers, { times: true })]
    a.die(new Error('no route'))
    await time.advance(100)
    const life = (prefix: string): readonly string[] => [
      `0 ${prefix}/a failed ERR_SERVICE_FAILED`,
      `0 ${prefix} running (leaving) fail "a failed"`,
      `0 ${prefix}/b running (leaving)`,
      `0 ${prefix} stopping`,
      `0 ${prefix}/b stopping`,
      `0 ${prefix}/b stopped`,
      `0 ${prefix} backoff (attempt 2 at 100) ERR_GROUP_FAILED`,
      `100 ${prefix} starting (attempt 2)`,
      `100 ${prefix}/a added`,
      `100 ${prefix}/b added`,
      `100 ${prefix}/a starting`,
      `100 ${prefix}/a running`,
      `100 ${prefix}/b starting`,
      `100 ${prefix}/b running`,
      `100 ${prefix} running`,
    ]
    expect(inside.lines).toEqual(life('workers'))
    expect(outside.lines.filter(line => line.includes('workers') && !/ shop running/.test(line))).toEqual(
      life('shop/workers'),
    )
    expect([api.starts, api.ping(), shop.status.ready, time.timers]).toEqual([1, 'pong', true, 0])
    expect(workers.report.errors).toEqual([])
    expect(workers.status.trigger).toBeUndefined()
  })

  test('R10 nested in nested: the innermost gives up, the one around it is restarted', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const a = plain('a')
    const inner = serviceGroup('inner', { clock: time }).add(a, { restart: { ...restart, maxRestarts: 0 } })
    const middle = serviceGroup('middle', { clock: time }).add(plain('b')).add(inner)
    shop.add(middle, { restart })
    await shop.start()
    const traces = [shop, middle, inner].map(group => recordTrace(group))
    a.die()
    expect(shop.status.services['shop/middle']!.state.phase).toBe('backoff')
    await time.advance(100)
    expect([a.starts, shop.status.ready, time.timers]).toEqual([2, true, 0])
    // What was over has told so; all that it said is legal in each of the three journals.
    expect(traces.map(({ lines, completed }) => [lines.some(line => line.endsWith('/a running')), completed])).toEqual([
      [true, false],
      [true, false],
      [false, true],
    ])
    await shop.stop()
    expect(inner.status.phase).toBe('stopped')
  })

  test('R10 V6 trigger and report of the second life are its own', async () => {
    const { time, shop, workers, a } = await started()
    a.die()
    await time.advance(100)
    const report = await shop.stop('end of the day')
    expect(workers.report).toMatchObject({
      ok: true,
      outcome: 'stopped',
      trigger: { by: 'call', message: 'end of the day' },
      errors: [],
    })
    expect(report).toMatchObject({ ok: true, trigger: { by: 'call', message: 'end of the day' } })
  })

  test('R10 its start deadline counts in each life', async () => {
    const { time, shop, a, b } = scene({ restart }, { startTimeout: 30 })
    b.start.will(40)
    const start = watch(shop.start())
    await time.advance(30)
    expect(shop.status.services['shop/workers']!.state).toMatchObject({
      phase: 'backoff',
      error: { code: 'ERR_START_TIMEOUT' },
    })
    b.start.will(20)
    await time.advance(120)
    expect([start.now, a.starts, b.starts, time.timers]).toEqual(['resolved', 2, 2, 0])
  })

  test('R10 it drains with everyone in its second life, and its services stop at its own turn', async () => {
    const { time, shop, a, b, api } = await started()
    a.die()
    await time.advance(100)
    api.stop.will('waits')
    const stopped = shop.stop()
    await time.advance(10)
    expect([a.ping(), b.ping()]).toEqual(['pong', 'pong'])
    api.stop.succeed()
    expect(await stopped).toMatchObject({ ok: true })
  })
})

describe('R10 a stop of the group inside', () => {
  test('R10 while it runs: it is not restarted, whatever the policy', async () => {
    const { time, workers, shop, a } = await started()
    const report = await workers.stop('by hand')
    await time.advance(1_000)
    expect(report).toMatchObject({ ok: true, trigger: { by: 'call', message: 'by hand' } })
    expect([a.starts, shop.status.phase, shop.status.services['shop/workers']!.state.phase]).toEqual([
      1,
      'running',
      'stopped',
    ])
  })

  test('R10 in backoff: it is stopped at once, and the promise resolves with the report', async () => {
    const { time, workers, shop, a } = await started()
    a.die()
    const report = await workers.stop()
    await time.advance(1_000)
    expect(report.outcome).toBe('stopped')
    expect([a.starts, shop.status.phase, time.timers]).toEqual([1, 'running', 0])
  })

  test('R10 while it fails: it is not restarted after that', async () => {
    const { time, workers, a, b } = await started()
    b.stop.will(20)
    a.die()
    await time.advance(10)
    const stopped = watch(workers.stop())
    await time.advance(1_000)
    expect([stopped.now, a.starts, time.timers]).toEqual(['resolved', 1, 0])
  })

  test('R10 while it is taken down for a restart by hand: the stop wins', async () => {
    const { time, shop, workers, a, b } = await started()
    b.stop.will(20)
    const again = rejectionOf(shop.restart('workers'))
    await time.advance(10)
    const stopped = watch(workers.stop())
    await time.advance(1_000)
    expect(await again).toMatchObject({ code: 'ERR_START_FAILED' })
    expect([stopped.now, a.starts, shop.status.phase]).toEqual(['resolved', 1, 'running'])
  })

  test('R10 before its turn: none of its services starts, and the others go on', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const [db, a] = [plain('db', { start: 20, clock: time }), plain('a')]
    const workers = serviceGroup('workers', { clock: time }).add(a)
    shop.add(db).add(workers, { restart })
    const start = watch(shop.start())
    await time.advance(10)
    const stopped = watch(workers.stop())
    await time.advance(1_000)
    expect([start.now, stopped.now, a.starts, shop.status.phase, time.timers]).toEqual([
      'resolved',
      'resolved',
      0,
      'running',
      0,
    ])
  })

  test('R10 before the group around it starts: that one fails to start, and does not try again', async () => {
    const { time, shop, workers, a } = scene()
    recordTrace(shop)
    await workers.stop()
    expect(await rejectionOf(shop.start())).toMatchObject({ cause: { code: 'ERR_GROUP_STOPPED' } })
    expect([a.starts, time.timers]).toEqual([0, 0])
  })

  test('V4 its streams complete; who subscribes after a restart by hand hears of the next life', async () => {
    const { shop, workers, a } = await started({})
    const first = recordTrace(workers)
    await workers.stop()
    expect([first.completed, workers.status.phase]).toEqual([true, 'stopped'])
    await shop.restart('workers')
    const second = recordTrace(workers)
    expect([second.completed, a.starts, workers.status.phase]).toEqual([false, 2, 'running'])
    await workers.restart('a')
    expect(linesOf(second.lines, 'workers/a')).toEqual(['stopping', 'starting', 'running'])
    await workers.stop()
    expect(second.completed).toBe(true)
  })

  test('R14 a restart by hand while it stops by itself: the stop resolves, and then it begins anew', async () => {
    const { time, shop, workers, b } = await started()
    b.stop.will(20)
    const stopped = watch(workers.stop())
    const again = watch(shop.restart('workers'))
    await time.advance(20)
    expect([stopped.now, again.now, b.starts, shop.status.ready]).toEqual(['resolved', 'resolved', 2, true])
  })
})

describe('R14 what changes between and across lives', () => {
  test('R14 one that is added in backoff starts with the next life, one that is removed does not', async () => {
    const { time, shop, workers, a, b } = await started()
    const trace = recordTrace(shop)
    const late = plain('late')
    a.die()
    workers.add(late, { dependsOn: ['a'] })
    await workers.remove('b')
    await time.advance(100)
    expect([a.starts, b.starts, late.starts]).toEqual([2, 1, 1])
    expect(Object.keys(workers.status.services)).toEqual(['workers/a', 'workers/late'])
    expect(trace.lines.filter(line => line.endsWith('removed'))).toEqual(['shop/workers/b removed'])
  })

  test('R14 what is added between two lives, when there is no second, has never run', async () => {
    const { shop, workers, a } = await started()
    a.die()
    workers.add(plain('late'))
    const report = await shop.stop()
    expect(outcomes(report)['shop/workers/late']).toBe('never started')
    expect(shop.status.list.every(({ state }) => state.phase === 'stopped' || state.phase === 'failed')).toBe(true)
  })

  test('R14 what was added and removed in one life is so in the next', async () => {
    const { time, shop, workers, a, b } = await started()
    const late = plain('late')
    workers.add(late)
    await workers.remove('b')
    a.die()
    await time.advance(100)
    expect([a.starts, b.starts, late.starts, Object.keys(workers.status.services)]).toEqual([
      2,
      1,
      2,
      ['workers/a', 'workers/late'],
    ])
    const log = recordTrace(shop)
    await shop.stop()
    expect(log.completed).toBe(true)
  })

  test('R14 restart by hand of the whole: each inside is taken down and begun again, once', async () => {
    const { time, shop, workers, a, b, api } = await started()
    const trace = recordTrace(workers)
    b.stop.will(20)
    const again = watch(shop.restart('workers'))
    await time.advance(10)
    expect([a.ping(), again.now]).toEqual(['pong', 'pending'])
    await time.advance(10)
    expect([again.now, a.starts, b.starts, api.starts]).toEqual(['resolved', 2, 2, 1])
    expect(linesOf(trace.lines, 'workers')).toEqual(['running (leaving)', 'stopping', 'starting', 'running'])
  })

  test('R14 restarted in one breath, it lives: it can be changed, and stopped', async () => {
    const { shop, workers, a, b } = await started()
    await shop.restart('workers')
    await workers.restart('a')
    await workers.remove('b')
    expect([a.starts, b.alive, workers.status.ready]).toEqual([3, false, true])
    expect(await workers.stop()).toMatchObject({ ok: true, outcome: 'stopped' })
    expect(a.alive).toBe(false)
  })

  test('R7 a stop from above while it is taken down: nothing starts again', async () => {
    const { time, shop, a, b } = await started()
    b.stop.will(20)
    const again = watch(shop.restart('workers'))
    await time.advance(10)
    const stopped = shop.stop()
    await time.advance(1_000)
    expect(await stopped).toMatchObject({ ok: true })
    expect([again.now, a.starts, b.starts, b.stop.calls, time.timers]).toEqual(['rejected', 1, 1, 1, 0])
  })

  test('V2 who subscribes in backoff gets what is true then, and each change once', async () => {
    const { time, shop, workers, a } = await started()
    a.die()
    const late = recordTrace(workers)
    expect(workers.status.services['workers/a']!.state.phase).toBe('failed')
    await time.advance(100)
    expect(late.lines[0]).toBe('workers starting (attempt 2)')
    expect(shop.status.ready).toBe(true)
  })
})
