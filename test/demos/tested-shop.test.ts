import { fakeService, virtualTime } from 'rx-service-group/testing'
import { startApp } from 'rx-service-group/testing/process'
import { expect, test } from 'vitest'
import { shopGroup } from '../../demos/migration/tested-shop/group.ts'

const fakeShop = (db: { stop?: 'hangs' } = {}) => {
  const clock = virtualTime()
  const log: string[] = []
  const services = {
    db: fakeService('db', { clock, log, ...db }),
    orders: fakeService('orders', { clock, log }),
    api: fakeService('api', { clock, log }),
  }
  return { clock, log, ...services, group: shopGroup(services, { clock }) }
}

test('everything serves for 5 s, then it stops in reverse', async () => {
  const { clock, log, api, group } = fakeShop()
  await group.start()
  const stopped = group.stop('deploy')
  await clock.advance(4_999)
  expect(group.status.ready).toBe(false)
  expect(api.ping()).toBe('pong')
  await clock.advance(1)
  expect((await stopped).ok).toBe(true)
  expect(log.filter(call => call.endsWith('stop'))).toEqual(['api stop', 'orders stop', 'db stop'])
  expect(clock.timers).toBe(0)
})

test('a database that hangs is given up after its 2 s, and named', async () => {
  const { clock, group } = fakeShop({ stop: 'hangs' })
  await group.start()
  const stopped = group.stop('deploy')
  await clock.advance(5_000 + 2_000 + 1_000) // drain delay, stopTimeout, forceTimeout
  const { ok, errors } = await stopped
  expect(ok).toBe(false)
  expect(errors).toMatchObject([{ service: 'shop/db', code: 'ERR_ABANDONED' }])
})

test('the real process answers the request in flight, and exits with 0', async () => {
  const main = new URL('../../demos/migration/tested-shop/main.ts', import.meta.url)
  const env = { PORT: '0', DRAIN_DELAY: '100' }
  await using app = await startApp(main, { execArgv: ['--import', 'tsx'], env })
  const url = app.status.service('shop/api')?.state.info?.['url']
  const answer = fetch(`${url}/slow`)
  await app.until(/a slow request/)
  const { code, report, killed } = await app.stop('SIGTERM')
  expect(await (await answer).text()).toBe('db open, orders open')
  expect({ code, killed, ok: report?.ok }).toEqual({ code: 0, killed: false, ok: true })
})
