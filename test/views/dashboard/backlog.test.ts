import type { GroupEvent } from 'rx-service-group'
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
})
