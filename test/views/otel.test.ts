import { type ContextManager, context, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { type GroupEvent, job, type ServiceContext, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { http } from 'rx-service-group/http'
import { otel } from 'rx-service-group/otel'
import { fakeService, virtualTime } from 'rx-service-group/testing'
import { from } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { clockSetBefore } from '../support/clock-set.ts'

const ms = ([seconds, nanoseconds]: readonly [number, number]): number => seconds * 1_000 + nanoseconds / 1e6

/** Spans as they are exported, and each trace as a tree: a line a span, indented under its parent. */
const recordSpans = () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const idOf = (span: ReadableSpan): string => span.spanContext().spanId
  const lineOf = ({ name, startTime, endTime, status, attributes }: ReadableSpan): string => {
    const outcome = attributes['service_group.outcome']
    return `${name} ${ms(startTime)}-${ms(endTime)}${outcome === undefined || outcome === 'ok' ? '' : ` ${outcome}`}${status.code === 2 ? ' ERROR' : ''}`
  }
  const below = (spans: readonly ReadableSpan[], parent: string | undefined, depth: number): readonly string[] =>
    spans
      .filter(span => span.parentSpanContext?.spanId === parent)
      .toSorted((a, b) => ms(a.startTime) - ms(b.startTime))
      .flatMap(span => {
        const inside = below(spans, idOf(span), depth + 1)
        return [`${'  '.repeat(depth)}${lineOf(span)}`, ...inside]
      })
  return {
    tracer: provider.getTracer('test'),
    get spans() {
      return exporter.getFinishedSpans()
    },
    span(name: string): ReadableSpan {
      return exporter.getFinishedSpans().find(span => span.name === name)!
    },
    /** Since it was last called. */
    traces(): readonly string[] {
      const lines = below(exporter.getFinishedSpans(), undefined, 0)
      exporter.reset()
      return lines
    },
  }
}

const shop = () => {
  const time = virtualTime()
  const mailer = fakeService('mailer', { start: 20, drain: 40, stop: 5, clock: time })
  const workers = serviceGroup('workers', { clock: time }).add(mailer, { restart: { policy: 'permanent', jitter: 0 } })
  const group = serviceGroup('shop', { clock: time })
    .add(fakeService('db', { start: 300, stop: 'waits', clock: time }), { stopTimeout: 200 })
    .add(workers)
    .add(fakeService('api', { start: 1, clock: time }), { dependsOn: ['db', 'workers'] })
  return { time, mailer, group }
}

describe('spans', () => {
  test('a start is one trace, a shutdown another; groups nest, and a restart has its own', async () => {
    const { time, mailer, group } = shop()
    const seen = recordSpans()
    otel(group, { tracer: seen.tracer })
    void group.start()
    await time.advance(1_000)
    expect(seen.traces()).toEqual([
      'start shop 0-321',
      '  start db 0-300',
      '  wait api 0-320',
      '  start workers 300-320',
      '    start mailer 300-320',
      '  start api 320-321',
    ])
    mailer.die()
    await time.advance(5_000)
    expect(seen.traces()).toEqual([
      'crash mailer 1000-1000 failed ERROR',
      'restart mailer 1000-1520',
      '  start mailer 1500-1520',
    ])
    void group.stop()
    await time.advance(20_000)
    expect(seen.traces()).toEqual([
      'shutdown shop 6000-6245 forced ERROR',
      '  drain api 6000-6000',
      '  drain db 6000-6000',
      '  shutdown workers 6000-6045',
      '    drain mailer 6000-6040',
      '    stop mailer 6040-6045',
      '  stop api 6040-6040',
      '  stop db 6045-6245 timeout ERROR',
    ])
  })

  test('X6 each is as long as it took, also when the clock is set meanwhile, and begins when the clock says', async () => {
    const { time, group } = shop()
    const events: GroupEvent[] = []
    group.events$.subscribe(event => events.push(event))
    void group.start()
    await time.advance(1_000)
    void group.stop()
    await time.advance(20_000)
    const spansOf = (told: readonly GroupEvent[]) => {
      const seen = recordSpans()
      otel({ ...group, name: 'shop', events$: from(told) } as never, { tracer: seen.tracer })
      return seen.spans.map(({ name, startTime, duration }) => ({ name, start: ms(startTime), took: ms(duration) }))
    }
    const plain = spansOf(events)
    expect(plain.length).toBeGreaterThan(10)
    for (let nth = 1; nth < events.length; nth++) {
      const told = spansOf(clockSetBefore(events, nth, -3_600_000))
      expect(told.map(({ name, took }) => [name, took])).toEqual(plain.map(({ name, took }) => [name, took]))
      for (const [n, { start }] of told.entries()) expect([0, -3_600_000]).toContain(start - plain[n]!.start)
    }
  })

  test('each has the name of its group, its path in it, and what a reader would ask next', async () => {
    const { time, group } = shop()
    const seen = recordSpans()
    otel(group, { tracer: seen.tracer })
    void group.start()
    await time.advance(1_000)
    void group.stop({ by: 'signal', signal: 'SIGTERM' })
    await time.advance(20_000)
    expect(
      ['start shop', 'wait api', 'start mailer', 'shutdown shop', 'stop db'].map(name => seen.span(name).attributes),
    ).toEqual([
      { 'service_group.name': 'shop', 'service_group.attempt': 1, 'service_group.outcome': 'ok' },
      {
        'service_group.name': 'shop',
        'service_group.service': 'api',
        'service_group.waiting_for': ['db', 'workers'],
      },
      {
        'service_group.name': 'shop',
        'service_group.service': 'workers/mailer',
        'service_group.attempt': 1,
        'service_group.outcome': 'ok',
      },
      {
        'service_group.name': 'shop',
        'service_group.reason': 'SIGTERM',
        'service_group.outcome': 'forced',
        'error.type': 'forced',
      },
      {
        'service_group.name': 'shop',
        'service_group.service': 'db',
        'service_group.reason': 'SIGTERM',
        'service_group.outcome': 'timeout',
        'error.type': 'ERR_STOP_TIMEOUT',
      },
    ])
  })

  test('a start that fails is an error with its exception, down to the root, and what undoes it is in the same trace', async () => {
    const time = virtualTime()
    const group = serviceGroup('shop', { clock: time })
      .add(job('migrate', () => undefined))
      .add(fakeService('db', { start: 10, stop: 5, clock: time }))
      .add(fakeService('cache', { start: 'waits', clock: time }), { startTimeout: 100 })
      .add(fakeService('api', { clock: time }), { dependsOn: ['cache'] })
    const seen = recordSpans()
    otel(group, { tracer: seen.tracer })
    group.start().catch(() => 'it fails')
    await time.advance(1_000)
    const message = 'service "cache": start timed out after 100 ms'
    expect(seen.span('start cache').status).toEqual({ code: 2, message })
    expect(seen.span('start cache').events).toMatchObject([
      {
        name: 'exception',
        time: [0, 110_000_000],
        attributes: { 'exception.message': message, 'exception.type': 'ERR_START_TIMEOUT' },
      },
    ])
    expect(seen.span('start shop').status).toEqual({ code: 2, message })
    expect(seen.traces()).toEqual([
      'start shop 0-110 failed ERROR',
      '  start migrate 0-0',
      '  start db 0-10',
      '  wait api 0-110 ERROR',
      '  start cache 10-110 timeout ERROR',
      '    stop cache 110-110',
      '  drain db 110-110',
      '  shutdown shop 110-115 failed ERROR',
      '    stop db 110-115',
    ])
  })

  test('what happened to be under way where the group was started is not the parent', async () => {
    const { time, group } = shop()
    const seen = recordSpans()
    otel(group, { tracer: seen.tracer })
    const request = seen.tracer.startSpan('POST /start')
    const active = trace.setSpan(ROOT_CONTEXT, request)
    const manager: ContextManager = {
      active: () => active,
      with: (_, fn, self, ...args) => fn.call(self as ThisParameterType<typeof fn>, ...args),
      bind: (_, target) => target,
      enable: () => manager,
      disable: () => manager,
    }
    context.setGlobalContextManager(manager)
    void group.start()
    await time.advance(1_000)
    context.disable()
    expect(seen.span('start shop').parentSpanContext).toBeUndefined()
  })

  test('who comes late sees what is under way from its beginning', async () => {
    const { time, group } = shop()
    const seen = recordSpans()
    void group.start()
    await time.advance(310)
    otel(group, { tracer: seen.tracer })
    await time.advance(1_000)
    expect(seen.traces()).toEqual([
      'start shop 0-321',
      '  wait api 0-320',
      '  start workers 300-320',
      '    start mailer 300-320',
      '  start api 320-321',
    ])
  })

  test('a nested group that is restarted by hand goes down and comes up in traces of its own', async () => {
    const { time, group } = shop()
    const seen = recordSpans()
    void group.start()
    await time.advance(1_000)
    otel(group, { tracer: seen.tracer })
    const restarted = group.restart('workers')
    await time.advance(1_000)
    await restarted
    expect(seen.traces()).toEqual([
      'drain api 1000-1000',
      'stop api 1000-1000',
      'shutdown workers 1000-1045',
      '  drain mailer 1000-1040',
      '  stop mailer 1040-1045',
      'wait api 1000-1065',
      'start workers 1045-1065',
      '  start mailer 1045-1065',
      'start api 1065-1066',
    ])
  })

  test('a crash and a restart have the exception, and are linked to the life before', async () => {
    const { time, mailer, group } = shop()
    const seen = recordSpans()
    otel(group, { tracer: seen.tracer })
    void group.start()
    await time.advance(1_000)
    mailer.die(Object.assign(new TypeError('no route'), { code: 'E_ROUTE' }))
    await time.advance(600)
    mailer.die(new Error('again'))
    await time.advance(10_000)
    const idsOf = (name: string) => seen.spans.filter(span => span.name === name)
    const starts = idsOf('start mailer')
    const [crash] = idsOf('crash mailer')
    const restarts = idsOf('restart mailer')
    const linksOf = (span: ReadableSpan | undefined) => span?.links.map(({ context }) => context.spanId)
    const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId
    expect(starts.length).toBe(restarts.length + 1)
    expect(linksOf(starts[0])).toEqual([])
    expect(linksOf(crash)).toEqual([idOf(starts[0])])
    expect(linksOf(restarts[0])).toEqual([idOf(crash)])
    for (const [n, start] of starts.entries()) if (n > 0) expect(linksOf(start)).toEqual([idOf(starts[n - 1])])
    for (const span of [crash!, restarts[0]!])
      expect(span.events).toMatchObject([
        {
          name: 'exception',
          attributes: {
            'exception.type': 'ERR_SERVICE_FAILED',
            'exception.message': 'service "mailer": failed: no route',
            'exception.stacktrace': expect.stringContaining('otel.test.ts'),
          },
        },
      ])
    expect(crash!.attributes['error.type']).toBe('ERR_SERVICE_FAILED')
  })

  test('a restart that a stop cuts short is cancelled', async () => {
    const { time, mailer, group } = shop()
    const seen = recordSpans()
    otel(group, { tracer: seen.tracer })
    void group.start()
    await time.advance(1_000)
    mailer.die()
    await time.advance(100)
    void group.stop()
    await time.advance(20_000)
    expect(seen.span('restart mailer').attributes['service_group.outcome']).toBe('cancelled')
    expect(seen.span('restart mailer').status.code).toBe(0)
  })

  test('unsubscribed, it ends what is open, and nothing follows', async () => {
    const { time, group } = shop()
    const seen = recordSpans()
    const subscription = otel(group, { tracer: seen.tracer })
    void group.start()
    await time.advance(100)
    subscription.unsubscribe()
    expect(seen.spans).toHaveLength(3)
    await time.advance(10_000)
    expect(seen.spans).toHaveLength(3)
  })
})

describe('metrics', () => {
  const measured = (group: Pick<ServiceGroup<string, never>, 'name' | 'events$'>) => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 })
    const provider = new MeterProvider({ readers: [reader] })
    const subscription = otel(group, { meter: provider.getMeter('test') })
    return {
      subscription,
      /** Each point that is not zero, as a line. */
      async collect(): Promise<readonly string[]> {
        exporter.reset()
        await reader.forceFlush()
        const all =
          exporter
            .getMetrics()
            .at(-1)
            ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
        return all.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
          dataPoints.flatMap(({ attributes, value }) => {
            const amount =
              typeof value === 'object' && 'sum' in value ? `${value.count} in ${value.sum}` : String(value)
            const labels = Object.entries(attributes).map(([key, one]) => `${key.replace('service_group.', '')}=${one}`)
            return amount === '0' ? [] : [`${name} [${unit}] ${labels.join(' ')}: ${amount}`]
          }),
        )
      },
      end: () => provider.shutdown(),
    }
  }

  test('are those of a Prometheus registry, by the conventions of OpenTelemetry', async () => {
    const { time, mailer, group } = shop()
    const { collect, end } = measured(group)
    void group.start()
    await time.advance(1_000)
    mailer.die()
    await time.advance(5_000)
    const service = (name: string): string => `name=shop service=${name}`
    const names = ['db', 'workers', 'workers/mailer', 'api']
    expect(await collect()).toEqual([
      'service_group.state [1] name=shop state=running: 1',
      'service_group.health [1] name=shop health=pass: 1',
      'service_group.ready [1] name=shop: 1',
      ...names.map(name => `service_group.service.state [{service}] ${service(name)} state=running: 1`),
      ...names.map(name => `service_group.service.health [{service}] ${service(name)} health=pass: 1`),
      ...[
        `${service('api')} from=idle to=waiting: 1`,
        `${service('db')} from=idle to=starting: 1`,
        `${service('db')} from=starting to=running: 1`,
        `${service('workers')} from=idle to=starting: 1`,
        `${service('workers/mailer')} from=idle to=starting: 1`,
        `${service('workers/mailer')} from=starting to=running: 2`,
        `${service('workers')} from=starting to=running: 1`,
        `${service('api')} from=waiting to=starting: 1`,
        `${service('api')} from=starting to=running: 1`,
        `${service('workers/mailer')} from=running to=backoff: 1`,
        `${service('workers/mailer')} from=backoff to=starting: 1`,
      ].map(line => `service_group.service.transitions [{transition}] ${line}`),
      `service_group.service.restarts [{restart}] ${service('workers/mailer')}: 1`,
      'service_group.start.duration [s] name=shop outcome=ok: 1 in 0.321',
      `service_group.service.start.duration [s] ${service('db')} outcome=ok: 1 in 0.3`,
      `service_group.service.start.duration [s] ${service('workers/mailer')} outcome=ok: 2 in 0.04`,
      `service_group.service.start.duration [s] ${service('workers')} outcome=ok: 1 in 0.02`,
      `service_group.service.start.duration [s] ${service('api')} outcome=ok: 1 in 0.001`,
    ])
    void group.stop()
    mailer.pending(3)
    await time.advance(10)
    expect((await collect()).filter(line => /pending|ready/.test(line))).toEqual([
      `service_group.service.pending [{item}] ${service('workers/mailer')}: 3`,
    ])
    await time.advance(20_000)
    expect((await collect()).filter(line => /shutdown|drain\.|stop\.|health|\.state/.test(line))).toEqual([
      'service_group.state [1] name=shop state=stopped: 1',
      'service_group.health [1] name=shop health=pass: 1',
      ...names.map(name => `service_group.service.state [{service}] ${service(name)} state=stopped: 1`),
      'service_group.shutdown.duration [s] name=shop outcome=forced: 1 in 0.245',
      `service_group.service.drain.duration [s] ${service('api')} outcome=ok: 1 in 0`,
      `service_group.service.drain.duration [s] ${service('db')} outcome=ok: 1 in 0`,
      `service_group.service.drain.duration [s] ${service('workers/mailer')} outcome=ok: 1 in 0.04`,
      `service_group.service.drain.duration [s] ${service('workers')} outcome=ok: 1 in 0.04`,
      `service_group.service.stop.duration [s] ${service('api')} outcome=ok: 1 in 0`,
      `service_group.service.stop.duration [s] ${service('workers/mailer')} outcome=ok: 1 in 0.005`,
      `service_group.service.stop.duration [s] ${service('workers')} outcome=ok: 1 in 0.005`,
      `service_group.service.stop.duration [s] ${service('db')} outcome=timeout: 1 in 0.2`,
    ])
    await end()
  })

  test('are the figures of a service, ten at most: what counts up is a counter, all else a gauge', async () => {
    let context!: ServiceContext
    const start = (given: ServiceContext) => {
      context = given
    }
    const group = serviceGroup('shop').add(service('api', { start }))
    const { collect, end } = measured(group)
    await group.start()
    const figures = async () => (await collect()).filter(line => /figure/.test(line))
    expect(await figures()).toEqual([])
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`f${n}`, n + 1]))
    context.info({ port: 8080, url: 'http://localhost:8080', inFlight: 3, handled: 120, failed: 2, ...many })
    const line = (kind: string, name: string, value: number): string =>
      `service_group.service.${kind} name=shop service=api figure=${name}: ${value}`
    await expect
      .poll(figures)
      .toEqual([
        line('figure [1]', 'inFlight', 3),
        ...Array.from({ length: 7 }, (_, n) => line('figure [1]', `f${n}`, n + 1)),
        line('count [{item}]', 'handled', 120),
        line('count [{item}]', 'failed', 2),
      ])
    await group.stop()
    await end()
  })

  test('are those that an HTTP server tells', async () => {
    const api = http('api', (_, response) => response.end('hello'), { host: '127.0.0.1' })
    const group = serviceGroup('shop').add(api)
    const { collect, end } = measured(group)
    await group.start()
    await (await fetch(api.url!)).text()
    await group.stop()
    expect((await collect()).filter(line => /figure/.test(line))).toEqual([
      'service_group.service.count [{item}] name=shop service=api figure=handled: 1',
    ])
    await end()
  })

  test('unsubscribed, nothing is observed any more', async () => {
    const { time, group } = shop()
    const { subscription, collect, end } = measured(group)
    void group.start()
    await time.advance(1_000)
    subscription.unsubscribe()
    expect((await collect()).filter(line => line.startsWith('service_group.state'))).toEqual([])
    void group.stop()
    await time.advance(20_000)
    expect((await collect()).filter(line => line.includes('to=stopped'))).toEqual([])
    await end()
  })
})
