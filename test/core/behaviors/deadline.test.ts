import {
  type AddOptions,
  type Asks,
  asksOf,
  type Clock,
  type GroupOptions,
  type Service,
  type ServiceGroup,
  type ServiceState,
  service,
  serviceGroup,
  task,
} from 'rx-service-group'
import { recordTrace, type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { concat, NEVER, Observable, of, tap, timer } from 'rxjs'
import { ignoreElements } from 'rxjs/operators'
import { describe, expect, test } from 'vitest'
import { deadline } from '../../../src/core/behaviors/deadline.ts'
import { healthCheck } from '../../../src/core/behaviors/health-check.ts'
import { heartbeat } from '../../../src/core/behaviors/heartbeat.ts'
import { restart } from '../../../src/core/behaviors/restart.ts'
import { restartRules } from '../../../src/core/behaviors/restart-options.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { plain } from '../../conformance/setup.ts'
import { Life } from '../life.ts'

const RUNNING = { phase: 'running', health: 'pass' } as const
const STOPPED = { phase: 'stopped', how: 'stopped' } as const

/** One that, asked to stop, says at once that it has stopped, and is gone later. */
const talker = (name: string, gone: Observable<never>): Service => ({
  name,
  lifecycle: shutdown$ =>
    new Observable<ServiceState>(out => {
      out.next(RUNNING)
      out.add(
        shutdown$.subscribe(({ step, reason }) => {
          if (step !== 'stop') return
          out.next({ phase: 'stopping', reason })
          out.add(concat(of(STOPPED), gone).subscribe(out))
        }),
      )
    }),
})

describe('a service is gone when it completes, not when it says so', () => {
  test('T1 those before it go on serving until then', async () => {
    const time = virtualTime()
    const db = plain('db')
    const late = talker('late', timer(100, time).pipe(ignoreElements()))
    const shop = serviceGroup('shop', { clock: time }).add(db).add(late)
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stopped = shop.stop()
    await time.advance(99)
    expect(db.ping()).toBe('pong')
    await time.advance(1)
    expect((await stopped).ok).toBe(true)
    expect(trace.lines.filter(line => line.includes('stop'))).toEqual([
      '0 shop stopping',
      '0 shop/late stopping',
      '100 shop/late stopped',
      '100 shop/db stopping',
      '100 shop/db stopped',
      '100 shop stopped',
    ])
    expect(time.timers).toBe(0)
  })

  test('T5 one that never completes is forced at its deadline, and abandoned', async () => {
    const time = virtualTime()
    const shop = serviceGroup('shop', { clock: time }).add(talker('late', NEVER), { stopTimeout: 500 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    const stopped = shop.stop()
    await time.advance(1_500)
    expect(await stopped).toMatchObject({ ok: false, services: [{ path: 'shop/late', outcome: 'abandoned' }] })
    expect(trace.lines.at(-1)).toBe('1500 shop stopped (abandoned)')
    expect(time.timers).toBe(0)
  })

  test('T5 one that leaves by itself and never completes has its stop time, too', async () => {
    const time = virtualTime()
    const late: Service = { name: 'late', lifecycle: () => concat(of(RUNNING, STOPPED), NEVER) }
    const shop = serviceGroup('shop', { clock: time }).add(late, { stopTimeout: 500 })
    await shop.start()
    const trace = recordTrace(shop, { times: true })
    await time.advance(1_500)
    expect(trace.lines[0]).toBe('1500 shop/late stopped (abandoned) ERR_ABANDONED')
    expect((await shop.stop()).ok).toBe(false)
    expect(time.timers).toBe(0)
  })
})

test('T5 T7 one that was forced tells since when, whether its own time ran out or that of the whole', async () => {
  const time = virtualTime()
  const slow = plain('slow', { stop: 'hangs' })
  const patient = plain('patient', { stop: 'waits' })
  const shop = serviceGroup('shop', { clock: time, shutdownTimeout: 700, forceTimeout: 50 })
    .add(patient, { stopTimeout: Infinity })
    .add(slow, { stopTimeout: 500 })
  await shop.start()
  const stopped = shop.stop()
  await time.advance(800)
  await stopped
  const forced = shop.status.list.map(({ path, state }) => [
    path,
    state.phase === 'stopped' ? state.forcedAt : undefined,
  ])
  expect(forced).toEqual([
    ['shop/patient', 700],
    ['shop/slow', 500],
  ])
})

describe('S10 more time', () => {
  const reason = { by: 'call' } as const

  /** A service in a stage for good, which says what the test says and asks what it asks. */
  const busy = (
    around: (made: Service) => Service = made => made,
  ): {
    asks: () => Partial<Asks> | undefined
    say: (state: ServiceState) => void
    bounded: (time: Clock) => Service
  } => {
    let asks: Partial<Asks> | undefined
    let say!: (state: ServiceState) => void
    const made: Service = {
      name: 'busy',
      lifecycle: shutdown$ =>
        new Observable(out => {
          asks = asksOf(shutdown$)
          say = state => out.next(state)
          say({ phase: 'starting', attempt: 1 })
        }),
    }
    const deadlines = { startTimeout: 100, drainTimeout: 100, stopTimeout: 100 }
    return { asks: () => asks, say: state => say(state), bounded: time => deadline(around(made), deadlines, time) }
  }

  const told = (life: Life): readonly string[] =>
    life.states.map(state => [state.phase, ...('deadline' in state ? [state.deadline] : [])].join(' '))

  test('the deadline is told, kept by every further state of its stage, and gone with the stage', async () => {
    const time = virtualTime()
    const { asks, say, bounded } = busy()
    const life = new Life(bounded(time))
    await time.advance(90)
    asks()?.extend?.(50)
    say({ phase: 'starting', attempt: 1, info: { port: 80 } })
    await time.advance(40)
    say({ phase: 'running', health: 'pass' })
    life.ask('drain')
    say({ phase: 'draining', reason, pending: 2 })
    life.ask('stop')
    say({ phase: 'stopping', reason })
    await time.advance(50)
    asks()?.extend?.(60)
    asks()?.extend?.(10)
    say({ phase: 'stopping', reason, pending: 1 })
    expect(told(life)).toEqual([
      'starting',
      'starting 140',
      'starting 140',
      'running',
      'draining',
      'stopping',
      'stopping 240',
      'stopping 240',
    ])
  })

  test.each<[string, (made: Service) => Service]>([
    ['pipes the steps', made => ({ ...made, lifecycle: shutdown$ => made.lifecycle(shutdown$.pipe(tap())) })],
    [
      'pipes them twice',
      made => ({ ...made, lifecycle: shutdown$ => made.lifecycle(shutdown$.pipe(tap()).pipe(tap())) }),
    ],
    ['hands them on', made => ({ ...made, lifecycle: shutdown$ => made.lifecycle(shutdown$) })],
    ['checks the health', made => healthCheck(made, { check: () => true }, virtualTime())],
    ['restarts', made => restart(made, restartRules('busy', 'permanent'), virtualTime())],
  ])('a behaviour inside that %s keeps beats and extensions', async (_, around) => {
    const time = virtualTime()
    const { asks, say, bounded } = busy(around)
    const watched = heartbeat(bounded(time), { interval: 100 }, time)
    const life = new Life(watched)
    await time.advance(90)
    asks()?.extend?.(50)
    await time.advance(40)
    say({ phase: 'running', health: 'pass' })
    for (let n = 0; n < 5; n++) {
      await time.advance(90)
      asks()?.beat?.()
    }
    expect([told(life)[1], life.said.at(-1)]).toEqual(['starting 140', 'running'])
    life.leave()
  })

  test('the behaviour next to the service is the one that is asked', async () => {
    const time = virtualTime()
    const { asks, bounded } = busy()
    const tight = { startTimeout: 120, drainTimeout: 100, stopTimeout: 100 }
    const life = new Life(deadline(bounded(time), tight, time))
    asks()?.extend?.(1_000)
    await time.advance(120)
    expect(life.said).toEqual(['starting', 'starting'])
    await time.advance(200)
    expect(life.error).toBeUndefined()
    life.leave()
  })

  test('a deadline is told in the time of the wall clock', () => {
    const { asks, bounded } = busy()
    const life = new Life(bounded(systemClock))
    asks()?.extend?.(60_000)
    const state = life.states.at(-1)
    expect(state?.phase === 'starting' && state.deadline).toBeGreaterThan(Date.now() + 59_000)
    expect(state?.phase === 'starting' && state.deadline).toBeLessThan(Date.now() + 61_000)
    life.leave()
  })
})

describe('T5 the force budget of the group counts for whatever forces a service', () => {
  const hang = (): Promise<void> => new Promise(() => undefined)
  const bounds = { stopTimeout: 100 }
  const failing = { check: () => false, failureThreshold: 1, onFailure: 'fail' } as const
  const stuck = (start?: () => Promise<void>): Service => service('x', { ...(start && { start }), stop: hang })
  const crash = (time: VirtualTime): Service =>
    task('w', () =>
      timer(10, time).pipe(
        tap(() => {
          throw new Error('w')
        }),
      ),
    )
  const shop = (time: VirtualTime, options: GroupOptions = {}) =>
    serviceGroup('shop', { clock: time, forceTimeout: 30, ...options })

  /** When a service of a group was abandoned. Whatever `act` does, it does at 20. */
  const abandonedAt = async (
    time: VirtualTime,
    group: ServiceGroup,
    path: string,
    act?: (group: ServiceGroup) => Promise<unknown>,
  ): Promise<number | undefined> => {
    group.start().catch(() => undefined)
    await time.advance(20)
    act?.(group).catch(() => undefined)
    await time.advance(2_000)
    const { state, endedAt } = group.status.services[path]!
    return state.phase === 'stopped' && state.how === 'abandoned' ? (endedAt ?? undefined) : undefined
  }

  test.each<[string, number, (time: VirtualTime) => ServiceGroup, ((group: ServiceGroup) => Promise<unknown>)?]>([
    ['a late start', 50 + 130, time => shop(time).add(stuck(hang), { ...bounds, startTimeout: 50 })],
    ['a start timeout of the group', 50 + 130, time => shop(time, { startTimeout: 50 }).add(stuck(hang), bounds)],
    ['a failed health check', 130, time => shop(time).add(stuck(), { ...bounds, healthCheck: failing })],
    [
      'a failed health check, and a restart policy',
      130,
      time => shop(time).add(stuck(), { ...bounds, healthCheck: failing, restart: 'permanent' }),
    ],
    [
      'a missed heartbeat',
      10 + 130,
      time => shop(time).add(stuck(), { ...bounds, heartbeat: { interval: 10, threshold: 1, onFailure: 'fail' } }),
    ],
    ['a restart by hand', 20 + 130, time => shop(time).add(stuck(), bounds), group => group.restart('x')],
    ['its removal', 20 + 130, time => shop(time).add(stuck(), bounds), group => group.remove('x')],
    [
      'the restart of another, one-for-all',
      10 + 130,
      time => shop(time, { strategy: 'one-for-all' }).add(stuck(), bounds).add(crash(time), { restart: 'transient' }),
    ],
    ['the failure of another', 10 + 130, time => shop(time).add(stuck(), bounds).add(crash(time))],
    ['a stop', 20 + 130, time => shop(time).add(stuck(), bounds), group => group.stop()],
  ])('after %s', async (_, at, build, act) => {
    const time = virtualTime()
    const group = build(time)
    expect(await abandonedAt(time, group, 'shop/x', act)).toBe(at)
  })

  test.each<
    [string, number, GroupOptions, Omit<AddOptions, 'dependsOn'>, ((group: ServiceGroup) => Promise<unknown>)?]
  >([
    ['a restart by hand', 20 + 130, {}, {}, group => group.restart('in')],
    ['a restart by hand, with one of its own', 20 + 170, { forceTimeout: 70 }, {}, group => group.restart('in')],
    ['a failed health check', 130, {}, { healthCheck: failing }],
    ['a failed health check, with one of its own', 170, { forceTimeout: 70 }, { healthCheck: failing }],
    ['a stop timeout of the group', 20 + 60 + 30, {}, { stopTimeout: 60 }, group => group.restart('in')],
    // One shutdown has one force budget.
    ['a stop, whatever its own', 20 + 130, { forceTimeout: 70 }, {}, group => group.stop()],
  ])('inside a nested group, after %s', async (_, at, options, add, act) => {
    const time = virtualTime()
    const group = shop(time).add(serviceGroup('in', { clock: time, ...options }).add(stuck(), bounds), add)
    expect(await abandonedAt(time, group, 'shop/in/x', act)).toBe(at)
  })
})

describe('T5 the stop timeout of a nested group runs on while the group drains', () => {
  const hang = (): Promise<void> => new Promise(() => undefined)

  test.each<[string, Omit<AddOptions, 'dependsOn'>]>([
    ['a late start', { startTimeout: 20 }],
    ['a failed health check', { healthCheck: { check: () => false, failureThreshold: 1, onFailure: 'fail' } }],
  ])('after %s', async (_, options) => {
    const time = virtualTime()
    const drain = (): Promise<void> => new Promise(done => time.schedule(() => done(), 10))
    const late = options.startTimeout === undefined ? {} : { start: hang }
    const nested = serviceGroup('in', { clock: time })
      .add(service('queue', { drain }))
      .add(service('x', { ...late, stop: hang }))
    const shop = serviceGroup('shop', { clock: time, forceTimeout: 30 }).add(nested, { stopTimeout: 60, ...options })
    const trace = recordTrace(shop, { times: true })
    shop.start().catch(() => undefined)
    await time.advance(1_000)
    const begun = options.startTimeout ?? 0
    const lines = trace.lines.filter(line => line.includes(' shop/in '))
    expect(lines).toContain(`${begun + 10} shop/in drained`)
    expect(lines.at(-1)).toMatch(new RegExp(`^${begun + 90} shop/in stopped \\(abandoned\\)`))
  })
})
