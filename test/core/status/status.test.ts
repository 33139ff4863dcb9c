import { foldStatus, type GroupEvent, type GroupStatus, type ServiceState } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { reasonOf } from '../../../src/core/state.ts'
import { newStatus, renewed, type ServiceStatus } from '../../../src/core/status/service-status.ts'

const call = { by: 'call' } as const
const error = { name: 'Error', message: 'no route' }

const empty = (name = 'shop'): GroupEvent => ({
  kind: 'snapshot',
  seq: 0,
  at: 0,
  group: newStatus(name, 0, 0),
  health: 'pass',
  services: [],
})

/** Events numbered from 1, one every 10 ms: a path alone is added, a path with a state has come to it. */
const eventsOf = (...happenings: readonly (readonly [string, ServiceState?])[]): GroupEvent[] =>
  happenings.map(([path, state], n) => {
    const stamp = { seq: n + 1, at: 10 * (n + 1), path }
    return state ? { kind: 'transition', ...stamp, state } : { kind: 'added', ...stamp }
  })

const fold = (events: readonly GroupEvent[], from?: GroupStatus): GroupStatus => events.reduce(foldStatus, from)!

const shop = (...happenings: readonly (readonly [string, ServiceState?])[]): GroupStatus =>
  fold([empty(), ...eventsOf(...happenings)])

describe('the first event', () => {
  test('is a snapshot: what was true is what is known', () => {
    const status = fold([empty()])
    expect([status.name, status.phase, status.health, status.ready, status.seq]).toEqual([
      'shop',
      'idle',
      'pass',
      false,
      0,
    ])
    expect(status.services).toEqual({})
    expect(status.trigger).toBeUndefined()
  })

  test.each<[ServiceState, boolean]>([
    [{ phase: 'running', health: 'warn', detail: 'db: slow' }, true],
    [{ phase: 'running', health: 'fail' }, false],
    [{ phase: 'running', health: 'pass', leaving: call }, false],
    [{ phase: 'stopping', reason: call }, false],
    [{ phase: 'failed', error }, false],
  ])('a snapshot of a group %j tells its readiness', (state, ready) => {
    const group = { ...newStatus('shop', 7, 0), state }
    expect(fold([{ kind: 'snapshot', seq: 7, at: 0, group, health: 'pass', services: [] }]).ready).toBe(ready)
  })

  test('tells health and trigger of a group whose state no longer does', () => {
    const group: ServiceStatus = { ...newStatus('shop', 7, 0), state: { phase: 'drained' } }
    const { health, trigger } = fold([
      { kind: 'snapshot', seq: 7, at: 0, group, health: 'warn', trigger: call, services: [] },
    ])
    expect([health, trigger]).toEqual(['warn', call])
  })

  test('anything else is refused', () => {
    expect(() => foldStatus(undefined, eventsOf(['shop/db'])[0]!)).toThrow('the first event of a stream is a snapshot')
  })

  test('a later snapshot begins anew', () => {
    const status = shop(['shop/db'], ['shop', { phase: 'running', health: 'warn' }])
    expect(foldStatus(status, empty('other')).toJSON()).toEqual(fold([empty('other')]).toJSON())
  })
})

describe('a service', () => {
  test('that was added is idle, with what it declares', () => {
    const added: GroupEvent = { kind: 'added', seq: 1, at: 10, path: 'shop/api', dependsOn: ['db'], observer: true }
    expect(foldStatus(fold([empty()]), added).services).toEqual({
      'shop/api': { ...newStatus('shop/api', 1, 10), dependsOn: ['db'], observer: true },
    })
  })

  test('that was never added is an error that names it', () => {
    expect(() => shop(['shop/db', { phase: 'starting', attempt: 1 }])).toThrow('"shop/db", which was never added')
  })

  test('keeps the time of everything it came through', () => {
    const { services } = shop(
      ['shop/db'],
      ['shop/db', { phase: 'waiting', for: ['x'] }],
      ['shop/db', { phase: 'starting', attempt: 1 }],
      ['shop/db', { phase: 'starting', attempt: 1, info: { port: 1 } }],
      ['shop/db', { phase: 'running', health: 'pass' }],
      ['shop/db', { phase: 'running', health: 'pass', leaving: call }],
      ['shop/db', { phase: 'draining', reason: call }],
      ['shop/db', { phase: 'draining', reason: call, pending: 1 }],
      ['shop/db', { phase: 'drained', timedOut: true }],
      ['shop/db', { phase: 'stopping', reason: call }],
      ['shop/db', { phase: 'stopped', how: 'stopped' }],
    )
    expect(services).toEqual({
      'shop/db': {
        path: 'shop/db',
        state: { phase: 'stopped', how: 'stopped' },
        seq: 11,
        since: 110,
        startedAt: 30,
        readyAt: 50,
        leftAt: 60,
        drainingAt: 70,
        drainedAt: 90,
        stoppingAt: 100,
        endedAt: 110,
        restarts: 0,
        drainTimedOut: true,
      },
    })
  })

  test('that repeats its phase has been in it since it came to it', () => {
    const { services } = shop(
      ['shop/db'],
      ['shop/db', { phase: 'running', health: 'pass' }],
      ['shop/db', { phase: 'running', health: 'fail' }],
    )
    expect(services['shop/db']).toMatchObject({ seq: 3, since: 20, readyAt: 20 })
  })

  test('that starts again has none of the times of the life before', () => {
    const { services } = shop(
      ['shop/db'],
      ['shop/db', { phase: 'starting', attempt: 1 }],
      ['shop/db', { phase: 'running', health: 'pass' }],
      ['shop/db', { phase: 'running', health: 'pass', leaving: call }],
      ['shop/db', { phase: 'draining', reason: call }],
      ['shop/db', { phase: 'drained', timedOut: true }],
      ['shop/db', { phase: 'stopping', reason: call }],
      ['shop/db', { phase: 'starting', attempt: 2 }],
    )
    expect(services['shop/db']).toEqual({
      ...newStatus('shop/db', 8, 80),
      state: { phase: 'starting', attempt: 2 },
      startedAt: 80,
      restarts: 1,
    })
  })
})

describe('how often a service has started again', () => {
  const wait = { phase: 'backoff', error, attempt: 2, retryAt: 0 } as const
  const start = { phase: 'starting', attempt: 1 } as const
  const run = { phase: 'running', health: 'pass' } as const
  const fail = { phase: 'failed', error } as const
  const restarts = (...states: readonly ServiceState[]): number =>
    shop(['shop/db'], ...states.map(state => ['shop/db', state] as const)).services['shop/db']!.restarts

  test.each<[string, number, ServiceState[]]>([
    ['its first start is none', 0, [start, run]],
    ['nor is it when it had to wait', 0, [{ phase: 'waiting', for: ['x'] }, start, run]],
    ['particulars of a start are none', 0, [start, { ...start, info: { port: 1 } }, run]],
    ['a wait for the next try is none yet', 0, [start, run, wait]],
    ['one that ran', 1, [start, run, wait, start]],
    ['one whose start failed', 1, [start, wait, start]],
    ['each counts', 3, [start, wait, start, wait, start, run, { phase: 'stopping', reason: call }, start, fail]],
  ])('%s', (_, expected, states) => expect(restarts(...states)).toBe(expected))

  describe('when it is taken in anew', () => {
    const before = shop(['shop/db'], ['shop/db', start], ['shop/db', wait], ['shop/db', start], ['shop/db', fail])
    const anew = renewed(before.services['shop/db']!, 9, 90)
    const after = (db: ServiceStatus, ...states: readonly ServiceState[]): ServiceStatus | undefined => {
      const group = newStatus('shop', 9, 90)
      const snapshot: GroupEvent = { kind: 'snapshot', seq: 9, at: 90, group, health: 'pass', services: [db] }
      return fold(eventsOf(...states.map(state => ['shop/db', state] as const)), fold([snapshot])).services['shop/db']
    }

    test('it is idle, with none of the times of the life before, and counts on from there', () => {
      expect(anew).toEqual({ ...newStatus('shop/db', 9, 90), restarts: 1, livedBefore: true })
      expect(after(anew, start)).toEqual({ ...newStatus('shop/db', 1, 10), state: start, startedAt: 10, restarts: 2 })
    })

    test('it has not been restarted when it never starts, however often it is taken in', () => {
      expect(after(renewed(anew, 10, 100), { phase: 'stopped', how: 'stopped' })).toMatchObject({ restarts: 1 })
      expect(after(renewed(anew, 10, 100), start)).toMatchObject({ restarts: 2 })
    })

    test('one that had never started starts for the first time', () => {
      expect(renewed(newStatus('shop/db', 1, 10), 2, 20)).toEqual(newStatus('shop/db', 2, 20))
    })
  })
})

describe('the group', () => {
  test.each<[string, ServiceState[], unknown[]]>([
    ['running is ready', [{ phase: 'running', health: 'pass' }], ['pass', true]],
    ['warned is ready', [{ phase: 'running', health: 'warn' }], ['warn', true]],
    ['failing is not', [{ phase: 'running', health: 'fail' }], ['fail', false]],
    ['leaving is not', [{ phase: 'running', health: 'pass', leaving: call }], ['pass', false]],
    ['starting is not', [{ phase: 'starting', attempt: 1 }], ['pass', false]],
    [
      'that stops keeps the health it had',
      [
        { phase: 'running', health: 'warn' },
        { phase: 'stopping', reason: call },
      ],
      ['warn', false],
    ],
    ['that failed has fail', [{ phase: 'failed', error }], ['fail', false]],
  ])('%s', (_, states, expected) => {
    const { health, ready } = shop(...states.map(state => ['shop', state] as const))
    expect([health, ready]).toEqual(expected)
  })

  test('was asked to end by the first that did', () => {
    const signal = { by: 'signal', signal: 'SIGTERM' } as const
    const { trigger } = shop(
      ['shop', { phase: 'running', health: 'pass', leaving: signal }],
      ['shop', { phase: 'stopping', reason: call }],
      ['shop', { phase: 'stopped', how: 'stopped' }],
    )
    expect(trigger).toEqual(signal)
  })

  test('lists its services in the order added, whatever happens to them', () => {
    const { services } = shop(['shop/b'], ['shop/a'], ['shop/b', { phase: 'starting', attempt: 1 }], ['shop/c'])
    expect(Object.keys(services)).toEqual(['shop/b', 'shop/a', 'shop/c'])
  })
})

describe('a status is a value', () => {
  const events = [
    empty(),
    ...eventsOf(
      ['shop/db'],
      ['shop/api'],
      ['shop', { phase: 'starting', attempt: 1 }],
      ['shop/db', { phase: 'starting', attempt: 1 }],
      ['shop/db', { phase: 'running', health: 'pass', info: { port: 5432 } }],
      ['shop/api', { phase: 'starting', attempt: 1 }],
      ['shop/api', { phase: 'failed', error }],
      ['shop', { phase: 'stopping', reason: { by: 'failure', service: 'shop/api', error } }],
      ['shop/db', { phase: 'stopping', reason: call }],
      ['shop/db', { phase: 'stopped', how: 'stopped' }],
      ['shop', { phase: 'failed', error }],
    ),
  ]
  const prefixes = events.map((_, n) => events.slice(0, n + 1))

  test('whoever keeps one keeps what was true then, read early or late', () => {
    const kept: GroupStatus[] = []
    const readAtOnce: string[] = []
    events.reduce<GroupStatus | undefined>((status, event) => {
      const next = foldStatus(status, event)
      kept.push(next)
      return next
    }, undefined)
    for (const prefix of prefixes) readAtOnce.push(JSON.stringify(fold(prefix)))
    expect(kept.map(status => JSON.stringify(status))).toEqual(readAtOnce)
    expect(kept.toReversed().map(status => JSON.stringify(status))).toEqual(readAtOnce.toReversed())
  })

  test('its services can not be changed', () => {
    const { services } = fold(events)
    expect(() => Object.assign(services, { 'shop/x': 1 })).toThrow(TypeError)
  })

  test('folding changes neither the status before nor the event', () => {
    const frozen = JSON.parse(JSON.stringify(events), (_, value) => Object.freeze(value)) as GroupEvent[]
    expect(JSON.stringify(fold(frozen))).toBe(JSON.stringify(fold(events)))
  })

  test('it is JSON, and so is the stream: told on as text it folds to the same, from any snapshot on', () => {
    const whole = JSON.stringify(fold(events))
    expect(JSON.stringify(fold(events.map(event => JSON.parse(JSON.stringify(event)) as GroupEvent)))).toBe(whole)
    for (let n = 4; n < events.length; n++) {
      const { seq, at, group, health, trigger, list } = fold(events.slice(0, n))
      const snapshot: GroupEvent = {
        ...{ kind: 'snapshot', seq, at, group, health, services: list },
        ...(trigger && { trigger }),
      }
      expect(JSON.stringify(fold([snapshot, ...events.slice(n)]))).toBe(whole)
    }
  })

  test('as JSON it holds all that one can ask of it', () => {
    expect(Object.keys(fold(events).toJSON())).toEqual([
      'seq',
      'at',
      'name',
      'phase',
      'health',
      'ready',
      'trigger',
      'group',
      'services',
    ])
  })
})

test.each<[ServiceState, unknown]>([
  [{ phase: 'running', health: 'pass' }, undefined],
  [{ phase: 'running', health: 'pass', leaving: call }, call],
  [{ phase: 'draining', reason: call }, call],
  [{ phase: 'drained' }, undefined],
  [{ phase: 'stopping', reason: call }, call],
  [{ phase: 'stopped', how: 'stopped' }, undefined],
])('why a service is ending in the state %j', (state, reason) => expect(reasonOf(state)).toEqual(reason))
