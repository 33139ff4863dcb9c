import { afterAll, expect, test, vi } from 'vitest'
import { type Child, startProgram } from '../../support/child.ts'
import { isAlive } from '../../support/processes.ts'
import { onTerminal } from '../../support/screen.ts'

vi.setConfig({ testTimeout: 20_000 })

const seen = new Set<number>()
afterAll(() => {
  for (const pid of seen) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
})

const start = (env: Readonly<Record<string, string>> = {}) =>
  startProgram(new URL('./supervisor.ts', import.meta.url), env)

const pidsOf = async (child: Child) => {
  await child.says(/shop +running/)
  await child.says(/connected=/)
  const output = await child.says(/up too/)
  const pidOf = (name: string) => {
    const pid = Number(RegExp(`${name}=(\\d+)`).exec(output)?.[1])
    seen.add(pid)
    return pid
  }
  const pids = {
    inner: pidOf('inner'),
    outer: pidOf('outer'),
    attentive: pidOf('attentive'),
    connected: pidOf('connected'),
  }
  expect(alive(pids)).toEqual(['inner', 'outer', 'attentive', 'connected'])
  return pids
}

const alive = (pids: Readonly<Record<string, number>>) =>
  Object.entries(pids).flatMap(([name, pid]) => (isAlive(pid) ? [name] : []))

test('SIGTERM takes them down in order, whole groups, with exit code 0', async () => {
  const child = start()
  const pids = await pidsOf(child)
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(alive(pids)).toEqual([])
  const ends = output.match(/shop\/\w+ +(stopping|stopped)/g)?.map(line => line.replace(/ +/, ' '))
  expect(ends).toEqual([
    'shop/thread stopping',
    'shop/thread stopped',
    'shop/connected stopping',
    'shop/connected stopped',
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
  await expect.poll(() => alive(pids)).toEqual([])
})

test('of one that is killed they hear by the end of standard input and of their channel, those that listen', async () => {
  const child = start()
  const pids = await pidsOf(child)
  child.kill('SIGKILL')
  await expect.poll(() => alive(pids)).toEqual(['inner', 'outer'])
  process.kill(-pids.outer, 'SIGKILL')
})

test('Ctrl-C in a terminal does not reach them: they end at their turn', async () => {
  const person = onTerminal(new URL('./supervisor.ts', import.meta.url))
  await person.sees(/shop +running(.|\n)*up too|up too(.|\n)*shop +running/)
  person.presses('\u0003')
  const { code, screen } = await person.ended
  expect(code).toBe(0)
  expect(screen).toMatch(/shop stopped gracefully in .*: SIGINT/)
  expect(screen).not.toContain('interrupted')
})

test('without run(), a signal that ends their parent leaves them behind', async () => {
  const child = start({ MODE: 'bare' })
  const pids = await pidsOf(child)
  child.kill('SIGINT')
  await vi.waitUntil(() => !isAlive(pids.attentive), { timeout: 15_000 })
  expect(alive(pids)).toContain('inner')
  process.kill(-pids.outer, 'SIGKILL')
})
