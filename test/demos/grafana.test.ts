import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { handleUnaryCall, ServiceDefinition } from '@grpc/grpc-js'
import { Registry } from 'prom-client'
import { type ServiceContext, service, serviceGroup } from 'rx-service-group'
import { grpc } from 'rx-service-group/grpc'
import { http } from 'rx-service-group/http'
import { metrics } from 'rx-service-group/metrics'
import { fakeService, virtualTime } from 'rx-service-group/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { echo, echoClient, say } from '../services/grpc/echo.ts'

const demos = new URL('../../demos/grafana/', import.meta.url)
const alerts = fileURLToPath(new URL('alerts.yml', demos))
const rules = readFileSync(alerts, 'utf8')

interface Panel {
  readonly id: number
  readonly title: string
  readonly description: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets: readonly { readonly expr: string }[]
}
const dashboard = JSON.parse(readFileSync(new URL('dashboard.json', demos), 'utf8')) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
const variables = dashboard.templating.list.flatMap(({ definition = [] }) => definition)

/** Comes with the package `prometheus` of Debian and Ubuntu. */
const PROMTOOL = '/usr/bin/promtool'
const run = promisify(execFile)

const folder = mkdtempSync(join(tmpdir(), 'grafana-'))
afterAll(() => rmSync(folder, { recursive: true }))
const written = (name: string, content: object): string => {
  const file = join(folder, name)
  // JSON is YAML too.
  writeFileSync(file, JSON.stringify(content))
  return file
}

const MINUTES = 40

/** What is exported each minute while services of a group are well, are down, warn, fail, and do not end. */
const scraped = async () => {
  const clock = virtualTime()
  const registry = new Registry()
  let orders!: ServiceContext
  const group = serviceGroup('shop', { clock, shutdownTimeout: Infinity })
    .add(fakeService('db', { clock, stop: 'waits' }), { stopTimeout: Infinity })
    .add(
      service('orders', {
        start: context => {
          orders = context
          context.info({ inFlight: 1, handled: 0, failed: 0 })
        },
      }),
    )
  const [api, mailer, cache] = ['api', 'mailer', 'cache'].map(name => fakeService(name, { clock, start: 10 }))
  group
    .add(api!, { optional: true })
    .add(mailer!, {
      optional: true,
      restart: { policy: 'permanent', initialDelay: 1_000, factor: 1, jitter: 0, maxRestarts: 1_000 },
    })
    .add(cache!)
  metrics(group, { registry })
  const started = group.start()
  await clock.advance(1_000)
  await started
  const samples: ReadonlyMap<string, string>[] = []
  for (let minute = 0; minute <= MINUTES; minute++) {
    if (minute === 6) cache!.setHealth('fail', 'no answer')
    if (minute === 10) cache!.setHealth('warn', 'slow')
    if (minute === 27) cache!.setHealth('pass')
    if (minute > 8 && minute < 18) mailer!.die()
    if (minute > 8) for (let n = 0; n < 20; n++) orders.workFailed('an order', new Error('no stock'))
    if (minute === 12) api!.die()
    if (minute === 30) void group.stop()
    await clock.advance(60_000)
    const lines = (await registry.metrics()).split('\n').filter(line => line !== '' && line[0] !== '#')
    samples.push(
      new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)])),
    )
  }
  return { samples, names: registry.getMetricsAsArray().map(({ name }) => name) }
}

let told: Awaited<ReturnType<typeof scraped>>
beforeAll(async () => {
  told = await scraped()
})

/** The metrics that a text names, without what a histogram adds. */
const namesIn = (text: string): readonly string[] => [
  ...new Set(
    Array.from(text.matchAll(/\bservice_group_\w+/g), ([name]) =>
      name.replace(/(_duration_seconds)_(bucket|sum|count)$/, '$1'),
    ),
  ),
]

describe('the dashboard', () => {
  test('draws only what is exported, and nearly all of it', () => {
    const named = namesIn([...expressions, ...variables].join(' '))
    expect(named.filter(name => !told.names.includes(name))).toEqual([])
    const missing = told.names.filter(name => !named.includes(name))
    expect(missing.toSorted()).toEqual(
      [
        // The state and health of each service say more.
        'service_group_state',
        'service_group_health',
        'service_group_service_transitions_total',
        'service_group_service_pending',
        // Of a whole group there is one start and one end.
        'service_group_start_duration_seconds',
        'service_group_shutdown_duration_seconds',
      ].toSorted(),
    )
  })

  test('selects by labels and values that are there', () => {
    const series = [...told.samples.flatMap(sample => [...sample.keys()])].join('\n')
    for (const [, name, label, value] of expressions
      .join(' ')
      .matchAll(/(service_group_\w+)\{[^}]*?,?(state|health|figure)=~?"([^"$]+)"/g))
      for (const one of value!.split('|')) expect(series, `${name} ${label}`).toContain(`${label}="${one}"`)
  })

  test('has panels that say what they show, each in a place of its own', () => {
    const places = new Set<string>()
    for (const { id, title, description, gridPos } of dashboard.panels) {
      expect([id > 0, title !== '', description.endsWith('.')]).toEqual([true, true, true])
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x).toBeLessThan(24)
          expect(places.has(`${x} ${y}`), title).toBe(false)
          places.add(`${x} ${y}`)
        }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  })
})

test('the panels of work draw what servers and consumers tell of theirs, and what failed of it', async () => {
  const registry = new Registry()
  const api = http('api', ({ url }, response) => {
    response.statusCode = url === '/fault' ? 500 : 200
    response.end()
  })
  const rpc = grpc('rpc', server =>
    server.addService(echo as ServiceDefinition, {
      Say: ((call, reply) => reply(null, call.request)) satisfies handleUnaryCall<string, string>,
    }),
  )
  const group = serviceGroup('shop').add(api).add(rpc)
  metrics(group, { registry })
  await group.start()
  await fetch(api.url!)
  await fetch(`${api.url}/fault`)
  const client = echoClient(rpc.port!)
  expect(await say(client, 'hello')).toBe('hello')
  await group.stop()
  client.close()
  const figures = (await registry.metrics())
    .split('\n')
    .filter(line => line.startsWith('service_group_service_figure{'))
  const line = (name: string, figure: string, value: number): string =>
    `service_group_service_figure{group="shop",service="${name}",figure="${figure}"} ${value}`
  expect(figures).toEqual([
    line('api', 'inFlight', 0),
    line('api', 'handled', 2),
    line('api', 'failed', 1),
    line('rpc', 'inFlight', 0),
    line('rpc', 'handled', 1),
  ])
  const drawn = Array.from(expressions.join(' ').matchAll(/service_figure\{[^}]*figure="(\w+)"/g), ([, name]) => name!)
  expect(drawn.toSorted()).toEqual(['failed', 'handled', 'inFlight'])
})

test('the alert rules ask only for what is exported', () => {
  expect(namesIn(rules).filter(name => !told.names.includes(name))).toEqual([])
})

describe.skipIf(!existsSync(PROMTOOL))('promtool, where it is installed,', { timeout: 60_000 }, () => {
  test('can read the alert rules and every expression of the dashboard', async () => {
    const ruled = expressions.map((expr, n) => ({
      record: `expression_${n}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*'),
    }))
    const file = written('expressions.yml', { groups: [{ name: 'dashboard', rules: ruled }] })
    const { stdout } = await run(PROMTOOL, ['check', 'rules', alerts, file])
    expect(stdout).toContain(`SUCCESS: ${ruled.length} rules found`)
    expect(stdout).not.toContain('FAILED')
  })

  test('fires each alert when it should, by what a group has exported, and none while all is well', async () => {
    const { samples } = told
    const late = 'service_group_process_event_loop_delay_seconds{quantile="0.99"}'
    expect(samples[0]!.has(late)).toBe(true)
    const all = new Set(samples.flatMap(sample => [...sample.keys()]))
    const input_series = [...all].map(series => ({
      series,
      // The loop of this process was late in no minute of the virtual ones.
      values: samples
        .map((sample, minute) => (series === late ? Number(minute >= 20) : (sample.get(series) ?? '_')))
        .join(' '),
    }))
    const [shop, of] = [{ group: 'shop' }, (name: string) => ({ group: 'shop', service: name })]
    const critical = { severity: 'critical' }
    const warning = { severity: 'warning' }
    const quiet = { minute: 5, alert: '', labels: undefined }
    const fired = [
      { minute: 9, alert: 'ServiceUnhealthy', labels: [{ ...of('cache'), health: 'fail', ...critical }] },
      { minute: 9, alert: 'ServiceGroupNotReady', labels: [{ ...shop, ...critical }] },
      { minute: 14, alert: 'ServiceGroupNotReady', labels: [] },
      { minute: 26, alert: 'ServiceWarns', labels: [{ ...of('cache'), health: 'warn', ...warning }] },
      { minute: 14, alert: 'ServiceDown', labels: [{ ...of('api'), state: 'failed', ...critical }] },
      { minute: 17, alert: 'ServiceRestartsOften', labels: [{ ...of('mailer'), ...warning }] },
      { minute: 24, alert: 'ServiceWorkFails', labels: [{ ...of('orders'), ...warning }] },
      { minute: 38, alert: 'ServiceDoesNotEnd', labels: [{ ...of('db'), state: 'stopping', ...warning }] },
      { minute: 26, alert: 'EventLoopLate', labels: [{ quantile: '0.99', ...warning }] },
    ]
    const names = Array.from(rules.matchAll(/- alert: (\w+)/g), ([, name]) => name!)
    const untested = names.filter(name => !fired.some(({ alert }) => alert === name))
    // Its process has ended, as a rule, before anybody scrapes it.
    expect(untested).toEqual(['ServiceGroupFailed'])
    const expected = [...names.map(alert => ({ ...quiet, alert, labels: [] })), ...fired].map(
      ({ minute, alert, labels }) => ({
        expr: `ALERTS{alertname="${alert}",alertstate="firing"}`,
        minute,
        alert,
        labels,
      }),
    )
    const file = written('alerts.test.yml', {
      rule_files: [alerts],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series,
          promql_expr_test: expected.map(({ expr, minute, alert, labels }) => ({
            expr,
            eval_time: `${minute}m`,
            exp_samples: labels.map(one => ({
              labels: `ALERTS{${Object.entries({ alertname: alert, alertstate: 'firing', ...one })
                .map(([name, value]) => `${name}="${value}"`)
                .join(',')}}`,
              value: 1,
            })),
          })),
        },
      ],
    })
    const { stdout } = await run(PROMTOOL, ['test', 'rules', file]).catch(
      (error: { stdout: string; stderr: string }) => ({
        stdout: `${error.stdout}${error.stderr}`,
      }),
    )
    expect(stdout).toMatch(/SUCCESS\s*$/)
  })
})
