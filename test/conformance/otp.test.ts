import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { asRecorded, replay, type Ways } from './otp/replay.ts'
import { comparable, isSupervisor, recorded, recording, type Step } from './otp/traces.ts'
import { outcomes } from './setup.ts'

// What an OTP supervisor was seen doing, done again by a group. `otp/traces.ts` says what of it is compared; where a
// group does otherwise, and why, is the second half of this file.

/** OTP counts the restarts of all children together; as long as only one crashes, that is its own limit. */
const limited: Ways = {
  add: (child, { intensity: maxRestarts, period }) => {
    const options = asRecorded(child)
    if (isSupervisor(child)) return options
    const { restart: policy } = child
    return { ...options, restart: { policy, initialDelay: 0, jitter: 0, maxRestarts, period: period * 1_000 } }
  },
}

/** OTP tries no first start again. */
const neverRestarted: Ways = { add: () => ({}) }

const seenLast = (steps: readonly Step[]): readonly string[] => steps.at(-1)!.seen

describe('as OTP does', () => {
  test.each<[id: string, name: string, ways?: Ways]>([
    ['R2', 'one_for_one: a permanent child that crashes is restarted, alone'],
    ['R2', 'one_for_one: a permanent child that ends is restarted'],
    ['R2', 'one_for_one: a transient child that crashes is restarted'],
    ['R2', 'one_for_one: a transient child that ends is not restarted'],
    ['R2', 'one_for_one: a temporary child that crashes is not restarted'],
    ['R2', 'one_for_one: a temporary child that ends is not restarted'],
    ['R4', 'intensity: one crash too many, and the supervisor gives up', limited],
    ['R4', 'intensity: what is spread over the period is not too much', limited],
    ['R4', 'intensity: in whole seconds, 1.2 s are not within a period of 1 s when they touch three', limited],
    ['R4', 'intensity: a start that fails again and again burns it at once', limited],
    ['R4', 'intensity: a start that fails twice, then succeeds', limited],
    ['S5', 'start: a child whose first start fails takes those before it down', neverRestarted],
    ['R10', 'nested: a child of the inner one crashes, and only the inner one reacts'],
    ['T1', 'shutdown: in reverse order'],
    ['T4 T12', 'shutdown: one that crashes in its terminate does not keep the others from it'],
    ['T5', 'shutdown: one that ignores it is killed after its time, and the others go on'],
    ['T1', 'shutdown: a significant child that ends takes all down'],
  ])('%s %s', async (_, name, ways) => {
    const scenario = recorded(name)
    const { steps, time } = await replay(scenario, ways)
    expect(steps).toEqual(comparable(scenario))
    expect(time.timers).toBe(0)
  })
})

describe('otherwise than OTP', () => {
  test('R4 the window is exact: 1.8 s are not within a period of 1 s, wherever in a second they begin', async () => {
    const scenario = recorded('intensity: in whole seconds, 1.8 s are within a period of 1 s')
    const { steps, group } = await replay(scenario, limited)
    const asOtp = comparable(scenario)
    expect(seenLast(asOtp)).toContain('exit sup')
    expect(steps.slice(0, -1)).toEqual(asOtp.slice(0, -1))
    expect(seenLast(steps)).toEqual(['exit b crash', 'init b'])
    expect(group.status.phase).toBe('running')
  })

  test('R3 R4 a start that fails again and again waits longer each time, and has not used up its limit', async () => {
    const scenario = recorded('intensity: a start that fails again and again burns it at once')
    expect(seenLast(comparable(scenario))).toContain('exit sup')
    const { steps, group, fakes, time } = await replay(scenario, {
      add: child => (child.name === 'b' ? { restart: { policy: 'permanent', jitter: 0 } } : {}),
    })
    expect(seenLast(steps)).toEqual(['exit b crash'])
    await time.advance(500 + 1_000 + 2_000 + 4_000 + 8_000)
    const failed = ['init b', 'exit b no_start']
    expect(seenLast(steps)).toEqual(['exit b crash', ...failed, ...failed, ...failed, ...failed, 'init b'])
    expect([...fakes.values()].map(fake => [fake.ping(), fake.starts])).toEqual([
      ['pong', 1],
      ['pong', 6],
      ['pong', 1],
    ])
    expect([group.status.phase, group.status.health]).toEqual(['running', 'pass'])
  })

  test('R2 R3 a first start that fails is tried again as well, before those after it start', async () => {
    const scenario = recorded('start: a child whose first start fails takes those before it down')
    const { steps, group } = await replay(scenario)
    expect(seenLast(steps)).toEqual(['init sup', 'init a', 'init b', 'exit b no_start', 'init b', 'init c'])
    expect(group.status.phase).toBe('running')
  })

  test('T3 all have drained before the first is stopped, and then they stop as in OTP', async () => {
    const scenario = recorded('shutdown: in reverse order')
    const log: string[] = []
    const { steps, fakes, time } = await replay(scenario, { fake: () => ({ drain: 'waits', log }) })
    expect(log.filter(call => call.endsWith('drain'))).toHaveLength(3)
    for (const name of ['c', 'b', 'a']) {
      expect([seenLast(steps), fakes.get('b')!.ping()]).toEqual([[], 'pong'])
      fakes.get(name)!.drain.succeed()
      await time.settle()
    }
    expect(steps).toEqual(comparable(scenario))
  })

  test('R2 one that has crashed is gone: it is not asked to stop, as a gen_server is', async () => {
    const scenario = recorded('one_for_one: a permanent child that crashes is restarted, alone')
    expect(scenario.steps[1]!.seen).toContain('terminate b crash')
    const { fakes } = await replay(scenario)
    expect(fakes.get('b')).toMatchObject({ starts: 2, stop: { calls: 1 } })
  })

  test('R2 a temporary one that has crashed is not forgotten: health tells, and so does the report', async () => {
    const { name, supervisor, steps } = recorded('one_for_one: a temporary child that crashes is not restarted')
    const { group } = await replay({ name, supervisor, steps: steps.slice(0, -1) })
    expect(group.status.group.state).toMatchObject({ phase: 'running', health: 'warn', detail: 'b failed' })
    expect(await group.stop()).toMatchObject({ ok: false, errors: [{ service: 'sup/b' }] })
  })

  test('R4 who gives up says because of whom; a supervisor exits as if it had been asked to', async () => {
    const scenario = recorded('intensity: one crash too many, and the supervisor gives up')
    expect(seenLast(scenario.steps)).toContain('exit sup shutdown')
    const { group } = await replay(scenario, limited)
    expect(group.report).toMatchObject({
      ok: false,
      trigger: { by: 'failure', service: 'sup/b' },
      errors: [{ code: 'ERR_RESTART_LIMIT', service: 'sup/b' }],
    })
  })

  test('T5 what does not even heed its kill is abandoned and named, because nobody can kill it, and the others go on', async () => {
    const scenario = recorded('shutdown: one that ignores it is killed after its time, and the others go on')
    const { steps, group, time } = await replay(scenario, {
      fake: ({ terminate }) => (terminate === 'hang' ? { stop: 'hangs' } : {}),
    })
    expect(seenLast(steps)).toEqual(['terminate c shutdown', 'exit c shutdown'])
    await time.advance(group.options.forceTimeout)
    expect(seenLast(steps).slice(2)).toEqual(['terminate a shutdown', 'exit a shutdown', 'exit sup'])
    expect(outcomes(group.report)).toEqual({ 'sup/a': 'stopped', 'sup/b': 'abandoned', 'sup/c': 'stopped' })
    expect(time.timers).toBe(0)
  })
})

const run = promisify(execFile)

/** The release of OTP that is installed here, if any. */
const release = await run('erl', ['-noshell', '-eval', 'io:put_chars(erlang:system_info(otp_release)), halt().']).then(
  ({ stdout }) => stdout,
  () => undefined,
)

// Another release may word things otherwise.
test.skipIf(release !== recording.otp)(
  'the recording is what the supervisor does that is installed here',
  { timeout: 60_000 },
  async () => {
    const { stdout } = await run('escript', [fileURLToPath(new URL('otp/record.escript', import.meta.url))])
    expect(JSON.parse(stdout)).toEqual(recording)
  },
)
