import { type GroupHealth, serviceGroup } from 'rx-service-group'
import { expect, test } from 'vitest'
import { plain, shopUnderVirtualTime } from './setup.ts'

const soon = { policy: 'permanent', initialDelay: 100, jitter: 0 } as const

const told = ({ health, ready, detail }: GroupHealth): string =>
  `${health} ${ready ? 'ready' : 'not ready'}${detail === undefined ? '' : ` "${detail}"`}`

test('V5 R10 a group that is restarted as a unit is a warning outside, and never ready in between', async () => {
  const { time, shop } = shopUnderVirtualTime()
  const a = plain('a')
  const inner = serviceGroup('inner', { clock: time, strategy: 'rest-for-one', maxRestarts: 0 })
    .add(a, { restart: soon })
    .add(plain('slow', { stop: 300, clock: time }))
  shop.add(plain('api')).add(inner, { restart: soon })
  await shop.start()
  const seen: string[] = []
  shop.health$.subscribe(health => seen.push(`${time.now()} ${told(health)}`))
  a.die()
  await time.advance(1_000)
  expect(seen).toEqual([
    '0 pass ready',
    '0 pass not ready',
    '0 warn not ready "inner: a failed"',
    '0 warn not ready "inner: stopping"',
    '300 warn not ready "inner: restarting"',
    '400 warn ready "inner: restarting"',
    '400 pass ready',
  ])
  await Promise.all([shop.stop(), time.advance(300)])
})

test('V5 R4 one that is given up while it tries to come back does not make its group ready for a moment', async () => {
  const { time, shop } = shopUnderVirtualTime()
  const worker = plain('worker')
  shop.add(plain('db')).add(worker, { restart: { ...soon, maxRestarts: 1 } })
  await shop.start()
  const seen: boolean[] = []
  shop.status$.subscribe(({ ready }) => seen.push(ready))
  worker.start.will('rejects')
  worker.die()
  await time.advance(1_000)
  expect(shop.status.phase).toBe('failed')
  expect(seen.lastIndexOf(true)).toBeLessThan(seen.indexOf(false))
})

test('V6 one that went by itself before the shutdown had no turn in it', async () => {
  const { time, shop } = shopUnderVirtualTime()
  shop.add(plain('cache', { start: 'waits' }), { optional: true, startTimeout: 50 }).add(plain('db'))
  const started = shop.start()
  await time.advance(50)
  await started
  await time.advance(200)
  const { services } = await shop.stop()
  expect(services.map(({ path, stoppedAfter }) => [path, stoppedAfter])).toEqual([
    ['shop/cache', null],
    ['shop/db', 0],
  ])
})
