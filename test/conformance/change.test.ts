import { type ServiceGroup, serviceGroup } from 'rx-service-group'
import { type FakeService, recordTrace, type VirtualTime } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { plain, rejectionOf, shopUnderVirtualTime, uncaughtDuring, watch } from './setup.ts'

const restart = { policy: 'permanent', jitter: 0, initialDelay: 100, factor: 1 } as const

interface Scene {
  readonly time: VirtualTime
  readonly shop: ServiceGroup<'shop'>
  readonly log: string[]
  fake(name: string): FakeService
}

const scene = (options = {}): Scene => {
  const { time, shop } = shopUnderVirtualTime(options)
  const log: string[] = []
  return { time, shop, log, fake: name => plain(name, { clock: time, log }) }
}

describe('R14 the plan stays right', () => {
  test('R14 T13 after additions and removals, all stop in reverse; each still served until its turn', async () => {
    const { shop, fake, log } = scene()
    const fakes = new Map(['a', 'b', 'c', 'd'].map(name => [name, fake(name)]))
    shop.add(fakes.get('a')!).add(fakes.get('b')!)
    await shop.start()
    shop.add(fakes.get('c')!)
    await shop.remove('a')
    shop.add(fakes.get('d')!, { dependsOn: ['b'] })
    await shop.restart('b')
    const alive: string[] = []
    for (const [name, { stop }] of fakes)
      stop.will(() => {
        alive.push(`${name}: ${[...fakes].filter(([, other]) => other.ping() === 'pong').map(([other]) => other)}`)
      })
    log.length = 0
    await shop.stop()
    expect(log).toEqual(['c stop', 'd stop', 'b stop'])
    expect(alive).toEqual(['c: b,d', 'd: b', 'b: '])
  })

  test('R14 removed and added again under the same name, it starts last and stops first', async () => {
    const { shop, fake, log } = scene()
    shop.add(fake('a')).add(fake('b'))
    await shop.start()
    const trace = recordTrace(shop)
    await shop.remove('a')
    shop.add(fake('a'))
    expect(trace.lines.filter(line => line.includes('/a'))).toEqual([
      'shop/a stopping',
      'shop/a stopped',
      'shop/a removed',
      'shop/a added',
      'shop/a starting',
      'shop/a running',
    ])
    log.length = 0
    await shop.stop()
    expect(log).toEqual(['a stop', 'b stop'])
  })

  test('R14 during the start: one that is added comes after all, one that is removed never starts', async () => {
    const { time, shop, fake, log } = scene()
    const a = fake('a')
    a.start.will(20)
    shop.add(a).add(fake('b')).add(fake('c'))
    void shop.start()
    shop.add(fake('d'))
    const removed = watch(shop.remove('b'))
    await time.advance(20)
    expect([removed.now, log, shop.status.phase]).toEqual(['resolved', ['a start', 'c start', 'd start'], 'running'])
    expect(Object.keys(shop.status.services)).toEqual(['shop/a', 'shop/c', 'shop/d'])
    shop.add(fake('b'))
    log.length = 0
    await shop.stop()
    expect(log).toEqual(['b stop', 'd stop', 'c stop', 'a stop'])
  })

  test('R14 during a circle: what is added starts when those before it are back, what is removed does not come back', async () => {
    const { time, shop, fake, log } = scene({ strategy: 'one-for-all' })
    const [a, b] = [fake('a'), fake('b')]
    shop.add(a, { restart }).add(b, { restart }).add(fake('c'), { restart })
    await shop.start()
    log.length = 0
    b.stop.will(20)
    a.die()
    await time.advance(10)
    shop.add(fake('d'))
    const removed = watch(shop.remove('b'))
    await time.advance(10)
    expect(removed.now).toBe('resolved')
    await time.advance(100)
    expect(log).toEqual(['c stop', 'b stop', 'a start', 'c start', 'd start'])
    expect([shop.status.ready, time.timers, Object.keys(shop.status.services)]).toEqual([
      true,
      0,
      ['shop/a', 'shop/c', 'shop/d'],
    ])
  })

  test('R14 the one that all wait for is removed in its backoff: the others come back without it', async () => {
    const { time, shop, fake } = scene({ strategy: 'one-for-all' })
    const [a, b] = [fake('a'), fake('b')]
    shop.add(a, { restart }).add(b, { restart })
    await shop.start()
    b.die()
    await shop.remove('b')
    expect([a.ping(), a.starts, time.timers, shop.status.ready]).toEqual(['pong', 2, 0, true])
  })
})

describe('R14 what is refused', () => {
  test('R14 one that others depend on, with their names; once these are removed it can go', async () => {
    const { shop, fake } = scene()
    shop
      .add(fake('db'))
      .add(fake('api'), { dependsOn: ['db'] })
      .add(fake('web'), { dependsOn: ['db'] })
    await shop.start()
    const { seq } = shop.status
    expect(await rejectionOf(shop.remove('db'))).toMatchObject({
      code: 'ERR_SERVICE_IN_USE',
      service: 'db',
      message: `service "db": can't be removed: "api", "web" depend on it; remove those first`,
    })
    expect(shop.status.seq).toBe(seq)
    await Promise.all([shop.remove('web'), shop.remove('api'), shop.remove('db')])
    expect(shop.size).toBe(0)
  })

  test('R14 one whose dependents are on their way out is stopped after them', async () => {
    const { time, shop, fake, log } = scene()
    const [db, api] = [fake('db'), fake('api')]
    shop.add(db).add(api, { dependsOn: ['db'] })
    await shop.start()
    log.length = 0
    api.stop.will(20)
    const both = Promise.all([shop.remove('api'), shop.remove('db')])
    await time.advance(10)
    expect(db.ping()).toBe('pong')
    await time.advance(10)
    await both
    expect(log).toEqual(['api stop', 'db stop'])
  })

  test('R14 a dependency on one that is being removed', async () => {
    const { time, shop, fake } = scene()
    const db = fake('db')
    shop.add(db).add(fake('other'))
    await shop.start()
    db.stop.will(20)
    const removed = shop.remove('db')
    expect(() => shop.add(fake('late'), { dependsOn: ['db'] })).toThrow(
      expect.objectContaining({
        code: 'ERR_UNKNOWN_DEPENDENCY',
        message:
          'service "late": can\'t be added: it depends on "db", which is being removed from group "shop"; take it out of dependsOn',
      }),
    )
    await time.advance(20)
    await removed
    shop.add(fake('late'))
    expect(shop.status.ready).toBe(true)
  })

  test('R14 unknown names, a group that leaves, a name that is taken until its owner is gone', async () => {
    const { time, shop, fake } = scene()
    const a = fake('a')
    shop.add(a).add(fake('b'))
    await shop.start()
    expect(await rejectionOf(shop.remove('nobody'))).toMatchObject({ code: 'ERR_UNKNOWN_SERVICE' })
    a.stop.will(20)
    const removed = shop.remove('a')
    expect(shop.remove('a')).toBe(removed)
    expect(() => shop.add(fake('a'))).toThrow(expect.objectContaining({ code: 'ERR_DUPLICATE_NAME' }))
    expect(await rejectionOf(shop.restart('a'))).toMatchObject({ code: 'ERR_UNKNOWN_SERVICE' })
    await time.advance(20)
    await removed
    void shop.stop()
    expect(await rejectionOf(shop.remove('b'))).toMatchObject({ code: expect.stringMatching(/^ERR_GROUP_STOPP/) })
  })
})

describe('R14 ways to go', () => {
  test('R14 one whose stop fails is gone all the same: it rejects with the error, and the group goes on', async () => {
    const { time, shop, fake } = scene()
    const a = fake('a')
    a.stop.will('rejects')
    shop.add(a).add(fake('b'))
    await shop.start()
    expect(await rejectionOf(shop.remove('a'))).toMatchObject({ code: 'ERR_STOP_FAILED', service: 'a' })
    expect([Object.keys(shop.status.services), shop.status.phase, shop.status.health]).toEqual([
      ['shop/b'],
      'running',
      'pass',
    ])
    expect(await shop.stop()).toMatchObject({ ok: true })
    expect(time.timers).toBe(0)
  })

  test('R14 one that does not let go stays, abandoned, and its name with it', async () => {
    const { time, shop, fake } = scene()
    const a = fake('a')
    a.stop.will('hangs')
    shop.add(a, { stopTimeout: 10 }).add(fake('b'))
    await shop.start()
    const removed = rejectionOf(shop.remove('a'))
    await time.advance(10_000)
    expect(await removed).toMatchObject({ code: 'ERR_ABANDONED', service: 'a' })
    expect(shop.status.services['shop/a']!.state).toMatchObject({ phase: 'stopped', how: 'abandoned' })
    expect(() => shop.add(fake('a'))).toThrow(expect.objectContaining({ code: 'ERR_DUPLICATE_NAME' }))
    expect([shop.status.phase, (await shop.stop()).outcome, time.timers]).toEqual(['running', 'abandoned', 0])
  })

  test('R14 one in backoff goes at once; one that has ended is only forgotten', async () => {
    const { time, shop, fake } = scene()
    const [a, b] = [fake('a'), fake('b')]
    shop.add(a, { restart }).add(b).add(fake('c'))
    await shop.start()
    a.die()
    b.end()
    await shop.remove('a')
    await shop.remove('b')
    await time.advance(1_000)
    expect([a.starts, b.stop.calls, time.timers, Object.keys(shop.status.services)]).toEqual([1, 0, 0, ['shop/c']])
  })

  test('R14 a nested group goes with all that is inside it', async () => {
    const { time, shop, fake } = scene()
    const workers = serviceGroup('workers', { clock: time }).add(fake('a')).add(fake('b'))
    shop.add(fake('db')).add(workers)
    await shop.start()
    const trace = recordTrace(shop)
    await shop.remove('workers')
    expect(Object.keys(shop.status.services)).toEqual(['shop/db'])
    expect(trace.lines.at(-1)).toBe('shop/workers removed')
    expect(workers.status.phase).toBe('stopped')
  })

  test('R14 a failure while it goes is its own', async () => {
    const { time, shop, fake } = scene()
    const a = fake('a')
    a.stop.will('waits')
    shop.add(a, { restart }).add(fake('b'))
    await shop.start()
    const removed = rejectionOf(shop.remove('a'))
    await time.settle()
    a.die()
    expect(await removed).toMatchObject({ code: 'ERR_SERVICE_FAILED' })
    expect([shop.status.phase, a.starts]).toEqual(['running', 1])
  })

  test('R14 the last one: the group has nothing, and goes on', async () => {
    const { shop, fake } = scene()
    shop.add(fake('a'))
    await shop.start()
    await shop.remove('a')
    expect([shop.status.phase, shop.status.ready, shop.size]).toEqual(['running', true, 0])
  })

  test('R14 before the start it is only taken out', async () => {
    const { shop, fake } = scene()
    const a = fake('a')
    shop.add(a).add(fake('b'))
    await shop.remove('a')
    await shop.start()
    expect([a.starts, Object.keys(shop.status.services)]).toEqual([0, ['shop/b']])
  })
})

describe('R14 V3 listeners that change what they hear of', () => {
  test('R14 one that is removed as soon as it is heard of never starts', async () => {
    const { time, shop, fake } = scene()
    shop.add(fake('a'))
    await shop.start()
    const late = fake('late')
    shop.events$.subscribe(event => {
      if (event.kind === 'added') void shop.remove('late')
    })
    expect(await uncaughtDuring(() => void shop.add(late))).toEqual([])
    await time.settle()
    expect([late.starts, Object.keys(shop.status.services)]).toEqual([0, ['shop/a']])
  })

  test('R14 places that are given up while somebody is told do not lead to others', async () => {
    const { time, shop, fake } = scene()
    const [db, api, web] = [fake('db'), fake('api'), fake('web')]
    shop
      .add(fake('first'))
      .add(db, { restart, dependsOn: [] })
      .add(api, { dependsOn: ['db'] })
      .add(web, { dependsOn: ['db'] })
    await shop.start()
    db.die()
    const again = watch(shop.restart('api'))
    shop.events$.subscribe(event => {
      if (event.kind === 'transition' && event.path === 'shop/db' && event.state.phase === 'running')
        void shop.remove('first')
    })
    await time.advance(1_000)
    expect([again.now, db.starts, api.starts, web.starts, shop.status.ready]).toEqual(['resolved', 2, 2, 1, true])
  })

  test('R1 one that fails twice in one breath counts as one of those that are gone', async () => {
    const { shop, fake } = scene()
    const [a, b] = [fake('a'), fake('b')]
    shop.add(a, { optional: true }).add(b)
    const once = shop.events$.subscribe(event => {
      if (event.kind === 'transition' && event.path === 'shop/a' && event.state.phase === 'running') a.die()
    })
    await shop.start()
    once.unsubscribe()
    expect([shop.status.phase, b.ping()]).toEqual(['running', 'pong'])
  })
})
