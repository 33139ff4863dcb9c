import { type Service, type ServiceGroup, type ServiceState, serviceGroup } from 'rx-service-group'
import { virtualTime } from 'rx-service-group/testing'
import { Observable, Subject } from 'rxjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { bytesOf, stepsOf, watched } from '../support/work.ts'

// Nothing here measures time: what is counted are steps and bytes, which a busy machine does not change.

const FEW = 10
const MANY = 4_000

const pass: ServiceState = { phase: 'running', health: 'pass' }
const warn: ServiceState = { phase: 'running', health: 'warn', detail: 'slow' }
const error = { name: 'Error', message: 'no route' }
const call = { by: 'call' } as const

/** What one service says, and then what makes it as it was. */
const TRANSITIONS: Readonly<Record<string, readonly ServiceState[]>> = {
  'a health': [warn, pass],
  'a restart': [{ phase: 'backoff', error, attempt: 2, retryAt: 0 }, { phase: 'starting', attempt: 2 }, pass],
  'a goodbye of its own': [
    { phase: 'draining', reason: call, pending: 2 },
    { phase: 'drained' },
    { phase: 'stopping', reason: call },
    { phase: 'starting', attempt: 1 },
    pass,
  ],
}

interface Crowd {
  readonly group: ServiceGroup<string>
  /** Makes one in the middle say something. */
  say(...states: readonly ServiceState[]): void
  /** What its listeners have heard, so that nobody can say they were not told. */
  readonly told: () => number
}

/** So many services, one after the other or each by itself, all that one can listen to listened to. */
const crowd = async (size: number, dependsOn?: readonly string[]): Promise<Crowd> => {
  const group = serviceGroup('crowd', { clock: virtualTime() })
  const says = new Map<string, Subject<ServiceState>>()
  for (let n = 0; n < size; n++) {
    const said = new Subject<ServiceState>()
    says.set(`s${n}`, said)
    const one: Service = {
      name: `s${n}`,
      lifecycle: shutdown$ =>
        new Observable(out => {
          const life = said.subscribe(state => out.next(watched(state)))
          life.add(shutdown$.subscribe(({ step }) => step === 'stop' && out.complete()))
          said.next({ phase: 'starting', attempt: 1 })
          said.next(pass)
          return life
        }),
    }
    group.add(one, dependsOn ? { dependsOn } : {})
  }
  let heard = 0
  group.events$.subscribe(() => heard++)
  group.health$.subscribe(() => heard++)
  group.status$.subscribe(({ phase, health, ready, seq, at, trigger }) => {
    if (phase && health && ready !== undefined && seq >= 0 && at >= 0 && !trigger) heard++
  })
  await group.start()
  const middle = says.get(`s${size >> 1}`)!
  return {
    group,
    say: (...states) => {
      for (const state of states) middle.next(state)
    },
    told: () => heard,
  }
}

const places: readonly (readonly [string, readonly string[] | undefined])[] = [
  ['one after the other', undefined],
  ['each by itself', []],
]

describe.each(places)('among services that start %s', (_, dependsOn) => {
  let few: Crowd
  let many: Crowd

  beforeAll(async () => {
    few = await crowd(FEW, dependsOn)
    many = await crowd(MANY, dependsOn)
  }, 60_000)

  describe.each(Object.entries(TRANSITIONS))('%s', (_, states) => {
    test('V8 takes as many steps among ten services as among four thousand', () => {
      const usual = ({ say }: Crowd): number =>
        Array.from({ length: 11 }, () => stepsOf(() => say(...states))).sort((a, b) => a - b)[5]!
      expect(usual(few)).toBeGreaterThan(0)
      expect(usual(many)).toBe(usual(few))
    })

    test('V8 allocates no more among four thousand services than among ten', () => {
      const bytes = ({ say }: Crowd): number => bytesOf(() => say(...states))
      // Once for the compiler to settle. Twice as much is its affair; a copy of anything would be far more.
      bytes(few)
      expect(bytes(many)).toBeLessThan(2 * bytes(few))
    })
  })

  test('V8 whatever is copied now and then is paid for by the transitions in between', { timeout: 30_000 }, () => {
    const times = 3 * MANY
    const mean = ({ say, told }: Crowd): number => {
      const before = told()
      const steps = stepsOf(() => {
        for (let n = 0; n < times; n++) say(warn, pass)
      })
      expect(told() - before).toBeGreaterThan(6 * times)
      return steps / times
    }
    expect(mean(many)).toBeLessThan(mean(few) + 10)
  })
})
