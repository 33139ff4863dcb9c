import { type Heartbeat, type Service, type ServiceContext, service, task } from 'rx-service-group'
import { fakeService, type VirtualTime, virtualTime } from 'rx-service-group/testing'
import { Observable, Subject } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { healthCheck } from '../../../src/core/behaviors/health-check.ts'
import { heartbeat } from '../../../src/core/behaviors/heartbeat.ts'
import { asksOf } from '../../../src/core/steps.ts'
import { Life } from '../life.ts'

/** A service that beats when the test says so, expected each 100. */
const beating = (
  options: Partial<Heartbeat> = {},
): {
  time: VirtualTime
  life: Life
  context: ServiceContext
  beatAt: (...times: readonly number[]) => Promise<void>
} => {
  const time = virtualTime()
  let context!: ServiceContext
  const db = service('db', {
    start: given => {
      context = given
    },
  })
  const life = new Life(heartbeat(db, { interval: 100, ...options }, time))
  return {
    time,
    life,
    context,
    beatAt: async (...times) => {
      for (const at of times) {
        await time.advance(at - time.now())
        context.heartbeat()
      }
    },
  }
}

/** What it says and when, as `300 running:fail(...)`. */
const timed = async (until: number, times: readonly number[], options: Partial<Heartbeat> = {}): Promise<string[]> => {
  const { time, life, beatAt } = beating(options)
  const said: string[] = []
  let known = life.said.length
  const look = (): void => {
    for (const word of life.said.slice(known)) said.push(`${time.now()} ${word}`)
    known = life.said.length
  }
  for (let now = 0; now <= until; now++) {
    if (times.includes(now)) await beatAt(now)
    else await time.advance(now - time.now())
    look()
  }
  return said
}

const STALLED = 'running:fail(no heartbeat for 300 ms)'

describe('when it has stalled', () => {
  test.each<[string, readonly number[], Partial<Heartbeat>, readonly string[]]>([
    ['it never beats: counted from when it runs', [], {}, [`300 ${STALLED}`]],
    ['so long after the last beat, to the millisecond', [7, 50], {}, [`350 ${STALLED}`]],
    ['it beats when it is expected', [100, 200, 300, 400, 500, 600, 700, 800, 900], {}, []],
    ['it beats more often than it has to', [10, 20, 30, 40, 50, 60], {}, [`360 ${STALLED}`]],
    ['two missed in a row are not three', [299, 598, 897], {}, []],
    ['one beat makes it well at once', [450], {}, [`300 ${STALLED}`, '450 running', `750 ${STALLED}`]],
    ['told once', [], { threshold: 1 }, ['100 running:fail(no heartbeat for 100 ms)']],
    ['never expected', [], { interval: Infinity }, []],
  ])('%s', async (_, times, options, said) => {
    expect(await timed(999, times, options)).toEqual(said)
  })

  test('a service that starts slowly is not expected to beat before it runs', async () => {
    const time = virtualTime()
    const slow = fakeService('db', { start: 5_000, clock: time })
    const life = new Life(heartbeat(slow, { interval: 100 }, time))
    await time.advance(5_299)
    expect(life.said).toEqual(['starting', 'running'])
    await time.advance(1)
    expect(life.said.at(-1)).toBe(STALLED)
  })

  test('a timer that comes late counts one, however late: nobody could beat while the event loop was blocked', async () => {
    const { time, life, beatAt } = beating()
    await beatAt(50)
    const { now } = time
    time.now = () => now() + 10_000
    await time.advance(60)
    time.now = now
    await time.advance(289)
    expect(life.said).toEqual(['starting', 'running'])
  })

  test('a clock that is set back does not put off the next deadline', async () => {
    const { time, life, beatAt } = beating()
    await beatAt(50)
    const { now } = time
    time.now = () => now() - 3_600_000
    await time.advance(50 + 4 * 100)
    expect(life.said.at(-1)).toBe(STALLED)
  })
})

describe('what comes of it', () => {
  test('nothing: the detail tells, health stays', async () => {
    expect(await timed(500, [400], { onFailure: 'nothing' })).toEqual([
      '300 running(no heartbeat for 300 ms)',
      '400 running',
    ])
  })

  test('fail: it is stopped as in a shutdown, and fails once it is gone', async () => {
    const time = virtualTime()
    const db = fakeService('db', { otherwise: 10, start: 'returns', force: 'absent', clock: time })
    const life = new Life(heartbeat(db, { interval: 100, onFailure: 'fail' }, time))
    await time.advance(1_000)
    expect(life.said).toEqual(['starting', 'running', STALLED, 'stopping', '# ERR_STALLED'])
    expect(life.error).toMatchObject({
      service: 'db',
      message: 'service "db": stalled: no heartbeat for 300 ms',
    })
    expect(db.asked.map(({ hook, reason }) => `${hook} ${reason?.by}`)).toEqual([
      'start undefined',
      'unready failure',
      'drain failure',
      'stop failure',
    ])
    expect(time.timers).toBe(0)
  })

  test('a check that fails as well is told beside it', async () => {
    const time = virtualTime()
    const checked = healthCheck(
      heartbeat(service('db', {}), { interval: 100 }, time),
      { check: () => false, interval: 1_000, failureThreshold: 1 },
      time,
    )
    const life = new Life(checked)
    await time.advance(300)
    expect(life.said).toEqual([
      'starting',
      'running',
      'running:fail(check failed)',
      'running:fail(no heartbeat for 300 ms; check failed)',
    ])
  })
})

describe('a beat', () => {
  test('is not seen by whoever listens to the service, with or without a check', async () => {
    const { time, life, beatAt } = beating()
    await beatAt(1, 2, 3)
    expect(life.said).toEqual(['starting', 'running'])
    const beats = new Subject<void>()
    const ticker = task('ticker', ({ heartbeat }) => new Observable(() => beats.subscribe(heartbeat)))
    const checked = new Life(
      healthCheck(heartbeat(ticker, { interval: 100 }, time), { check: () => true, interval: 100 }, time),
    )
    beats.next()
    expect(checked.said).toEqual(['starting', 'running'])
  })

  test('that nobody expects says nothing', () => {
    let context!: ServiceContext
    const life = new Life(
      service('db', {
        start: given => {
          context = given
          given.heartbeat()
        },
      }),
    )
    context.heartbeat()
    context.setHealth('warn', 'slow')
    context.heartbeat()
    context.info({ port: 1 })
    context.heartbeat()
    life.ask('unready')
    context.heartbeat()
    expect(life.said).toEqual([
      'starting',
      'running',
      'running:warn(slow)',
      'running:warn(slow) {"port":1}',
      'leaving:warn(slow) {"port":1}',
    ])
  })

  test('of a service that is made by hand counts as well, and never sticks to what is shown', async () => {
    const time = virtualTime()
    let beat: (() => void) | undefined
    const made: Service = {
      name: 'made',
      lifecycle: shutdown$ =>
        new Observable(out => {
          beat = asksOf(shutdown$)?.beat
          out.next({ phase: 'running', health: 'pass' })
        }),
    }
    let answer: boolean = true
    const check = (): boolean => answer
    const beating = heartbeat(made, { interval: 100 }, time)
    const life = new Life(healthCheck(beating, { check, interval: 100, failureThreshold: 1 }, time))
    for (let n = 0; n < 5; n++) {
      await time.advance(90)
      beat?.()
    }
    expect(life.said).toEqual(['running'])
    answer = false
    await time.advance(100)
    expect(life.states.at(-1)).toEqual({ phase: 'running', health: 'fail', detail: 'check failed' })
  })
})

describe('leaving', () => {
  test.each(['unready', 'drain', 'stop', 'force'] as const)('%s ends it, and no timer is left', async step => {
    const { time, life, context, beatAt } = beating()
    await beatAt(10)
    expect(time.timers).toBe(1)
    await life.asked(step)
    context.heartbeat()
    expect(time.timers).toBe(0)
    await time.advance(1_000)
    expect(life.said.filter(word => word.includes('heartbeat'))).toEqual([])
  })

  test('what is known stays known while it leaves', async () => {
    const { time, life } = beating()
    await time.advance(300)
    expect(await life.asked('unready')).toEqual(['leaving:fail(no heartbeat for 300 ms)'])
    expect(time.timers).toBe(0)
  })

  test('whoever hears that it is well again may end it there and then', async () => {
    const time = virtualTime()
    let context!: ServiceContext
    const start = (given: ServiceContext): void => {
      context = given
    }
    const well: string[] = []
    const stalls = heartbeat(service('db', { start }), { interval: 100 }, time)
    const life = stalls.lifecycle(new Observable()).subscribe(state => {
      if (well.push(state.phase) === 4) life.unsubscribe()
    })
    await time.advance(300)
    context.heartbeat()
    expect([well, time.timers]).toEqual([['starting', 'running', 'running', 'running'], 0])
  })

  test.each(['die', 'end'] as const)('one that leaves by itself (%s) is expected no longer', async end => {
    const time = virtualTime()
    const db = fakeService('db')
    const life = new Life(heartbeat(db, { interval: 100 }, time))
    await time.settle()
    db[end]()
    await time.settle()
    expect([life.said.length, time.timers]).toEqual([end === 'die' ? 3 : 4, 0])
  })
})

describe('refused at once', () => {
  test.each<[string, object, string]>([
    ['no interval', { interval: undefined }, 'ERR_INVALID_DURATION'],
    ['an interval of zero', { interval: 0 }, 'ERR_INVALID_DURATION'],
    ['an interval that is not one', { interval: Number.NaN }, 'ERR_INVALID_DURATION'],
    ['a threshold of zero', { threshold: 0 }, 'ERR_INVALID_OPTION'],
    ['half a threshold', { threshold: 1.5 }, 'ERR_INVALID_OPTION'],
    ['an outcome nobody knows', { onFailure: 'panic' }, 'ERR_INVALID_OPTION'],
  ])('%s', (_, options, code) => {
    const bad = { interval: 100, ...options } as Heartbeat
    expect(() => heartbeat(service('db', {}), bad, virtualTime())).toThrow(expect.objectContaining({ code }))
  })
})
