import {
  foldStatus,
  type GroupEvent,
  type RequestEvent,
  recordEvents,
  replayEvents,
  service,
  serviceGroup,
} from 'rx-service-group'
import { log } from 'rx-service-group/log'
import { lastValueFrom, reduce, toArray, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { transitionLines } from '../../src/core/text/transition-text.ts'

const openShop = () => {
  const clock = new VirtualTimeScheduler()
  const workers = serviceGroup('workers', { clock }).add(service('mailer', {}))
  const group = serviceGroup('shop', { clock }).add(service('db', {})).add(workers)
  const events: GroupEvent[] = []
  group.events$.subscribe(event => events.push(event))
  const lines: string[] = []
  recordEvents(group).subscribe(line => lines.push(line))
  const requests = () => events.filter((event): event is RequestEvent => event.kind === 'request')
  const pass = (ms: number) => {
    clock.maxFrames = clock.now() + ms
    clock.flush()
  }
  void group.start()
  pass(0)
  return { clock, group, workers, events, lines, requests, pass }
}

const REFUSED = { by: '10.0.0.7', outcome: 'refused', reason: 'the token is wrong' } as const

describe('a request from outside', () => {
  test('is an event of the service that it is for, or of the group, and changes no state', () => {
    const { group, requests } = openShop()
    const before = group.status
    group.recordRequest({ action: 'restart', service: 'mailer', by: '10.0.0.7', outcome: 'accepted' })
    group.recordRequest({ action: 'stop', by: '10.0.0.7', outcome: 'accepted' })
    group.recordRequest({ action: 'stop', service: 'nobody', ...REFUSED })
    group.recordRequest(REFUSED)
    expect(requests().map(({ seq, at, ...told }) => told)).toEqual([
      { kind: 'request', path: 'shop/workers/mailer', action: 'restart', by: '10.0.0.7', outcome: 'accepted' },
      { kind: 'request', path: 'shop', action: 'stop', by: '10.0.0.7', outcome: 'accepted' },
      { kind: 'request', path: 'shop', action: 'stop', ...REFUSED },
      { kind: 'request', path: 'shop', ...REFUSED },
    ])
    expect(group.status.seq).toBe(before.seq + 4)
    expect(group.status.list).toEqual(before.list)
  })

  test('to a nested group is told by the outer group too', () => {
    const { workers, requests } = openShop()
    workers.recordRequest({ action: 'restart', service: 'mailer', by: 'ops', outcome: 'accepted' })
    workers.recordRequest({ action: 'stop', by: 'ops', outcome: 'accepted' })
    expect(requests().map(({ path }) => path)).toEqual(['shop/workers/mailer', 'shop/workers'])
  })

  test('is recorded, and folds to the same status when it is replayed', async () => {
    const { group, events, lines } = openShop()
    group.recordRequest({ action: 'restart', service: 'db', by: '10.0.0.7', outcome: 'accepted' })
    group.recordRequest(REFUSED)
    const replayed = await lastValueFrom(replayEvents(lines).pipe(toArray()))
    expect(replayed).toEqual(JSON.parse(JSON.stringify(events)))
    expect(replayed.at(-1)).toMatchObject({ kind: 'request', reason: 'the token is wrong' })
    const folded = await lastValueFrom(replayEvents(lines).pipe(reduce(foldStatus, undefined)))
    expect(folded?.seq).toBe(group.status.seq)
  })

  test('that is refused is told ten times a second at most, the last with the number that was left out', () => {
    const { group, requests, pass } = openShop()
    for (let n = 1; n <= 1_000; n++) group.recordRequest({ ...REFUSED, by: `10.0.0.${n}` })
    for (let n = 1; n <= 20; n++) group.recordRequest({ action: 'restart', by: 'ops', outcome: 'accepted' })
    expect(requests().filter(({ outcome }) => outcome === 'refused')).toHaveLength(10)
    expect(requests().filter(({ outcome }) => outcome === 'accepted')).toHaveLength(20)
    pass(1_000)
    expect(requests()).toHaveLength(31)
    expect(requests().at(-1)).toMatchObject({ by: '10.0.0.1000', omitted: 989 })
  })

  test('that is held back is told before the end of the group, and leaves no timer', async () => {
    const { clock, group, events, requests, pass } = openShop()
    for (let n = 1; n <= 20; n++) group.recordRequest(REFUSED)
    const stopped = group.stop()
    pass(10)
    await stopped
    expect(requests().at(-1)).toMatchObject({ omitted: 9 })
    const { length } = events
    group.recordRequest({ ...REFUSED, outcome: 'accepted' })
    group.recordRequest(REFUSED)
    pass(60_000)
    expect(events).toHaveLength(length)
    expect(clock.actions.filter(action => !action.closed)).toEqual([])
  })

  test('is one line of the log, whatever its texts are, and an entry of a logger', () => {
    const { group, events } = openShop()
    const entries: unknown[][] = []
    log(group, { to: (...entry) => entries.push(entry) })
    group.recordRequest({ action: 'restart', service: 'db', by: '10.0.0.7', outcome: 'accepted' })
    const foreign = '\u001b[2J\nshop running'
    group.recordRequest({ action: foreign, by: foreign, outcome: 'refused', reason: foreign.repeat(100) })
    const lineOf = transitionLines()
    const lines = events.map(lineOf).filter(line => line?.includes(' request '))
    expect(lines[0]).toMatch(/ shop\/db +request +restart by 10\.0\.0\.7: accepted$/)
    expect(lines[1]).not.toContain('\u001b')
    expect(lines[1]).not.toContain('\n')
    expect(lines[1]!.length).toBeLessThan(2_000)
    expect(entries[0]).toEqual([
      'info',
      'shop/db request: restart by 10.0.0.7: accepted',
      { service: 'shop/db', action: 'restart', by: '10.0.0.7', outcome: 'accepted' },
    ])
    expect(entries[1]![0]).toBe('warn')
  })

  test.each([
    [undefined, 'request must be an object'],
    [{ outcome: 'accepted' }, 'by must be a string'],
    [{ by: 'ops', outcome: 'granted' }, 'outcome must be "accepted" or "refused", got "granted"'],
    [{ by: 'ops', outcome: 'accepted', service: 7 }, 'service must be a string, got 7'],
    [{ by: 'ops', outcome: 'accepted', who: 'ops' }, 'unknown option who'],
  ])('%j is refused', (request, text) => {
    const { group } = openShop()
    expect(() => group.recordRequest(request as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringContaining(`group "shop": ${text}`),
      }),
    )
  })
})
