import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { exitGraceOf, fit } from '../../src/process/budget.ts'
import { platformOf } from '../../src/process/platform.ts'
import { type Child, startNode } from '../support/child.ts'
import { scripts } from '../support/scripts.ts'

const write = scripts()

/** Each platform, by what its environment says, with the signal and the grace period of its default. */
const PLATFORMS = [
  ['PM2', { pm_id: '0' }, 'SIGINT', 1_600],
  ['PM2 with a kill_timeout', { pm_id: '0', kill_timeout: '3000' }, 'SIGINT', 3_000],
  ['Fly.io', { FLY_APP_NAME: 'shop' }, 'SIGINT', 5_000],
  ['Nomad', { NOMAD_ALLOC_ID: 'a' }, 'SIGINT', 5_000],
  ['Cloud Run', { K_SERVICE: 'shop' }, 'SIGTERM', 10_000],
  ['ECS', { ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4' }, 'SIGTERM', 30_000],
  ['Heroku', { DYNO: 'web.1' }, 'SIGTERM', 30_000],
  ['Render', { RENDER: 'true' }, 'SIGTERM', 30_000],
  ['Kubernetes', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'SIGTERM', 30_000],
] as const

const HANGS = `import { writeSync } from 'node:fs'
import { serviceGroup, service, run } from 'rx-service-group'
const say = text => writeSync(1, text + '\\n')
const hang = () => new Promise(() => {})
const group = serviceGroup('shop')
  .add(service('db', { stop: ({ signal }) => say(signal.aborted ? 'db is forced' : 'db is closed') }))
  .add(service('api', { start: () => void setTimeout(say, 0, 'up'), [process.argv[2]]: hang }))
await run(group, { drainDelay: 0 })
`

/** Asks as the platform does: a signal, and SIGKILL when the grace period is over. */
const askToEnd = async (child: Child, signal: NodeJS.Signals, grace: number) => {
  child.kill(signal)
  const tooLate = new AbortController()
  void sleep(grace, undefined, { signal: tooLate.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  )
  const ended = await child.ended
  tooLate.abort()
  return ended
}

describe.concurrent('P6 one service hangs', { timeout: 120_000 }, () => {
  const script = write(HANGS)
  for (const hook of ['drain', 'stop'])
    test.each(PLATFORMS)(`P6 in its ${hook}: the database is closed inside the grace period of %s`, async (...all) => {
      const [, env, signal, grace] = all
      const child = startNode([script, hook], env)
      await child.says('up')
      const { output, ...ended } = await askToEnd(child, signal, grace)
      expect(output).toContain('db is closed')
      expect({ ...ended, took: 0 }).toMatchObject({ signal: null, code: 1 })
    })

  test('P6 a variable of its own tells a process the grace period that nothing else tells', async () => {
    const child = startNode([script, 'drain'], { RX_SERVICE_GROUP_GRACE: '1200', KUBERNETES_SERVICE_HOST: '10.0.0.1' })
    await child.says('up')
    const { output, signal } = await askToEnd(child, 'SIGTERM', 1_200)
    expect({ signal, closed: output.includes('db is closed') }).toEqual({ signal: null, closed: true })
  })

  test('P6 a variable that says no number of milliseconds is refused by name', async () => {
    const { code, output } = await startNode([script, 'drain'], { RX_SERVICE_GROUP_GRACE: '30s' }).ended
    expect(output).toMatch(
      /RX_SERVICE_GROUP_GRACE must be a number of milliseconds > 0, got "30s".*ERR_INVALID_DURATION/s,
    )
    expect(code).toBe(1)
  })
})

test.each(PLATFORMS)('P6 %s is recognised by its environment', (name, env, _, grace) => {
  expect(platformOf(env, true)).toMatchObject({ name: name.split(' with')[0], grace })
})

test('P6 Docker is recognised by its file, systemd by its variables, and nothing by nothing', () => {
  expect(platformOf({}, true)).toMatchObject({ name: 'Docker', grace: 10_000 })
  expect(platformOf({ INVOCATION_ID: 'f' }, false)).toMatchObject({ name: 'systemd', grace: 90_000 })
  expect(platformOf({ NOTIFY_SOCKET: '/run/n' }, false)).toMatchObject({ name: 'systemd', grace: 90_000 })
  expect(platformOf({}, false)).toBeUndefined()
  expect(platformOf({ pm_id: '1', kill_timeout: 'soon', KUBERNETES_SERVICE_HOST: 'x' }, true)).toMatchObject({
    name: 'PM2',
    grace: 1_600,
  })
})

test('P6 a process may take as long to end by itself as the shutdown has left of the grace period', () => {
  expect(exitGraceOf(1_000, 10_000, 200)).toBe(1_000)
  expect(exitGraceOf(1_000, 10_000, 9_400)).toBe(350)
  expect(exitGraceOf(1_000, 1_600, 1_600)).toBe(0)
  expect(exitGraceOf(Infinity, 1_600, 1_600)).toBe(Infinity)
  expect(exitGraceOf(1_000, Infinity, 60_000)).toBe(1_000)
})

describe('P6 what does not fit into the grace period is told in one line', () => {
  const DEFAULTS = { drainDelay: 0, shutdownTimeout: 25_000, forceTimeout: 1_000 }
  const docker = platformOf({}, true)!

  test('P6 defaults are cut without a word', () => {
    expect(fit({ ms: 10_000, platform: docker }, DEFAULTS, false)).toEqual({
      drainDelay: 0,
      shutdownTimeout: 8_500,
      forceTimeout: 1_000,
    })
  })

  test('P6 what has room is left as it was asked for', () => {
    const asked = { drainDelay: 5_000, shutdownTimeout: 20_000, forceTimeout: 5_000 }
    expect(fit({ ms: 30_000 }, asked, true)).toEqual(asked)
    expect(fit({ ms: Infinity }, asked, true)).toEqual(asked)
  })

  test('P6 a drain delay that is cut', () => {
    expect(fit({ ms: 10_000, platform: docker }, { ...DEFAULTS, drainDelay: 15_000 }, false)).toMatchObject({
      drainDelay: 4_250,
      warning:
        'Docker gives 10 s (stop_grace_period, or docker stop --time), so drainDelay is cut from 15 s to 4.25 s; if it gives more, say so with grace',
    })
  })

  test('P6 a shutdown timeout that is cut, since the grace period was said', () => {
    expect(fit({ ms: 10_000 }, { ...DEFAULTS, shutdownTimeout: 20_000 }, true)).toMatchObject({
      shutdownTimeout: 8_500,
      warning: 'grace is 10 s, so shutdownTimeout is cut from 20 s to 8.5 s',
    })
  })

  test('P6 a shutdown timeout that is longer than the default of the platform is kept', () => {
    const { warning, shutdownTimeout } = fit(
      { ms: 10_000, platform: docker },
      { ...DEFAULTS, shutdownTimeout: 60_000 },
      true,
    )
    expect(shutdownTimeout).toBe(60_000)
    expect(warning).toBe(
      'shutdownTimeout is 1 min, and Docker gives 10 s (stop_grace_period, or docker stop --time): services may be killed before they are stopped; if it gives more, say so with grace: 61500',
    )
  })
})
