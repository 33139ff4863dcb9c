import { expect, test } from 'vitest'
import { serviceGroup } from '../../src/core/group/service-group.ts'
import { service } from '../../src/core/service.ts'
import { statusText } from '../../src/process/systemd/status-text.ts'

const hang = () => new Promise<never>(() => {})
const drainOf =
  (count: number) =>
  ({ pending }: { pending(n: number): void }) => {
    pending(count)
    return hang()
  }
const soon = () => new Promise(resolve => setTimeout(resolve, 20))

test('a group that starts names those that are starting, three at most, and counts no groups inside', async () => {
  const workers = serviceGroup('workers')
  for (const name of ['a', 'b', 'c', 'd', 'e']) workers.add(service(name, { start: hang }), { dependsOn: [] })
  const group = serviceGroup('shop').add(service('db', {})).add(workers)
  void group.start().catch(() => {})
  await soon()
  expect(statusText(group.status, Date.now())).toBe('starting: 1 of 6 ready, workers/a, workers/b, workers/c, 2 more')
  await group.stop({ force: true })
})

test('an optional service that failed makes a group degraded, and is named with the cause', async () => {
  const cache = service('cache', { start: () => Promise.reject(new Error('no route\nto host')) })
  const group = serviceGroup('shop').add(service('db', {})).add(cache, { optional: true })
  await group.start()
  expect(statusText(group.status, Date.now())).toBe('degraded: 1 of 2 ready, cache: no route')
  await group.stop()
  expect(statusText(group.status, Date.now())).toMatch(/^stopped/)
})

test('it serves on through the drain delay, and a drain tells what is in flight of all services together', async () => {
  const orders = service('orders', { drain: drainOf(2) })
  const mails = service('mails', { drain: drainOf(1) })
  const group = serviceGroup('shop', { drainDelay: 100, shutdownTimeout: 9_500 }).add(orders).add(mails)
  await group.start()
  const stopped = group.stop('end of the day')
  await soon()
  expect(statusText(group.status, Date.now())).toMatch(/^leaving: stop\(\): end of the day, still serving/)
  await expect.poll(() => statusText(group.status, Date.now())).toBe('draining: orders, mails, 3 in flight, 9 s left')
  void group.stop({ force: true })
  await stopped
})

test('text of others takes one line and little room, whatever is in it', async () => {
  const name = `${'long'.repeat(100)}`
  const bad = service(name, { start: ({ setHealth }) => setHealth('warn', `\u202e\r${'x'.repeat(9_999)}😀`) })
  const group = serviceGroup('shop').add(bad)
  await group.start()
  await soon()
  const text = statusText(group.status, Date.now())
  expect(text).toMatch(/^degraded: 1 of 1 ready, long.*: \\u202e\\rxxx/)
  expect(text).not.toMatch(/[\r\n\u202e]/)
  expect(text.length).toBeLessThan(300)
  await group.stop()
})
