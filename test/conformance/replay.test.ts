import { foldStatus, fromObservable, job, type ServiceGroup, service, serviceGroup, task } from 'rx-service-group'
import { fakeService, type VirtualTime } from 'rx-service-group/testing'
import { NEVER, Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { expectTheSameWhenReplayed, record } from './recording.ts'
import { plain, shopUnderVirtualTime } from './setup.ts'

type Story = (shop: ServiceGroup<string>, time: VirtualTime) => Promise<unknown>

const stories: Readonly<Record<string, Story>> = {
  'a graph with health, particulars and work that is left': async (shop, clock) => {
    const db = fakeService('db', { start: 10, drain: 20, stop: 5, clock })
    const api = fakeService('api', { start: 5, drain: 30, stop: 'returns', clock })
    const cache = plain('cache', { start: 1, clock })
    shop
      .add(db, { dependsOn: [] })
      .add(cache, { dependsOn: [] })
      .add(api, { dependsOn: ['db', 'cache'] })
    void shop.start()
    await clock.advance(12)
    db.info({ host: 'a "quoted"\nname', port: 5432, tls: true, proxy: null })
    await clock.advance(20)
    cache.setHealth('warn', 'slow')
    db.setHealth('fail', 'disk full')
    api.setHealth('fail')
    db.setHealth('pass', '3 idle')
    await clock.advance(200)
    void shop.stop({ by: 'signal', signal: 'SIGTERM' })
    api.pending(12)
    api.pending(3)
    await clock.advance(1_000)
  },

  'a group that leaves with a warning, slowly, step by step': async (shop, clock) => {
    const db = fakeService('db', { unready: 5, drain: 10, stop: 15, clock })
    shop.add(db).add(fakeService('probes', { stop: 5, clock }), { observer: true })
    void shop.start()
    await clock.settle()
    db.setHealth('warn', 'slow')
    void shop.stop('a first reason')
    await clock.advance(10)
    void shop.stop('a second reason')
    await clock.advance(1_000)
  },

  'nested groups, one of them optional, one that fails': async (shop, clock) => {
    const inner = serviceGroup('inner', { clock })
      .add(plain('one', { start: 5, stop: 5, clock }))
      .add(plain('two'), { dependsOn: [] })
    const mailer = plain('mailer', { stop: 'rejects' })
    const extras = serviceGroup('extras', { clock })
      .add(inner)
      .add(mailer, { dependsOn: ['inner'] })
    shop.add(plain('db')).add(extras, { optional: true }).add(serviceGroup('empty', { clock }))
    void shop.start()
    await clock.advance(50)
    mailer.die(new Error('no route', { cause: new TypeError('not a host') }))
    await clock.advance(1_000)
    await shop.stop()
  },

  'restarts with backoff, until it is one too many': async (shop, clock) => {
    const worker = plain('worker')
    const restart = { policy: 'permanent', initialDelay: 100, jitter: 0, maxRestarts: 2 } as const
    shop.add(plain('db')).add(serviceGroup('workers', { clock }).add(worker, { restart }))
    void shop.start()
    await clock.settle()
    for (const cause of ['first', 'second', 'third']) {
      worker.die(new Error(cause))
      await clock.advance(500)
    }
  },

  'a start that fails, with a rollback that fails as well': async (shop, clock) => {
    shop
      .add(plain('db', { stop: 'rejects' }))
      .add(plain('cache', { start: 10, stop: 20, clock }))
      .add(plain('api', { start: 'rejects' }))
      .add(plain('late'))
    shop.start().catch(() => undefined)
    await clock.advance(1_000)
  },

  'drains that are late, stops that are forced and abandoned': async (shop, clock) => {
    shop
      .add(fakeService('db', { drain: 'hangs', stop: 5, clock }), { drainTimeout: 30 })
      .add(plain('cache', { stop: 'waits' }), { stopTimeout: 20 })
      .add(plain('stuck', { stop: 'hangs' }), { stopTimeout: 20, optional: true })
      .add(serviceGroup('in', { clock }).add(plain('deep', { stop: 'hangs' }), { stopTimeout: 10 }))
    void shop.start()
    await clock.settle()
    void shop.stop({ by: 'uncaught', error: { name: 'Error', message: 'out of the blue' } })
    await clock.advance(10_000)
  },

  'jobs, ends, and those that wait in vain': async (shop, clock) => {
    const cache = plain('cache')
    shop
      .add(job('migrate', ({ info }) => info({ tables: 3 })))
      .add(cache, { dependsOn: [], optional: true })
      .add(plain('bad', { start: 'throws' }), { dependsOn: ['cache'], optional: true })
      .add(plain('vain'), { dependsOn: ['bad'], optional: true })
      .add(
        task('import', () => undefined),
        { dependsOn: ['migrate'] },
      )
      .add(fromObservable('ticks', NEVER), { dependsOn: [] })
    void shop.start()
    await clock.advance(10)
    cache.end()
    await clock.advance(10)
    await shop.stop()
  },

  'a service that is added while the group runs, and one that asks for time': async (shop, clock) => {
    shop.add(plain('db'))
    void shop.start()
    await clock.settle()
    const slow = service('slow', {
      start: ({ extend }) => {
        extend(500)
        return new Promise(resolve => clock.schedule(resolve, 400))
      },
    })
    shop.add(slow, { dependsOn: ['db'], startTimeout: 100 })
    await clock.advance(1_000)
    await shop.stop()
  },

  'names that are numbers, words of the language, and not Latin': async (shop, clock) => {
    for (const name of ['10', '9', '__proto__', 'constructor', 'Köln', '数', 'a b']) shop.add(plain(name))
    void shop.start()
    await clock.settle()
    await shop.stop()
  },

  'one that is stopped before it starts': async shop => {
    shop.add(plain('db')).add(serviceGroup('in').add(plain('deep')))
    await shop.stop()
  },

  'a cycle': async shop => {
    shop.add(plain('a'), { dependsOn: ['b'] }).add(plain('b'), { dependsOn: ['a'] })
    await shop.start().catch(() => undefined)
  },

  'a lifecycle of its own that says what it likes': async (shop, clock) => {
    const own = new Observable<never>(out => {
      const say = (state: object): void => out.next(state as never)
      say({ phase: 'starting', attempt: 1, info: undefined })
      say({ phase: 'running', health: 'pass', detail: undefined, info: { left: 'right' } })
      say({ phase: 'draining', reason: { by: 'call', message: undefined }, pending: undefined })
      say({ phase: 'drained', timedOut: true })
      say({ phase: 'stopped', how: 'ended', error: undefined })
      out.complete()
    })
    shop.add({ name: 'own', lifecycle: () => own }).add(plain('db'))
    void shop.start()
    await clock.advance(10)
    await shop.stop()
  },
}

describe('a recording, from the beginning or from any moment on', () => {
  test.each(Object.entries(stories))('V7 replays to the same status, bit for bit: %s', async (_, tell) => {
    const { time, shop } = shopUnderVirtualTime()
    const recordings = record(shop)
    await tell(shop, time)
    await time.advance(60_000)
    expect(shop.status.phase).toMatch(/^(stopped|failed)$/)
    expect(recordings.ndjson.length).toBe(recordings.live.size + 1)
    expectTheSameWhenReplayed(recordings)
  })

  test('V7 of a nested group replays as well', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const mailer = fakeService('mailer', { start: 5, drain: 10, stop: 5, clock: time })
    const workers = serviceGroup('workers', { clock: time }).add(mailer)
    const recordings = record(workers)
    shop.add(workers)
    void shop.start()
    await time.advance(10)
    mailer.setHealth('warn', 'slow')
    void shop.stop()
    await time.advance(100)
    expect(workers.status.phase).toBe('stopped')
    expectTheSameWhenReplayed(recordings)
  })
})

describe('what a snapshot keeps', () => {
  test.each(['draining', 'drained', 'stopping', 'stopped'] as const)(
    'V7 one that is taken while the group is %s tells who asked it to end, and how well it was',
    async phase => {
      const { time, shop } = shopUnderVirtualTime()
      const db = fakeService('db', { drain: 10, stop: 10, clock: time })
      // It has no drain, so that its health is what it was until its turn.
      const cache = plain('cache')
      shop.add(db).add(cache)
      await shop.start()
      cache.setHealth('warn', 'slow')
      const seen: unknown[] = []
      shop.status$.subscribe(status => {
        if (status.phase !== phase) return
        shop.events$.subscribe(event => {
          if (event.kind !== 'snapshot') return
          const { health, trigger } = foldStatus(undefined, JSON.parse(JSON.stringify(event)))
          seen.push([event.group.state.phase, health, trigger])
        })
      })
      void shop.stop('enough')
      await time.advance(100)
      expect(seen[0]).toEqual([phase, 'warn', { by: 'call', message: 'enough' }])
    },
  )

  test('V7 what a service depends on is what it was added with, whatever becomes of the list', async () => {
    const { shop } = shopUnderVirtualTime()
    const dependsOn = ['db']
    shop.add(plain('db'))
    const recordings = record(shop)
    shop.add(plain('api'), { dependsOn })
    const { status } = shop
    dependsOn.push('nobody')
    expect(status.services['shop/api']?.dependsOn).toEqual(['db'])
    shop.add(plain('late'))
    expectTheSameWhenReplayed(recordings)
  })
})
