import { type HealthCheck, type Service, service } from 'rx-service-group'
import { type FakeOptions, fakeService, type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { EMPTY, Observable, of, throwError } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { healthCheck } from '../../../src/core/behaviors/health-check.ts'
import { Life } from '../life.ts'

interface Setup {
  readonly time: VirtualTime
  /** When each check began. */
  readonly begun: readonly number[]
  readonly life: Life
}

/** A service with a check that gives these answers in turn, the last of them for ever. */
const checked = (
  answers: readonly HealthCheck['check'][],
  options: Partial<HealthCheck> = {},
  target: Service = service('db', {}),
  time: VirtualTime = virtualTime(),
): Setup => {
  const begun: number[] = []
  const check: HealthCheck['check'] = context => {
    begun.push(time.now())
    return answers[Math.min(begun.length, answers.length) - 1]!(context)
  }
  const life = new Life(healthCheck(target, { interval: 100, timeout: 20, check, ...options }, time))
  return { time, begun, life }
}

const well = (): undefined => undefined
/** Has a property that can't be read. */
const unreadable = (key: string): object =>
  Object.defineProperty({}, key, {
    get: () => {
      throw new Error('no such luck')
    },
  })
const ill = (): never => {
  throw new Error('no route')
}
const hangs = (): Promise<never> => new Promise(() => undefined)
const plain = { unready: 'absent', drain: 'absent', force: 'absent' } satisfies FakeOptions

describe('an answer', () => {
  const once = { failureThreshold: 1 }
  test.each<[string, HealthCheck['check'], string[]]>([
    ['nothing', well, []],
    ['true', () => true, []],
    ['what has nothing to do with health', () => [{ one: 1 }], []],
    ['a text', () => 'fine', []],
    ['null', () => null, []],
    ['false', () => false, ['running:fail(check failed)']],
    ['a throw', ill, ['running:fail(check failed: no route)']],
    ['a promise', () => Promise.resolve({ rows: [] }), []],
    ['a promise of false', () => Promise.resolve(false), ['running:fail(check failed)']],
    ['a rejection', () => Promise.reject(new Error('gone')), ['running:fail(check failed: gone)']],
    ['an Observable that completes', () => EMPTY, []],
    ['an Observable, of which the last value counts', () => of(false, 'warn'), ['running:warn(check says warn)']],
    ['an Observable that errors', () => throwError(() => 'bad'), ['running:fail(check failed: bad)']],
    ['pass', () => 'pass', []],
    ['warn', () => 'warn', ['running:warn(check says warn)']],
    ['fail', () => 'fail', ['running:fail(check says fail)']],
    ['a health', () => ({ health: 'warn', detail: 'lags' }), ['running:warn(lags)']],
    ['a detail of good health', () => ({ health: 'pass', detail: '3 idle' }), ['running(3 idle)']],
    [
      'a health that is none, which is said',
      () => ({ health: 'UP' as 'pass' }),
      ["running:fail(check answered health 'UP'; it must be 'pass', 'warn' or 'fail')"],
    ],
    ['a response of fetch that is ok', () => Promise.resolve(new Response('well')), []],
    [
      'a response of fetch that is not ok',
      () => Promise.resolve(new Response('', { status: 503, statusText: 'Service Unavailable' })),
      ['running:fail(check answered 503 Service Unavailable)'],
    ],
    ['an answer that says it is not ok', () => ({ ok: false }) as never, ['running:fail(check answered ok: false)']],
    ['an answer whose health can not be read', () => unreadable('health') as never, []],
    ['a thenable whose then throws', () => unreadable('then') as never, ['running:fail(check failed: no such luck)']],
  ])('%s', async (_, check, said) => {
    const { life, time } = checked([check], once)
    await time.advance(99)
    expect(life.said).toEqual(['starting', 'running', ...said])
  })
})

describe('the rhythm', () => {
  test('the first check comes as soon as the service is running, the next an interval after the last', async () => {
    const time = virtualTime()
    const slow = fakeService('db', { ...plain, start: 30, clock: time })
    const { begun } = checked([well], {}, slow, time)
    await time.advance(29)
    expect(begun).toEqual([])
    await time.advance(271)
    expect(begun).toEqual([30, 130, 230])
  })

  test('a check that takes its time puts off the next; one that takes too long is cut and has failed', async () => {
    const signals: AbortSignal[] = []
    const late = ({ signal }: { signal: AbortSignal }): Promise<never> => {
      signals.push(signal)
      return hangs()
    }
    const { begun, life, time } = checked([late], { failureThreshold: 2 })
    await time.advance(19)
    expect(signals[0]?.aborted).toBe(false)
    await time.advance(1)
    expect(signals[0]?.aborted).toBe(true)
    await time.advance(219)
    expect(begun).toEqual([0, 120])
    await time.advance(1)
    expect(begun).toEqual([0, 120, 240])
    expect(life.said).toEqual(['starting', 'running', 'running:fail(check took more than 20 ms)'])
  })

  test('what comes after the time was up counts no more', async () => {
    let answer!: (value: unknown) => void
    const late = (): Promise<unknown> =>
      new Promise(resolve => {
        answer = resolve
      })
    const { life, time } = checked([late, well], { failureThreshold: 1, successThreshold: 2 })
    await time.advance(20)
    answer('pass')
    await time.advance(100)
    expect(life.said).toEqual(['starting', 'running', 'running:fail(check took more than 20 ms)'])
  })

  test('an Observable that takes too long is unsubscribed', async () => {
    let subscribed = 0
    const silent = () =>
      new Observable(() => {
        subscribed++
        return () => subscribed--
      })
    const { time } = checked([silent])
    expect(subscribed).toBe(1)
    await time.advance(20)
    expect(subscribed).toBe(0)
  })
})

describe('thresholds', () => {
  const run = async (answers: string, options: Partial<HealthCheck>): Promise<readonly string[]> => {
    const { life, time } = checked(
      [...answers].map(answer => (answer === 'x' ? ill : well)),
      options,
    )
    await time.advance(100 * answers.length - 1)
    return life.said.slice(2)
  }
  const FAIL = 'running:fail(check failed: no route)'

  test.each<[string, Partial<HealthCheck>, string[]]>([
    ['xx.xx.', {}, []],
    ['xxx', {}, [FAIL]],
    ['xxxxxx', {}, [FAIL]],
    ['xxx.', {}, [FAIL, 'running']],
    ['xxx.xx.xxx', {}, [FAIL, 'running', FAIL]],
    ['x', { failureThreshold: 1 }, [FAIL]],
    ['x.x..', { failureThreshold: 1, successThreshold: 2 }, [FAIL, 'running']],
    ['x.x.x.', { failureThreshold: 1, successThreshold: 2 }, [FAIL]],
  ])('%s with %o says %o', async (answers, options, said) => {
    expect(await run(answers, options)).toEqual(said)
  })
})

describe('what the service says itself', () => {
  test('the worse of the two is shown, both when they are as bad, and nothing is lost', async () => {
    const db = fakeService('db', plain)
    const { life, time } = checked([ill, ill, well], { failureThreshold: 1 }, db)
    await time.settle()
    db.setHealth('warn', 'slow')
    db.setHealth('fail', 'disk full')
    await time.advance(200)
    db.setHealth('pass')
    expect(life.said).toEqual([
      'starting',
      'running',
      'running:fail(check failed: no route)',
      'running:fail(check failed: no route)',
      'running:fail(disk full; check failed: no route)',
      'running:fail(disk full)',
      'running',
    ])
  })

  test('its particulars are shown on', async () => {
    const db = fakeService('db', plain)
    const { life, time } = checked([ill], { failureThreshold: 1 }, db)
    await time.settle()
    db.info({ port: 1 })
    expect(life.said.at(-1)).toBe('running:fail(check failed: no route) {"port":1}')
  })
})

describe('what comes of it', () => {
  test('nothing: the detail tells, health stays', async () => {
    const { life, time } = checked([ill, ill, well], { failureThreshold: 2, onFailure: 'nothing' })
    await time.advance(250)
    expect(life.said).toEqual(['starting', 'running', 'running(check failed: no route)', 'running'])
  })

  test('fail: it is stopped as in a shutdown, and fails once it is gone', async () => {
    const time = virtualTime()
    const db = fakeService('db', { otherwise: 10, start: 'returns', force: 'absent', clock: time })
    const { life, begun } = checked([ill], { failureThreshold: 2, onFailure: 'fail' }, db, time)
    await time.advance(1_000)
    expect(life.said).toEqual([
      'starting',
      'running',
      'running:fail(check failed: no route)',
      'stopping',
      '# ERR_UNHEALTHY',
    ])
    expect(life.error).toMatchObject({ service: 'db', message: 'service "db": health check failed: no route' })
    expect(db.asked.map(({ hook, reason }) => `${hook} ${reason?.by}`)).toEqual([
      'start undefined',
      'unready failure',
      'drain failure',
      'stop failure',
    ])
    expect([begun, time.timers]).toEqual([[0, 100], 0])
  })

  test('fail, and the stop fails too: both are told, the first cause first', async () => {
    const db = fakeService('db', { ...plain, stop: 'throws' })
    const { life, time } = checked([ill], { failureThreshold: 1, onFailure: 'fail' }, db)
    await time.settle()
    expect(life.error).toMatchObject({
      code: 'ERR_UNHEALTHY',
      errors: [{ code: 'ERR_UNHEALTHY' }, { code: 'ERR_STOP_FAILED' }],
    })
  })

  test('fail, and it is forced meanwhile: the step is handed on', async () => {
    const db = fakeService('db', { ...plain, stop: 'waits' })
    const { life, time } = checked([ill], { failureThreshold: 1, onFailure: 'fail' }, db)
    await time.settle()
    expect(db.stop.open).toBe(true)
    expect(await life.asked('unready', 'drain', 'stop')).toEqual([])
    expect(await life.asked('force')).toEqual(['# ERR_UNHEALTHY'])
  })
})

describe('leaving', () => {
  test.each(['unready', 'drain', 'stop', 'force'] as const)('%s ends the checks, and no timer is left', async step => {
    const signals: AbortSignal[] = []
    const asks = ({ signal }: { signal: AbortSignal }): Promise<never> | undefined => {
      signals.push(signal)
      return signals.length === 2 ? hangs() : undefined
    }
    const { life, time, begun } = checked([asks])
    await time.advance(110)
    expect([begun, time.timers]).toEqual([[0, 100], 1])
    await life.asked(step)
    expect([signals[1]?.aborted, time.timers]).toEqual([true, 0])
    await time.advance(1_000)
    expect(begun).toEqual([0, 100])
  })

  test('what is known stays known while it leaves', async () => {
    const { life, time } = checked([ill], { failureThreshold: 1 })
    await time.settle()
    expect(await life.asked('unready')).toEqual(['leaving:fail(check failed: no route)'])
  })

  test('one who is no longer listened to is no longer checked', async () => {
    const { life, time, begun } = checked([well])
    await time.settle()
    life.leave()
    await time.advance(1_000)
    expect([begun, time.timers]).toEqual([[0], 0])
  })

  test('a service that is asked to leave before it runs is never checked', async () => {
    const db = fakeService('db', { ...plain, start: 'waits' })
    const { life, begun } = checked([well], {}, db)
    expect(await life.asked('unready')).toEqual(['stopping', 'stopped', '|'])
    expect(begun).toEqual([])
  })

  test('one that dies or ends by itself is no longer checked', async () => {
    for (const end of ['die', 'end'] as const) {
      const db = fakeService('db', plain)
      const { time, begun } = checked([well], {}, db)
      await time.settle()
      db[end]()
      await time.advance(1_000)
      expect([begun, time.timers]).toEqual([[0], 0])
    }
  })

  test('a check may stop what it checks', async () => {
    const stopping: { life?: Life } = {}
    const { life, time, begun } = checked([
      () => {
        if (begun.length === 2) stopping.life?.ask('stop')
      },
    ])
    stopping.life = life
    await time.advance(1_000)
    expect([life.said, begun, time.timers]).toEqual([['starting', 'running', 'stopping', 'stopped', '|'], [0, 100], 0])
  })
})

describe('refused at once', () => {
  test.each<[string, object, string]>([
    ['no check', { check: undefined }, 'ERR_INVALID_OPTION'],
    ['an outcome nobody knows', { onFailure: 'panic' }, 'ERR_INVALID_OPTION'],
    ['an interval of zero', { interval: 0 }, 'ERR_INVALID_DURATION'],
    ['an interval that is not one', { interval: Number.NaN }, 'ERR_INVALID_DURATION'],
    ['a timeout below zero', { timeout: -1 }, 'ERR_INVALID_DURATION'],
    ['a threshold of zero', { failureThreshold: 0 }, 'ERR_INVALID_OPTION'],
    ['half a threshold', { successThreshold: 1.5 }, 'ERR_INVALID_OPTION'],
  ])('%s', (_, options, code) => {
    const bad = { check: well, ...options } as HealthCheck
    expect(() => healthCheck(service('db', {}), bad, virtualTime())).toThrow(expect.objectContaining({ code }))
  })
})
