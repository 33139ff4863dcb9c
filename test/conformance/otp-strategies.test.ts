import type { GroupOptions, ServiceGroup } from 'rx-service-group'
import { describe, expect, test } from 'vitest'
import { asRecorded, replay, type Ways } from './otp/replay.ts'
import { comparable, isSupervisor, recorded, recording, type Scenario, type Step } from './otp/traces.ts'

// Everything that was recorded, replayed by groups that restart as their supervisors do: by strategy, counting the
// restarts of all services together, and inside one another.

interface Supervision {
  readonly strategy: 'one-for-one' | 'rest-for-one' | 'one-for-all'
  readonly maxRestarts: number
  /** In milliseconds. */
  readonly period: number
}

interface ByHand {
  restart(name: string): Promise<void>
  remove(name: string): Promise<void>
}

const AT_ONCE = { initialDelay: 0, jitter: 0, maxRestarts: Infinity } as const

const supervised: Ways = {
  group: ({ strategy, intensity: maxRestarts, period }) => {
    const supervision = {
      strategy: strategy.replaceAll('_', '-') as Supervision['strategy'],
      maxRestarts,
      period: period * 1_000,
    }
    return supervision as GroupOptions & Supervision
  },
  add: child =>
    isSupervisor(child) ? { restart: { policy: child.restart ?? 'permanent', ...AT_ONCE } } : asRecorded(child),
  acts: {
    restart: (group, name) => (group as ServiceGroup & ByHand).restart(name),
    remove: (group, name) => (group as ServiceGroup & ByHand).remove(name),
  },
}

/** Which promise a scenario proves, by the first word of its name. */
const PROMISES: Readonly<Record<string, string>> = {
  one_for_one: 'R2',
  one_for_all: 'R5',
  rest_for_one: 'R5',
  intensity: 'R4',
  nested: 'R10',
  shutdown: 'T1',
  'by hand': 'R14',
}

/** The two in which a group does better; `otp.test.ts` has what it does. */
const OTHERWISE = [
  'intensity: in whole seconds, 1.8 s are within a period of 1 s',
  'start: a child whose first start fails takes those before it down',
]

const promised = (scenario: Scenario): [promise: string, name: string, scenario: Scenario] => {
  const { name } = scenario
  return [PROMISES[name.split(':')[0]!]!, name, scenario]
}

const seenLast = (steps: readonly Step[]): readonly string[] => steps.at(-1)!.seen

/** All but the shutdown at the end. */
const upToShutdown = ({ steps, ...scenario }: Scenario): Scenario => ({ ...scenario, steps: steps.slice(0, -1) })

describe('as OTP does, with strategies and groups inside groups', () => {
  const scenarios = recording.scenarios.filter(({ name }) => !OTHERWISE.includes(name))

  test.each(scenarios.map(promised))('%s %s', async (_promise, _name, scenario) => {
    const { steps, time } = await replay(scenario, supervised)
    expect(steps).toEqual(comparable(scenario))
    expect(time.timers).toBe(0)
  })

  test('R5 R6 none is started before a sibling that is slow to stop is gone', async () => {
    const scenario = upToShutdown(recorded('one_for_all: the middle one crashes'))
    const { steps, fakes, time } = await replay(scenario, {
      ...supervised,
      fake: ({ name }) => (name === 'c' ? { stop: 'waits' } : {}),
    })
    expect([seenLast(steps), fakes.get('a')!.ping()]).toEqual([['exit b crash'], 'pong'])
    await time.advance(1_000)
    expect([seenLast(steps), fakes.get('a')!.ping()]).toEqual([['exit b crash'], 'pong'])
    fakes.get('c')!.stop.succeed()
    await time.advance(0)
    const asOtp = seenLast(comparable(scenario))
    expect(seenLast(steps)).toEqual(asOtp.filter(event => event !== 'terminate c shutdown'))
  })
})

describe('otherwise than OTP, with strategies and groups inside groups', () => {
  test('R4 the window of the whole group is exact: 1.8 s are not within a period of 1 s', async () => {
    const { steps, group } = await replay(recorded(OTHERWISE[0]!), supervised)
    expect(seenLast(steps)).toEqual(['exit b crash', 'init b'])
    expect(group.status.phase).toBe('running')
  })

  test('R4 a group that gives up because of all says whose restart was the one too many', async () => {
    const { group } = await replay(
      recorded('intensity: crashes of different children are counted together'),
      supervised,
    )
    expect(group.report).toMatchObject({ ok: false, trigger: { by: 'failure', service: 'sup/a' } })
    expect(group.report.errors).toMatchObject([
      { code: 'ERR_RESTART_LIMIT', message: expect.stringContaining('"a"'), cause: { cause: { message: 'crash' } } },
    ])
  })

  test('R10 what a group inside gave up because of is still told by the one that restarts it', async () => {
    const { group } = await replay(recorded('nested: the inner one gives up, and the outer one then too'), supervised)
    const told = JSON.stringify(group.report.errors)
    expect(told).toContain('ERR_RESTART_LIMIT')
    expect(told).toContain('inner')
    expect(told).toContain('crash')
  })

  test.each(['one_for_all: the middle one crashes', 'rest_for_one: the middle one of four crashes'])(
    'R5 a sibling is drained before it is stopped, and its next start waits for that: %s',
    async name => {
      const log: string[] = []
      const scenario = upToShutdown(recorded(name))
      const { steps } = await replay(scenario, { ...supervised, fake: () => ({ drain: 'returns', log }) })
      expect(steps).toEqual(comparable(scenario))
      const stopped = log.filter(call => call.endsWith(' stop')).map(call => call.split(' ')[0]!)
      expect(stopped.length).toBeGreaterThan(0)
      for (const sibling of stopped)
        expect(log.filter(call => call.startsWith(`${sibling} `))).toEqual(
          ['start', 'drain', 'stop', 'start'].map(hook => `${sibling} ${hook}`),
        )
    },
  )

  test('R3 R5 there is a wait before the restart of all, and the order is the same', async () => {
    const scenario = upToShutdown(recorded('one_for_all: the middle one crashes'))
    const { steps, time } = await replay(scenario, {
      ...supervised,
      add: () => ({ restart: { policy: 'permanent', initialDelay: 100, jitter: 0 } }),
    })
    await time.advance(99)
    expect(seenLast(steps).filter(event => event.startsWith('init'))).toEqual([])
    await time.advance(1)
    expect(seenLast(steps)).toEqual(seenLast(comparable(scenario)))
  })
})
