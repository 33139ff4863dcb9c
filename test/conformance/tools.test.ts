import { type GroupEvent, type ServiceState, serviceGroup } from 'rx-service-group'
import { fakeService, recordTrace, virtualTime } from 'rx-service-group/testing'
import { interval, Observable, Subject, take, timer } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { rejectionOf, uncaughtDuring } from './setup.ts'

describe('virtual time', () => {
  test('stands still until it is moved, and fires timers in order', async () => {
    const time = virtualTime()
    const log: string[] = []
    for (const ms of [30, 10, 20, 10]) time.schedule(() => log.push(`${ms} at ${time.now()}`), ms)
    expect([time.now(), time.timers, log]).toEqual([0, 4, []])
    await time.advance(20)
    expect([time.now(), time.timers, log]).toEqual([20, 1, ['10 at 10', '10 at 10', '20 at 20']])
    await time.advance(5)
    expect([time.now(), time.timers]).toEqual([25, 1])
    await time.advance(1_000)
    expect([time.now(), time.timers, log.at(-1)]).toEqual([1_025, 0, '30 at 30'])
  })

  test('does all that promises have to do between two timers, even at the same moment', async () => {
    const time = virtualTime()
    const log: string[] = []
    const chain = async (name: string): Promise<void> => {
      for (let i = 0; i < 50; i++) await undefined
      log.push(`promises of ${name}`)
    }
    for (const name of ['a', 'b'])
      time.schedule(() => {
        log.push(name)
        void chain(name)
      }, 10)
    await time.advance(10)
    expect(log).toEqual(['a', 'promises of a', 'b', 'promises of b'])
  })

  test('timers that timers and promises set come due in the same advance', async () => {
    const time = virtualTime()
    const seen: number[] = []
    timer(5, time).subscribe(async () => {
      await undefined
      timer(5, time).subscribe(() => seen.push(time.now()))
    })
    interval(4, time)
      .pipe(take(3))
      .subscribe(() => seen.push(time.now()))
    await time.advance(12)
    expect(seen).toEqual([4, 8, 10, 12])
    expect(time.timers).toBe(0)
  })

  test('what is unsubscribed does not fire, and what throws is thrown', async () => {
    const time = virtualTime()
    let fired = 0
    time.schedule(() => fired++, 5).unsubscribe()
    expect(time.timers).toBe(0)
    time.schedule(() => {
      throw new Error('at 7')
    }, 7)
    expect(await rejectionOf(time.advance(10))).toEqual(new Error('at 7'))
    expect(fired).toBe(0)
    await time.advance(10)
  })

  test('refuses a wrong duration, and two advances at once', async () => {
    const time = virtualTime()
    expect(await rejectionOf(time.advance(-1))).toMatchObject({ code: 'ERR_INVALID_DURATION' })
    expect(await rejectionOf(time.advance(Number.NaN))).toMatchObject({ code: 'ERR_INVALID_DURATION' })
    const first = time.advance(1)
    expect(await rejectionOf(time.advance(1))).toBeInstanceOf(RangeError)
    await first
    await time.advance(1)
    expect(time.now()).toBe(2)
  })
})

describe('the fake service', () => {
  test('answers a ping only from the end of its start until it is asked to stop, ends or dies', async () => {
    const time = virtualTime()
    const db = fakeService('db', { otherwise: 'waits' })
    const group = serviceGroup('shop', { clock: time }).add(db)
    const pings = [db.ping()]
    const start = group.start()
    pings.push(db.ping())
    db.start.succeed()
    await start
    pings.push(db.ping())
    void group.stop()
    await time.settle()
    expect(db.drain.open).toBe(true)
    pings.push(db.ping())
    db.drain.succeed()
    await time.settle()
    expect(db.stop.open).toBe(true)
    pings.push(db.ping())
    expect(pings).toEqual(['no answer', 'no answer', 'pong', 'pong', 'no answer'])
    expect(db.alive).toBe(true)
    db.stop.succeed()
    await time.settle()
    expect([db.alive, db.ping()]).toEqual([false, 'no answer'])

    for (const way of ['die', 'end'] as const) {
      const dying = fakeService('dying')
      const other = serviceGroup('other', { clock: time }).add(dying)
      await other.start()
      expect(dying.ping()).toBe('pong')
      dying[way]()
      expect([dying.alive, dying.ping()]).toEqual([false, 'no answer'])
    }
  })

  test('fails the test, loudly, when it is started while it is still there', async () => {
    const time = virtualTime()
    const db = fakeService('db', { stop: 'hangs' })
    const first = serviceGroup('first', { clock: time }).add(db, { stopTimeout: 10 })
    await first.start()
    let error: unknown
    const again = (): Promise<unknown> => rejectionOf(serviceGroup('second', { clock: time }).add(db).start())
    const running = await uncaughtDuring(async () => {
      error = await again()
    })
    expect(running).toEqual([new Error('db was started while it was still there')])
    expect(error).toMatchObject({ cause: { cause: running[0] } })
    expect([db.starts, db.ping()]).toEqual([1, 'pong'])

    const stop = first.stop()
    await time.advance(10_000)
    expect(await stop).toMatchObject({ outcome: 'abandoned' })
    expect(await uncaughtDuring(again)).toHaveLength(1)
    db.stop.succeed()
    await time.settle()
    expect(await uncaughtDuring(() => serviceGroup('third', { clock: time }).add(db).start())).toEqual([])
    expect(db.starts).toBe(2)
  })

  test('its remote control refuses what makes no sense', () => {
    const db = fakeService('db')
    expect(() => db.start.succeed()).toThrow('db: start does not wait for anything')
    expect(() => db.stop.fail()).toThrow('db: stop does not wait for anything')
    expect(() => db.die()).toThrow('db is not there')
    expect(() => db.end()).toThrow('db is not there')
    expect(() => db.setHealth('warn')).toThrow('db is not there')
    expect(() => fakeService('')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_NAME' }))
  })

  test('does what it will, from the next call on, and remembers what it was asked and why', async () => {
    const time = virtualTime()
    const log: string[] = []
    const db = fakeService('db', { drain: 'absent', force: 'absent', log })
    db.stop.will('waits')
    const group = serviceGroup('shop', { clock: time }).add(db)
    await group.start()
    db.info({ port: 5432 })
    db.setHealth('warn', 'slow')
    expect(group.status.services['shop/db']?.state).toEqual({
      phase: 'running',
      health: 'warn',
      detail: 'slow',
      info: { port: 5432 },
    })
    const stop = group.stop('why not')
    await time.settle()
    const reason = { by: 'call', message: 'why not' }
    expect(db.asked).toEqual([{ hook: 'start' }, { hook: 'unready', reason }, { hook: 'stop', reason }])
    expect([db.stop.calls, db.stop.open, db.stop.reason]).toEqual([1, true, reason])
    db.stop.fail(new Error('no'))
    expect(await stop).toMatchObject({ errors: [{ cause: { message: 'no' } }] })
    expect(db.stop.open).toBe(false)
    expect(log).toEqual(['db start', 'db unready', 'db stop'])
  })
})

describe('the trace', () => {
  const events = new Subject<GroupEvent>()
  const recorded = (...states: readonly ServiceState[]): ReturnType<typeof recordTrace> => {
    const trace = recordTrace({ events$: events })
    const group = { path: 'g', state: { phase: 'idle' } } as never
    events.next({ kind: 'snapshot', seq: 0, at: 0, group, health: 'pass', services: [] })
    for (const [i, state] of states.entries()) events.next({ kind: 'transition', seq: i + 1, at: i, path: 'g', state })
    return trace
  }

  test('throws on an illegal transition, in the listener and when it is read', async () => {
    let trace: ReturnType<typeof recordTrace> | undefined
    const uncaught = await uncaughtDuring(() => {
      trace = recorded({ phase: 'running', health: 'pass' })
    })
    const error = new Error('illegal transition of "g": idle -> running')
    expect(uncaught).toEqual([error])
    expect(() => trace?.lines).toThrow(error)
    expect(() => trace?.take()).toThrow(error)
    expect(() => trace?.events).toThrow(error)
    trace?.end()
  })

  test('throws on a gap, and on what was never added', async () => {
    const strange: readonly GroupEvent[] = [
      { kind: 'transition', seq: 7, at: 0, path: 'g', state: { phase: 'failed', error: { name: 'E', message: '' } } },
      { kind: 'transition', seq: 1, at: 0, path: 'g/x', state: { phase: 'starting', attempt: 1 } },
    ]
    for (const event of strange) {
      let trace: ReturnType<typeof recordTrace> | undefined
      await uncaughtDuring(() => {
        trace = recorded()
        events.next(event)
      })
      expect(() => trace?.lines).toThrow(/came after event 0|never added/)
      trace?.end()
    }
  })

  test('says everything that is not as usual', () => {
    const reason = { by: 'call' } as const
    const trace = recorded(
      { phase: 'starting', attempt: 2 },
      { phase: 'running', health: 'fail', detail: 'down', leaving: reason, info: { port: 1, tls: true } },
      { phase: 'draining', reason, pending: 3 },
      { phase: 'drained', timedOut: true },
      { phase: 'stopping', reason, pending: 0 },
      { phase: 'backoff', attempt: 2, retryAt: 50, error: { name: 'Error', message: 'no route' } },
      { phase: 'stopped', how: 'abandoned', error: { name: 'Error', message: '', code: 'ERR_ABANDONED' } },
    )
    expect(trace.lines).toEqual([
      'g starting (attempt 2)',
      'g running (leaving) fail "down" {port: 1, tls: true}',
      'g draining (3 pending)',
      'g drained (timed out)',
      'g stopping (0 pending)',
      'g backoff (attempt 2 at 50) no route',
      'g stopped (abandoned) ERR_ABANDONED',
    ])
    trace.end()
  })

  test('takes what is new since the last time, and listens until it is ended', async () => {
    const group = serviceGroup('shop')
    const trace = recordTrace(group)
    group.add(fakeService('db'), { dependsOn: [] }).add(fakeService('probes'), { observer: true })
    expect(trace.take()).toEqual(['shop/db added after none', 'shop/probes added (observer)'])
    expect(trace.take()).toEqual([])
    trace.end()
    await group.start()
    expect(trace.lines).toHaveLength(2)
    expect(trace.completed).toBe(false)
    await group.stop()
  })

  test('a hook that is a function does what that does', async () => {
    const time = virtualTime()
    const steps: string[] = []
    const db = fakeService('db', {
      start: () => new Observable(out => timer(5, time).subscribe(out)),
      stop: ({ reason }) => {
        steps.push(reason?.by ?? '')
      },
    })
    const group = serviceGroup('shop', { clock: time }).add(db)
    const start = group.start()
    expect(db.ping()).toBe('no answer')
    await time.advance(5)
    await start
    expect(db.ping()).toBe('pong')
    await group.stop()
    expect(steps).toEqual(['call'])
  })
})
