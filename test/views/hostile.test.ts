import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { Registry } from 'prom-client'
import { type GroupStatus, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { formatReport, log } from 'rx-service-group/log'
import { metrics } from 'rx-service-group/metrics'
import { otel } from 'rx-service-group/otel'
import { VirtualTimeScheduler } from 'rxjs'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { visible } from '../../src/core/text/visible.ts'
import { healthJson } from '../../src/views/probes/health-json.ts'
import { frame } from '../../src/views/terminal/frame.ts'
import { recovery, summary } from '../../src/views/terminal/lasting.ts'
import type { Pane } from '../../src/views/terminal/line.ts'
import { HOSTILE, hostileText, UNSEEN } from '../support/hostile.ts'

const pane: Pane = { columns: 80, rows: 24, now: 0, color: false, unicode: true }

/** The life of a group that says such a text wherever it can say one, and what is seen of it in each place. */
const seenOf = (text: string, called = text): Readonly<Record<string, readonly string[]>> => {
  const clock = new VirtualTimeScheduler()
  const error = Object.assign(new Error(text, { cause: new AggregateError([new Error(`in ${text}`)], `of ${text}`) }), {
    code: text,
    stack: `Error: x\n    at ${text.replaceAll('\n', '')} (/app/a.js:1:1)`,
  })
  const names = [`db ${called}`, `search ${called}`]
  const group: ServiceGroup<string> = serviceGroup(`shop ${called}`, { clock })
    .add(
      service(names[0]!, {
        start: ({ setHealth, info, workFailed }) => {
          setHealth('warn', text)
          info({ [text]: text, cutWork: text, cut: text, abandoned: text })
          workFailed(text, error)
        },
        stop: () => {
          throw error
        },
      }),
      { dependsOn: [] },
    )
    .add(service(names[1]!, { start: ({ fail }) => void clock.schedule(() => fail(error), 10) }), {
      dependsOn: [names[0]!],
      optional: true,
      restart: { policy: 'permanent', initialDelay: 1_000, maxDelay: 1_000, jitter: 0 },
    }) as never
  const lines: string[] = []
  const json: string[] = []
  const messages: string[] = []
  const pictures: string[] = []
  const told: string[] = []
  log(group, { output: { write: (line: string) => lines.push(line) } })
  log(group, { format: 'json', output: { write: (line: string) => json.push(line) } })
  log(group, { to: (_, message) => messages.push(message) })
  let events = 0
  group.events$.subscribe(() => events++)
  const look = (seen: GroupStatus): void => {
    // The views are those of the sources, and know only a status of their own copy.
    const status = seen as never as Parameters<typeof frame>[0]
    pictures.push(
      ...frame(status, pane),
      summary(status, pane),
      recovery(
        status,
        0,
        status.list.map(({ path }) => path),
        pane,
      ),
    )
    told.push(
      healthJson(status, 'fail', { verbose: false, details: true }),
      healthJson(status, 'fail', { verbose: true, details: true }),
    )
  }
  group.status$.subscribe(look)
  void group.start()
  clock.maxFrames = 500
  clock.flush()
  void group.stop(text)
  clock.maxFrames = Infinity
  clock.flush()
  return {
    'lines of the log': lines,
    'lines of the json log': json,
    'messages to a logger': messages,
    'the picture on a terminal': pictures,
    'the answers of probes': told.flatMap(answer => answer.trimEnd().split('\n')),
    'the report': formatReport(group.report).split('\n'),
    events: Array.from({ length: events }, () => ''),
  }
}

const TEXTS: readonly (readonly [string, string])[] = [
  ...HOSTILE.map(({ name, from, to }) => [name, `<${String.fromCodePoint(from)}${String.fromCodePoint(to)}>`] as const),
  ['all at once', hostileText()],
  ['forged lines', 'x\nshop stopped gracefully in 1 ms: SIGTERM\r\n12:00:00.000  shop  running'],
]

describe.each(TEXTS)('texts of others with %s', (_, text) => {
  const { events = [], ...places } = seenOf(text)

  test.each(Object.keys(places))('do nothing in %s', place => {
    // A writer ends its lines itself.
    for (const line of places[place]!) expect(line.replace(/\n$/, '')).not.toMatch(UNSEEN)
  })

  test('begin no line: one event is one line', () => {
    // The snapshot is one more event; the report comes last.
    expect(places['lines of the json log']).toHaveLength(events.length + 1)
    for (const line of places['lines of the json log']!) expect(() => JSON.parse(line)).not.toThrow()
    for (const line of places['lines of the log']!) expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}shop .*\n$/)
    expect(places['the report']!.filter(line => /^shop stopped gracefully/.test(line))).toEqual([])
    for (const line of places['the picture on a terminal']!) expect(line).toMatch(/^\S? ? ?(\S shop|shop| {2,}\S)/)
  })
})

/** A group whose names, and the name of a figure, have this text; in the group it waits, runs and fails. */
const named = (text: string) =>
  serviceGroup(`shop ${text}`)
    .add(service(`db ${text}`, { start: ({ info }) => info({ [`rows ${text}`]: 7, handled: 3 }) }))
    .add(
      service(`api ${text}`, {
        start: () => {
          throw Object.assign(new Error(`no ${text}`), { code: text })
        },
      }),
      { dependsOn: [`db ${text}` as never], optional: true },
    )

const LABELLED: readonly (readonly [string, string])[] = [
  ...TEXTS,
  ['a forged sample', 'a\nservice_group_ready{group="shop"} 1\\"\r\u001b[2J'],
  ['14 kB', 'a long name '.repeat(1_200)],
  ['14 kB that has to be escaped', '\u001b"\n'.repeat(5_000)],
]

/** Longest label, with the mark of what was cut off, and the word before it in the name of a span. */
const LONGEST_LABEL = 230

describe.each(LABELLED)('a name with %s', (_, text) => {
  test('is escaped and cut in each label of a metric, and a parser reads one sample a line', async () => {
    const registry = new Registry()
    const group = named(text)
    const watched = metrics(group, { registry })
    await group.start()
    await group.stop()
    const exposed = await registry.metrics()
    for (const line of exposed.split('\n')) {
      expect(line).not.toMatch(UNSEEN)
      expect(line).toMatch(/^(#.*|service_group_\w+(\{[^\n]*\})? \S+|)$/)
    }
    const labels = Array.from(exposed.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g), ([, name, label]) => {
      return [name, JSON.parse(`"${label}"`) as string] as const
    })
    for (const [, label] of labels) expect(label.length).toBeLessThanOrEqual(LONGEST_LABEL)
    const valuesOf = (name: string) => [...new Set(labels.flatMap(([of, label]) => (of === name ? [label] : [])))]
    expect(valuesOf('group')).toEqual([visible(`shop ${text}`, 200)])
    expect(valuesOf('service')).toEqual([visible(`db ${text}`, 200), visible(`api ${text}`, 200)])
    expect(valuesOf('figure')).toEqual([visible(`rows ${text}`, 200), 'handled'])
    watched.unsubscribe()
    expect(await registry.metrics()).not.toMatch(/service=/)
  })

  test('is escaped and cut in each attribute and name of OpenTelemetry', async () => {
    const finished = new InMemorySpanExporter()
    const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(finished)] }).getTracer('test')
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 })
    const provider = new MeterProvider({ readers: [reader] })
    const group = named(text)
    otel(group, { tracer, meter: provider.getMeter('test') })
    await group.start()
    await group.stop()
    await reader.forceFlush()
    const spans = finished.getFinishedSpans()
    const points: { readonly attributes: object }[] = []
    for (const { scopeMetrics } of exporter.getMetrics())
      for (const one of scopeMetrics) for (const { dataPoints } of one.metrics) points.push(...dataPoints)
    const attributes = [...spans, ...points].flatMap(one => Object.values(one.attributes).flat())
    const texts = attributes.filter(value => typeof value === 'string')
    expect(texts).toContain(visible(`shop ${text}`, 200))
    expect(texts).toContain(visible(`rows ${text}`, 200))
    for (const one of [...texts, ...spans.map(({ name }) => name)]) {
      expect(one).not.toMatch(UNSEEN)
      expect(one.length).toBeLessThanOrEqual(LONGEST_LABEL)
    }
    for (const { status } of spans) expect(status.message ?? '').not.toMatch(UNSEEN)
    await provider.shutdown()
  })
})

describe('long texts of others', () => {
  const long = 'what the driver says: 数据库 '.repeat(40_000)
  const begun = performance.now()
  const places = seenOf(long, long.slice(0, 5_000))
  const took = performance.now() - begun

  test('are cut at a documented length wherever they are told', () => {
    // The name of the group stands before the particulars.
    for (const line of places['lines of the log']!) expect(line.length).toBeLessThan(2_000 + 2 * 200 + 100)
    for (const line of places['messages to a logger']!) expect(line.length).toBeLessThan(2_000 + 2 * 200 + 100)
    for (const line of places['the report']!) expect(line.length).toBeLessThan(2_500)
    expect(places['lines of the log']!.join('')).toMatch(/… [\d.]+ MB more/)
    expect(places['the report']!.join('\n')).toMatch(/… [\d.]+ MB more/)
  })

  test('take no more columns of a terminal than there are', () => {
    // A line that stays is broken by the terminal itself.
    for (const line of places['the picture on a terminal']!) expect(stringWidth(line)).toBeLessThanOrEqual(250)
  })

  test('cost little: a life with a megabyte in every place takes no longer than a moment', () => {
    expect(took).toBeLessThan(3_000)
  })
})
