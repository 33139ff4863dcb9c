import {
  type FailureEvent,
  foldStatus,
  type GroupEvent,
  recordEvents,
  replayEvents,
  type ServiceContext,
  service,
  serviceGroup,
  task,
} from 'rx-service-group'
import { log } from 'rx-service-group/log'
import { lastValueFrom, NEVER, reduce, tap, toArray, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { transitionLines } from '../../src/core/text/transition-text.ts'

/** A nested group, `shop/workers/mails`, whose service does what it is told, under every behaviour. */
const shop = () => {
  const clock = new VirtualTimeScheduler()
  let context!: ServiceContext
  const mails = task('mails', given => {
    context = given
    return NEVER
  })
  const workers = serviceGroup('workers', { clock }).add(mails, {
    restart: 'permanent',
    healthCheck: { check: () => true },
    heartbeat: { interval: 3_600_000 },
  })
  const group = serviceGroup('shop', { clock }).add(service('db', {})).add(workers)
  const events: GroupEvent[] = []
  group.events$.subscribe(event => events.push(event))
  const lines: string[] = []
  recordEvents(group).subscribe(line => lines.push(line))
  group.start()
  const failures = () => events.filter((event): event is FailureEvent => event.kind === 'failure')
  const pass = (ms: number) => {
    clock.maxFrames = clock.now() + ms
    clock.flush()
  }
  pass(0)
  return { clock, group, workers, events, lines, failures, pass, context: () => context }
}

describe('a failed piece of work', () => {
  test('is an event with path, work and error, and changes no state', () => {
    const { group, workers, failures, context } = shop()
    const before = group.status
    context().workFailed('message 7', new TypeError('no address'))
    expect(failures()).toMatchObject([
      { path: 'shop/workers/mails', what: 'message 7', error: { name: 'TypeError', message: 'no address' } },
    ])
    expect(failures()[0]).not.toHaveProperty('omitted')
    const { seq, list, health, group: own } = group.status
    expect(seq).toBe(before.seq + 1)
    expect(list).toEqual(before.list)
    expect([health, own]).toEqual([before.health, before.group])
    expect(workers.status.service('workers/mails')).toEqual(expect.objectContaining({ state: expect.anything() }))
  })

  test('is recorded, and folds to the same status when it is replayed', async () => {
    const { group, events, lines, context, pass } = shop()
    for (let n = 0; n < 30; n++) context().workFailed(`message ${n}`, new Error('refused'))
    group.stop()
    pass(60_000)
    const replayed = await lastValueFrom(replayEvents(lines).pipe(toArray()))
    expect(replayed).toEqual(JSON.parse(JSON.stringify(events)))
    const folded = await lastValueFrom(replayEvents(lines).pipe(reduce(foldStatus, undefined)))
    expect(JSON.parse(JSON.stringify(folded?.list))).toEqual(JSON.parse(JSON.stringify(group.status.list)))
    expect(folded?.seq).toBe(group.status.seq)
  })

  test('is told ten times a second at most; the last one is told with the number that was left out', () => {
    const { failures, context, pass } = shop()
    for (let n = 1; n <= 10_000; n++) context().workFailed(`message ${n}`, new Error('refused'))
    expect(failures().length).toBe(10)
    pass(1_000)
    expect(failures().length).toBe(11)
    expect(failures().at(-1)).toMatchObject({ what: 'message 10000', omitted: 9_989 })
    pass(10_000)
    expect(failures().length).toBe(11)
    context().workFailed('one more', new Error('refused'))
    expect(failures().at(-1)).toMatchObject({ what: 'one more' })
    expect(failures().at(-1)).not.toHaveProperty('omitted')
    const all = failures().reduce((sum, { omitted = 0 }) => sum + 1 + omitted, 0)
    expect(all).toBe(10_001)
  })

  test('that is held back is told before the end of its service, and leaves no timer', async () => {
    const { group, events, failures, context, pass, clock } = shop()
    for (let n = 1; n <= 20; n++) context().workFailed(`message ${n}`, new Error('refused'))
    const stopped = group.stop()
    pass(500)
    await stopped
    expect(failures().at(-1)).toMatchObject({ what: 'message 20', omitted: 9 })
    const told = events.indexOf(failures().at(-1)!)
    const ended = events.findIndex(
      event => event.kind === 'transition' && event.path === 'shop/workers/mails' && event.state.phase === 'stopped',
    )
    expect(told).toBeLessThan(ended)
    const { length } = events
    pass(60_000)
    context().workFailed('too late', new Error('refused'))
    expect(events.length).toBe(length)
    expect(clock.actions.filter(action => !action.closed)).toEqual([])
  })

  test('is refused without a text, and ignored outside a group', () => {
    const { context } = shop()
    expect(() => context().workFailed(7 as never, new Error('refused'))).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'mails' }),
    )
    const states: string[] = []
    const alone = service('alone', { start: ({ workFailed }) => workFailed('message', new Error('refused')) })
    alone
      .lifecycle(NEVER)
      .pipe(tap(({ phase }) => states.push(phase)))
      .subscribe()
    expect(states).toEqual(['starting', 'running'])
  })

  test('is a line of the log, and an error of a logger', () => {
    const { group, context, pass, events } = shop()
    const calls: unknown[][] = []
    log(group, { to: (...call) => calls.push(call) })
    for (let n = 1; n <= 13; n++) context().workFailed(`message ${n}`, 'refused')
    pass(1_000)
    expect(calls[0]).toEqual([
      'error',
      'shop/workers/mails failure: message 1: refused',
      { service: 'shop/workers/mails', what: 'message 1', error: expect.objectContaining({ message: 'refused' }) },
    ])
    const lineOf = transitionLines()
    const lines = events.map(lineOf).filter(line => line?.includes('failure'))
    expect(lines.length).toBe(11)
    expect(lines.at(-1)).toMatch(/shop\/workers\/mails +failure +message 13: refused \(2 more before it\)$/)
  })
})

test('a kind of event that is not known, of a later version, changes no status and no recording', async () => {
  const { group, lines, pass } = shop()
  const later = { kind: 'weather', seq: group.status.seq + 1, at: group.status.at, path: 'shop/db', sky: 'grey' }
  const status = foldStatus(group.status, later as unknown as GroupEvent)
  expect(status.seq).toBe(group.status.seq + 1)
  expect(status.list).toEqual(group.status.list)
  pass(0)
  const folded = await lastValueFrom(
    replayEvents([...lines, JSON.stringify(later)]).pipe(reduce(foldStatus, undefined)),
  )
  expect(folded?.seq).toBe(later.seq)
})
