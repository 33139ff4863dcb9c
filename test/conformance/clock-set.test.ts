import {
  foldStatus,
  type GroupEvent,
  type GroupStatus,
  recordEvents,
  replayEvents,
  reportOf,
  service,
  serviceGroup,
  task,
} from 'rx-service-group'
import { fakeService } from 'rx-service-group/testing'
import { lastValueFrom, reduce, toArray } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { tally } from '../../src/core/status/counts.ts'
import { transitionLines } from '../../src/core/text/transition-text.ts'
import { clockSetBefore } from '../support/clock-set.ts'
import { shopUnderVirtualTime } from './setup.ts'

const HOUR = 3_600_000

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const fold = (events: readonly GroupEvent[]): GroupStatus =>
  events.reduce<GroupStatus | undefined>(foldStatus, undefined)!

describe('the clock of the machine is set while a group lives', () => {
  const real = Date.now
  let set = 0
  beforeEach(() => {
    set = 0
    vi.spyOn(Date, 'now').mockImplementation(() => real() + set)
  })
  afterEach(() => void vi.restoreAllMocks())

  test.each([-HOUR, HOUR])('X6 by %d ms: extend gives the time it was asked for', async by => {
    const shop = serviceGroup('shop').add(
      service('db', {
        stop: async ({ extend }) => {
          extend(150)
          set = by
          await sleep(60)
          for (let n = 0; n < 3; n++) {
            extend(150)
            await sleep(60)
          }
        },
      }),
      { stopTimeout: 100 },
    )
    await shop.start()
    const report = await shop.stop()
    expect(report).toMatchObject({ ok: true, services: [{ outcome: 'stopped', timedOut: [] }] })
    for (const took of [report.stopTook!, report.services[0]!.stopTook!]) {
      expect(took).toBeGreaterThanOrEqual(235)
      expect(took).toBeLessThan(10_000)
    }
  })

  test('X6 restarts long past leave the window all the same', async () => {
    let lives = 0
    const shop = serviceGroup('shop').add(
      task('worker', async ({ signal }) => {
        if (++lives === 3) set = -HOUR
        await sleep(60)
        if (!signal.aborted) throw new Error('crash')
      }),
      { restart: { policy: 'permanent', initialDelay: 1, factor: 1, jitter: 0, maxRestarts: 3, period: 150 } },
    )
    await shop.start()
    await vi.waitFor(() => expect(lives).toBeGreaterThanOrEqual(8), 5_000)
    expect(shop.status.phase).toBe('running')
    await shop.stop()
  })

  test('X6 what is displayed is what the clock says, and only the next event says that it was set', async () => {
    const shop = serviceGroup('shop', { shutdownTimeout: 5_000 }).add(fakeService('db'))
    const events: GroupEvent[] = []
    const lines: string[] = []
    shop.events$.subscribe(event => events.push(event))
    recordEvents(shop).subscribe(line => lines.push(line))
    await shop.start()
    const before = events.length
    set = -HOUR
    const report = await shop.stop()
    for (const [n, event] of events.entries()) {
      const said = real() + (n < before ? 0 : -HOUR)
      expect(Math.abs(event.at - said)).toBeLessThan(5_000)
      const change = event.kind === 'snapshot' ? undefined : event.clockSet
      if (n === before) expect(Math.abs(change! + HOUR)).toBeLessThan(20)
      else expect(change).toBeUndefined()
    }
    const leaving = events.flatMap(event =>
      event.kind === 'transition' && 'deadline' in event.state ? [event.state.deadline! - event.at] : [],
    )
    expect(leaving.length).toBeGreaterThan(1)
    for (const left of leaving) expect(Math.abs(left - 5_000)).toBeLessThan(1_000)
    expect(report.stopTook).toBeLessThan(1_000)
    expect(shop.status.group.startedAt).toBeLessThanOrEqual(shop.status.group.endedAt!)

    const replayed = await lastValueFrom(replayEvents(lines).pipe(reduce(foldStatus, undefined as never)))
    expect(JSON.stringify(replayed)).toBe(JSON.stringify(shop.status))
    expect(JSON.stringify(fold(events))).toBe(JSON.stringify(shop.status))
  })

  test('X6 a group added to another after the clock was set tells the times of the other', async () => {
    const inner = serviceGroup('inner').add(fakeService('db'))
    set = HOUR
    const shop = serviceGroup('shop').add(inner)
    await shop.start()
    const report = await shop.stop()
    expect(report.ok).toBe(true)
    for (const { startTook, stopTook } of report.services) expect(Math.max(startTook!, stopTook!)).toBeLessThan(1_000)
    expect(inner.report.startTook).toBeLessThan(1_000)
  })
})

/** A life with a restart, a deadline that runs out and a nested group, in which everything takes its time. */
const aLife = async (): Promise<readonly GroupEvent[]> => {
  const { time, shop } = shopUnderVirtualTime({ shutdownTimeout: 300, forceTimeout: 50 })
  const worker = fakeService('worker', { start: 30, drain: 40, stop: 10, clock: time })
  shop
    .add(fakeService('db', { start: 100, drain: 20, stop: 'hangs', clock: time }), { stopTimeout: 100 })
    .add(serviceGroup('inner', { clock: time }).add(worker, { restart: { policy: 'permanent', jitter: 0 } }))
    .add(fakeService('api', { start: 7, stop: 8, clock: time }), { dependsOn: ['db'] })
  const events: GroupEvent[] = []
  shop.events$.subscribe(event => events.push(event))
  void shop.start()
  await time.advance(1_000)
  worker.die()
  await time.advance(1_000)
  void shop.stop()
  await time.advance(1_000)
  return events
}

/** All durations that metrics are told of. */
const timed = (events: readonly GroupEvent[]): readonly unknown[] => {
  const told: unknown[] = []
  const timed = (...args: readonly unknown[]): void => void told.push(args)
  tally(
    { name: 'shop', events$: { subscribe: (next: (event: GroupEvent) => void) => events.forEach(next) } as never },
    {
      transitioned: () => {},
      restarted: () => {},
      stageEnded: timed,
      groupEnded: timed,
    },
  )
  return told
}

/** Log lines, without the time of day in front. */
const logged = (events: readonly GroupEvent[]): readonly (string | undefined)[] => {
  const lineOf = transitionLines()
  return events.map(event =>
    lineOf(event)
      ?.slice(12)
      .replace(/at \d\d:\d\d:\d\d/, 'at then'),
  )
}

test.each([-HOUR, HOUR])(
  'X6 whenever the clock is set by %d ms, no duration is another: report, metrics, log',
  async by => {
    const events = await aLife()
    const report = JSON.stringify(reportOf(fold(events)))
    const [metrics, log] = [timed(events), logged(events)]
    expect(events.length).toBeGreaterThan(40)
    for (let nth = 1; nth < events.length; nth++) {
      const told = clockSetBefore(events, nth, by)
      const text = JSON.stringify(reportOf(fold(told)))
      expect(text.replace(/"forcedAt":-?\d+/g, '')).toBe(report.replace(/"forcedAt":-?\d+/g, ''))
      expect(timed(told)).toEqual(metrics)
      expect(logged(told)).toEqual(log)
    }
  },
)

test('X6 a clock that was set makes a status whose times are those of a clock that was right from the beginning', async () => {
  const events = await aLife()
  const at = (by: number) => (key: string, value: unknown) =>
    typeof value === 'number' && /(?:^at|^since|At|^deadline)$/.test(key) ? value + by : value
  for (let nth = 1; nth < events.length; nth++) {
    const told = fold(clockSetBefore(events, nth, HOUR))
    expect(JSON.parse(JSON.stringify(told))).toEqual(JSON.parse(JSON.stringify(fold(events), at(HOUR))))
  }
})

test('V7 a recording with a clock that was set replays to the same, and one that says it in no number is refused', async () => {
  const events = clockSetBefore(await aLife(), 20, -HOUR)
  const lines = events.map(event => JSON.stringify(event))
  const replayed = await lastValueFrom(replayEvents(lines).pipe(toArray()))
  expect(JSON.stringify(fold(replayed))).toBe(JSON.stringify(fold(events)))
  const wrong = lines.map((line, n) => (n === 20 ? line.replace(`"clockSet":${-HOUR}`, '"clockSet":"1 h"') : line))
  await expect(lastValueFrom(replayEvents(wrong))).rejects.toMatchObject({ code: 'ERR_INVALID_RECORDING' })
})
