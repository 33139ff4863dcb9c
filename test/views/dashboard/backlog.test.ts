import { foldStatus, type GroupEvent, type GroupStatus } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { newBacklog } from '../../../src/views/dashboard/backlog.ts'
import { story } from './support/events.ts'

const AT = Date.UTC(2026, 10, 27)

/** A service that fails again and again, with an error of so many characters. */
const flapping = (times: number, message: string) => {
  const { snapshot, becomes } = story('shop', ['db'], AT)
  const error = { name: 'Error', message }
  const events = Array.from({ length: times }, (_, n) =>
    becomes('db', { phase: 'backoff', error, retryAt: AT, attempt: n } as never, n),
  )
  return { snapshot, events }
}

const filled = (snapshot: GroupEvent, events: readonly GroupEvent[], limits = { events: 2_000, bytes: 100_000 }) => {
  const backlog = newBacklog(limits)
  backlog.add(snapshot)
  for (const event of events) backlog.add(event)
  return backlog
}

const bytesOf = (text: string): number => Buffer.byteLength(text)

describe('the backlog', () => {
  test.each([
    ['of letters', 'x'.repeat(5_000)],
    ['of letters that take three bytes each', '字'.repeat(2_000)],
    ['of line breaks and other characters that JSON escapes', '\n\u0001"'.repeat(1_000)],
    ['that are short', 'no route'],
  ])('holds no more bytes than it may of errors %s', (_, message) => {
    const { snapshot, events } = flapping(1_000, message)
    const backlog = filled(snapshot, events)
    const all = backlog.all(backlog.seq)
    const one = bytesOf(JSON.stringify(events[0]))
    // The snapshot has the last error of each service too.
    expect(bytesOf(all)).toBeLessThan(100_000 + 2 * one + 1_000)
    expect(bytesOf(all)).toBeGreaterThan(100_000 - 2 * one)
    expect((JSON.parse(all) as GroupEvent[]).at(-1)).toEqual(events.at(-1))
  })

  test('keeps an event that is longer than all of it may be', () => {
    const { snapshot, events } = flapping(3, 'x'.repeat(200_000))
    const backlog = filled(snapshot, events)
    expect(backlog.between(2, 3)).toBe(JSON.stringify([events[2]]))
    expect(backlog.between(1, 3)).toBeUndefined()
  })

  test('tells since when it is complete, once something is left out', () => {
    const { snapshot, events } = flapping(3, 'no route')
    const backlog = filled(snapshot, events, { events: 3, bytes: 100_000 })
    expect(backlog.completeSince).toBeUndefined()
    backlog.add({ ...events[2]!, seq: 4, at: AT + 50 })
    expect(backlog.completeSince).toBe(AT)
    backlog.add({ ...events[2]!, seq: 5, at: AT + 60 })
    expect(backlog.completeSince).toBe(AT + 1)
  })

  test('tells it by the wall clock as it is now', () => {
    const { snapshot, events } = flapping(4, 'no route')
    const set = { ...events[3]!, clockSet: 3_600_000, at: AT + 3_600_003 } as GroupEvent
    const backlog = filled(snapshot, [...events.slice(0, 3), set], { events: 2, bytes: 100_000 })
    expect(backlog.completeSince).toBe(AT + 1 + 3_600_000)
  })

  test('of a group that was seen only when it ran is complete since then', () => {
    const { snapshot } = story('shop', ['db'], AT)
    if (snapshot.kind !== 'snapshot') throw new Error('it is a snapshot')
    const running = { ...snapshot, group: { ...snapshot.group, state: { phase: 'running', health: 'pass' } as const } }
    expect(filled(running, []).completeSince).toBe(AT)
    expect(filled(snapshot, []).completeSince).toBeUndefined()
  })

  describe('with a service that is busy', () => {
    /** Two services: one counts requests, and the other one is restarted once in between. */
    const busy = (times: number) => {
      const { snapshot, becomes } = story('shop', ['api', 'db'], AT)
      const error = { name: 'Error', message: 'no route' }
      const handled = (n: number) => becomes('api', { phase: 'running', health: 'pass', info: { handled: n } }, n)
      const before = [becomes('api', { phase: 'starting', attempt: 1 }, 0), handled(0)]
      const some = Array.from({ length: times }, (_, n) => handled(n + 1))
      const between = [
        becomes('db', { phase: 'starting', attempt: 1 }, times + 1),
        becomes('db', { phase: 'backoff', error, attempt: 2, retryAt: AT }, times + 2),
      ]
      const more = Array.from({ length: times }, (_, n) => handled(times + n + 3))
      return { snapshot, events: [...before, ...some, ...between, ...more] }
    }
    const told = (backlog: ReturnType<typeof newBacklog>) => JSON.parse(backlog.all(backlog.seq)) as GroupEvent[]
    const isFigure = (event: GroupEvent) =>
      event.kind === 'transition' && event.path === 'shop/api' && event.state.phase === 'running'

    test.each([
      ['as many events as it may', { events: 50, bytes: 1_000_000 }],
      ['as many bytes as it may', { events: 2_000, bytes: 20_000 }],
    ])('keeps the start and the restart, and %s of the latest figures', (_, limits) => {
      const { snapshot, events } = busy(1_000)
      const backlog = filled(snapshot, events, limits)
      const all = told(backlog)
      expect(all.filter(event => !isFigure(event))).toEqual([snapshot, ...events.filter(event => !isFigure(event))])
      const figures = all.filter(isFigure)
      // The first running state is no news of figures alone.
      expect(figures).toEqual([events[1], ...events.filter(isFigure).slice(1 - figures.length)])
      expect(backlog.completeSince).toBeUndefined()
      const bytes = bytesOf(JSON.stringify(all.slice(1)))
      expect(all.length - 1 === limits.events || (bytes > 19_000 && bytes <= 20_000 + all.length)).toBe(true)
    })

    test('folds to the same status, after each event, as all events do', () => {
      const { snapshot, events } = busy(100)
      const backlog = newBacklog({ events: 20, bytes: 1_000_000 })
      backlog.add(snapshot)
      let whole = foldStatus(undefined, snapshot)
      for (const event of events) {
        backlog.add(event)
        whole = foldStatus(whole, event)
        const kept = told(backlog).reduce<GroupStatus | undefined>(foldStatus, undefined)
        expect(kept).toEqual(whole)
        expect(backlog.status()).toEqual(whole)
      }
    })

    test('gives whoever was away the events that are kept of those after the last one heard', () => {
      const { snapshot, events } = busy(100)
      const backlog = filled(snapshot, events, { events: 20, bytes: 1_000_000 })
      const heard = 50
      const since = JSON.parse(backlog.between(heard, backlog.seq)!) as GroupEvent[]
      expect(since).toEqual(told(backlog).filter(({ seq }) => seq > heard))
      expect(since.at(-1)).toEqual(events.at(-1))
    })

    test('keeps each step of a stop, which tells nothing but its phase, while another service is busy', () => {
      const { snapshot, becomes } = story('shop', ['api', 'db'], AT)
      const reason = { by: 'signal', signal: 'SIGTERM' } as const
      const running = (name: string, n: number) => becomes(name, { phase: 'running', health: 'pass', info: { n } }, n)
      const stop = [
        running('api', 1),
        becomes('api', { phase: 'draining', reason }, 2),
        becomes('api', { phase: 'drained' }, 3),
        becomes('api', { phase: 'stopping', reason }, 4),
        becomes('api', { phase: 'stopped', how: 'stopped' }, 5),
      ]
      const figures = Array.from({ length: 100 }, (_, n) => running('db', n + 6))
      const backlog = filled(snapshot, [...stop, ...figures], { events: 10, bytes: 1_000_000 })
      expect(told(backlog)).toEqual([snapshot, ...stop, figures[0], ...figures.slice(-4)])
    })

    test('drops no figures at which the clock was set', () => {
      const { snapshot, events } = busy(100)
      const set = events.map(event => (event.seq === 30 ? { ...event, clockSet: 1_000 } : event))
      const backlog = filled(snapshot, set, { events: 20, bytes: 1_000_000 })
      expect(told(backlog).some(({ seq }) => seq === 30)).toBe(true)
    })
  })
})
