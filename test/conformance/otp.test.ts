import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { asRecorded, type Replayed, replay, type Ways } from './otp/replay.ts'
import { comparable, isSupervisor, type Recorded, type RecordedSupervisor, recorded, recording } from './otp/traces.ts'

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

const first = ({ group }: Replayed) => group.report.errors[0]

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
    const { steps, timers } = await replay(scenario, ways)
    expect(steps).toEqual(comparable(scenario))
    expect(timers).toBe(0)
  })
})
