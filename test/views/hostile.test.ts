import { Registry } from 'prom-client'
import { type GroupStatus, type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { formatReport, log } from 'rx-service-group/log'
import { metrics } from 'rx-service-group/metrics'
import { VirtualTimeScheduler } from 'rxjs'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
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

test('a metric has one line for each value, and a parser reads the names as they are', async () => {
  const text = 'a\nservice_group_ready{group="shop"} 1\\"\r\u001b[2J'
  const group = serviceGroup(text).add(service(`db ${text}`, {}))
  const registry = new Registry()
  const watched = metrics(group, { registry })
  const exposed = await registry.metrics()
  for (const line of exposed.split('\n')) expect(line).toMatch(/^(#.*|service_group_\w+(\{[^\n]*\})? \S+|)$/)
  const [, label = ''] = /^service_group_ready\{group="((?:[^"\\]|\\.)*)"\} 0$/m.exec(exposed) ?? []
  expect(JSON.parse(`"${label.replaceAll('\r', '\\r').replaceAll('\u001b', '\\u001b')}"`)).toBe(text)
  watched.unsubscribe()
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
