import { Counter, Gauge, Registry, register } from 'prom-client'
import { type Info, type ServiceContext, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { metrics } from 'rx-service-group/metrics'
import { fakeService, virtualTime } from 'rx-service-group/testing'
import { describe, expect, test, vi } from 'vitest'

/** All series of a text, as `name{labels} value`. */
const seriesOf = (text: string): readonly string[] => text.split('\n').filter(line => line !== '' && line[0] !== '#')

const scrape = async (registry: Registry, part: string | RegExp = ''): Promise<readonly string[]> =>
  seriesOf(await registry.metrics()).filter(line => (typeof part === 'string' ? line.includes(part) : part.test(line)))

/** A database that does not stop in time, a nested group with a worker that dies, an API that needs both. */
const shop = (registry = new Registry()) => {
  const time = virtualTime()
  const mailer = fakeService('mailer', { start: 20, drain: 40, stop: 5, clock: time })
  const workers = serviceGroup('workers', { clock: time }).add(mailer, { restart: { policy: 'permanent', jitter: 0 } })
  const group = serviceGroup('shop', { clock: time })
    .add(fakeService('db', { start: 300, stop: 'waits', clock: time }), { stopTimeout: 200 })
    .add(workers, { optional: true })
    .add(fakeService('api', { start: 1, clock: time }), { dependsOn: ['db', 'workers'] })
  const subscription = metrics(group, { registry })
  return { time, mailer, group, registry, subscription }
}

/** Lets a group live and die. */
const wholeLife = async ({ time, mailer, group }: ReturnType<typeof shop>): Promise<void> => {
  const started = group.start()
  await time.advance(1_000)
  await started
  mailer.die()
  await time.advance(5_000)
  const stopped = group.stop()
  await time.advance(20_000)
  await stopped
}

test('a whole life, as it is scraped at its end', async () => {
  const life = shop()
  await wholeLife(life)
  // What the process needs is another thing in each run.
  const text = (await life.registry.metrics()).replace(/^(service_group_process_\S+) .*/gm, '$1 ?')
  await expect(text).toMatchFileSnapshot('metrics.prom')
})

describe('the conventions of Prometheus', () => {
  interface Family {
    readonly help: string
    readonly type: string
    readonly samples: readonly string[]
  }
  const families = (text: string): ReadonlyMap<string, Family> =>
    new Map(
      text
        .trimEnd()
        .split('\n\n')
        .map(block => {
          const [help = '', type = '', ...samples] = block.split('\n')
          const name = /^# HELP (\S+) /.exec(help)![1]!
          expect(type.startsWith(`# TYPE ${name} `)).toBe(true)
          return [name, { help: help.slice(8 + name.length), type: type.slice(8 + name.length), samples }]
        }),
    )

  test('each family has a name, a help and a type that fit', async () => {
    const life = shop()
    await wholeLife(life)
    const all = families(await life.registry.metrics())
    expect(all.size).toBe(20)
    for (const [name, { help, type }] of all) {
      expect(name).toMatch(/^service_group(_[a-z]+)+$/)
      expect(help).toMatch(/^[A-Z].*\.$/)
      expect([name, type]).toEqual([
        name,
        name.endsWith('_total') ? 'counter' : name.endsWith('_duration_seconds') ? 'histogram' : 'gauge',
      ])
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|count|sum|bucket|gauge|counter)$/)
    }
  })

  test('each sample is of its family, told once, its labels without a unit', async () => {
    const life = shop()
    await wholeLife(life)
    const seen = new Set<string>()
    for (const [name, { type, samples }] of families(await life.registry.metrics()))
      for (const sample of samples) {
        const [, own, labels, value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(sample)!
        expect(type === 'histogram' ? own!.replace(/_(bucket|sum|count)$/, '') : own).toBe(name)
        expect(seen.has(`${own}{${labels}}`)).toBe(false)
        seen.add(`${own}{${labels}}`)
        expect(Number(value)).toBeGreaterThanOrEqual(0)
        for (const [, label] of (labels ?? '').matchAll(/(\w+)="/g))
          expect(label).toMatch(
            /^(group|service|state|health|from|to|outcome|depends_on|optional|observer|figure|quantile|le)$/,
          )
      }
  })

  test('all states are always told, and one of them is true', async () => {
    const life = shop()
    const { time, group, registry } = life
    const check = async (): Promise<void> => {
      const states = await scrape(registry, /_state\{/)
      expect(states).toHaveLength(10 * (1 + group.status.list.length))
      expect(states.filter(line => line.endsWith(' 1'))).toEqual([
        `service_group_state{group="shop",state="${group.status.phase}"} 1`,
        ...group.status.list.map(
          ({ path, state }) =>
            `service_group_service_state{group="shop",service="${path.slice(5)}",state="${state.phase}"} 1`,
        ),
      ])
    }
    await check()
    void group.start()
    for (const ms of [0, 100, 200, 10, 10, 1, 100]) {
      await time.advance(ms)
      await check()
    }
    void group.stop()
    for (const ms of [0, 20, 20, 5, 200]) {
      await time.advance(ms)
      await check()
    }
  })
})

test('what is pending, how well it is and whether it is ready are those of the moment', async () => {
  const time = virtualTime()
  const registry = new Registry()
  const queue = fakeService('queue', { drain: 'waits', clock: time })
  const group = serviceGroup('shop', { clock: time }).add(queue)
  metrics(group, { registry })
  const now = (): Promise<readonly string[]> => scrape(registry, /_(ready|pending)\{|health\{.* 1/)
  expect(await now()).toEqual([
    'service_group_health{group="shop",health="pass"} 1',
    'service_group_ready{group="shop"} 0',
    'service_group_service_pending{group="shop",service="queue"} 0',
  ])
  await group.start()
  queue.setHealth('fail', 'no broker')
  expect(await now()).toEqual([
    'service_group_health{group="shop",health="fail"} 1',
    'service_group_ready{group="shop"} 0',
    'service_group_service_health{group="shop",service="queue",health="fail"} 1',
    'service_group_service_pending{group="shop",service="queue"} 0',
  ])
  queue.setHealth('pass')
  expect(await now()).toContain('service_group_ready{group="shop"} 1')
  void group.stop()
  queue.pending(3)
  await time.settle()
  expect(await now()).toContain('service_group_service_pending{group="shop",service="queue"} 3')
  queue.drain.succeed()
  await time.settle()
  expect(await now()).toContain('service_group_service_pending{group="shop",service="queue"} 0')
})

describe('the figures of a service', () => {
  const told = async (info: Info): Promise<readonly string[]> => {
    const registry = new Registry()
    const group = serviceGroup('shop').add(service('orders', { start: context => context.info(info) }))
    const subscription = metrics(group, { registry })
    await group.start()
    const lines = await scrape(registry, '_figure{')
    await group.stop()
    subscription.unsubscribe()
    return lines.map(line => line.replace(/^.*figure="(.*)"} /, '$1 '))
  }

  test('are the numbers in its info, but for those that name something', async () => {
    const info = {
      url: 'http://[::]:80',
      port: 80,
      pid: 7,
      threadId: 2,
      inFlight: 3,
      handled: 120.5,
      ready: true,
      none: null,
    }
    expect(await told(info)).toEqual(['inFlight 3', 'handled 120.5'])
    expect(await told({ nan: Number.NaN, infinite: Infinity, below: -1 })).toEqual(['below -1'])
  })

  test('are ten at most, the first that it has told', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`figure ${n}`, n]))
    expect(await told(many)).toEqual(Array.from({ length: 10 }, (_, n) => `figure ${n} ${n}`))
  })

  test('are those of the moment, also at the end', async () => {
    const registry = new Registry()
    let context!: ServiceContext
    const orders = service('orders', {
      start: given => {
        context = given
      },
    })
    const group = serviceGroup('shop').add(orders)
    metrics(group, { registry })
    await group.start()
    expect(await scrape(registry, '_figure{')).toEqual([])
    context.info({ handled: 3 })
    const line = 'service_group_service_figure{group="shop",service="orders",figure="handled"} 3'
    await expect.poll(() => scrape(registry, '_figure{')).toEqual([line])
    await group.stop()
    expect(await scrape(registry, '_figure{')).toEqual([line])
  })
})

test('what the process needs is told once, however many groups there are, and the delay is that since the last scrape', async () => {
  const registry = new Registry()
  const first = metrics(serviceGroup('day'), { registry })
  const second = metrics(serviceGroup('night'), { registry })
  const values = async (): Promise<ReadonlyMap<string, number>> =>
    new Map(
      (await scrape(registry, '_process_')).map(line => {
        const [, name = '', value] = /^service_group_process_(.*) (\S+)$/.exec(line)!
        return [name, Number(value)]
      }),
    )
  await values()
  const until = performance.now() + 300
  while (performance.now() < until);
  await new Promise(resolve => setTimeout(resolve, 50))
  const busy = await values()
  expect([...busy.keys()]).toEqual([
    'cpu_seconds_total',
    'resident_memory_bytes',
    'heap_used_bytes',
    ...['0.5', '0.99', '1'].map(quantile => `event_loop_delay_seconds{quantile="${quantile}"}`),
  ])
  expect(busy.get('event_loop_delay_seconds{quantile="1"}')).toBeGreaterThan(0.25)
  expect(busy.get('cpu_seconds_total')).toBeGreaterThan(0.3)
  expect(busy.get('resident_memory_bytes')).toBeGreaterThan(busy.get('heap_used_bytes')!)
  first.unsubscribe()
  second.unsubscribe()
  expect(registry.getMetricsAsArray()).toEqual([])
})

test('while nobody scrapes no gauge is set', async () => {
  const set = vi.spyOn(Gauge.prototype, 'set')
  const life = shop()
  await wholeLife(life)
  expect(set).not.toHaveBeenCalled()
  await life.registry.metrics()
  expect(set).toHaveBeenCalled()
  set.mockRestore()
})

describe('two groups in one registry', () => {
  const two = () => {
    const registry = new Registry()
    const [day, night] = ['day', 'night'].map(name => serviceGroup(name).add(service('api', {})))
    return { registry, day: day!, night: night! }
  }

  test('are told apart by their label', async () => {
    const { registry, day, night } = two()
    metrics(day, { registry })
    metrics(night, { registry })
    await day.start()
    expect(await scrape(registry, /_ready|_restarts/)).toEqual([
      'service_group_ready{group="day"} 1',
      'service_group_ready{group="night"} 0',
      'service_group_service_restarts_total{group="day",service="api"} 0',
      'service_group_service_restarts_total{group="night",service="api"} 0',
    ])
  })

  test('of one name are refused, and the first goes on', async () => {
    const { registry, day } = two()
    metrics(day, { registry })
    expect(() => metrics(serviceGroup('day'), { registry })).toThrow(
      expect.objectContaining({ code: 'ERR_DUPLICATE_NAME', service: 'day' }),
    )
    await day.start()
    expect(await scrape(registry, '_ready')).toEqual(['service_group_ready{group="day"} 1'])
  })

  test('leave one by one, and with the last the metrics leave the registry', async () => {
    const { registry, day, night } = two()
    const [first, second] = [metrics(day, { registry }), metrics(night, { registry })]
    await day.start()
    await day.stop()
    first.unsubscribe()
    expect(await scrape(registry, 'day')).toEqual([])
    expect(await scrape(registry, 'night')).not.toEqual([])
    second.unsubscribe()
    expect(registry.getMetricsAsArray()).toEqual([])
    const again = metrics(day, { registry })
    expect(await scrape(registry, '_ready')).toEqual(['service_group_ready{group="day"} 0'])
    again.unsubscribe()
  })
})

describe('services that come and go', () => {
  test('one that is removed loses its series, with all that is inside it', async () => {
    const { time, group, registry } = shop()
    group.add(serviceGroup('extra', { clock: time }).add(fakeService('a', { stop: 5, clock: time })))
    void group.start()
    await time.advance(1_000)
    expect(await scrape(registry, 'service="extra/a"')).not.toEqual([])
    const removed = group.remove('extra')
    await time.advance(100)
    await removed
    expect(await scrape(registry, 'extra')).toEqual([])
    expect(await scrape(registry, 'service="db"')).not.toEqual([])
    group.add(fakeService('extra', { clock: time }))
    await time.settle()
    expect(await scrape(registry, /_total.*"extra"/)).toEqual([
      'service_group_service_transitions_total{group="shop",service="extra",from="idle",to="starting"} 1',
      'service_group_service_transitions_total{group="shop",service="extra",from="starting",to="running"} 1',
      'service_group_service_restarts_total{group="shop",service="extra"} 0',
      'service_group_service_work_failures_total{group="shop",service="extra"} 0',
    ])
  })

  test('one that begins anew goes on counting', async () => {
    const time = virtualTime()
    const registry = new Registry()
    const inner = serviceGroup('inner', { clock: time }).add(fakeService('a', { clock: time }))
    const b = fakeService('b', { clock: time })
    const outer = serviceGroup('outer', { clock: time }).add(inner, { optional: true }).add(b)
    metrics(outer, { registry })
    await outer.start()
    await inner.stop()
    await time.settle()
    await outer.restart('inner')
    await outer.restart('b')
    expect(await scrape(registry, /_restarts|to="running"/)).toEqual([
      'service_group_service_transitions_total{group="outer",service="inner/a",from="starting",to="running"} 2',
      'service_group_service_transitions_total{group="outer",service="inner",from="starting",to="running"} 2',
      'service_group_service_transitions_total{group="outer",service="b",from="starting",to="running"} 2',
      'service_group_service_restarts_total{group="outer",service="inner"} 1',
      'service_group_service_restarts_total{group="outer",service="inner/a"} 1',
      'service_group_service_restarts_total{group="outer",service="b"} 1',
    ])
  })

  test('for one that was running before anybody counted, the next start is a restart', async () => {
    const registry = new Registry()
    const group = serviceGroup('shop').add(service('db', {}))
    await group.start()
    metrics(group, { registry })
    await group.restart('db')
    expect(await scrape(registry, '_restarts')).toEqual([
      'service_group_service_restarts_total{group="shop",service="db"} 1',
    ])
    await group.stop()
  })
})

describe('the registry', () => {
  const nothing = (): ServiceGroup<string, never> => serviceGroup('shop')

  test('is the default one, and each name has the prefix', async () => {
    const subscription = metrics(nothing(), { prefix: 'app_' })
    const names = register.getMetricsAsArray().map(({ name }) => name)
    expect(names).toHaveLength(20)
    expect(names.filter(name => !name.startsWith('app_service_group_'))).toEqual([])
    subscription.unsubscribe()
    expect(register.getMetricsAsArray()).toEqual([])
  })

  test('that has a metric of one of the names already keeps that, and gets none of ours', () => {
    const registry = new Registry()
    new Counter({ name: 'service_group_service_restarts_total', help: 'Not ours.', registers: [registry] })
    expect(() => metrics(nothing(), { registry })).toThrow(/service_restarts_total has already been registered/)
    expect(registry.getMetricsAsArray()).toHaveLength(1)
  })

  test('that was cleared can be used again, and the group that was in it does no harm', async () => {
    const registry = new Registry()
    const before = metrics(nothing(), { registry })
    registry.clear()
    metrics(nothing(), { registry })
    before.unsubscribe()
    expect(await scrape(registry, '_ready')).toEqual(['service_group_ready{group="shop"} 0'])
  })

  test('escapes what a name may hold', async () => {
    const registry = new Registry()
    metrics(serviceGroup('<b>"shop"\n\\'), { registry })
    expect(await scrape(registry, '_ready')).toEqual(['service_group_ready{group="<b>\\"shop\\"\\\\n\\\\"} 0'])
  })
})

test('after the end of the group its last values are there until it is unsubscribed', async () => {
  const life = shop()
  await wholeLife(life)
  expect(life.subscription.closed).toBe(false)
  expect(await scrape(life.registry, /_shutdown_duration_seconds_(sum|count)/)).toEqual([
    'service_group_shutdown_duration_seconds_sum{group="shop",outcome="forced"} 0.245',
    'service_group_shutdown_duration_seconds_count{group="shop",outcome="forced"} 1',
  ])
  life.subscription.unsubscribe()
  expect(await scrape(life.registry)).toEqual([])
})
