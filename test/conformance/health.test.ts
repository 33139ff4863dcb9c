import { type HealthCheck, serviceGroup } from 'rx-service-group'
import { recordTrace } from 'rx-service-group/testing'
import { describe, expect, test } from 'vitest'
import { outcomes, plain, rejectionOf, shopUnderVirtualTime } from './setup.ts'

const ill = (): never => {
  throw new Error('no route')
}

describe('R11 health checks', () => {
  /** Fails while told so. */
  const moody = (options: Partial<HealthCheck> = {}) => {
    const mood = { ill: false, asked: 0 }
    const check = (): void => {
      mood.asked++
      if (mood.ill) ill()
    }
    return { mood, healthCheck: { check, interval: 100, timeout: 20, ...options } }
  }

  test('R11 so many failures in a row make the group not ready, so many passes make it ready again, each told once', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ successThreshold: 2 })
    shop.add(plain('db'), { healthCheck }).add(plain('api'))
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    mood.ill = true
    await time.advance(1_000)
    expect([shop.status.health, shop.status.ready]).toEqual(['fail', false])
    mood.ill = false
    await time.advance(1_000)
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    await shop.stop()
    expect(trace.lines).toEqual([
      '0 shop starting',
      '0 shop/db starting',
      '0 shop/db running',
      '0 shop/api starting',
      '0 shop/api running',
      '0 shop running',
      '300 shop/db running fail "check failed: no route"',
      '300 shop running fail "db fail: check failed: no route"',
      '1200 shop/db running',
      '1200 shop running',
      '2000 shop running (leaving)',
      '2000 shop/api running (leaving)',
      '2000 shop/db running (leaving)',
      '2000 shop stopping',
      '2000 shop/api stopping',
      '2000 shop/api stopped',
      '2000 shop/db stopping',
      '2000 shop/db stopped',
      '2000 shop stopped',
    ])
    expect([mood.asked, time.timers]).toEqual([21, 0])
  })

  test('R11 checks have a timeout of their own and do not pile up', async () => {
    const { time, shop } = shopUnderVirtualTime()
    let running = 0
    let most = 0
    const check = async ({ signal }: { signal: AbortSignal }): Promise<void> => {
      most = Math.max(most, ++running)
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      running--
    }
    shop.add(plain('db'), { healthCheck: { check, interval: 10, timeout: 500 } })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    await time.advance(1_519)
    expect([running, most, shop.status.ready]).toEqual([1, 1, true])
    await time.advance(1)
    expect(trace.lines.slice(4)).toEqual([
      '1520 shop/db running fail "check took more than 500 ms"',
      '1520 shop running fail "db fail: check took more than 500 ms"',
    ])
    await shop.stop()
    await time.settle()
    expect([running, most, time.timers]).toEqual([0, 1, 0])
  })

  test('R11 a failure that is to be nothing is told, and the group stays ready', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'nothing' })
    mood.ill = true
    shop.add(plain('db'), { healthCheck })
    const trace = recordTrace(shop)
    await shop.start()
    await time.advance(1_000)
    expect(trace.lines.slice(4)).toEqual(['shop/db running "check failed: no route"'])
    expect([shop.status.health, shop.status.ready]).toEqual(['pass', true])
    await shop.stop()
  })

  test('R11 a failure that is to be one: the service is stopped properly and fails, and so the group goes down', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'fail' })
    const orders = plain('orders', { drain: 5, stop: 10, clock: time })
    shop.add(plain('db')).add(orders, { healthCheck })
    const trace = recordTrace(shop, { times: true })
    await shop.start()
    mood.ill = true
    await time.advance(1_000)
    expect(trace.lines.slice(6)).toEqual([
      '300 shop/orders running fail "check failed: no route"',
      '300 shop running fail "orders fail: check failed: no route"',
      '300 shop/orders stopping',
      '300 shop running fail "orders fail: stopping"',
      '315 shop/orders failed ERR_UNHEALTHY',
      '315 shop running (leaving) fail "orders fail: failed"',
      '315 shop/db running (leaving)',
      '315 shop stopping',
      '315 shop/db stopping',
      '315 shop/db stopped',
      '315 shop failed ERR_GROUP_FAILED',
    ])
    const report = await shop.stop()
    expect(outcomes(report)).toEqual({ 'shop/db': 'stopped', 'shop/orders': 'failed' })
    expect(report.trigger).toMatchObject({
      by: 'failure',
      service: 'shop/orders',
      error: { code: 'ERR_UNHEALTHY', message: 'service "orders" is not well: check failed: no route' },
    })
    expect(time.timers).toBe(0)
  })

  test('R11 one that fails its check and can not be got rid of is abandoned, for that reason', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'fail', failureThreshold: 1 })
    const orders = plain('orders', { stop: 'hangs' })
    shop.add(orders, { healthCheck, stopTimeout: 50 })
    await shop.start()
    mood.ill = true
    await time.advance(2_000)
    const { state } = shop.status.services['shop/orders']!
    expect(state).toMatchObject({
      phase: 'stopped',
      how: 'abandoned',
      error: { code: 'ERR_ABANDONED', cause: { code: 'ERR_STOP_TIMEOUT', cause: { code: 'ERR_UNHEALTHY' } } },
    })
    expect((await shop.stop()).outcome).toBe('abandoned')
  })

  test('R11 a nested group can be checked as a whole', async () => {
    const { time, shop } = shopUnderVirtualTime()
    const { mood, healthCheck } = moody({ onFailure: 'fail', failureThreshold: 1 })
    const mailer = plain('mailer')
    shop.add(serviceGroup('workers', { clock: time }).add(mailer), { healthCheck })
    await shop.start()
    mood.ill = true
    await time.advance(100)
    expect([mailer.alive, shop.status.services['shop/workers']?.state.phase]).toEqual([false, 'failed'])
  })

  test('R11 a check that is no check is refused when it is added, and changes nothing', async () => {
    const { shop } = shopUnderVirtualTime()
    const add = async (): Promise<unknown> => shop.add(plain('db'), { healthCheck: { check: ill, interval: -1 } })
    expect(await rejectionOf(add())).toMatchObject({ code: 'ERR_INVALID_DURATION', service: 'db' })
    expect(shop.size).toBe(0)
    expect(shop.add(plain('db')).size).toBe(1)
  })
})
