import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { useBroker } from '../support/broker.ts'
import { type Child, startProgram } from '../support/child.ts'

const demo = (name: string, env: Readonly<Record<string, string>> = {}): Child =>
  startProgram(new URL(`../../demos/${name}.ts`, import.meta.url), env)

/** The address a service of a demo listens on: the system chose the port. */
const addressOf = async (child: Child, path: string): Promise<string> => {
  const line = RegExp(`${path} +running .*url (\\S+)`)
  return line.exec(await child.says(line))![1]!
}

test('01: two HTTP services answer, and SIGTERM stops them in reverse', async () => {
  const child = demo('01-morning-and-evening', { MORNING_PORT: '0', EVENING_PORT: '0' })
  const [morning, evening] = [await addressOf(child, 'day/morning'), await addressOf(child, 'day/evening')]
  expect(await (await fetch(`${morning}/morning`)).text()).toBe('morning!\n')
  expect(await (await fetch(`${evening}/evening`)).text()).toBe('evening!\n')
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(output.indexOf('day/evening  stopped')).toBeLessThan(output.indexOf('day/morning  stopping'))
  expect(output).toMatch(/day stopped gracefully in \d+ ms: SIGTERM/)
})

test('01: a taken port is one clear line, not a stack', async () => {
  const taken = createServer().listen(0)
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const { code, output } = await demo('01-morning-and-evening', { MORNING_PORT: '0', EVENING_PORT: `${port}` }).ended
  taken.close()
  expect(code).toBe(1)
  expect(output).toContain(`error 1 day/evening: service "evening" can't listen on port ${port}: it is already in use.`)
  expect(output).not.toMatch(/^ +at /m)
})

const orders = async (env: Readonly<Record<string, string>>) => {
  const child = demo('02-http-and-queue', { PORT: '0', ...env })
  const api = await addressOf(child, 'shop/api')
  for (const id of [1, 2, 3]) {
    const response = await fetch(`${api}/orders`, { method: 'POST' })
    expect([response.status, await response.json()]).toEqual([202, { id, state: 'accepted' }])
  }
  expect(await (await fetch(`${api}/orders`)).json()).toHaveLength(3)
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(output).toMatch(/shop\/orders +draining +3 pending/)
  expect(output).toMatch(/shop\/orders +drained/)
  expect(output.indexOf('shop/api     stopped')).toBeLessThan(output.indexOf('shop/orders  stopping'))
  expect(output.indexOf('shop/orders  stopped')).toBeLessThan(output.indexOf('shop/outbox  stopping'))
  expect(output).toMatch(/shop stopped gracefully/)
}

test(
  '02: an API and a consumer on the embedded broker drain and stop in reverse',
  () => orders({ AMQP_URL: '' }),
  15_000,
)

const broker = useBroker()
test('02: the same on RabbitMQ', () => orders({ AMQP_URL: broker.url }), 15_000)

test('03: the group tells how well it is, and why not', async () => {
  const { code, output } = await demo('03-group-health').ended
  expect(code).toBe(0)
  expect(output.split('\n').slice(0, 6)).toEqual([
    'pass  not ready',
    'pass  ready',
    'warn  ready      db warn: answers in 900 ms',
    'fail  not ready  db fail: no answer',
    'pass  ready',
    'pass  not ready',
  ])
}, 15_000)

test('04: a flaky worker waits longer each time and heals, and the API beside it never notices', async () => {
  const { code, output } = await demo('04-flaky-worker').ended
  expect(code).toBe(0)
  const worker = output.split('\n').flatMap(line => /shop\/worker +(\w+)/.exec(line)?.[1] ?? [])
  expect(worker).toEqual([
    ...['starting', 'running', 'backoff', 'starting', 'running', 'backoff', 'starting', 'running'],
    ...['backoff', 'starting', 'running', 'stopping', 'stopped'],
  ])
  expect(output).toMatch(/backoff +next try at .*: service "worker" failed: connection refused/)
  expect(output.match(/shop\/api +starting/g)).toHaveLength(1)
}, 15_000)

test('08: metrics are scraped while a worker dies, and the last of them are there after the end', async () => {
  const child = demo('08-metrics', { PORT: '0', LIVES: '2' })
  const address = await addressOf(child, 'shop/metrics')
  await child.says(/shop\/worker +backoff/)
  const response = await fetch(`${address}/metrics`)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await response.text()).toContain(
    'service_group_service_transitions_total{group="shop",service="worker",from="running",to="backoff"} 1\n',
  )
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(output).toContain(`Try:  curl -s ${address}/metrics | grep worker`)
  expect(output).toContain('  service_group_service_restarts_total{group="shop",service="worker"} 1\n')
}, 15_000)
