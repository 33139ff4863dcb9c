import { inspect } from 'node:util'
import {
  type HookResult,
  job,
  type ServiceContext,
  type ServiceHooks,
  type Step,
  service,
  task,
} from 'rx-service-group'
import { NEVER, Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { toService } from '../../../src/core/service.ts'
import { ShutdownSteps } from '../../../src/core/steps.ts'
import { deferred, Life, turn } from '../life.ts'

const hookNames = ['start', 'unready', 'drain', 'stop', 'force'] as const

/** A service whose hooks write down that they were called, and what their signal says now. */
const watched = (
  log: string[],
  does: Partial<Record<(typeof hookNames)[number], (context: ServiceContext) => HookResult>> = {},
): { hooks: ServiceHooks; signals: Record<string, AbortSignal> } => {
  const signals: Record<string, AbortSignal> = {}
  const hooks = Object.fromEntries(
    hookNames.map(name => [
      name,
      (context: ServiceContext) => {
        signals[name] = context.signal
        log.push(context.signal.aborted ? `${name} (aborted)` : name)
        return does[name]?.(context)
      },
    ]),
  )
  return { hooks, signals }
}

const aborted = (signals: Record<string, AbortSignal>): string =>
  Object.keys(signals)
    .filter(name => signals[name]!.aborted)
    .join(' ')

describe('which hooks are called, and in which order', () => {
  test.each<[string, ('unready' | 'drain' | 'stop' | 'force')[], string]>([
    ['all steps in turn', ['unready', 'drain', 'stop'], 'start unready drain stop'],
    ['unready left out', ['drain', 'stop'], 'start unready drain stop'],
    ['drain left out', ['unready', 'stop'], 'start unready drain stop'],
    ['all left out', ['stop'], 'start unready drain stop'],
    ['a step asked twice', ['unready', 'unready', 'drain', 'drain', 'stop', 'stop'], 'start unready drain stop'],
    ['force at once, also when the stop returns at once', ['force'], 'start stop (aborted) force'],
    ['force after unready', ['unready', 'force'], 'start unready stop (aborted) force'],
    ['force after the end', ['stop', 'force'], 'start unready drain stop'],
  ])('%s', async (_, steps, expected) => {
    const log: string[] = []
    const life = new Life(service('db', watched(log).hooks))
    for (const step of steps) await life.asked(step)
    expect(log.join(' ')).toBe(expected)
  })

  test('force is called when the stop, though aborted, takes its time', async () => {
    const log: string[] = []
    const stopped = deferred()
    const life = new Life(
      service('db', watched(log, { stop: () => stopped.promise, force: () => stopped.resolve() }).hooks),
    )
    await life.asked('force')
    expect(log.join(' ')).toBe('start stop (aborted) force')
    expect(life.said).toEqual(['starting', 'running', 'stopping', 'forced', '|'])
  })

  test('a start that is cancelled and comes up all the same is stopped with all that belongs to it', async () => {
    const log: string[] = []
    const up = deferred()
    const life = new Life(service('db', watched(log, { start: () => up.promise }).hooks))
    expect(await life.asked('stop')).toEqual(['stopping'])
    up.resolve()
    await turn()
    expect(log).toEqual(['start', 'unready', 'drain', 'stop'])
    expect(life.said).toEqual(['starting', 'stopping', 'stopped', '|'])
  })

  test('a start that gives up when cancelled is not stopped', async () => {
    const log: string[] = []
    const start = ({ signal }: ServiceContext): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const life = new Life(service('db', watched(log, { start }).hooks))
    expect(await life.asked('stop')).toEqual(['stopping', 'stopped', '|'])
    expect(log).toEqual(['start'])
  })

  test('a job that ends well although it was cancelled is over, and nothing is stopped', async () => {
    const up = deferred()
    const life = new Life(job('migrate', () => up.promise))
    await life.asked('stop')
    up.resolve()
    await turn()
    expect(life.said).toEqual(['starting', 'stopping', 'stopped', '|'])
  })
})

describe('a hook is called', () => {
  test('also when its step was skipped and there is nothing to drain', async () => {
    const log: string[] = []
    const { unready, stop } = watched(log).hooks as Required<ServiceHooks>
    await new Life(service('db', { unready, stop })).asked('stop')
    expect(log).toEqual(['unready', 'stop'])
  })

  test('once, although a listener has caused the next step before it', async () => {
    const log: string[] = []
    const steps$ = new ShutdownSteps()
    const reason = { by: 'call' } as const
    service('db', watched(log).hooks)
      .lifecycle(steps$)
      .subscribe(({ phase }) => phase === 'draining' && steps$.raise({ step: 'stop', reason }))
    steps$.raise({ step: 'drain', reason })
    await turn()
    expect(log).toEqual(['start', 'unready', 'drain', 'stop'])
  })

  test('never once its service has failed', async () => {
    const log: string[] = []
    const { hooks } = watched(log, {
      unready: ({ fail }) => {
        fail(new Error('died'))
        return deferred().promise
      },
    })
    await new Life(service('db', hooks)).asked('drain', 'stop')
    expect(log).toEqual(['start', 'unready'])
    const skipped: string[] = []
    await new Life(service('db', watched(skipped, { unready: ({ fail }) => fail(new Error('died')) }).hooks)).asked(
      'stop',
    )
    expect(skipped).toEqual(['start', 'unready'])
  })
})

describe('the context of a hook', () => {
  const context = (): ServiceContext => {
    let given!: ServiceContext
    new Life(
      task('ticker', context => {
        given = context
        return deferred().promise
      }),
    )
    return given
  }

  test('is shown with its members when it is printed', () => {
    expect(inspect(context())).toMatch(/signal: AbortSignal.*reason: undefined.*fail: \[Function/s)
  })

  test('gives the same function each time, so that it can be removed as a listener', () => {
    const one = context()
    const { fail, signal } = one
    expect([fail === { ...one }.fail, signal === { ...one }.signal, 'fail' in one]).toEqual([true, true, true])
  })
})

describe('the signal of each hook', () => {
  test("start's fires when the start is cancelled", async () => {
    const { hooks, signals } = watched([], { start: () => deferred().promise })
    const life = new Life(service('db', hooks))
    expect(aborted(signals)).toBe('')
    life.ask('stop')
    expect(aborted(signals)).toBe('start')
  })

  test("start's never fires once it has started", async () => {
    const { hooks, signals } = watched([])
    const life = new Life(service('db', hooks))
    await life.asked('stop')
    expect(life.said.at(-1)).toBe('|')
    expect(aborted(signals)).toBe('')
  })

  test("drain's fires at stop, unready's when it is all over", async () => {
    const drained = deferred()
    const { hooks, signals } = watched([], { unready: () => deferred().promise, drain: () => drained.promise })
    const life = new Life(service('db', hooks))
    await life.asked('unready', 'drain')
    expect(aborted(signals)).toBe('')
    drained.resolve()
    await turn()
    await life.asked('stop')
    expect(aborted(signals)).toBe('unready')
  })

  test("drain's fires at stop when it has not drained", async () => {
    const { hooks, signals } = watched([], { drain: () => deferred().promise, stop: () => deferred().promise })
    const life = new Life(service('db', hooks))
    await life.asked('drain')
    expect(aborted(signals)).toBe('')
    await life.asked('stop')
    expect(aborted(signals)).toBe('drain')
  })

  test("stop's fires at force", async () => {
    const { hooks, signals } = watched([], { stop: () => deferred().promise })
    const life = new Life(service('db', hooks))
    await life.asked('stop')
    expect(aborted(signals)).toBe('')
    await life.asked('force')
    expect(aborted(signals)).toBe('stop')
  })

  test("a task's fires at its own turn, not when others leave", async () => {
    let signals: Record<string, AbortSignal> = {}
    const life = new Life(
      task('ticker', ({ signal }) => {
        signals = { main: signal }
        return deferred().promise
      }),
    )
    await life.asked('unready', 'drain')
    expect(aborted(signals)).toBe('')
    await life.asked('stop')
    expect(aborted(signals)).toBe('main')
  })

  test('all fire when nobody listens any more, and nothing more is said', async () => {
    const drained = deferred()
    const { hooks, signals } = watched([], { unready: () => deferred().promise, drain: () => drained.promise })
    const life = new Life(service('db', hooks))
    await life.asked('unready', 'drain')
    life.leave()
    expect(aborted(signals)).toBe('unready drain')
    const before = [...life.said]
    drained.resolve()
    await life.asked('stop')
    expect(life.said).toEqual(before)
  })

  test('one that is asked for late says what is true', async () => {
    let context: ServiceContext | undefined
    const life = new Life(
      task('ticker', given => {
        context = given
        return deferred().promise
      }),
    )
    life.ask('stop')
    expect(context?.signal.aborted).toBe(true)
    expect(context?.signal).toBe(context?.signal)
  })
})

describe('an abort that comes back', () => {
  const untilAborted = ({ signal }: ServiceContext): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const abortError = (): Error => Object.assign(new Error('gone'), { name: 'AbortError' })

  test('as the reason of its own signal is no failure', async () => {
    const life = new Life(task('ticker', untilAborted))
    expect(await life.asked('stop')).toEqual(['stopping', 'stopped', '|'])
  })

  test('as an AbortError of a library that was given the signal is no failure', async () => {
    const main = ({ signal }: ServiceContext): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(abortError())))
    expect(await new Life(task('ticker', main)).asked('stop')).toEqual(['stopping', 'stopped', '|'])
  })

  test('R9 as an AbortError of somebody else is a failure', async () => {
    const running = new Life(task('ticker', () => Promise.reject(abortError())))
    await turn()
    expect(running.said).toEqual(['starting', 'running', '# ERR_SERVICE_FAILED'])
    const starting = new Life(service('db', { start: () => Promise.reject(abortError()) }))
    await turn()
    expect(starting.said).toEqual(['starting', '# ERR_START_FAILED'])
    const stopping = new Life(service('db', { stop: () => Promise.reject(abortError()) }))
    expect(await stopping.asked('stop')).toEqual(['stopping', '# ERR_STOP_FAILED'])
  })

  test('as something else is a failure also of one that is stopping', async () => {
    const failed = deferred()
    const life = new Life(task('ticker', () => failed.promise))
    await life.asked('stop')
    failed.reject(new TypeError('oops'))
    await turn()
    expect(life.said.slice(2)).toEqual(['stopping', '# ERR_SERVICE_FAILED'])
  })

  test('of a stop that was forced leaves it forced', async () => {
    const life = new Life(service('db', { stop: untilAborted }))
    await life.asked('stop')
    expect(await life.asked('force')).toEqual(['forced', '|'])
  })

  test('of a drain that was cut short leaves it stopped', async () => {
    const life = new Life(service('db', { unready: untilAborted, drain: untilAborted }))
    await life.asked('drain')
    expect(await life.asked('stop')).toEqual(['stopping', 'stopped', '|'])
  })
})

describe('what ignores its signal', () => {
  const ignoring = (): Promise<never> => new Promise(() => undefined)

  test.each<[string, ServiceHooks]>([
    ['a start', { start: ignoring }],
    ['a stop', { stop: ignoring }],
    ['a force', { force: ignoring, stop: ignoring }],
  ])('%s is never gone, even when forced', async (_, hooks) => {
    const life = new Life(service('db', hooks))
    await life.asked('stop', 'force')
    await turn()
    expect(life.said.at(-1)).toBe('stopping')
  })

  test('a task is never gone, even when forced', async () => {
    expect(await new Life(task('ticker', ignoring)).asked('stop', 'force')).toEqual(['stopping'])
  })

  test('a drain holds back the stop, and under force is counted as left behind', async () => {
    const life = new Life(service('db', { drain: ignoring }))
    expect(await life.asked('stop')).toEqual(['stopping'])
    expect(await life.asked('force')).toEqual(['forced {"abandoned":1}', '|'])
  })

  test('a drain and an unready that still run at the end are counted', async () => {
    const life = new Life(service('db', { unready: ignoring, drain: ignoring }))
    await life.asked('drain')
    expect(await life.asked('stop')).toEqual(['stopping', 'stopped {"abandoned":2}', '|'])
  })

  test('what a service says of that itself is kept', async () => {
    const drain = ({ info }: ServiceContext): Promise<never> => {
      info({ abandoned: 7 })
      return ignoring()
    }
    const life = new Life(service('db', { drain }))
    await life.asked('drain')
    expect((await life.asked('stop')).at(-2)).toBe('stopped {"abandoned":7}')
  })

  test('changes nothing by settling late', async () => {
    const late = deferred()
    const life = new Life(service('db', { drain: () => late.promise }))
    await life.asked('drain', 'stop')
    const before = [...life.said]
    late.reject(new Error('late'))
    await turn()
    expect(life.said).toEqual(before)
  })
})

describe('what a hook can say', () => {
  const ticking = (say: (context: ServiceContext) => void): Life =>
    new Life(
      task('ticker', context => {
        say(context)
        return deferred().promise
      }),
    )

  test('can be taken out of the context', async () => {
    const life = ticking(({ info, setHealth, pending, fail }) => {
      info({ port: 8080 })
      setHealth('warn', 'slow')
      pending(3)
      queueMicrotask(() => fail(new Error('died')))
    })
    await turn()
    expect(life.said).toEqual([
      'starting',
      'running',
      'running {"port":8080}',
      'running:warn(slow) {"port":8080}',
      'running:warn(slow) {"abandoned":1,"port":8080}',
      '# ERR_SERVICE_FAILED',
    ])
  })

  test('health said while starting is the health it runs with', () => {
    const life = new Life(service('db', { start: ({ setHealth }) => setHealth('fail', 'no master') }))
    expect(life.said).toEqual(['starting', 'running:fail(no master)'])
  })

  test('health that is well again loses its detail', () => {
    const life = ticking(({ setHealth }) => {
      setHealth('warn', 'slow')
      setHealth('pass')
    })
    expect(life.said).toEqual(['starting', 'running', 'running:warn(slow)', 'running'])
  })

  test('particulars are merged, and the last are kept to the end', async () => {
    const life = new Life(
      service('db', {
        start: ({ info }) => info({ host: 'a', port: 1 }),
        stop: ({ info }) => info({ port: null, cut: 2 }),
      }),
    )
    await life.asked('stop')
    expect(life.said).toEqual([
      'starting',
      'starting {"host":"a","port":1}',
      'running {"host":"a","port":1}',
      'stopping {"host":"a","port":1}',
      'stopping {"host":"a","port":null,"cut":2}',
      'stopped {"host":"a","port":null,"cut":2}',
      '|',
    ])
  })

  test('pending is told only while draining and stopping, and not beyond its drain', async () => {
    let context!: ServiceContext
    const drained = deferred()
    const stopped = deferred()
    const life = new Life(
      service('db', {
        start: given => {
          context = given
        },
        drain: () => drained.promise,
        stop: () => stopped.promise,
      }),
    )
    context.pending(7)
    life.ask('unready', 'drain')
    context.pending(2)
    drained.resolve()
    await turn()
    context.pending(9)
    life.ask('stop')
    context.pending(1)
    stopped.resolve()
    await turn()
    context.pending(5)
    expect(life.said).toEqual([
      'starting',
      'running',
      'leaving',
      'draining(7)',
      'draining(2)',
      'drained',
      'stopping(9)',
      'stopping(1)',
      'stopped',
      '|',
    ])
  })

  test('what was pending in its drain is over with its drain', async () => {
    const drained = deferred()
    const drain = ({ pending }: ServiceContext): Promise<void> => {
      pending(2)
      return drained.promise
    }
    const life = new Life(service('db', { drain }))
    await life.asked('drain')
    drained.resolve()
    await turn()
    expect(await life.asked('stop')).toEqual(['stopping', 'stopped', '|'])
  })

  test('the reason is known once it is asked to end', async () => {
    const reasons: unknown[] = []
    const { hooks } = watched([], {
      start: ({ reason }) => void reasons.push(reason),
      unready: ({ reason }) => void reasons.push(reason),
      stop: ({ reason }) => void reasons.push(reason),
    })
    const life = new Life(service('db', hooks))
    await life.asked('unready', 'stop')
    const sigterm = { by: 'signal', signal: 'SIGTERM' }
    expect(reasons).toEqual([undefined, sigterm, sigterm])
    expect(life.states.filter(({ phase }) => phase === 'stopping')).toEqual([{ phase: 'stopping', reason: sigterm }])
  })

  test('nothing said after the end is heard', async () => {
    let context!: ServiceContext
    const life = new Life(
      service('db', {
        start: given => {
          context = given
        },
      }),
    )
    await life.asked('stop')
    const before = [...life.said]
    context.setHealth('fail')
    context.info({ x: 1 })
    context.pending(1)
    context.fail(new Error('late'))
    expect(life.said).toEqual(before)
  })
})

describe('fail()', () => {
  /** A service whose context a test has got hold of. */
  const held = (hooks: ServiceHooks = {}): { readonly life: Life; readonly context: ServiceContext } => {
    let context!: ServiceContext
    const start = (given: ServiceContext): void => {
      context = given
    }
    const life = new Life(service('db', { start, ...hooks }))
    return { life, context }
  }

  test.each<[string, Step[], string[]]>([
    ['while it runs', [], ['starting', 'running', '# ERR_SERVICE_FAILED']],
    ['while it says goodbye', ['unready'], ['starting', 'running', 'leaving', '# ERR_SERVICE_FAILED']],
  ])('%s ends it before it returns, when nothing is under way', async (_, steps, expected) => {
    const { life, context } = held()
    await life.asked(...steps)
    context.fail(new Error('died'))
    context.fail(new Error('twice'))
    expect(life.said).toEqual(expected)
  })

  test.each<[string, Step[], string]>([
    ['draining', ['drain'], 'draining'],
    ['stopping', ['drain', 'stop'], 'stopping'],
  ])('R6 while a hook is under way aborts it, and ends once that has given up: %s', async (_, steps, phase) => {
    let gaveUp = false
    const heeds = ({ signal }: ServiceContext): Promise<void> =>
      new Promise<void>(resolve => signal.addEventListener('abort', () => resolve())).then(async () => {
        await Promise.resolve()
        gaveUp = true
      })
    const { life, context } = held({ drain: heeds, stop: heeds })
    await life.asked(...steps)
    const before = life.said.length
    gaveUp = false
    context.fail(new Error('died'))
    expect(life.said.slice(before)).toEqual([])
    await turn()
    expect([life.said.slice(before - 1), gaveUp]).toEqual([[phase, '# ERR_SERVICE_FAILED'], true])
  })

  test('R6 what runs on all the same is told before the error', async () => {
    const { life, context } = held({ unready: () => deferred().promise, drain: () => deferred().promise })
    context.info({ port: 1 })
    await life.asked('drain')
    context.fail(new Error('died'))
    await turn()
    expect(life.said.slice(-3)).toEqual([
      'draining {"port":1}',
      'draining {"abandoned":2,"port":1}',
      '# ERR_SERVICE_FAILED',
    ])
  })

  test('R6 what runs on after another failure is told as well', async () => {
    const { life } = held({ drain: () => deferred().promise, stop: () => Promise.reject(new Error('no')) })
    await life.asked('drain', 'stop')
    expect(life.said.slice(-3)).toEqual(['stopping', 'stopping {"abandoned":1}', '# ERR_STOP_FAILED'])
  })

  test('R6 from inside a task is told once that has returned, whatever it does afterwards', async () => {
    const life = new Life(
      task('ticker', ({ fail }) => {
        fail(new Error('died'))
        throw new Error('and threw')
      }),
    )
    expect(life.said).toEqual(['starting', 'running', '# ERR_SERVICE_FAILED'])
    expect(life.error).toMatchObject({ message: 'service "ticker": failed: died' })
    const going = new Life(
      task('ticker', ({ fail }) => {
        fail(new Error('died'))
        return deferred().promise
      }),
    )
    expect(going.said).toEqual(['starting', 'running'])
    await turn()
    expect(going.said.slice(2)).toEqual(['running {"abandoned":1}', '# ERR_SERVICE_FAILED'])
  })

  test('R6 from inside an Observable unsubscribes it, and is told at once', () => {
    let subscribed = 0
    const life = new Life(
      task(
        'ticker',
        ({ fail }) =>
          new Observable(() => {
            subscribed++
            fail(new Error('died'))
            return () => subscribed--
          }),
      ),
    )
    expect([life.said, subscribed]).toEqual([['starting', 'running', '# ERR_SERVICE_FAILED'], 0])
  })

  test('R6 a step that comes while it gives up changes nothing', async () => {
    const log: string[] = []
    const { life, context } = held({ drain: () => deferred().promise, stop: () => void log.push('stop') })
    await life.asked('drain')
    context.fail(new Error('died'))
    life.ask('stop', 'force')
    await turn()
    expect([life.said.slice(-2), log]).toEqual([['draining {"abandoned":1}', '# ERR_SERVICE_FAILED'], []])
  })

  test('R6 whoever leaves while it gives up hears nothing more', async () => {
    const { life, context } = held({ drain: () => deferred().promise })
    await life.asked('drain')
    context.fail(new Error('died'))
    life.leave()
    await turn()
    expect(life.said.at(-1)).toBe('draining')
  })

  test('while it starts is a failed start', async () => {
    const life = new Life(service('db', { start: ({ fail }) => fail(new Error('no')) }))
    expect(life.said).toEqual(['starting', '# ERR_START_FAILED'])
  })

  test('after its unready failed names that first', async () => {
    let context!: ServiceContext
    const life = new Life(
      service('db', {
        start: given => {
          context = given
        },
        unready: () => Promise.reject(new Error('rude')),
      }),
    )
    await life.asked('unready')
    context.fail(new Error('died'))
    expect(life.error).toMatchObject({
      code: 'ERR_UNREADY_FAILED',
      message: 'service "db": unready failed: rude (then: service "db": failed: died)',
    })
  })
})

type Ask = (...steps: Step[]) => unknown

describe('a hook that ends its own service', () => {
  /** Calls hooks with the life they belong to, which is asked all steps in turn. */
  const selfish = async (hooks: (ask: Ask) => ServiceHooks): Promise<string> => {
    const asked: Step[][] = []
    let life: Life | undefined
    const ask = (...steps: Step[]): Life | undefined => {
      if (!life) asked.push(steps)
      return life?.ask(...steps)
    }
    life = new Life(service('db', hooks(ask)))
    for (const steps of asked) life.ask(...steps)
    for (const step of ['unready', 'drain', 'stop'] as const) await life.asked(step)
    return life.said.join(' ')
  }

  test.each<[string, (ask: Ask) => ServiceHooks, string]>([
    ['by stop in unready', ask => ({ unready: () => void ask('stop') }), 'starting running leaving stopping stopped |'],
    [
      'by force in unready',
      ask => ({ unready: () => void ask('force'), drain: () => NEVER, stop: () => NEVER }),
      'starting running leaving stopping forced |',
    ],
    [
      'by stop in drain',
      ask => ({ drain: () => void ask('stop') }),
      'starting running leaving draining stopping stopped |',
    ],
    [
      'by force in stop',
      ask => ({
        stop: () => {
          ask('force')
          return NEVER
        },
      }),
      'starting running leaving stopping forced |',
    ],
  ])('%s is heeded', async (_, hooks, expected) => expect(await selfish(hooks)).toBe(expected))
})

describe('objects with start and stop', () => {
  class Morning {
    greeting = 'morning!'
    said: string[] = []
    start(): void {
      this.said.push(this.greeting)
    }
    stop(): void {
      this.said.push('good night')
    }
  }

  test('are named after their class, and keep their this', async () => {
    const morning = new Morning()
    const made = toService(morning)
    expect(made.name).toBe('Morning')
    const life = new Life(made)
    await life.asked('stop')
    expect(life.said).toEqual(['starting', 'running', 'stopping', 'stopped', '|'])
    expect(morning.said).toEqual(['morning!', 'good night'])
  })

  test('are named after their name first', () => {
    expect(toService(Object.assign(new Morning(), { name: 'dawn' })).name).toBe('dawn')
    expect(toService({ name: 'plain', start: () => undefined }).name).toBe('plain')
  })

  test('have the steps that they have', async () => {
    const log: string[] = []
    const life = new Life(toService({ name: 'all', ...(watched(log).hooks as { start: () => void }) }))
    await life.asked('unready', 'drain', 'stop')
    expect(log).toEqual(['start', 'unready', 'drain', 'stop'])
  })

  test.each<[string, unknown, string]>([
    ['an object without start', { stop: () => undefined }, 'ERR_NOT_A_SERVICE'],
    ['a function', () => undefined, 'ERR_NOT_A_SERVICE'],
    ['null', null, 'ERR_NOT_A_SERVICE'],
    ['an Observable', NEVER, 'ERR_NOT_A_SERVICE'],
    ['a nameless object', { start: () => undefined }, 'ERR_INVALID_NAME'],
    [
      'an object without a prototype',
      Object.assign(Object.create(null), { start: () => undefined }),
      'ERR_INVALID_NAME',
    ],
    ['an empty name', { name: '  ', start: () => undefined }, 'ERR_INVALID_NAME'],
    ['a name with a slash', { name: 'a/b', start: () => undefined }, 'ERR_INVALID_NAME'],
    ['a service with an empty name', { name: '', lifecycle: () => NEVER }, 'ERR_INVALID_NAME'],
  ])('%s is refused', (_, thing, code) => {
    expect(() => toService(thing)).toThrow(expect.objectContaining({ code }))
  })

  test.each([() => service('', {}), () => task('a/b', () => undefined), () => job(7 as never, () => undefined)])(
    'names of services are checked where they are made',
    make => expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_NAME' })),
  )
})
