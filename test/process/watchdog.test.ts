import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { run, serviceGroup } from 'rx-service-group'
import { afterAll, describe, expect, test } from 'vitest'
import { type Child, startNode, startProgram } from '../support/child.ts'
import { scripts } from '../support/scripts.ts'

const THRESHOLD = 500
const KILL_AFTER = 500
/** What a busy machine may add. */
const LATE = 1_500

const write = scripts()
const folder = mkdtempSync(join(tmpdir(), 'watchdog-'))
afterAll(() => rmSync(folder, { recursive: true }))

const program = new URL('./programs/blocked.ts', import.meta.url)
const blocked = (story: string, flag = '', env: Readonly<Record<string, string>> = {}): Child =>
  startProgram(program, env, [story, flag])

/** Milliseconds from one text to the end. */
const fromTextToEnd = async (child: Child, text: string): Promise<number> => {
  await child.says(text)
  const began = performance.now()
  await child.ended
  return performance.now() - began
}

describe.concurrent('a process with a watchdog', { timeout: 30_000 }, () => {
  test('R13 a loop blocked for ever is told with the last states, asked to end, and killed within its budget', async () => {
    const child = blocked('for ever')
    const took = await fromTextToEnd(child, 'blocked\n')
    const { code, signal, output } = await child.ended
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
    expect(output.slice(output.indexOf('group "shop": '))).toMatch(
      new RegExp(
        [
          '^group "shop": the event loop has been blocked for \\d+ ms; the last known states:',
          '  shop         running for \\d+ ms, warn: orders: slow disk',
          '  shop/api     running for \\d+ ms',
          '  shop/orders  running for \\d+ ms, warn: slow disk',
          '  shop/db      running for \\d+ ms',
          'group "shop": now SIGTERM, which takes effect once the loop is free; SIGKILL in 500 ms if it is not free by then',
          'group "shop": the event loop is still blocked after [\\d.]+ s: SIGKILL\n$',
        ].join('\n'),
      ),
    )
    // A tenth is for the text to get here: the clock starts with its arrival.
    expect(took).toBeGreaterThan((THRESHOLD + KILL_AFTER) * 0.9)
    expect(took).toBeLessThan(THRESHOLD + KILL_AFTER + LATE)
  })

  test.each([
    ['an endless loop', 'for (;;);'],
    ['a regular expression', `/^(a+)+$/.test('a'.repeat(50) + '!')`],
    ['a wait for another thread', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'],
  ])('R13 the functions are named in which the loop is blocked: %s', async (_, code) => {
    const script = write(`import { run, service, serviceGroup } from 'rx-service-group'
      const countTheStars = () => { ${code} }
      const onOrder = () => countTheStars()
      const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(onOrder, 100) }))
      await run(group, { watchdog: { threshold: 300, killAfter: 10_000 } })`)
    const child = startNode([script])
    const output = await child.says(/it is blocked here:\n( {2}at .*\n)+/)
    child.kill('SIGKILL')
    const [, first, second] = /it is blocked here:\n {2}at (\S+) .*\n {2}at (\S+) /.exec(output) ?? []
    expect([first, second]).toEqual(['countTheStars', 'onOrder'])
    expect(output).toContain(`${pathToFileURL(script).href}:2:`)
    expect(output).not.toContain('node:internal')
  })

  test('R13 a start that blocks before the loop has turned once is noticed too', async () => {
    const { signal, output } = await blocked('for ever in start').ended
    expect(signal).toBe('SIGKILL')
    expect(output).toMatch(/^ {2}shop\/orders +starting for \d+ ms$/m)
    expect(output).toMatch(/^ {2}shop\/api +idle for \d+ ms$/m)
  })

  test('R13 a stop that blocks for ever is killed', async () => {
    const child = blocked('for ever in stop')
    await child.says('running')
    child.kill('SIGTERM')
    const { signal, output } = await child.ended
    expect(signal).toBe('SIGKILL')
    expect(output).toMatch(/^ {2}shop\/orders +stopping for \d+ ms, SIGTERM$/m)
  })

  test('a stop that blocks gets no second signal, which would force what is left', async () => {
    const flag = join(folder, 'free to stop')
    const child = blocked('until the flag in stop', flag)
    await child.says('running')
    child.kill('SIGTERM')
    await child.says('now no signal, since it is leaving already; SIGKILL in')
    writeFileSync(flag, '')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).toMatch(/^shop stopped gracefully in [\d.]+ m?s: SIGTERM$/m)
  })

  test('R13 a loop blocked with a standard error that nobody reads is killed all the same', async ({
    onTestFinished,
  }) => {
    const args = ['--import', 'tsx', fileURLToPath(program), 'on standard error']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    child.stdout.resume()
    const [, signal] = await once(child, 'exit')
    expect(signal).toBe('SIGKILL')
  })

  test('R13 a loop that comes back after SIGTERM shuts down gracefully, with its report and exit code', async () => {
    const flag = join(folder, 'free')
    const child = blocked('until the flag', flag)
    await child.says('now SIGTERM')
    writeFileSync(flag, '')
    const { code, signal, output } = await child.ended
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(output).toMatch(/^shop stopped gracefully in \d+ ms: SIGTERM$/m)
    expect(output).not.toContain(': SIGKILL\n')
  })

  test('a loop that comes back is told, and the watchdog stands down', async () => {
    const flag = join(folder, 'free to drain')
    const child = blocked('until the flag, slow to stop', flag)
    await child.says('now SIGTERM')
    writeFileSync(flag, '')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).toMatch(/^group "shop": the event loop is free again after [\d.]+ m?s$/m)
    expect(output).toMatch(/^shop stopped gracefully/m)
  })

  test('a loop blocked for less than the threshold is left alone', async () => {
    const child = blocked('briefly')
    await child.says('unblocked, and a turn made')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).not.toContain('the event loop')
  })

  test('time in which the whole process stood still, as on a laptop asleep, is not taken for a block', async () => {
    const flag = join(folder, 'awake')
    const child = blocked('until the flag', flag)
    await child.says('blocked\n')
    child.kill('SIGSTOP')
    await sleep(THRESHOLD * 2)
    child.kill('SIGCONT')
    // Its loop is blocked still: the watchdog looks first.
    await sleep(THRESHOLD / 10)
    writeFileSync(flag, '')
    await child.says('unblocked, and a turn made')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).not.toContain('the event loop')
  })

  test('a loop that a debugger may hold is left alone', async () => {
    const child = blocked('under a debugger', '', { NODE_OPTIONS: '--inspect=127.0.0.1:0' })
    await child.says('unblocked, and a turn made')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).not.toContain('the event loop')
  })

  test('T16 it keeps no process alive, and leaves nothing', async () => {
    const { code, output } = await blocked('tasks').ended
    expect(code).toBe(0)
    expect(output).toBe('a thread\nthe end, alive because of: \n')
  })

  test('T16 after a signal too', async () => {
    const child = blocked('calm')
    await child.says('running')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output.match(/a thread/g)).toHaveLength(1)
    expect(output).toContain('the end, alive because of: \n')
    expect(output).not.toContain('keeps the process alive')
  })

  test.each(['not asked for', 'off', 'without a threshold'])('%s, there is no thread', async story => {
    const child = blocked(story)
    await child.says('running')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).not.toContain('a thread')
  })
})

test.each([
  [{ threshold: -1 }, 'watchdog.threshold'],
  [{ threshold: 0 }, 'watchdog.threshold'],
  [{ threshold: Number.NaN }, 'watchdog.threshold'],
  [{ killAfter: -1 }, 'watchdog.killAfter'],
])('%o is refused at once', async (watchdog, option) => {
  const group = serviceGroup('shop')
  await expect(run(group, { watchdog })).rejects.toMatchObject({
    code: 'ERR_INVALID_DURATION',
    message: expect.stringContaining(option),
  })
  expect(group.status.phase).toBe('idle')
})

test('P3 under the permission model without threads the group runs without a watchdog, and says so', async () => {
  const program = write(`import { serviceGroup, service, run } from 'rx-service-group'
    const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(() => console.log('up'), 0) }))
    await run(group, { watchdog: true })`)
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission'
  const child = startNode([permission, '--allow-fs-read=*', program])
  await child.says('up')
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  expect(output).toMatch(/group "shop": runs without a watchdog, whose thread can't be made: .*--allow-worker/)
  expect(output).toContain('shop stopped gracefully')
  expect(code).toBe(0)
}, 60_000)
