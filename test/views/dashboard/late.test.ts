import { afterEach, describe, expect, test, vi } from 'vitest'
import { newPace } from '../../../src/views/dashboard/pace.ts'
import { startProgram } from '../../support/child.ts'
import { watch } from './watch.ts'

/** Milliseconds within which a change is seen. */
const SEEN = 50

test('in an idle process every change is told within 50 ms, also right after others', async () => {
  const program = startProgram(new URL('idle-changes.ts', import.meta.url))
  const [, port] = /port (\d+)\./.exec(await program.says(/port \d+\./))!
  const late = new Map<string, number[]>()
  let seen = 0
  const page = await watch(Number(port))
  await page
    .until(({ events }) => {
      for (const event of events.slice(seen)) {
        if (event.kind !== 'transition' || event.state.phase !== 'running') continue
        const [, what, at] = /^(.+) at (\d+)$/.exec(event.state.detail ?? '') ?? []
        if (what !== undefined && event.path === 'shop/db')
          late.set(what, [...(late.get(what) ?? []), Date.now() - Number(at)])
      }
      seen = events.length
      return ['alone', 'soon after another', 'soon after a burst', 'the last of a burst'].every(
        what => late.get(what)?.length === 3,
      )
    })
    .finally(() => program.kill('SIGKILL'))
  // The best of three, since this machine may be busy.
  const best = [...late].map(([what, all]) => ({ what, late: Math.min(...all) }))
  expect(best).toHaveLength(6)
  expect(best.filter(one => one.late >= SEEN)).toEqual([])
  expect([...late].filter(([, all]) => Math.max(...all) >= 300)).toEqual([])
}, 60_000)

describe('the pace of messages', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Events that come at some milliseconds, and when they were sent. */
  const sentAt = (times: readonly number[]): readonly number[] => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] })
    const waiting: number[] = []
    const sent: number[] = []
    let now = 0
    const pace = newPace(
      () => waiting.length,
      () => {
        for (const came of waiting.splice(0)) sent[came] = now
        pace.sent()
      },
    )
    for (; now <= times.at(-1)! + 200; now++) {
      for (const [n, at] of times.entries())
        if (at === now) {
          waiting.push(n)
          pace.came()
        }
      vi.advanceTimersByTime(1)
    }
    pace.rest()
    expect(vi.getTimerCount()).toBe(0)
    return sent.map((at, n) => at - times[n]!)
  }

  const every = (ms: number, from: number, to: number): readonly number[] =>
    Array.from({ length: Math.floor((to - from) / ms) }, (_, n) => from + n * ms)

  test.each([
    ['one after a pause', [0, 1_000], 0],
    ['one soon after another', [0, 3], 20],
    ['any of many that come one by one', every(7, 0, 3_000), 20],
    ['any of a burst', [0, ...every(1, 5, 400)], 40],
    ['one after a burst', [...Array(500).fill(0), ...Array(500).fill(9), 12], 40],
    ['any of a flood', every(1, 0, 900), 40],
    ['any of a flood that lasts', every(1, 0, 5_000), 100],
  ])('lets %s wait no longer than it may', (_, times, most) => {
    const late = Math.max(...sentAt(times))
    expect(late).toBeLessThanOrEqual(most + 1)
    expect(late).toBeGreaterThanOrEqual(most - 20)
  })

  test('lets what comes right after a flood that lasted wait no longer than what comes after a burst', () => {
    const flood = every(1, 0, 1_500)
    for (const pause of [1, 5, 15, 25, 35, 55]) {
      const waited = sentAt([...flood, 1_500 + pause])
      expect(waited.at(-1)).toBeLessThanOrEqual(41)
    }
  })

  test('makes ten messages a second of a flood that lasts', () => {
    const times = every(1, 0, 5_000)
    const sent = sentAt(times).map((late, n) => late + times[n]!)
    expect(new Set(sent.filter(at => at >= 2_000 && at < 4_000)).size).toBeLessThanOrEqual(21)
  })
})
