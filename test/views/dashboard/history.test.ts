import { expect, test } from 'vitest'
import { eventsIn, type Heard, type Hello } from '../../../src/views/dashboard/page/connection.ts'
import { newHistory } from '../../../src/views/dashboard/page/history.ts'
import { foldModel } from '../../../src/views/dashboard/page/model.ts'
import { story } from './support/events.ts'

const RUNNING = { phase: 'running', health: 'pass' } as const

const hello = (boot: string): Heard => ({
  kind: 'hello',
  hello: { boot, now: 1_000, seq: 0, group: 'shop', actions: false } satisfies Hello,
  age: 0,
})
const events = (boot: string, ...all: readonly object[]): Heard => ({
  kind: 'events',
  boot,
  events: JSON.stringify(all),
})
const kinds = (all: readonly Heard[]) => all.map(one => (one.kind === 'hello' ? `hello ${one.hello.boot}` : one.kind))

test('who comes later hears of the present process and of the one before, and of no other', () => {
  const history = newHistory()
  for (const boot of ['a', 'b', 'c']) {
    history.add(hello(boot))
    history.add(events(boot, story('shop', [boot]).snapshot))
    history.add({ kind: 'end', report: '{}' })
  }
  expect(kinds(history.all())).toEqual(['hello b', 'events', 'end', 'hello c', 'events', 'end'])
  history.add(hello('d'))
  history.add({ kind: 'connection', connection: 'live', ago: 0 })
  expect(kinds(history.all()).slice(-3)).toEqual(['end', 'hello d', 'connection'])
})

test('of a process that has told a lot the newest 5,000 events are kept, and what was true before them', () => {
  const history = newHistory()
  const { snapshot, becomes } = story('shop', ['db'], 0)
  history.add(hello('a'))
  history.add(events('a', snapshot, becomes('', { phase: 'starting', attempt: 1 }, 1)))
  let clockSet = 0
  for (let n = 0; n < 40_000; n++) {
    const event = becomes('db', { ...RUNNING, detail: `change ${n}` }, n)
    const jumps = n % 9_000 === 8_999
    if (jumps) clockSet += 500
    history.add(events('a', jumps ? { ...event, clockSet: 500 } : event))
  }
  const all = history.all()
  const told = all.flatMap(one => (one.kind === 'events' ? eventsIn(one.events) : []))
  expect(told.length).toBeGreaterThan(5_000)
  expect(told.length).toBeLessThan(10_002)
  const model = foldModel(undefined, told)!
  expect(model.status.byPath('shop/db')?.state).toMatchObject({ detail: 'change 39999' })
  expect(model.begins).toBeGreaterThan(0)
  // The clock of the server, as a page works it out from the hello and the events after it.
  const [first] = all
  const { now, seq } = (first as Extract<Heard, { kind: 'hello' }>).hello
  const later = told.reduce(
    (sum, event) => sum + ((event.kind !== 'snapshot' && event.seq > seq && event.clockSet) || 0),
    0,
  )
  expect(now + later).toBe(1_000 + clockSet)
})

test('a long text counts too: 16 million characters are kept at most', () => {
  const history = newHistory()
  const { snapshot, becomes } = story('shop', ['db'], 0)
  history.add(hello('a'))
  history.add(events('a', snapshot))
  for (let n = 0; n < 2_000; n++) history.add(events('a', becomes('db', { ...RUNNING, detail: 'x'.repeat(14_000) }, n)))
  const size = history.all().reduce((sum, one) => sum + (one.kind === 'events' ? one.events.length : 0), 0)
  expect(size).toBeLessThan(16_100_000)
})
