import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { brokerIsOurs, useBroker } from '../support/broker.ts'
import { type Child, startProgram } from '../support/child.ts'
import { onTerminal } from '../support/screen.ts'

const demo = (name: string, env: Readonly<Record<string, string>> = {}): Child =>
  startProgram(new URL(`../../demos/${name}.ts`, import.meta.url), env)

/** The address a service of a demo listens on: the system chose the port. */
const addressOf = async (child: Child, path: string): Promise<string> => {
  const line = RegExp(`${path} +running .*url (\\S+)`)
  return line.exec(await child.says(line))![1]!
}

/** That each of these is said, and after the one before. */
const expectInOrder = (output: string, ...said: readonly (readonly [path: string, phase: string])[]): void => {
  const lines = output.split('\n').map(line => line.split(/ {2,}/).slice(1, 3).join(' '))
  const places = said.map(([path, phase]) => lines.indexOf(`shop/${path} ${phase}`))
  expect(places).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
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
  expect(output).toContain(
    `error 1 day/evening: service "evening": can't listen on port ${port}: it is already in use;`,
  )
  expect(output).not.toMatch(/^ +at /m)
})

const orders = async (env: Readonly<Record<string, string>>) => {
  const child = demo('02-http-and-queue', { PORT: '0', DASHBOARD_PORT: '0', ...env })
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
  expectInOrder(output, ['api', 'stopped'], ['orders', 'stopping'])
  expectInOrder(output, ['orders', 'stopped'], ['outbox', 'stopping'], ['outbox', 'stopped'], ['dashboard', 'stopping'])
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
    'warn  ready      db: answers in 900 ms',
    'fail  not ready  db: no answer',
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
  expect(output).toMatch(/backoff +tries again at .*: service "worker": failed: connection refused/)
  expect(output.match(/shop\/api +starting/g)).toHaveLength(1)
}, 15_000)

/** What a log says of one service: its lines, without times. */
const linesOf = (output: string, path: string): readonly string[] =>
  output.split('\n').flatMap(line => {
    const [, said] = RegExp(`^[\\d:.]+  ${path} +(\\w.*)$`).exec(line) ?? []
    return said === undefined ? [] : said.replace(/^(\w+),? *after [\d.]+ m?s/, '$1').replace(/ {2,}/g, '  ')
  })

test('05: what needs a slow database waits for it, the rest does not, and a cache fails alone', async () => {
  const { code, output } = await demo('05-slow-database').ended
  expect(code).toBe(0)
  expect(linesOf(output, 'shop/database')).toEqual(['starting', 'running', 'stopping', 'stopped'])
  expect(linesOf(output, 'shop/mailer')).toEqual(['starting', 'running', 'stopping', 'stopped'])
  expect(linesOf(output, 'shop/orders')).toEqual([
    'waiting  for database',
    ...['starting', 'running', 'stopping', 'stopped'],
  ])
  expect(linesOf(output, 'shop/api')).toEqual([
    ...['waiting  for orders, mailer', 'waiting  for orders'],
    ...['starting', 'running', 'stopping', 'stopped'],
  ])
  expect(linesOf(output, 'shop/cache')).toEqual([
    'starting',
    'stopping',
    expect.stringMatching(/^failed {2}service "cache": start timed out after 500 ms; .* \[ERR_START_TIMEOUT\]$/),
  ])
  expect(linesOf(output, 'shop')).toEqual([
    'starting',
    expect.stringMatching(/^running.*warn.*cache/),
    expect.stringMatching(/^leaving {2}stop\(\): the story is told/),
    ...['stopping', 'stopped'],
  ])
  expectInOrder(output, ['mailer', 'starting'], ['database', 'running'])
  expectInOrder(output, ['database', 'running'], ['orders', 'starting'], ['orders', 'running'], ['api', 'starting'])
  expectInOrder(output, ['api', 'stopped'], ['orders', 'stopping'], ['orders', 'stopped'], ['database', 'stopping'])
  expectInOrder(output, ['api', 'stopped'], ['mailer', 'stopping'])
  // Looked at between two timers of the same process, which fire in the order they are due, however slow it is.
  expect(output).toContain(`
Not ready:
  shop           starting
  shop/database  starting
  shop/orders    waiting   through shop/database
  shop/api       waiting   through shop/orders
  shop/cache     starting
`)
}, 15_000)

const RESTARTED_AS_A_UNIT = `
api         workers     connection  orders      mails
idle        idle        idle        idle        idle
starting    idle        idle        idle        idle
running     idle        idle        idle        idle
running     starting    idle        idle        idle
running     starting    starting    idle        idle
running     starting    running     idle        idle
running     starting    running     starting    idle
running     starting    running     running     idle
running     starting    running     running     starting
running     starting    running     running     running
running     running     running     running     running

The connection is lost. Its group restarts it, and what starts after it:
running     running     backoff     running     running
running     running     backoff     running     stopping
running     running     backoff     running     waiting
running     running     backoff     stopping    waiting
running     running     backoff     waiting     waiting
running     running     starting    waiting     waiting
running     running     running     waiting     waiting
running     running     running     starting    waiting
running     running     running     running     waiting
running     running     running     running     starting
running     running     running     running     running

It is lost once too often. Its group gives up, and is restarted as a unit:
running     running     failed      running     running
running     stopping    failed      running     running
running     stopping    failed      running     stopping
running     stopping    failed      running     stopped
running     stopping    failed      stopping    stopped
running     stopping    failed      stopped     stopped
running     backoff     failed      stopped     stopped
running     starting    failed      stopped     stopped
running     starting    idle        stopped     stopped
running     starting    idle        idle        stopped
running     starting    idle        idle        idle
running     starting    starting    idle        idle
running     starting    running     idle        idle
running     starting    running     starting    idle
running     starting    running     running     idle
running     starting    running     running     starting
running     starting    running     running     running
running     running     running     running     running

Restarted by hand, with group.restart('workers'):
running     stopping    running     running     running
running     stopping    running     running     stopping
running     stopping    running     running     stopped
running     stopping    running     stopping    stopped
running     stopping    running     stopped     stopped
running     stopping    stopping    stopped     stopped
running     stopping    stopped     stopped     stopped
running     starting    stopped     stopped     stopped
running     starting    idle        stopped     stopped
running     starting    idle        idle        stopped
running     starting    idle        idle        idle
running     starting    starting    idle        idle
running     starting    running     idle        idle
running     starting    running     starting    idle
running     starting    running     running     idle
running     starting    running     running     starting
running     starting    running     running     running
running     running     running     running     running

The API has answered all of N pings. Now everything stops, in reverse:
draining    running     running     running     running
drained     running     running     running     running
drained     stopping    running     running     running
drained     stopping    running     running     stopping
drained     stopping    running     running     stopped
drained     stopping    running     stopping    stopped
drained     stopping    running     stopped     stopped
drained     stopping    stopping    stopped     stopped
drained     stopping    stopped     stopped     stopped
drained     stopped     stopped     stopped     stopped
stopping    stopped     stopped     stopped     stopped
stopped     stopped     stopped     stopped     stopped
`

test('06: a group is restarted inside, then as a unit, then by hand, and the API beside it answers', async () => {
  const { code, output } = await demo('06-restarted-as-a-unit').ended
  expect(code).toBe(0)
  expect(output.trim().replace(/all of [1-9]\d*/, 'all of N')).toBe(RESTARTED_AS_A_UNIT.trim())
}, 15_000)
test('07: on a terminal: every line while it starts, one when it is up, who is not well, and every line at the end', async () => {
  const person = onTerminal(new URL('../../demos/07-terminal.ts', import.meta.url))
  await person.sees(/index +starting/)
  await person.sees(/^✔ shop is up in \d+(\.\d+)? s \(5 services\)\n {2}↑↓ choose a service$/)
  await person.sees(/▲ shop is up, not ready, 4 of 5 well\n +↻ workers\/mailer +backoff (.|\n)*the connection was lost/)
  await person.sees(/✔ shop is well again after .* \(workers\/mailer\)\n {2}↑↓ choose a service$/)
  person.presses('\u0003')
  await person.sees(/orders +draining .*2 pending(.|\n)*press Ctrl-C again to force$/)
  const { code, screen } = await person.ended
  expect(code).toBe(0)
  expect(screen).toMatch(/shop stopped gracefully in \d+(\.\d+)? s: SIGINT/)
}, 20_000)
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

test('09: a page and a stream of statuses are a dashboard', async () => {
  const child = demo('09-your-own-dashboard', { PORT: '0' })
  const address = await addressOf(child, 'shop/dashboard')
  expect(await (await fetch(address)).text()).toContain("new EventSource('status')")
  const stream = (await fetch(`${address}/status`)).body!.pipeThrough(new TextDecoderStream()).getReader()
  const { value } = await stream.read()
  expect(JSON.parse(value!.slice('data: '.length))).toMatchObject({ name: 'shop', phase: 'running', ready: true })
  child.kill('SIGTERM')
  expect((await child.ended).code).toBe(0)
}, 15_000)

test('10: the dashboard is served from before the first start, and says that it is the one of the shop', async () => {
  const child = demo('10-dashboard', { PORT: '0', TOKEN: 'correct horse battery' })
  const [, url] = /Open (\S+) and watch/.exec(await child.says(/Open \S+ and watch.*\n/))!
  expect(await (await fetch(url!)).text()).toContain('page.js')
  const status = (await (await fetch(`${url}/status`)).json()) as { name: string; phase: string }
  expect(status).toMatchObject({ name: 'shop', phase: 'starting' })
  child.kill('SIGTERM')
  expect((await child.ended).code).toBe(0)
}, 15_000)

test('11: a WebSocket is told 1001, an event stream comes to its end, and the request is answered', async () => {
  const { code, output } = await demo('11-websocket-and-sse').ended
  expect(code).toBe(0)
  const [before, after] = output.split(/^.*shop +leaving .*$/m)
  for (const client of ['WebSocket +tick 0', 'event stream +data: tick 0', 'request +sent'])
    expect(before).toMatch(RegExp(`^ +${client}$`, 'm'))
  expect(after).toMatch(/^ +WebSocket +closed with 1001$/m)
  expect(after).toMatch(/^ +event stream +came to its end$/m)
  expect(after).toMatch(/^ +request +answered: the report, connection: close$/m)
  expect(after).toMatch(
    /shop\/api +draining +3 pending(.|\n)*1 pending(.|\n)*shop\/api +drained(.|\n)*shop\/db +stopping/,
  )
}, 15_000)

test('12: a bad database takes the readiness and not the life, and the shutdown can be asked to its end', async () => {
  const { code, output } = await demo('12-probes', { PORT: '0' }).ended
  expect(code).toBe(0)
  expect(output.split('\n\n')[0]!.trimEnd().split('\n')).toEqual([
    '            livez     startupz  readyz    healthz',
    'it starts   200       503       503       503       shop: starting; shop/db: starting; shop/api: waiting, through shop/db',
    'it is up    200       200       200       200',
    'db is slow  200       200       200       200       shop/db: warn (answers in 900 ms)',
    'db is gone  200       200       503       503       shop/db: fail (no answer)',
    'db is back  200       200       200       200',
    'SIGTERM     200       200       503       503       shop: leaving (SIGTERM)',
    'api drains  200       200       503       503       shop: draining (SIGTERM)',
    'db closes   200       200       503       503       shop: stopping (SIGTERM)',
  ])
}, 15_000)

test('13: a gateway drains before the gRPC service that its requests under way have yet to ask', async () => {
  const child = demo('13-http-and-grpc', { PORT: '0', RPC_PORT: '0' })
  const gateway = await addressOf(child, 'shop/gateway')
  const answers = ['apples', 'figs'].map(async name => (await fetch(`${gateway}/stock/${name}`)).json())
  await Promise.all([child.says('GET /stock/apples'), child.says('GET /stock/figs')])
  child.kill('SIGTERM')
  expect(await Promise.all(answers)).toEqual([{ count: 6 }, { count: 4 }])
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(output).toMatch(/shop\/gateway +draining +2 pending/)
  expectInOrder(output, ['gateway', 'drained'], ['stock', 'draining'], ['stock', 'drained'], ['gateway', 'stopping'])
  expectInOrder(output, ['gateway', 'stopped'], ['client', 'stopped'], ['stock', 'stopping'])
  expect(output).toMatch(/shop stopped gracefully/)
}, 15_000)

test('14: a schedule is unwell until a run ends well, and the last run is finished', async () => {
  const { code, output } = await demo('14-schedule').ended
  expect(code).toBe(0)
  const told = output.matchAll(/^ +(run \d)(?= of)|(run \d is done)|shop\/prices +(draining|drained)/gm)
  expect([...new Set(Array.from(told, ([, begun, done, phase]) => begun ?? done ?? phase))]).toEqual([
    ...['run 1', 'run 1 is done', 'run 2', 'run 3', 'run 3 is done', 'run 4', 'draining', 'run 4 is done', 'drained'],
  ])
  expect(output).toMatch(/shop +running +warn: prices: the supplier did not answer/)
}, 15_000)

test('15: a poisoned job kills two threads of a pool, which are restarted; SIGTERM drains it, and no job is lost', async () => {
  const child = demo('15-worker-pool')
  await child.says(/job 10 is given up: it has killed 2 threads/)
  // The second time it may be the first one again.
  await child.says(/running .* restarted [\s\S]*running .* restarted /)
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(output).toMatch(
    /shop\/pool\/\w+ +backoff .*failed: there are no primes up to -1 \[ERR_SERVICE_FAILED\] \(at .*\)$/m,
  )
  expect(output).toMatch(/^\d+ jobs were accepted, \d+ are done, 1 was given up: 0 lost\.$/m)
  expectInOrder(output, ['jobs', 'drained'], ['pool', 'drained'], ['jobs', 'stopped'], ['pool', 'stopping'])
}, 30_000)

for (const where of ['embedded', 'RabbitMQ'] as const) {
  const env = () => ({ AMQP_URL: where === 'embedded' ? '' : broker.url })

  test(`16: on ${where}, what fails is retried out of the way of others, then parked with the reason`, async () => {
    const { code, output } = await demo('16-retry-and-park', env()).ended
    expect(code).toBe(0)
    const said = output.split('\n').filter(line => /, attempt|^parked/.test(line))
    const of = (item: string) => said.filter(line => line.includes(item))
    expect(of('book')).toEqual(['book, attempt 1: sent'])
    expect(of('lamp')).toEqual([
      'lamp, attempt 1: out of stock',
      'lamp, attempt 2: out of stock',
      'lamp, attempt 3: sent',
    ])
    expect(of('unicorn')).toEqual([
      ...[1, 2, 3].map(attempt => `unicorn, attempt ${attempt}: out of stock`),
      'parked: {"item":"unicorn"}, because: out of stock',
    ])
    expect(of('nothing')).toEqual([expect.stringMatching(/could not be decoded: an order needs an item$/)])
    expect(said.indexOf('book, attempt 1: sent')).toBeLessThan(said.indexOf('lamp, attempt 2: out of stock'))
    expect(output).toMatch(/shop stopped gracefully .*all are settled/)
  }, 15_000)

  test(`18: on ${where}, full batches are written as they fill, and the rest at the end`, async () => {
    const { code, output } = await demo('18-messages-and-operators', env()).ended
    expect(code).toBe(0)
    const [before = '', after = ''] = output.split('Enough; what is left is written now:')
    const written = (text: string, sensor: string) =>
      [...text.matchAll(RegExp(`${sensor} +written: (.*)`, 'g'))].map(([, values]) => values)
    expect(written(before, 'kitchen')).toEqual(['3 6 9 12', '15 18 21 24'])
    expect(written(after, 'kitchen')).toEqual(['27 30'])
    expect(written(after, 'garden')).toEqual(['25 28'])
    expect(output).toMatch(/house stopped gracefully/)
  }, 15_000)

  test(`19: on ${where}, requests get replies, errors that are replied and timeouts, and the last one its reply at the end`, async () => {
    const { code, output } = await demo('19-rpc', env()).ended
    expect(code).toBe(0)
    expect(output.split('\n').slice(0, 5)).toEqual([
      'lamp: 30',
      'carpet: no price for a carpet',
      'unicorn: ERR_AMQP_TIMEOUT',
      'house: TimeoutError: The operation was aborted due to timeout',
      'house: 400000',
    ])
    expect(output).toMatch(/shop ended gracefully/)
  }, 15_000)
}

test.runIf(brokerIsOurs)(
  '17: a broker is restarted, everyone says so and is well again, and no order is lost',
  async () => {
    const { code, output } = await demo('17-broker-restart').ended
    expect(code).toBe(0)
    const [, away = '', back = ''] = output.split(/The broker goes\.|It comes back.*/)
    expect(away).toMatch(/^fail, connecting +fail, connecting +fail, connecting$/m)
    expect(back).toMatch(/^well +well +well$/m)
    expect(back).toMatch(/^300 orders are confirmed\.\nmails have 300 of them, .*\ninvoices have 300 of them, .*$/m)
    expect(back.trim()).toMatch(/\nstopped +stopped +stopped$/)
  },
  90_000,
)

test('20: three restarts under load refuse and reset nobody where the socket is kept', async () => {
  const { code, output } = await demo('20-restart').ended
  expect(code).toBe(0)
  const rows = [...output.matchAll(/^(\w.*\w) {2,}(\d+) +(\d+) +(\d+) +\d+ ms$/gm)].map(
    ([, what, requests, refused, reset]) => ({
      what,
      requests: Number(requests),
      failed: [refused, reset].map(Number),
    }),
  )
  expect(rows.map(({ what }) => what)).toEqual([
    'nothing kept, stop then start',
    'socket kept, stop then start',
    'socket kept, new beside old',
  ])
  const [nothing, ...kept] = rows
  expect(nothing!.failed[0]).toBeGreaterThan(20)
  expect(kept.map(({ failed }) => failed)).toEqual([
    [0, 0],
    [0, 0],
  ])
  for (const { requests } of kept) expect(requests).toBeGreaterThan(100)
  expect(output).toMatch(/^Where the socket was kept, 0 of \d+ requests failed\.$/m)
  expect(output.split('\n').filter(line => line.length > 80)).toEqual([])
}, 90_000)

test('20: Ctrl-C in the middle of it ends all processes', async () => {
  const person = onTerminal(new URL('../../demos/20-restart.ts', import.meta.url))
  await person.sees(/nothing kept, stop then start +\d/)
  person.presses('\u0003')
  const { code, screen } = await person.ended
  expect(code).toBe(0)
  expect(screen).toMatch(/stopped\s*$/)
  expect(screen).not.toContain('Error')
}, 60_000)
