import { expect, test } from 'vitest'
import { startProgram } from '../../support/child.ts'
import type { Used } from './rolling-deploy.ts'

/** Two servers, 40 clients and a balancer that notices 100 ms late, in processes of their own. */
const deploy = async (drainDelay: number) => {
  const program = new URL('./rolling-deploy.ts', import.meta.url)
  const { output } = await startProgram(program, {}, [`${drainDelay}`, '3']).ended
  const [, report] = /^report (.*)$/m.exec(output) ?? []
  return JSON.parse(report ?? `"${output}"`) as {
    readonly replaced: readonly Used[]
    readonly stayed: readonly Used[]
    readonly codes: readonly number[]
  }
}

const failures = (servers: readonly Used[]) =>
  servers.map(({ reset, refused, otherwise }) => ({ reset, refused, otherwise }))

const sum = (counts: readonly number[]) => counts.reduce((all, one) => all + one, 0)

test('a rolling deploy with a drain delay of 200 ms resets nobody and refuses nobody', async () => {
  const { replaced, stayed, codes } = await deploy(200)
  const none = { reset: 0, refused: 0, otherwise: [] }
  expect(failures(replaced)).toEqual([none, none, none])
  expect(failures(stayed)).toEqual([none, none])
  expect(new Set(codes)).toEqual(new Set([0]))
  // It was a deploy under way, and those who were leaving were still used.
  for (const { answered } of replaced) expect(answered).toBeGreaterThan(100)
  expect(sum(replaced.map(({ answeredWhileLeaving }) => answeredWhileLeaving))).toBeGreaterThan(0)
}, 60_000)

test('without a drain delay the same balancer sends clients to a closed door', async () => {
  const { replaced } = await deploy(0)
  expect(sum(replaced.map(({ refused }) => refused))).toBeGreaterThan(0)
}, 60_000)
