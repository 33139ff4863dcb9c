import { type GroupEvent, type ServiceState, service, serviceGroup } from 'rx-service-group'
import { fakeService } from 'rx-service-group/testing'
import { expect, test } from 'vitest'
import { KEPT } from '../../../src/views/dashboard/page/life.ts'
import { LINES } from '../../../src/views/dashboard/page/log.ts'
import { foldModel, type Model } from '../../../src/views/dashboard/page/model.ts'
import { story } from './support/events.ts'

const RUNNING = { phase: 'running', health: 'pass' } as const
const reason = { by: 'signal', signal: 'SIGTERM' } as const

/** A life as `starting 0-120, running 120-`. */
const told = (model: Model | undefined, path: string, begin: number): string =>
  (model?.lives.get(path)?.segments ?? [])
    .map(({ kind, from, to }) => `${kind} ${from - begin}-${to === null ? '' : to - begin}`)
    .join(', ')

test('the stretches of a life follow its states, and what repeats a state stretches it', () => {
  const { snapshot, becomes } = story('shop', ['db'], 0)
  const model = foldModel(undefined, [
    snapshot,
    becomes('db', { phase: 'waiting', for: ['x'] }, 5),
    becomes('db', { phase: 'starting', attempt: 1 }, 20),
    becomes('db', RUNNING, 140),
    becomes('db', { ...RUNNING, health: 'warn' }, 150),
    becomes('db', { ...RUNNING, leaving: reason }, 200),
    becomes('db', { phase: 'draining', reason, pending: 9 }, 210),
    becomes('db', { phase: 'draining', reason, pending: 1 }, 250),
    becomes('db', { phase: 'drained' }, 260),
    becomes('db', { phase: 'stopping', reason }, 300),
    becomes('db', { phase: 'stopped', how: 'forced' }, 400),
  ])
  expect(told(model, 'shop/db', 0)).toBe(
    'idle 0-5, waiting 5-20, starting 20-140, running 140-200, leaving 200-210, draining 210-260, drained 260-300, stopping 300-400, stopped 400-',
  )
})

test('news of figures alone are no lines of the log, and other news of a running service are', () => {
  const { snapshot, becomes } = story('shop', ['api'], 0)
  const info = (handled: number, connection = 'open') => ({ ...RUNNING, info: { handled, connection } })
  const { log, status } = foldModel(undefined, [
    snapshot,
    becomes('api', info(0), 1),
    becomes('api', info(1), 2),
    becomes('api', { ...info(2), health: 'warn', detail: 'slow' }, 3),
    becomes('api', { ...info(3), health: 'warn', detail: 'slow' }, 4),
    becomes('api', { ...info(3, 'lost'), health: 'warn', detail: 'slow' }, 5),
  ])!
  expect(log.lines.map(({ at }) => at)).toEqual([0, 1, 3, 5])
  expect(log.told).toBe(4)
  expect(status.service('api')?.state.info).toEqual({ handled: 3, connection: 'lost' })
})

test('a snapshot that comes late tells the life before it', () => {
  const { snapshot, becomes } = story('shop', ['db'], 1_000)
  const events = [
    snapshot,
    becomes('db', { phase: 'starting', attempt: 1 }, 20),
    becomes('db', RUNNING, 140),
    becomes('db', { ...RUNNING, leaving: reason }, 200),
    becomes('db', { phase: 'draining', reason }, 210),
    becomes('db', { phase: 'drained' }, 260),
    becomes('db', { phase: 'stopping', reason }, 300),
  ]
  const watched = foldModel(undefined, events)!
  const { status } = watched
  const late: GroupEvent = {
    kind: 'snapshot',
    seq: status.seq,
    at: status.at,
    health: status.health,
    group: status.group,
    services: status.list,
  }
  const joined = foldModel(undefined, [late])
  expect(told(joined, 'shop/db', 1_000)).toBe(told(watched, 'shop/db', 1_000).replace(/^idle 0-20, /, ''))
})

test('a life is kept within bounds: its beginning and its newest part', () => {
  const { snapshot, becomes } = story('shop', ['db'], 0)
  const events = Array.from({ length: 1_000 }, (_, i) =>
    becomes('db', i % 2 === 0 ? { phase: 'starting', attempt: i } : RUNNING, i + 1),
  )
  const segments = foldModel(undefined, [snapshot, ...events])!.lives.get('shop/db')!.segments
  expect(segments).toHaveLength(KEPT)
  expect(segments.slice(0, 3).map(({ from }) => from)).toEqual([0, 1, 2])
  expect(segments.at(-1)!.from).toBe(1_000)
})

test('the log keeps its newest lines, and all that a reader who has stopped it has not seen', () => {
  const { snapshot, becomes } = story('shop', ['db'], 0)
  const first = foldModel(undefined, [snapshot])
  const many = Array.from({ length: LINES + 500 }, (_, i) => becomes('db', { ...RUNNING, detail: String(i) }, i))
  expect(foldModel(first, many)!.log).toMatchObject({ told: LINES + 501, lines: { length: LINES } })
  const held = foldModel(first, many, { from: 0 })!.log
  expect(held.lines).toHaveLength(LINES + 500)
  expect(held.lines[0]!.n).toBe(1)
})

test('what has not changed stays the same object', () => {
  const { snapshot, becomes } = story('shop', ['db', 'api'], 0)
  const before = foldModel(undefined, [snapshot])!
  const after = foldModel(before, [becomes('api', { phase: 'starting', attempt: 1 })])!
  expect(after.status.service('shop/db')).toBe(before.status.service('shop/db'))
  expect(after.lives.get('shop/db')).toBe(before.lives.get('shop/db'))
  expect(after.lives.get('shop/api')).not.toBe(before.lives.get('shop/api'))
  expect(told(before, 'shop/api', 0)).toBe('idle 0-')
})

test('events that are known already change nothing, and a new snapshot begins anew', () => {
  const { snapshot, becomes } = story('shop', ['db'], 0)
  const starting = becomes('db', { phase: 'starting', attempt: 1 })
  const model = foldModel(undefined, [snapshot, starting])
  expect(foldModel(model, [starting])!.log.told).toBe(2)
  const anew = foldModel(model, [story('shop', ['api'], 9).snapshot])!
  expect(anew.log.told).toBe(1)
  expect([...anew.lives.keys()]).toEqual(['shop', 'shop/api'])
})

test('how long it has not been ready is counted from the change', () => {
  const { snapshot, becomes } = story('shop', ['db'], 0)
  const states: readonly (readonly [string, ServiceState, number])[] = [
    ['', { phase: 'starting', attempt: 1 }, 10],
    ['db', RUNNING, 40],
    ['', RUNNING, 50],
    ['', { ...RUNNING, health: 'warn' }, 60],
    ['', { ...RUNNING, health: 'fail' }, 70],
  ]
  let model = foldModel(undefined, [snapshot])
  const since = states.map(([name, state, at]) => {
    model = foldModel(model, [becomes(name, state, at)])
    return [model!.status.ready, model!.readySince]
  })
  expect(since).toEqual([
    [false, 0],
    [false, 0],
    [true, 50],
    [true, 50],
    [false, 70],
  ])
})

test('in bits or as a whole, what a real group tells folds to the same', async () => {
  const inner = serviceGroup('inner').add(service('mail', {}))
  const db = fakeService('db')
  const group = serviceGroup('shop')
    .add(db)
    .add(inner, { dependsOn: ['db'] })
    .add(service('extra', {}))
  const events: GroupEvent[] = []
  group.events$.subscribe(event => events.push(event))
  await group.start()
  await group.restart('db')
  await group.remove('extra')
  await group.stop()
  const whole = foldModel(undefined, events)!
  let inBits: Model | undefined
  for (const event of events) inBits = foldModel(inBits, [event])
  expect(JSON.stringify([inBits!.status, [...inBits!.lives], inBits!.log])).toBe(
    JSON.stringify([whole.status, [...whole.lives], whole.log]),
  )
  expect([...whole.lives.keys()]).toEqual(['shop', 'shop/db', 'shop/inner', 'shop/inner/mail'])
  expect(whole.status.service('shop/db')!.restarts).toBe(1)
})

test('a request from outside is a line of the log: what, by whom, and what came of it', () => {
  const { snapshot } = story('shop', ['db'], 0)
  const asked = (seq: number, more: object) =>
    ({ kind: 'request', seq, at: seq, by: '10.0.0.7', ...more }) as object as GroupEvent
  const model = foldModel(undefined, [
    snapshot,
    asked(1, { path: 'shop/db', action: 'restart', outcome: 'accepted' }),
    asked(2, { path: 'shop', outcome: 'refused', reason: 'the token is wrong', omitted: 12 }),
  ])
  expect(model?.log.lines.slice(1).map(({ path, text, tone, detail }) => [path, text, tone, detail])).toEqual([
    ['shop/db', 'request', 'busy', 'restart by 10.0.0.7: accepted'],
    ['shop', 'request', 'warn', 'unknown action by 10.0.0.7: refused: the token is wrong (12 more before it)'],
  ])
  expect(model?.status.seq).toBe(2)
})
