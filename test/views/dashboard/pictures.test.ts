import type { ServiceState, ServiceStatus } from 'rx-service-group'
import { expect, test } from 'vitest'
import { causesOf, heldInWords } from '../../../src/views/dashboard/page/causes.ts'
import { awaited, ganttOf, partNow, roundUp, ticksOf, tickText } from '../../../src/views/dashboard/page/gantt.ts'
import { type Box, layoutOf } from '../../../src/views/dashboard/page/layers.ts'
import { foldModel } from '../../../src/views/dashboard/page/model.ts'
import { rowsFor, type Wish } from '../../../src/views/dashboard/page/rows.ts'
import { asideOf, wayOf } from '../../../src/views/dashboard/page/ways.ts'
import { listing } from '../../../src/views/dashboard/page/words.ts'
import { clockSetBefore } from '../../support/clock-set.ts'
import { idle, story } from './support/events.ts'

const RUNNING = { phase: 'running', health: 'pass' } as const
const reason = { by: 'signal', signal: 'SIGTERM' } as const
const error = { name: 'Error', message: 'no' }

const started = () => {
  const { snapshot, becomes } = story('shop', ['db', 'api'], 0)
  const events = [
    snapshot,
    becomes('', { phase: 'starting', attempt: 1 }, 100),
    becomes('db', { phase: 'starting', attempt: 1 }, 100),
    becomes('db', RUNNING, 300),
    becomes('api', { phase: 'starting', attempt: 1 }, 300),
    becomes('api', RUNNING, 350),
    becomes('', RUNNING, 350),
  ]
  return { events, becomes }
}

const drawn = (model: ReturnType<typeof foldModel>, part: 'start' | 'stop' | 'all', now: number, deadline?: number) => {
  const gantt = ganttOf(model!.status, model!.lives, part, now, deadline)
  return (
    gantt && {
      ...gantt,
      rows: gantt.rows.map(({ name, bars }) => [
        name,
        ...bars.map(({ kind, from, to, bad }) => `${kind} ${from}-${Math.round(to)}${bad ? ` ${bad}` : ''}`),
      ]),
    }
  )
}

test('the start goes from the first step until all are up, and names the way that took longest', () => {
  const { events } = started()
  const model = foldModel(undefined, events)
  expect(drawn(model, 'start', 9_999)).toMatchObject({
    told: { from: 100, to: 350 },
    goesOn: false,
    rows: [
      ['db', 'starting 100-300', 'running 300-355'],
      ['api', 'starting 300-350', 'running 350-355'],
    ],
    criticalPath: ['shop/db', 'shop/api'],
  })
  expect(drawn(model, 'stop', 9_999)).toBeUndefined()
  expect(partNow(model!.status)).toBe('start')
})

test('X6 a clock that is set moves the picture, and stretches nothing in it', () => {
  const { events, becomes } = started()
  const whole = [
    ...events,
    becomes('', { ...RUNNING, leaving: reason, deadline: 900 }, 400),
    becomes('', { phase: 'stopping', reason, deadline: 900 }, 420),
    becomes('api', { phase: 'stopping', reason }, 430),
  ]
  const picture = (told: typeof whole, by: number) => {
    const model = foldModel(undefined, told)!
    const { rows, deadline } = { ...drawn(model, 'start', 9_999), deadline: model.deadline! - by }
    const bars = rows?.map(row => row.map(text => text.replace(/\d+/g, time => String(Number(time) - by))))
    return { bars, deadline, ready: model.readySince - by, log: model.log.lines.map(({ at }) => at) }
  }
  const plain = picture(whole, 0)
  for (let nth = 1; nth < whole.length; nth++) {
    const told = picture([...clockSetBefore(whole, nth, 10_000)], 10_000)
    expect(told).toEqual({ ...plain, log: plain.log.map((at, n) => (n < nth ? at : at + 10_000)) })
  }
})

test('what goes on is drawn a little further than now, by steps', () => {
  const { events } = started()
  const model = foldModel(undefined, events.slice(0, 3))
  const ends = [150, 160, 170, 260].map(now => drawn(model, 'start', now)!.drawn.to)
  expect(ends).toEqual([175, 175, 175, 300])
  expect(drawn(model, 'start', 150)!.goesOn).toBe(true)
})

test('the stop goes from the signal on; what is forced or late is marked; a near deadline is in the picture', () => {
  const { events, becomes } = started()
  const model = foldModel(undefined, [
    ...events,
    becomes('', { ...RUNNING, leaving: reason }, 1_000),
    becomes('db', { ...RUNNING, leaving: reason }, 1_000),
    becomes('api', { phase: 'draining', reason }, 1_000),
    becomes('api', { phase: 'drained', timedOut: true }, 1_500),
    becomes('api', { phase: 'stopping', reason }, 1_600),
    becomes('api', { phase: 'stopped', how: 'forced', forcedAt: 1_750 }, 1_900),
    becomes('db', { phase: 'stopping', reason }, 1_900),
    becomes('db', { phase: 'stopping', reason, pending: 2 }, 1_950),
  ])
  expect(partNow(model!.status)).toBe('stop')
  expect(drawn(model, 'stop', 2_000)).toMatchObject({
    told: { from: 1_000, to: 2_000 },
    goesOn: true,
    rows: [
      ['db', 'leaving 1000-1900', 'stopping 1900-2500'],
      ['api', 'draining 1000-1500 out of time', 'drained 1500-1600', 'stopping 1600-1750', 'forced 1750-1900 forced'],
    ],
  })
  expect(drawn(model, 'stop', 2_000, 3_000)!.drawn.to).toBe(3_080)
  expect(drawn(model, 'stop', 2_000, 26_000)!.drawn.to).toBe(2_500)
})

test('what a service was for a moment on its way is not drawn; what it did in a moment is', () => {
  const { events, becomes } = started()
  const model = foldModel(undefined, [
    ...events,
    becomes('', { ...RUNNING, leaving: reason }, 1_000),
    becomes('db', { ...RUNNING, leaving: reason }, 1_000),
    becomes('db', { phase: 'draining', reason }, 1_001),
    becomes('db', { phase: 'drained' }, 4_000),
    becomes('db', { phase: 'stopping', reason }, 4_001),
    becomes('db', { phase: 'stopped', how: 'stopped' }, 4_002),
  ])
  expect(drawn(model, 'stop', 6_000)!.rows[0]).toEqual(['db', 'draining 1001-4000', 'stopping 4001-4002'])
})

test('a group is not waited for when something inside it is, however deep', () => {
  const starting = { phase: 'starting', attempt: 1 } as const
  const names = ['db', 'a', 'a/b', 'a/b/c', 'a/b/d', 'e', 'e/f', 'ab']
  const phases: Record<string, ServiceState> = { db: RUNNING, 'a/b': RUNNING, 'a/b/c': RUNNING, 'e/f': RUNNING }
  const { snapshot } = story(
    'shop',
    names.map(name => [name, { state: phases[name] ?? starting }] as const),
  )
  const { status } = foldModel(undefined, [snapshot])!
  expect(awaited(status, 'start').map(({ path }) => path)).toEqual(['shop/a/b/d', 'shop/e', 'shop/ab'])
  expect(awaited(status, 'stop')).toEqual([])
})

test.each([
  [1, 1],
  [7, 7.5],
  [104, 150],
  [2_000, 2_000],
  [80_000, 100_000],
])('%d ms are drawn as at least %d', (ms, expected) => expect(roundUp(ms)).toBe(expected))

test.each([
  [529, 9, ['0', '100 ms', '200 ms', '300 ms', '400 ms', '500 ms']],
  [30_000, 9, ['0', '5 s', '10 s', '15 s', '20 s', '25 s', '30 s']],
  [5_400_000, 4, ['0', '30 min', '1 h', '1 h 30 min']],
])('an axis of %d ms has round marks', (length, most, expected) =>
  expect(ticksOf(length, most).map(tickText)).toEqual(expected),
)

test('lists of names stay short', () => {
  expect([['a'], ['a', 'b'], ['a', 'b', 'c', 'd'], ['a', 'b', 'c', 'd', 'e']].map(names => listing(names))).toEqual([
    'a',
    'a and b',
    'a, b, c and d',
    'a, b, c and 2 more',
  ])
})

test('who waits for a cause on two ways is told once', () => {
  const [cause] = causesOf('shop', [
    { path: 'shop/db', phase: 'starting' },
    { path: 'shop/orders', phase: 'waiting', through: ['shop/db'] },
    { path: 'shop/api', phase: 'waiting', through: ['shop/db', 'shop/orders'] },
  ])
  expect(cause!.held).toEqual([{ path: 'shop/orders' }, { path: 'shop/api' }])
})

test('causes are told with those they hold up, the nearest first', () => {
  const causes = causesOf('shop', [
    { path: 'shop', phase: 'starting' },
    { path: 'shop/db', phase: 'starting' },
    { path: 'shop/api', phase: 'waiting', through: ['shop/orders'] },
    { path: 'shop/orders', phase: 'waiting', through: ['shop/db'] },
    { path: 'shop/loop', phase: 'running', health: 'warn', detail: 'slow' },
  ])
  expect(causes).toEqual([
    {
      path: 'shop/db',
      phase: 'starting',
      blocks: true,
      held: [{ path: 'shop/orders' }, { path: 'shop/api', via: 'shop/orders' }],
    },
    { path: 'shop/loop', phase: 'running', health: 'warn', detail: 'slow', blocks: false, held: [] },
  ])
  expect(heldInWords('shop', causes[0]!.held)).toBe('orders waits for it, api through orders')
})

test('the worst causes come first, and those that keep the group from being ready before those that only warn', () => {
  const causes = causesOf(
    'shop',
    [
      { path: 'shop/slow', phase: 'running', health: 'warn' },
      { path: 'shop/web', phase: 'starting' },
      { path: 'shop/extra', phase: 'failed' },
      { path: 'shop/search', phase: 'running', health: 'fail' },
      { path: 'shop/orders', phase: 'backoff' },
      { path: 'shop/off', phase: 'stopped' },
      { path: 'shop/db', phase: 'failed' },
    ],
    new Set(['shop/extra']),
  )
  expect(causes.map(({ path, blocks }) => `${path.slice(5)} ${blocks ? 'blocks' : 'warns'}`)).toEqual([
    'db blocks',
    'orders blocks',
    'search blocks',
    'web blocks',
    'extra warns',
    'off warns',
    'slow warns',
  ])
})

test('a group does not wait for what is in it, nor what is in it for the group: others wait for the group', () => {
  const inner = causesOf('shop', [
    { path: 'shop/workers', phase: 'starting', through: ['shop/workers/mailer'] },
    { path: 'shop/workers/mailer', phase: 'backoff' },
    { path: 'shop/api', phase: 'waiting', through: ['shop/workers'] },
  ])
  expect(inner.map(({ path, held }) => [path, heldInWords('shop', held)])).toEqual([
    ['shop/workers/mailer', 'api waits for it'],
  ])
  const outer = causesOf('shop', [
    { path: 'shop/db', phase: 'starting' },
    { path: 'shop/workers', phase: 'waiting', through: ['shop/db'] },
    { path: 'shop/workers/mailer', phase: 'idle', through: ['shop/workers'] },
    { path: 'shop/api', phase: 'waiting', through: ['shop/workers'] },
  ])
  expect(outer.map(({ path, held }) => [path, heldInWords('shop', held)])).toEqual([
    ['shop/db', 'workers waits for it, api through workers'],
  ])
})

const statuses = (
  ...all: readonly (readonly [string, ServiceState, Partial<ServiceStatus>?])[]
): readonly ServiceStatus[] => all.map(([name, state, more]) => idle(`shop/${name}`, 0, { state, ...more }))

test('rows stand as added, what is inside a group behind it; problems come first when asked', () => {
  const list = statuses(
    ['workers', RUNNING],
    ['db', { ...RUNNING, health: 'warn' }],
    ['workers/mail', { phase: 'failed', error }],
    ['web', { phase: 'starting', attempt: 1 }],
  )
  const names = (wish: Wish) => rowsFor('shop', list, wish).map(({ name, depth }) => `${depth} ${name}`)
  expect(names({})).toEqual(['0 workers', '1 mail', '0 db', '0 web'])
  expect(names({ sort: 'problems' })).toEqual(['0 workers/mail', '0 db', '0 web', '0 workers'])
  expect(names({ find: ' WARN' })).toEqual(['0 db'])
  expect(names({ find: 'fail' })).toEqual(['0 workers/mail'])
})

test('a table is sorted by any column, both ways; a row without a value comes last', () => {
  const list = statuses(
    ['s10', { ...RUNNING, health: 'warn', detail: 'disk' }, { restarts: 2, readyAt: 30, since: 30 }],
    ['s9', { phase: 'backoff', error, attempt: 1, retryAt: 0 }, { restarts: 11, since: 50 }],
    ['s1', RUNNING, { readyAt: 20, since: 20, dependsOn: ['s9'] }],
  )
  const sorted = (sort: NonNullable<Wish['sort']>) => rowsFor('shop', list, { sort }).map(({ name }) => name)
  expect(sorted('service')).toEqual(['s1', 's9', 's10'])
  expect(sorted('-service')).toEqual(['s10', 's9', 's1'])
  expect(sorted('for')).toEqual(['s9', 's10', 's1'])
  expect(sorted('restarts')).toEqual(['s10', 's9', 's1'])
  expect(sorted('-restarts')).toEqual(['s9', 's10', 's1'])
  expect(sorted('health')).toEqual(['s1', 's10', 's9'])
  expect(sorted('up')).toEqual(['s10', 's1', 's9'])
  expect(sorted('last-error')).toEqual(['s9', 's10', 's1'])
  expect(sorted('depends-on')).toEqual(['s1', 's10', 's9'])
})

test('rows are found by state, by health, and by the text of an error, of its causes and of one that is over', () => {
  const deep = { ...error, cause: { name: 'Error', message: 'ECONNREFUSED', errors: [{ name: 'E', message: 'x::1' }] } }
  const list = statuses(
    ['db', { phase: 'failed', error: deep }],
    ['api', RUNNING],
    ['web', { ...RUNNING, health: 'fail', detail: 'disk full' }],
    ['job', { phase: 'stopped', how: 'ended' }],
    ['off', { phase: 'stopped', how: 'stopped' }],
    ['sky', { phase: 'waiting', for: ['db'] }],
  )
  const found = (wish: Wish) =>
    rowsFor('shop', list, wish, path => (path === 'shop/api' ? { name: 'E', message: 'was lost' } : undefined)).map(
      ({ name }) => name,
    )
  expect(found({ state: 'problems' })).toEqual(['db', 'web', 'sky'])
  expect(found({ state: 'stopped' })).toEqual(['job', 'off'])
  expect(found({ health: 'fail' })).toEqual(['web'])
  expect(found({ find: 'econnrefused' })).toEqual(['db'])
  expect(found({ find: 'X::1' })).toEqual(['db'])
  expect(found({ find: 'was lost' })).toEqual(['api'])
  expect(found({ find: 'disk', health: 'pass' })).toEqual([])
})

test('a plain list is one column; a graph has a layer for each step of its longest way', () => {
  const plain = layoutOf('shop', statuses(['a', RUNNING], ['b', RUNNING], ['c', RUNNING]), 800)
  expect(new Set(plain.boxes.map(({ x }) => x)).size).toBe(1)
  expect(plain.edges).toEqual([
    { from: 'shop/a', to: 'shop/b', declared: false },
    { from: 'shop/b', to: 'shop/c', declared: false },
  ])
  const graph = layoutOf(
    'shop',
    statuses(
      ['a', RUNNING, { dependsOn: [] }],
      ['b', RUNNING, { dependsOn: ['a'] }],
      ['c', RUNNING, { dependsOn: ['a', 'b'] }],
      ['d', RUNNING, { dependsOn: ['a'] }],
    ),
    800,
  )
  const y = Object.fromEntries(graph.boxes.map(box => [box.name, box.y]))
  expect(y['b']).toBe(y['d'])
  expect(y['a']! < y['b']! && y['b']! < y['c']!).toBe(true)
})

test('no box lies upon another, however wide a layer is, and groups hold their own', () => {
  const many = Array.from(
    { length: 40 },
    (_, i) => [`s${i}`, RUNNING, { dependsOn: i < 5 ? [] : [`s${i % 5}`] }] as const,
  )
  const list = statuses(...many, ['inner', RUNNING, { dependsOn: ['s1'] }], ['inner/x', RUNNING], ['inner/y', RUNNING])
  const { boxes, width } = layoutOf('shop', list, 360)
  expect(boxes).toHaveLength(43)
  expect(width).toBeLessThanOrEqual(360)
  const outer = boxes.filter(({ path }) => path.split('/').length === 2)
  for (const a of outer)
    for (const b of outer)
      if (a !== b)
        expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(
          true,
        )
  const inner = boxes.find(({ name }) => name === 'inner')!
  for (const { x, y, height } of boxes.filter(({ path }) => path.startsWith('shop/inner/')))
    expect(x > inner.x && y > inner.y && y + height < inner.y + inner.height).toBe(true)
})

test('an order that the group would refuse is drawn all the same', () => {
  const list = statuses(['a', { phase: 'idle' }, { dependsOn: ['b'] }], ['b', { phase: 'idle' }, { dependsOn: ['a'] }])
  expect(layoutOf('shop', list, 800)).toMatchObject({ edges: [], boxes: { length: 2 } })
})

test('a line that would run behind a box goes past it, where no box is', () => {
  const { boxes } = layoutOf(
    'shop',
    statuses(
      ['db', RUNNING, { dependsOn: [] }],
      ['workers', RUNNING, { dependsOn: ['db'] }],
      ['workers/mailer', RUNNING],
      ['workers/reports', RUNNING],
      ['api', RUNNING, { dependsOn: ['db', 'workers'] }],
    ),
    800,
  )
  const [db, workers, mailer, reports, api] = ['db', 'workers', 'mailer', 'reports', 'api'].map(
    name => boxes.find(box => box.name === name)!,
  ) as [Box, Box, Box, Box, Box]
  expect(asideOf(db, workers, boxes)).toBeUndefined()
  expect(asideOf(workers, api, boxes)).toBeUndefined()
  expect(asideOf(mailer, reports, boxes)).toBeUndefined()
  expect(asideOf(db, api, boxes)).toBe(workers.x - 10)
  expect(wayOf(db, api, boxes)).toContain(`${workers.x - 10} ${workers.y}V${workers.y + workers.height}C`)
})

test('the way past a box is the nearest that is free', () => {
  const box = (name: string, x: number, y: number): Box => ({
    path: `shop/${name}`,
    name,
    x,
    y,
    width: 100,
    height: 30,
    isGroup: false,
  })
  const [above, below] = [box('above', 100, 0), box('below', 100, 120)]
  const past = (...xs: readonly number[]) =>
    asideOf(above, below, [above, below, ...xs.map((x, i) => box(`b${i}`, x, 60))])
  expect(past(300)).toBeUndefined()
  expect(past(90)).toBe(200)
  expect(past(110)).toBe(100)
  expect(past(110, 0)).toBe(220)
  expect(past(110, -10)).toBe(100)
})
