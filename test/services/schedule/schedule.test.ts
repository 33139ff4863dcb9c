import type { ServiceState, Shutdown } from 'rx-service-group'
import { serviceGroup } from 'rx-service-group'
import { type Overlap, type ScheduleOptions, schedule, type Tick, type TickContext } from 'rx-service-group/schedule'
import { recordTrace, type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { NEVER, Observable, Subject, throwError, timer } from 'rxjs'
import { describe, expect, test, vi } from 'vitest'
import { Life } from '../../core/life.ts'

const EVERY_5_S = '*/5 * * * * *'
const seconds = (n: number) => n * 1_000

/** A life of a schedule on a clock that stands still. */
const live = (pattern: string | Date, tick: Tick, options: Omit<ScheduleOptions, 'clock'> = {}) => {
  const time = virtualTime()
  const life = new Life(schedule('poll', pattern, tick, { ...options, clock: time }))
  return { time, life }
}

/** A tick that lasts, and notes in seconds when each run began, was told to end, and ended. */
const lasting = (time: () => VirtualTime, ms: number, heedsSignal = true) => {
  const notes: string[] = []
  const note = (what: string) => notes.push(`${what} ${time().now() / 1_000}`)
  let count = 0
  const tick: Tick = ({ signal }) =>
    new Promise<void>(resolve => {
      const run = ++count
      note(`begin ${run}`)
      const end = time().schedule(() => {
        note(`end ${run}`)
        resolve()
      }, ms)
      signal.addEventListener('abort', () => {
        note(`abort ${run}`)
        if (!heedsSignal) return
        end.unsubscribe()
        resolve()
      })
    })
  return { notes, tick }
}

const lastInfo = ({ states }: { states: readonly ServiceState[] }) => states.at(-1)?.info

describe('a schedule', () => {
  test('runs whenever its pattern says so, and tells one thing a run: when it ran and when it will', async () => {
    const contexts: Omit<TickContext, 'signal'>[] = []
    const { time, life } = live(EVERY_5_S, ({ signal: _, ...context }) => void contexts.push(context))
    await time.advance(seconds(12))
    expect(contexts).toEqual([{ scheduledAt: new Date(5_000) }, { scheduledAt: new Date(10_000) }])
    expect(life.said).toEqual([
      'starting',
      'starting {"nextRun":"1970-01-01T00:00:05.000Z"}',
      'running {"nextRun":"1970-01-01T00:00:05.000Z"}',
      'running {"nextRun":"1970-01-01T00:00:10.000Z","lastRun":"1970-01-01T00:00:05.000Z"}',
      'running {"nextRun":"1970-01-01T00:00:10.000Z","lastRun":"1970-01-01T00:00:05.000Z","lastOutcome":"ok"}',
      'running {"nextRun":"1970-01-01T00:00:15.000Z","lastRun":"1970-01-01T00:00:10.000Z","lastOutcome":"ok"}',
    ])
    life.ask('drain', 'stop')
    await time.settle()
    expect(life.said.slice(6).map(word => word.split(' ')[0])).toEqual([
      'draining',
      'drained',
      'stopping',
      'stopped',
      '|',
    ])
    expect(time.timers).toBe(0)
  })

  test('waits for longer than the timers of the platform hold', async () => {
    const runs: number[] = []
    const { time, life } = live('0 0 27 1 *', ({ scheduledAt }) => void runs.push(scheduledAt.getTime()))
    const due = Date.UTC(1970, 0, 27)
    expect(due).toBeGreaterThan(2 ** 31)
    await time.advance(due - 1)
    expect(runs).toEqual([])
    await time.advance(1)
    expect(runs).toEqual([due])
    life.ask('force')
  }, 15_000)

  test.each([
    ['UTC', '1970-01-01T03:00:00.000Z'],
    ['Europe/Berlin', '1970-01-01T02:00:00.000Z'],
    ['Asia/Kolkata', '1970-01-01T21:30:00.000Z'],
  ])('keeps to its timezone: 3 in the morning in %s', (timezone, nextRun) => {
    const { life } = live('0 3 * * *', () => {}, { timezone })
    expect(lastInfo(life)).toEqual({ nextRun })
    life.ask('force')
  })

  test.each([
    ['a Date', new Date(7_500), 7_500],
    ['a date in ISO 8601', '1970-01-01T00:00:07Z', 7_000],
  ])('that is %s runs once, and has ended when that run is over', async (_, pattern, at) => {
    const { time, life } = live(pattern, () => timer(seconds(2), time))
    await time.advance(at + seconds(2) - 1)
    expect(life.said.at(-1)).toMatch(/^running .*"nextRun":null/)
    await time.advance(1)
    expect(life.said.slice(-2)).toEqual([expect.stringMatching(/^ended .*"lastOutcome":"ok"/), '|'])
    expect(time.timers).toBe(0)
  })

  test.each([new Date(0), '1969-07-20T20:17:00Z'])(
    'whose last run has passed (%s) ends as soon as it runs',
    async pattern => {
      const { time, life } = live(pattern, () => {}, { timezone: 'UTC' })
      await time.settle()
      expect(life.said.map(word => word.split(' ')[0])).toEqual(['starting', 'starting', 'running', 'ended', '|'])
      expect(lastInfo(life)).toEqual({ nextRun: null })
    },
  )

  test('makes one run of all that came due while the event loop was blocked', async () => {
    const time = virtualTime()
    let blocked = 0
    // As asyncScheduler is late when nobody lets it run.
    const clock = { now: () => time.now() + blocked, schedule: time.schedule.bind(time) }
    const runs: string[] = []
    const life = new Life(
      schedule('poll', EVERY_5_S, ({ scheduledAt }) => void runs.push(`${scheduledAt.getTime()} at ${clock.now()}`), {
        clock,
      }),
    )
    await time.advance(4_999)
    blocked = seconds(17)
    await time.advance(1)
    expect(runs).toEqual(['5000 at 22000'])
    expect(lastInfo(life)).toMatchObject({ nextRun: '1970-01-01T00:00:25.000Z' })
    await time.advance(seconds(3))
    expect(runs).toEqual(['5000 at 22000', '25000 at 25000'])
    life.ask('force')
  })

  test('notices within half a minute that the clock was set', async () => {
    const time = virtualTime()
    let set = 0
    const clock = { now: () => time.now() + set, schedule: time.schedule.bind(time) }
    const runs: number[] = []
    const life = new Life(schedule('poll', '0 * * * *', () => void runs.push(clock.now()), { clock }))
    await time.advance(seconds(1))
    set = seconds(3_590)
    await time.advance(seconds(29))
    expect(runs).toEqual([seconds(3_620)])
    life.ask('force')
  })

  test('X6 set back, it goes on by the new time at its own pace, and says when it is due', async () => {
    const time = virtualTime()
    let set = seconds(7_200)
    const clock = { now: () => time.now() + set, schedule: time.schedule.bind(time) }
    const runs: number[] = []
    const life = new Life(schedule('poll', '* * * * *', () => void runs.push(clock.now()), { clock }))
    await time.advance(seconds(150))
    expect(runs).toEqual([seconds(7_260), seconds(7_320)])
    set = 0
    await time.advance(seconds(30))
    expect(lastInfo(life)).toMatchObject({ nextRun: '1970-01-01T00:04:00.000Z' })
    await time.advance(seconds(120))
    expect(runs.slice(2)).toEqual([seconds(240), seconds(300)])
    life.ask('force')
  })

  test('X6 the clock of the machine is set back: a run a second goes on each second', async () => {
    const real = Date.now
    let set = 0
    const now = vi.spyOn(Date, 'now').mockImplementation(() => real() + set)
    const runs: number[] = []
    const life = new Life(schedule('poll', '* * * * * *', ({ scheduledAt }) => void runs.push(scheduledAt.getTime())))
    await vi.waitFor(() => expect(runs.length).toBe(1), 3_000)
    set = -3_600_000
    await vi.waitFor(() => expect(runs.length).toBe(3), 5_000)
    expect(runs[2]! - runs[1]!).toBe(1_000)
    expect(Math.abs(runs[2]! - real() + 3_600_000)).toBeLessThan(2_000)
    life.ask('force')
    now.mockRestore()
  })

  test('can be started again, and begins anew', async () => {
    const time = virtualTime()
    let runs = 0
    const poll = schedule('poll', EVERY_5_S, () => void runs++, { clock: time })
    for (const expected of [1, 2]) {
      const life = new Life(poll)
      await time.advance(seconds(5))
      expect(runs).toBe(expected)
      life.ask('drain', 'stop')
      await time.settle()
      expect(life.said.at(-1)).toBe('|')
      await time.advance(seconds(20))
      expect(runs).toBe(expected)
    }
  })
})

describe('a run that is due while one runs', () => {
  const overlapping = async (overlap: Overlap | undefined, heedsSignal = true) => {
    const { notes, tick } = lasting(() => time, seconds(12), heedsSignal)
    const { time, life } = live(EVERY_5_S, tick, overlap === undefined ? {} : { overlap })
    await time.advance(seconds(21))
    const info = lastInfo(life)
    life.ask('force')
    return { notes: notes.filter(note => !note.endsWith(' 21')), info }
  }

  test.each([undefined, 'skip' as const])('is left out and counted (overlap: %s)', async overlap => {
    const { notes, info } = await overlapping(overlap)
    expect(notes).toEqual(['begin 1 5', 'end 1 17', 'begin 2 20'])
    expect(info).toMatchObject({ skipped: 2 })
  })

  test('replaces it', async () => {
    const { notes, info } = await overlapping('replace')
    expect(notes).toEqual([
      ...['begin 1 5', 'abort 1 10', 'begin 2 10', 'abort 2 15', 'begin 3 15', 'abort 3 20', 'begin 4 20'],
    ])
    expect(info).toMatchObject({ lastOutcome: 'aborted' })
  })

  test('replaces it only when it is gone, and of several that wait the last one runs', async () => {
    const { notes } = await overlapping('replace', false)
    expect(notes).toEqual(['begin 1 5', 'abort 1 10', 'end 1 17', 'begin 2 17', 'abort 2 20'])
  })

  test('runs beside it', async () => {
    const { notes } = await overlapping('allow')
    expect(notes).toEqual(['begin 1 5', 'begin 2 10', 'begin 3 15', 'end 1 17', 'begin 4 20'])
  })
})

describe('a run that fails', () => {
  test.each<[string, Tick]>([
    [
      'throws',
      () => {
        throw new Error('no disk')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no disk'))],
    ['errors', () => throwError(() => new Error('no disk'))],
  ])('because it %s turns health to warn until one ends well', async (_, fail) => {
    let n = 0
    const { time, life } = live(EVERY_5_S, context => (n++ < 2 ? fail(context) : undefined))
    await time.advance(seconds(5))
    expect(life.states.at(-1)).toMatchObject({
      phase: 'running',
      health: 'warn',
      detail: expect.stringMatching(/^no disk \(at .*schedule\.test\.ts:\d+:\d+\)*$/),
    })
    const told = life.states.length
    await time.advance(seconds(5))
    // The same failure again is no news.
    expect(life.states.length).toBe(told + 1)
    await time.advance(seconds(5))
    expect(life.states.at(-1)).toMatchObject({
      phase: 'running',
      health: 'pass',
      info: { lastOutcome: 'ok', lastFailure: expect.stringMatching(/^no disk \(at .*schedule\.test\.ts/) },
    })
    life.ask('force')
  })
})

describe('asked to leave', () => {
  test('it runs on in unready, and takes no new run from drain on', async () => {
    const { notes, tick } = lasting(() => time, seconds(1))
    const { time, life } = live(EVERY_5_S, tick)
    life.ask('unready')
    await time.advance(seconds(7))
    life.ask('drain')
    await time.advance(seconds(20))
    expect(notes).toEqual(['begin 1 5', 'end 1 6'])
    expect(life.states.at(-1)?.phase).toBe('drained')
    expect(time.timers).toBe(0)
    life.ask('stop')
    await time.settle()
    expect(life.said.at(-1)).toBe('|')
  })

  test('it waits for the run under way, as pending', async () => {
    const { notes, tick } = lasting(() => time, seconds(12))
    const { time, life } = live(EVERY_5_S, tick, { overlap: 'allow' })
    await time.advance(seconds(11))
    life.ask('drain')
    await time.advance(seconds(11))
    expect(notes).toEqual(['begin 1 5', 'begin 2 10', 'end 1 17', 'end 2 22'])
    const phases = life.said.map(word => word.split(' ')[0])
    expect([...new Set(phases.slice(phases.indexOf('draining')))]).toEqual([
      ...['draining', 'draining(2)', 'draining(1)', 'draining(0)', 'drained'],
    ])
    life.ask('stop')
    await time.settle()
    expect(life.said.at(-1)).toBe('|')
  })

  test('in a group: when the drain time is over its signal fires, and it has the stop time to end', async () => {
    const time = virtualTime()
    const { notes, tick } = lasting(() => time, seconds(60))
    const group = serviceGroup('shop', { clock: time }).add(schedule('poll', EVERY_5_S, tick, { clock: time }), {
      drainTimeout: seconds(3),
    })
    await group.start()
    await time.advance(seconds(5))
    const trace = recordTrace(group, { times: true })
    const stopped = group.stop()
    await time.advance(seconds(4))
    expect(await stopped).toMatchObject({ services: [{ path: 'shop/poll', outcome: 'stopped', timedOut: ['drain'] }] })
    expect(notes).toEqual(['begin 1 5', 'abort 1 8'])
    expect(
      trace.lines.filter(line => line.includes('shop/poll')).map(line => line.split(' ').slice(0, 3).join(' ')),
    ).toEqual([
      ...['5000 shop/poll running', '5000 shop/poll draining', '5000 shop/poll draining'],
      ...['8000 shop/poll drained', '8000 shop/poll stopping', '8000 shop/poll stopping', '8000 shop/poll stopped'],
    ])
    expect(time.timers).toBe(0)
  })

  test('in a group: a run that ignores its signal is abandoned and named', async () => {
    const time = virtualTime()
    const group = serviceGroup('shop', { clock: time }).add(
      schedule('poll', EVERY_5_S, () => new Promise(() => {}), { clock: time }),
      { drainTimeout: 1_000, stopTimeout: 1_000 },
    )
    await group.start()
    await time.advance(seconds(5))
    const stopped = group.stop()
    await time.advance(seconds(4))
    expect((await stopped).services).toMatchObject([{ path: 'shop/poll', outcome: 'abandoned' }])
  })

  test('straight to stop, it drains first', async () => {
    const { notes, tick } = lasting(() => time, seconds(2))
    const { time, life } = live(EVERY_5_S, tick)
    await time.advance(seconds(5))
    life.ask('stop')
    await time.advance(seconds(2))
    expect(notes).toEqual(['begin 1 5', 'end 1 7'])
    expect(life.said.slice(-2)).toEqual([expect.stringMatching(/^stopped /), '|'])
  })

  test('by force, it aborts at once', async () => {
    const { notes, tick } = lasting(() => time, seconds(2))
    const { time, life } = live(EVERY_5_S, tick)
    await time.advance(seconds(5))
    life.ask('force')
    await time.settle()
    expect(notes).toEqual(['begin 1 5', 'abort 1 5'])
    expect(life.said.slice(-2)).toEqual([expect.stringMatching(/^forced .*"lastOutcome":"aborted"/), '|'])
  })

  test('an Observable is unsubscribed at once', async () => {
    let subscriptions = 0
    const tick = () =>
      new Observable(() => {
        subscriptions++
        return () => void subscriptions--
      })
    const { time, life } = live(EVERY_5_S, tick)
    await time.advance(seconds(5))
    expect(subscriptions).toBe(1)
    life.ask('drain', 'stop')
    expect(subscriptions).toBe(0)
    await time.settle()
    expect(life.said.at(-1)).toBe('|')
  })

  test('by its own run, it still ends', async () => {
    const { time, life } = live(EVERY_5_S, () => {
      life.ask('force')
      return NEVER
    })
    await time.advance(seconds(5))
    expect(life.said.at(-1)).toBe('|')
    expect(time.timers).toBe(0)
  })

  test('by whoever hears of the run that is due, that is not begun', async () => {
    const time = virtualTime()
    let runs = 0
    const shutdown$ = new Subject<Shutdown>()
    const poll = schedule('poll', EVERY_5_S, () => void runs++, { clock: time })
    poll.lifecycle(shutdown$).subscribe(({ info }) => {
      if (info?.['lastRun']) shutdown$.next({ step: 'drain', reason: { by: 'call' } })
    })
    await time.advance(seconds(20))
    expect(runs).toBe(0)
    expect(time.timers).toBe(0)
  })

  test('in its last run, it drains as others do', async () => {
    const { time, life } = live(new Date(seconds(5)), () => timer(seconds(2), time))
    await time.advance(seconds(6))
    life.ask('drain')
    await time.advance(seconds(2))
    expect(life.states.at(-1)?.phase).toBe('drained')
    life.ask('stop')
    await time.settle()
    expect(life.said.slice(-2)).toEqual([expect.stringMatching(/^stopped /), '|'])
  })

  test('a replacement that waits is not begun', async () => {
    const { notes, tick } = lasting(() => time, seconds(12), false)
    const { time, life } = live(EVERY_5_S, tick, { overlap: 'replace' })
    await time.advance(seconds(11))
    life.ask('drain')
    await time.advance(seconds(30))
    expect(notes).toEqual(['begin 1 5', 'abort 1 10', 'end 1 17'])
    expect(lastInfo(life)).toMatchObject({ lastRun: '1970-01-01T00:00:05.000Z' })
    life.ask('stop')
    await time.settle()
    expect(life.said.at(-1)).toBe('|')
  })
})

test('the system clock is the default', async () => {
  let ran!: (at: number) => void
  const first = new Promise<number>(resolve => {
    ran = resolve
  })
  const life = new Life(schedule('poll', '* * * * * *', ({ scheduledAt }) => ran(scheduledAt.getTime())))
  const at = await first
  expect(at % 1_000).toBe(0)
  expect(Date.now()).toBeGreaterThanOrEqual(at)
  life.ask('force')
})

describe('refused at once, with the name of the service', () => {
  const tick = () => {}
  test.each<[string, unknown, unknown, object, string]>([
    [
      'a pattern that is none',
      'nope',
      tick,
      {},
      'pattern must be a cron pattern, a date as ISO 8601, or a Date, got "nope"',
    ],
    ['a value out of range', '61 * * * *', tick, {}, 'got "61 * * * *": Invalid value for minute: 61'],
    ['no pattern', undefined, tick, {}, 'pattern must be a cron pattern, a date as ISO 8601, or a Date'],
    ['a day that never comes', '0 0 30 2 *', tick, {}, 'pattern "0 0 30 2 *" never comes'],
    [
      'an unknown timezone',
      '@daily',
      tick,
      { timezone: 'Mars/Base' },
      'timezone must be a name like "Europe/Berlin", got "Mars/Base"',
    ],
    [
      'an unknown overlap',
      '@daily',
      tick,
      { overlap: 'queue' },
      'overlap must be "skip", "replace" or "allow", got "queue"',
    ],
    ['no function', '@daily', undefined, {}, 'tick must be a function, got undefined'],
  ])('%s', (_, pattern, run, options, message) => {
    const make = () => schedule('poll', pattern as string, run as Tick, options)
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION', service: 'poll' }))
  })
})
