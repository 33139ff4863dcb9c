import { describe, expect, test } from 'vitest'
import { type Child, startProgram } from '../support/child.ts'
import { afterRepeats } from '../support/processes.ts'
import { onTerminal } from '../support/screen.ts'

const program = new URL('./programs/shop.ts', import.meta.url)
const shop = (story: string, env?: Readonly<Record<string, string>>): Child => startProgram(program, env, [story])

/** How long a shutdown took, as the report says, in milliseconds. */
const stopTook = (output: string): number => Number(/ gracefully in (\d+) ms/.exec(output)![1])

/** The transitions of a log, without times and durations. */
const trace = (output: string): readonly string[] =>
  [...output.matchAll(/^[\d:.]+ +(shop\S*) +(\w+)/gm)].map(([, path, phase]) => `${path} ${phase}`)

describe.concurrent('a process that runs a group', { timeout: 30_000 }, () => {
  test('T16 SIGTERM stops everything in reverse; it exits by itself with code 0, and no handler is left', async () => {
    const child = shop('calm')
    await child.says('shop        running')
    child.kill('SIGTERM')
    const { code, signal, output, took } = await child.ended
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(trace(output)).toEqual([
      'shop starting',
      'shop/db starting',
      'shop/db running',
      'shop/queue starting',
      'shop/queue running',
      'shop/api starting',
      'shop/api running',
      'shop running',
      'shop leaving',
      'shop stopping',
      'shop/api stopping',
      'shop/api stopped',
      'shop/queue stopping',
      'shop/queue stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop stopped',
    ])
    expect(output).toMatch(/^shop stopped gracefully in \d+ ms: SIGTERM$/m)
    expect(output).not.toContain('is left')
    expect(output).toContain('the end')
    expect(took).toBeLessThan(900)
  })

  test('P3 an uncaught rejection that only tells the end of the group is not told twice', async () => {
    const { code, output } = await shop('failing start, ready').ended
    expect(code).toBe(1)
    expect(output).toContain('error 1 shop/api: service "api": start failed: no route to host [ERR_START_FAILED]')
    expect(output).not.toMatch(/uncaught|error 2|the group is ready/)
  })

  test('a failing start: what had started is stopped, the culprit is named, exit code 1', async () => {
    const { code, output } = await shop('failing start').ended
    expect(code).toBe(1)
    expect(trace(output).slice(6)).toEqual([
      'shop/api failed',
      'shop stopping',
      'shop/queue stopping',
      'shop/queue stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop failed',
    ])
    expect(output).toContain('error 1 shop/api: service "api": start failed: no route to host [ERR_START_FAILED]')
  })

  test('S11 SIGTERM during start: nothing further starts, what started is stopped, what hangs is abandoned', async () => {
    const child = shop('hanging start')
    await child.says('shop/queue  starting')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(1)
    expect(output).not.toContain('shop/api    starting')
    expect(trace(output)).toContain('shop/db stopped')
  }, 30_000)

  test('a failing stop: the others are stopped, the culprit is named, exit code 1', async () => {
    const child = shop('failing stop')
    await child.says('shop        running')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(1)
    expect(trace(output).slice(-4)).toEqual(['shop/queue failed', 'shop/db stopping', 'shop/db stopped', 'shop failed'])
    expect(output).toContain('error 1 shop/queue: service "queue": stop failed: lost the key [ERR_STOP_FAILED]')
  })

  test('a hanging stop: forced after its time, abandoned after the budget, named, and the process ends with code 1', async () => {
    const child = shop('hanging stop')
    await child.says('shop        running')
    child.kill('SIGTERM')
    const { code, output, took } = await child.ended
    expect(code).toBe(1)
    expect(trace(output).slice(-5)).toEqual([
      'shop/queue stopping',
      'shop/queue abandoned',
      'shop/db stopping',
      'shop/db stopped',
      'shop abandoned',
    ])
    expect(output).toMatch(/queue +.*abandoned\n {5}stop timed out\n/)
    expect(took).toBeLessThan(1_500)
  })

  test('T7 the whole shutdown has one deadline, counted from the signal', async () => {
    const child = shop('hanging whole')
    await child.says('shop        running')
    child.kill('SIGTERM')
    const { code, output, took } = await child.ended
    expect(code).toBe(1)
    expect(trace(output)).toContain('shop/db forced')
    expect(trace(output).slice(-2)).toEqual(['shop/queue abandoned', 'shop abandoned'])
    expect(took).toBeGreaterThanOrEqual(130)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('T9 a second signal, %s, forces at once: exit code %i', async (second, expected) => {
    const child = shop('hanging until forced')
    await child.says('shop        running')
    child.kill('SIGTERM')
    await child.says('shop/queue  stopping')
    await afterRepeats()
    child.kill(second)
    const { code, output } = await child.ended
    expect(code).toBe(expected)
    expect(trace(output).slice(-4)).toEqual(['shop/db stopping', 'shop/db forced', 'shop/queue forced', 'shop forced'])
  })

  test('T9 a second signal cuts the drain delay short', async () => {
    const child = shop('drain delay')
    await child.says('shop        running')
    child.kill('SIGTERM')
    await child.says('shop        leaving')
    await afterRepeats()
    child.kill('SIGTERM')
    expect(await child.ended).toMatchObject({ code: 143 })
  })

  test('the drain delay is skipped when a person presses Ctrl-C on a terminal', async () => {
    const person = onTerminal(program, ['drain delay'])
    await person.sees('shop        running')
    person.presses('\u0003')
    const { code, screen } = await person.ended
    expect(code).toBe(0)
    expect(screen).toMatch(/shop stopped gracefully in \d+ ms: SIGINT/)
  })

  test('the drain delay counts for a SIGINT that no person sent: PM2, Nomad and Fly.io stop with it', async () => {
    const child = shop('short drain delay')
    await child.says('shop        running')
    child.kill('SIGINT')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(stopTook(output)).toBeGreaterThanOrEqual(300)
  })

  test.each([
    ['crash', 'uncaught: out of cheese'],
    ['rejection', 'uncaught: broken promise'],
  ])('an uncaught error (%s) takes the group down gracefully: exit code 1', async (story, why) => {
    const { code, output } = await shop(story).ended
    expect(code).toBe(1)
    expect(trace(output).slice(-2)).toEqual(['shop/db stopped', 'shop stopped'])
    expect(output).toContain(why)
    expect(output).toContain(`error 1 shop: ${why.slice('uncaught: '.length)}`)
  })

  test('R1 a service that dies later takes the group down in reverse, naming the culprit: exit code 1', async () => {
    const { code, output } = await shop('late failure').ended
    expect(code).toBe(1)
    expect(trace(output).slice(8)).toEqual([
      'shop/queue failed',
      'shop leaving',
      'shop stopping',
      'shop/api stopping',
      'shop/api stopped',
      'shop/db stopping',
      'shop/db stopped',
      'shop failed',
    ])
    expect(output).toContain('error 1 shop/queue: service "queue": failed: connection lost [ERR_SERVICE_FAILED]')
  })

  test('V6 what still keeps the process alive is named, and ended', async () => {
    const child = shop('left open')
    await child.says('shop        running')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expect(output).toContain('still keeps the process alive: Timeout')
    expect(output).toContain('still alive after 1 s because of Timeout; exiting')
  })

  test('T11 the end of one with onEnd stop-group ends the process, whatever the others leave behind: exit code 0', async () => {
    const { code, output } = await shop('main ends').ended
    expect(code).toBe(0)
    expect(output).toMatch(/^shop ended gracefully in \d+ ms: shop\/main has ended$/m)
    expect(output).toContain('still alive after 1 s because of Timeout; exiting')
  })

  test('S12 an empty group returns at once', async () => {
    expect(await shop('empty').ended).toMatchObject({ code: 0, output: expect.stringContaining('the end') })
  })

  test('when all have ended the group has ended, and the process exits by itself', async () => {
    expect(await shop('tasks').ended).toMatchObject({ code: 0, output: 'ended\nthe end\n' })
  })

  test('inside Kubernetes, a missing drain delay is mentioned once', async () => {
    const { output } = await shop('empty', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }).ended
    expect(output.match(/drainDelay is 0 inside Kubernetes/g)).toHaveLength(1)
  })
})
