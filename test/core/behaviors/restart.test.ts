import type { Service, ServiceState, Shutdown, Step } from 'rx-service-group'
import {
  asyncScheduler,
  map,
  NEVER,
  Observable,
  of,
  ReplaySubject,
  type SchedulerLike,
  throwError,
  VirtualTimeScheduler,
} from 'rxjs'
import { type RunHelpers, TestScheduler } from 'rxjs/testing'
import { describe, expect, test } from 'vitest'
import { restart } from '../../../src/core/behaviors/restart.ts'
import { type RestartOptions, type RestartPolicy, restartRules } from '../../../src/core/behaviors/restart-options.ts'
import { errorInfo } from '../../../src/core/errors.ts'

const inMarbles = (run: (helpers: RunHelpers) => void): void =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(run)

const reason = { by: 'signal', signal: 'SIGTERM' } as const

/** What a service says in these diagrams. */
const states: Readonly<Record<string, ServiceState>> = {
  s: { phase: 'starting', attempt: 1 },
  r: { phase: 'running', health: 'pass' },
  d: { phase: 'draining', reason },
  D: { phase: 'drained' },
  x: { phase: 'stopping', reason },
  e: { phase: 'stopped', how: 'ended' },
  z: { phase: 'stopped', how: 'stopped' },
  f: { phase: 'stopped', how: 'forced' },
  l: { phase: 'stopped', how: 'ended', info: { abandoned: 2 } },
  L: { phase: 'running', health: 'pass', info: { abandoned: 2 } },
  a: { phase: 'stopped', how: 'abandoned' },
  b: { phase: 'backoff', attempt: 0, retryAt: 0, error: { name: 'Error', message: '' } },
}

/** The letter of a state; an attempt after the first is its number. */
const letter = (state: ServiceState): string => {
  if (state.phase === 'starting' && state.attempt > 1) return String(state.attempt)
  const same = (other: ServiceState): boolean =>
    other.phase === state.phase && (other.phase !== 'stopped' || state.phase !== 'stopped' || other.how === state.how)
  return Object.entries(states).find(([, other]) => same(other))?.[0] ?? '?'
}

/** A service that lives through these, one after the other. */
const livingThrough = (...lives: readonly Observable<ServiceState>[]): Service => {
  let n = 0
  return { name: 'worker', lifecycle: () => lives[n++]! }
}

const restarted = (
  service: Service,
  options: RestartPolicy | Partial<RestartOptions>,
  random = (): number => 0,
  clock: SchedulerLike = asyncScheduler,
): Service => {
  const few = { policy: 'permanent', initialDelay: 3, ...(typeof options === 'string' ? { policy: options } : options) }
  return restart(service, restartRules('worker', few as RestartOptions), clock, { random })
}

/** All that it said until nothing more was due. Asked to end at some time, or when it says something, if at all. */
const lived = (
  service: Service,
  options: RestartPolicy | Partial<RestartOptions>,
  asked: { readonly stopAt?: number; readonly stopOn?: string } = {},
): {
  readonly said: readonly string[]
  readonly states: readonly ServiceState[]
  readonly error: unknown
  readonly over: boolean
} => {
  const time = new VirtualTimeScheduler()
  const shutdown$ = new ReplaySubject<Shutdown>(1)
  const all: ServiceState[] = []
  let error: unknown
  restarted(service, options, undefined, time)
    .lifecycle(shutdown$)
    .subscribe({
      next: state => {
        all.push(state)
        if (letter(state) === asked.stopOn) shutdown$.next(step('unready'))
      },
      error: thrown => {
        error = thrown
      },
    })
  if (asked.stopAt !== undefined) time.schedule(() => shutdown$.next(step('unready')), asked.stopAt)
  time.flush()
  return { said: all.map(letter), states: all, error, over: time.actions.length === 0 }
}

const step = (name: Step): Shutdown => ({ step: name, reason })

/** What it says, in letters; a step comes where the marble is, if there is one. */
const said = ({ hot }: RunHelpers, service: Service, asked = '-', as: Step = 'unready'): Observable<string> =>
  service.lifecycle(hot(asked).pipe(map(() => step(as)))).pipe(map(letter))

describe('R2 whether it is restarted', () => {
  test.each<[RestartPolicy, string, string, string]>([
    ['permanent', 'sr--#', 'a failure', 'sr--b--(2r)'],
    ['permanent', 'sr--(e|)', 'a normal end', 'sr--b--(2r)'],
    ['permanent', 'sr--|', 'a silent end', 'sr--b--(2r)'],
    ['permanent', 'sr--(z|)', 'a stop of its own', 'sr--b--(2r)'],
    ['permanent', 's---#', 'a failed start', 's---b--(2r)'],
    ['permanent', 'sx--#', 'a start that was stopped and failed', 'sx--b--(2r)'],
    ['transient', 'sr--#', 'a failure', 'sr--b--(2r)'],
    ['transient', 'sr--(f|)', 'being forced', 'sr--b--(2r)'],
    ['transient', 'sr--(e|)', 'a normal end', 'sr--(e|)'],
    ['transient', 'sr--|', 'a silent end', 'sr--|'],
    ['transient', 'sr--(z|)', 'a stop of its own', 'sr--(z|)'],
    ['transient', 's---#', 'a failed start', 's---b--(2r)'],
    ['temporary', 'sr--#', 'a failure', 'sr--#'],
    ['temporary', 'sr--(e|)', 'a normal end', 'sr--(e|)'],
    ['temporary', 's---#', 'a failed start', 's---#'],
  ])('%s: %s is %s', (policy, life, _, expected) => {
    inMarbles(helpers => {
      const { cold, expectObservable } = helpers
      const service = restarted(livingThrough(cold(life, states), cold('(sr)', states)), policy)
      expectObservable(said(helpers, service)).toBe(expected, undefined, 'error')
    })
  })
})

test('R3 each attempt waits longer, a failed one too, and a long run makes the next wait the first again', () => {
  inMarbles(helpers => {
    const { cold, expectObservable } = helpers
    const lives = ['s#', 'sr-#', '#', 'sr-----|', '(sr)'].map(life => cold(life, states))
    const service = restarted(livingThrough(...lives), { initialDelay: 2, resetAfter: 6 })
    expectObservable(said(helpers, service)).toBe('sb-2r-b---(3b)----4r-----b-(2r)')
  })
})

test('R3 chance shortens a wait within its bounds', () => {
  inMarbles(helpers => {
    const { cold, expectObservable } = helpers
    const lives = ['#', '#', '(sr)'].map(life => cold(life, states))
    const service = restarted(livingThrough(...lives), { initialDelay: 8, jitter: 0.5 }, () => 0.5)
    expectObservable(said(helpers, service)).toBe('b-----(2b)--------(3r)')
  })
})

test('R3 backoff tells the error, the next attempt and its time; the attempt is told as it starts', () => {
  inMarbles(({ cold, expectObservable }) => {
    const starting: ServiceState = { phase: 'starting', attempt: 1 }
    const known = { ...starting, info: { port: 80 } }
    const lives = [cold('--#', states, new RangeError('no route')), cold('k---|', { k: known }), NEVER]
    const service = restarted(livingThrough(...lives), { jitter: 0 })
    const told = service.lifecycle(NEVER).pipe(
      map(state => {
        if (state.phase !== 'backoff') return state
        const { error, attempt, retryAt } = state
        return [attempt, retryAt, error.code, error.message, error.cause?.name]
      }),
    )
    expectObservable(told).toBe('--b--(2k)B-----3', {
      b: [2, 5, 'ERR_START_FAILED', 'service "worker": start failed: no route', 'RangeError'],
      B: [3, 15, undefined, 'service "worker" ended', undefined],
      2: { ...starting, attempt: 2 },
      k: { ...known, attempt: 2 },
      3: { ...starting, attempt: 3 },
    })
  })
})

describe('R4 too many restarts', () => {
  test('it gives up at once, names the service and keeps the last cause', () => {
    const lives = [0, 1, 2].map(n => throwError(() => new Error(`cause ${n}`)))
    const { said, error } = lived(livingThrough(...lives), { factor: 1, maxRestarts: 2, period: 7 })
    expect(said.join('')).toBe('b2b3')
    expect(errorInfo(error)).toMatchObject({
      name: 'ServiceError',
      code: 'ERR_RESTART_LIMIT',
      service: 'worker',
      message: expect.stringMatching(
        /^service "worker": restart limit reached \(2 restarts in 7 ms\); last error: .*cause 2$/,
      ),
      cause: { code: 'ERR_START_FAILED', cause: { message: 'cause 2' } },
    })
  })

  test.each([
    [15, 'r-b--(2r)b--(3r)#'],
    [14, 'r-b--(2r)b--(3r)b--(4r)'],
  ])('restarts at 5, 12 and 19 within %d ms', (period, expected) => {
    inMarbles(helpers => {
      const lives = ['r-#', 'r---#', 'r---#', 'r'].map(life => helpers.cold(life, states))
      const service = restarted(livingThrough(...lives), { factor: 1, maxRestarts: 2, period })
      helpers
        .expectObservable(said(helpers, service))
        .toBe(expected, undefined, expect.objectContaining({ code: 'ERR_RESTART_LIMIT' }))
    })
  })
})

describe('R6 never two at once', () => {
  test('one that has said it is stopped is waited for until it completes', () => {
    inMarbles(helpers => {
      const { cold, expectObservable, expectSubscriptions } = helpers
      const [first, second] = [cold('r--e-----|', states), cold('r', states)]
      expectObservable(said(helpers, restarted(livingThrough(first, second), 'permanent'))).toBe('r--------b--(2r)')
      expectSubscriptions(first.subscriptions).toBe('^--------!')
      expectSubscriptions(second.subscriptions).toBe('------------^')
    })
  })

  test('after an abandoned one there is no other, and it says why', () => {
    const { said, states: told, over } = lived(livingThrough(of(states['r']!, states['a']!), NEVER), 'permanent')
    expect(said.join('')).toBe('ra')
    expect(told[1]).toMatchObject({
      error: {
        code: 'ERR_ABANDONED',
        message: 'service "worker": was abandoned; it is not restarted, because it may still run',
      },
    })
    expect(over).toBe(true)
  })

  test.each([
    ['rl|', 'r-#'],
    ['rL#', 'rr#'],
    ['r(L|)', 'r(r#)'],
  ])('after one that left its own code running there is no other: %s', (life, expected) => {
    inMarbles(helpers => {
      const { cold, expectObservable, expectSubscriptions } = helpers
      const second = cold('r', states)
      expectObservable(said(helpers, restarted(livingThrough(cold(life, states), second), 'permanent'))).toBe(
        expected,
        undefined,
        expect.objectContaining({
          code: 'ERR_ABANDONED',
          message: expect.stringContaining('service "worker": not restarted, because it left 2 calls running'),
        }),
      )
      expectSubscriptions(second.subscriptions).toBe([])
    })
  })
})

describe('R7 asked to end', () => {
  test.each<Step>(['unready', 'drain', 'stop', 'force'])('%s during backoff wins at once', asked => {
    inMarbles(helpers => {
      const { cold, expectObservable, expectSubscriptions } = helpers
      const second = cold('r', states)
      const service = restarted(livingThrough(cold('r-#', states), second), 'permanent')
      expectObservable(said(helpers, service, '---u', asked)).toBe('r-b(z|)')
      expectSubscriptions(second.subscriptions).toBe([])
    })
  })

  test.each([
    ['a failure', 'r---#', 'r---#'],
    ['a normal end', 'r---(e|)', 'r---(e|)'],
    ['an end that was said before', 'r-e---|', 'r--e--|'],
    ['being abandoned', 'r---a', 'r---a'],
    ['a start that goes on', 's----r-x(z|)', 's----r-x(z|)'],
  ])('then %s passes through', (_, life, expected) => {
    inMarbles(helpers => {
      const { cold, expectObservable, expectSubscriptions } = helpers
      const second = cold('r', states)
      const service = restarted(livingThrough(cold(life, states), second), 'permanent')
      expectObservable(said(helpers, service, '---u')).toBe(expected, undefined, 'error')
      expectSubscriptions(second.subscriptions).toBe([])
    })
  })

  test.each([1, 2])('what dies in the very moment it is told stays dead (attempt %d)', attempt => {
    let n = 0
    const dying: Service = {
      name: 'worker',
      lifecycle: shutdown$ =>
        new Observable(out => {
          if (++n < attempt) return out.error('early')
          out.next(states['r']!)
          return shutdown$.subscribe(() => out.error('told'))
        }),
    }
    const { said, error, over } = lived(dying, 'permanent', { stopAt: 20 })
    expect([said.join(''), error, over]).toEqual([attempt === 1 ? 'r' : 'b2r', 'told', true])
  })

  test('before it begins: the only incarnation is told', () => {
    const told: Step[] = []
    const service: Service = {
      name: 'worker',
      lifecycle: shutdown$ =>
        new Observable(out =>
          shutdown$.subscribe(({ step }) => {
            told.push(step)
            out.next(states['z']!)
            out.complete()
          }),
        ),
    }
    const said: string[] = []
    restarted(service, 'permanent')
      .lifecycle(of(step('stop')))
      .subscribe({ next: state => said.push(letter(state)), complete: () => said.push('|') })
    expect([told, said]).toEqual([['stop'], ['z', '|']])
  })

  test('by someone who hears that it dies while it drains by itself: no wait begins, and no timer is left', () => {
    const dying = new Observable<ServiceState>(out => {
      out.next(states['d']!)
      out.error('no')
    })
    const { said, over } = lived(livingThrough(dying, NEVER), 'permanent', { stopOn: 'x' })
    expect([said.join(''), over]).toEqual(['dxz', true])
  })

  test('by someone who hears of the backoff: no other begins, and no timer is left', () => {
    const { said, over } = lived(
      livingThrough(
        throwError(() => 'no'),
        NEVER,
      ),
      'permanent',
      { stopOn: 'b' },
    )
    expect([said.join(''), over]).toEqual(['bz', true])
  })

  test('by someone who hears of the next start: that one is told', () => {
    let told: Shutdown | undefined
    const second = new Observable<ServiceState>(out => {
      out.next(states[told ? 'z' : 'r']!)
      out.complete()
    })
    let n = 0
    const service: Service = {
      name: 'worker',
      lifecycle: shutdown$ => {
        shutdown$.subscribe(shutdown => {
          told = shutdown
        })
        return n++ === 0 ? throwError(() => 'no') : second
      },
    }
    const { said, over } = lived(service, 'permanent', { stopOn: '2' })
    expect([said.join(''), told?.step, over]).toEqual(['b2z', 'unready', true])
  })

  test('the info of the last life is kept', () => {
    const port: ServiceState = { phase: 'running', health: 'pass', info: { port: 80 } }
    const dying = new Observable<ServiceState>(out => {
      out.next(port)
      out.error('no')
    })
    expect(lived(livingThrough(dying), 'permanent', { stopOn: 'b' }).states.at(-1)).toEqual({
      phase: 'stopped',
      how: 'stopped',
      // It was down when it was asked to end.
      down: expect.objectContaining({ code: 'ERR_SERVICE_FAILED' }),
      info: { port: 80 },
    })
  })
})

describe('what services may do', () => {
  test.each([
    ['draining', 'rd#', 'rd(xb)--(2r)'],
    ['drained', 'rD|', 'rD(xb)--(2r)'],
  ])('one that dies while %s by itself is seen stopping before it waits', (_, life, expected) => {
    inMarbles(helpers => {
      const lives = [helpers.cold(life, states), helpers.cold('r', states)]
      const service = restarted(livingThrough(...lives), { initialDelay: 6 })
      helpers.expectObservable(said(helpers, service)).toBe(expected)
    })
  })

  test('a lifecycle that throws instead of giving an Observable has failed, each time', () => {
    const service: Service = {
      name: 'worker',
      lifecycle: () => {
        throw new Error('no')
      },
    }
    expect(lived(service, { maxRestarts: 2 }).said.join('')).toBe('b2b3')
  })

  test.each([
    ['AbortError', new DOMException('not ours', 'AbortError')],
    ['TimeoutError', new DOMException('not ours', 'TimeoutError')],
  ])('R9 a foreign %s is a failure', (_, foreign) => {
    const { said, states: told } = lived(
      livingThrough(
        throwError(() => foreign),
        NEVER,
      ),
      'transient',
    )
    expect(said.join('')).toBe('b2')
    expect(told[0]).toMatchObject({ error: { code: 'ERR_START_FAILED', cause: { message: 'not ours' } } })
  })
})

describe('T16 nothing is left', () => {
  test.each(['r-#', 'r-(e|)'])('after each life and each wait, when its listener leaves: %s', life => {
    inMarbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const lives = [cold(life, states), cold('r-----', states)]
      const shutdown$ = hot<Shutdown>('-')
      const service = restarted(livingThrough(...lives), 'permanent')
      expectObservable(service.lifecycle(shutdown$).pipe(map(letter)), '^------!').toBe('r-b--(2r)')
      expectSubscriptions(lives[0]!.subscriptions).toBe(' ^-!')
      expectSubscriptions(lives[1]!.subscriptions).toBe(' -----^-!')
      expectSubscriptions(shutdown$.subscriptions).toBe('^------!')
    })
  })

  test('a listener that leaves during a wait', () => {
    const time = new VirtualTimeScheduler()
    const service = restarted(livingThrough(throwError(() => 'no')), 'permanent', undefined, time)
    const life = service.lifecycle(NEVER).subscribe()
    expect(time.actions).toHaveLength(1)
    life.unsubscribe()
    expect(time.actions.filter(({ closed }) => !closed)).toEqual([])
  })

  test('a listener that leaves while the next is starting', () => {
    const time = new VirtualTimeScheduler()
    let open = 0
    let n = 0
    const service: Service = {
      name: 'worker',
      lifecycle: () =>
        new Observable(out => {
          open++
          if (n++ === 0) out.error('no')
          else out.next(states['r']!)
          return () => open--
        }),
    }
    const life = restarted(service, 'permanent', undefined, time)
      .lifecycle(NEVER)
      .subscribe(state => {
        if (state.phase === 'running') life.unsubscribe()
      })
    time.flush()
    expect([n, open]).toEqual([2, 0])
  })
})
