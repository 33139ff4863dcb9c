import { afterAll, expect, test, vi } from 'vitest'
import { type Child, startProgram } from '../../support/child.ts'
import { isAlive } from '../../support/processes.ts'

vi.setConfig({ testTimeout: 20_000 })

const seen = new Set<number>()
afterAll(() => {
  for (const pid of seen) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
})

const start = (env: Readonly<Record<string, string>> = {}) =>
  startProgram(new URL('./supervisor.ts', import.meta.url), env)

const pidsOf = async (child: Child) => {
  await child.says(/shop +running/)
  const output = await child.says(/up too/)
  const [inner, outer, attentive] = ['inner', 'outer', 'attentive'].map(name => {
    const pid = Number(RegExp(`${name}=(\\d+)`).exec(output)?.[1])
    seen.add(pid)
    return pid
  }) as [number, number, number]
  expect([inner, outer, attentive].map(isAlive)).toEqual([true, true, true])
  return { inner, outer, attentive }
}

test('SIGTERM takes them down in order, whole groups, with exit code 0', async () => {
  const child = start()
  const pids = await pidsOf(child)
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(Object.values(pids).map(isAlive)).toEqual([false, false, false])
  const ends = output.match(/shop\/\w+ +(stopping|stopped)/g)?.map(line => line.replace(/ +/, ' '))
  expect(ends).toEqual([
    'shop/thread stopping',
    'shop/thread stopped',
    'shop/attentive stopping',
    'shop/attentive stopped',
    'shop/nested stopping',
    'shop/nested stopped',
  ])
})

test('their lines are passed on, each with the name of its service', async () => {
  const child = start()
  await pidsOf(child)
  child.kill('SIGTERM')
  const { output } = await child.ended
  for (const line of [/^nested \| up$/m, /^nested \| inner=\d+$/m, /^thread \| up$/m, /^thread \| up too$/m])
    expect(output).toMatch(line)
})

test('a process that exits without ado takes the groups with it', async () => {
  const child = start({ MODE: 'exit' })
  const pids = await pidsOf(child)
  expect((await child.ended).code).toBe(7)
  await expect.poll(() => Object.values(pids).map(isAlive)).toEqual([false, false, false])
})

test('of one that is killed they hear by the end of their standard input, those that read it', async () => {
  const child = start()
  const { inner, outer, attentive } = await pidsOf(child)
  child.kill('SIGKILL')
  await expect.poll(() => isAlive(attentive)).toBe(false)
  expect([inner, outer].map(isAlive)).toEqual([true, true])
  process.kill(-outer, 'SIGKILL')
})
