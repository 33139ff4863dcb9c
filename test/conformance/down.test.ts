import { formatReport, serviceGroup } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { plain, shopUnderVirtualTime, watch } from './setup.ts'

const even = { policy: 'permanent', initialDelay: 1_000, maxDelay: 60_000, jitter: 0, maxRestarts: Infinity } as const

describe('an optional service that is tried again', () => {
  test('S14 does not hold up the start of its group after its first failure', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const search = plain('search', { start: 'rejects' })
    const api = plain('api')
    shop.add(search, { optional: true, restart: even }).add(api)
    const started = watch(shop.start())
    await time.settle()
    expect([started.now, api.ping(), shop.status.ready, shop.status.health]).toEqual(['resolved', 'pong', true, 'warn'])
    await time.advance(3_500)
    expect(search.starts).toBe(3)
    search.start.will('returns')
    await time.advance(60_000)
    expect([search.ping(), shop.status.health]).toEqual(['pong', 'pass'])
    expect(await shop.stop()).toMatchObject({ ok: true, errors: [] })
  })

  test('S14 one that needs it waits, and holds up the start unless it is optional too', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const search = plain('search', { start: 'rejects' })
    const ui = plain('ui')
    shop.add(search, { optional: true, restart: even }).add(ui, { dependsOn: ['search'] })
    const started = watch(shop.start())
    await time.advance(2_000)
    expect([started.now, shop.status.service('shop/ui')?.state.phase]).toEqual(['pending', 'waiting'])
    search.start.will('returns')
    await time.advance(60_000)
    expect([started.now, ui.ping()]).toEqual(['resolved', 'pong'])
    await shop.stop()
  })

  test('S14 what is added later starts after it has failed once, and the group of a group likewise', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const search = plain('search', { start: 'rejects' })
    const inner = serviceGroup('inner', { clock: time }).add(search, { optional: true, restart: even })
    shop.add(inner)
    await shop.start()
    const late = plain('late')
    inner.add(late)
    await time.settle()
    expect(late.ping()).toBe('pong')
    await shop.stop()
  })

  test('S14 one that is needed is waited for, as ever', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const db = plain('db', { start: 'rejects' })
    shop.add(db, { restart: even })
    const started = watch(shop.start())
    await time.advance(500)
    expect(started.now).toBe('pending')
    db.start.will('returns')
    await time.advance(500)
    expect(started.now).toBe('resolved')
    await shop.stop()
  })
})

describe('what was down when all were asked to stop', () => {
  test.each(['waits for its next start', 'starts again'] as const)(
    'V6 is told, with its error, when it %s',
    async how => {
      const { time, shop } = shopUnderVirtualTime()
      const worker = plain('worker')
      shop.add(plain('db')).add(worker, { restart: even })
      await shop.start()
      if (how === 'starts again') worker.start.will('waits')
      worker.die(new Error('connect ECONNREFUSED'))
      await time.advance(how === 'starts again' ? 1_000 : 500)
      const report = await shop.stop()
      const error = { code: 'ERR_SERVICE_FAILED', message: 'service "worker": failed: connect ECONNREFUSED' }
      expect(report).toMatchObject({
        ok: false,
        outcome: 'stopped',
        services: [{ path: 'shop/db' }, { path: 'shop/worker', outcome: 'stopped', down: true, error }],
        errors: [{ service: 'shop/worker', ...error }],
      })
      const wasIn = how === 'starts again' ? 'down' : 'in backoff'
      const told = `     was ${wasIn}: connect ECONNREFUSED${how === 'starts again' ? ', restarted once' : ''}`
      expect(formatReport(report).split('\n')).toEqual(
        expect.arrayContaining([expect.stringMatching(/worker .* stopped$/), told]),
      )
    },
  )

  test('V6 one that never came up is told too', async () => {
    const { time, shop } = shopUnderVirtualTime()
    shop.add(plain('search', { start: 'rejects' }), { optional: true, restart: even }).add(plain('api'))
    await shop.start()
    await time.advance(500)
    expect(await shop.stop()).toMatchObject({
      ok: false,
      services: [{ down: true, error: { code: 'ERR_START_FAILED' } }, {}],
    })
  })

  test('V6 one that has come up again since was not down', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const worker = plain('worker')
    shop.add(worker, { restart: even })
    await shop.start()
    worker.die()
    await time.advance(1_000)
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: true, errors: [], services: [{ restarts: 1 }] })
    expect(report.services[0]).not.toHaveProperty('down')
  })

  test('V6 one that is removed while it is down is gone without an error', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const worker = plain('worker')
    shop.add(plain('db')).add(worker, { restart: even })
    await shop.start()
    worker.die()
    await time.settle()
    await shop.remove('worker')
    expect(await shop.stop()).toMatchObject({ ok: true, errors: [] })
  })
})
