import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { addressOf, folder, planWith, start } from './app.ts'
import { deployments, dockerfile, objects, task, textOf, unit } from './files.ts'

const run = promisify(execFile)

describe.each(deployments)('the file for $platform', ({ env, grace, start: startTime, memory, marks, probes }) => {
  test('gives the grace period that the group plans, and tells it the program', async () => {
    const plan = await planWith(env)
    expect(grace).toBe(Math.ceil(plan.grace / 1_000) * 1_000)
    // PM2 tells it by itself.
    expect(Number(env['RX_SERVICE_GROUP_GRACE'] ?? marks['kill_timeout'])).toBe(grace)
  })

  test('waits as long for the start as the group may take', async () => {
    expect(startTime).toBe((await planWith(env)).longestStart)
  })

  if (memory)
    test('leaves a quarter of the memory for what is not the heap', () => {
      expect(env['NODE_OPTIONS']).toBe(`--max-old-space-size=${memory * 0.75}`)
    })

  test('asks probes on the port that the program opens', () => {
    const [, port] = /'PROBES_PORT', (\d+)/.exec(textOf('service.ts')) ?? []
    expect(new Set(probes.map(([, asked]) => asked))).toEqual(new Set(probes.length > 0 ? [Number(port)] : []))
  })
})

/** Ports that the system chooses, in place of the ones in the files. */
const PORTS = { PORT: '0', PROBES_PORT: '0' }

describe.concurrent('the program, started and asked to end as each platform does', { timeout: 60_000 }, () => {
  test.each(deployments)('on $platform it answers, finishes a request, and ends well in time', async one => {
    const child = start(one.command, { ...one.env, ...one.marks, ...PORTS })
    const [api, probes] = [await addressOf(child, 'shop/api'), await addressOf(child, 'shop/probes')]
    await child.says(/ shop +running/)
    for (const [path] of one.probes) expect([path, (await fetch(`${probes}${path}`)).status]).toEqual([path, 200])
    const answer = await fetch(api)
    child.kill(one.signal)
    expect(await answer.text()).toBe('hello world\n')
    const { code, signal, took, output } = await child.ended
    expect(output).toMatch(/shop stopped gracefully/)
    expect([code, signal]).toEqual([0, null])
    expect(took).toBeLessThan(one.grace)
    // The grace period is known, so nothing has to be cut or told.
    expect(output).not.toMatch(/\bgives\b|\bcut from\b|grace is/)
  })

  test('the health checks of Docker and ECS pass while it is well, and fail once it is gone', async () => {
    const child = start(dockerfile.command, PORTS)
    const { port } = new URL(await addressOf(child, 'shop/probes'))
    await child.says(/ shop +running/)
    const [form, ...ofEcs] = task.containerDefinitions[0].healthCheck.command as readonly string[]
    expect(form).toBe('CMD')
    const checks = [dockerfile.healthCheck, ofEcs].map(check => check.map(text => text.replace('8081', port)))
    const codes = () => Promise.all(checks.map(async check => (await start(check).ended).code))
    expect(await codes()).toEqual([0, 0])
    child.kill('SIGTERM')
    await child.ended
    expect(await codes()).toEqual([1, 1])
  })
})

test('a new pod is ready before an old one is asked to end, and no hook waits in place of the drain delay', () => {
  const [{ spec }] = objects
  expect(spec.strategy.rollingUpdate.maxUnavailable).toBe(0)
  expect(spec.template.spec.containers[0].lifecycle).toBeUndefined()
})

/** Asks a server on a unix socket. */
const ask = async (socketPath: string): Promise<string> => {
  const [answer] = (await once(get({ socketPath, path: '/' }), 'response')) as [IncomingMessage]
  return text(answer)
}

test('the socket of the .socket unit is the one that the program listens on, and takes the client that waits', async () => {
  const socket = join(folder, 'web.sock')
  const { command, env } = deployments.find(({ platform }) => platform === 'systemd')!
  const [name] = unit('systemd/shop.socket')['FileDescriptorName'] ?? []
  const variables = Object.entries({ ...env, PROBES_PORT: '0' }).map(([name, value]) => `--setenv=${name}=${value}`)
  // It holds the socket, and becomes the program as soon as a client connects, as the socket unit does.
  const activate = ['systemd-socket-activate', `--listen=${socket}`, `--fdname=${name}`, ...variables]
  const child = start(command, {}, activate)
  await child.says('Listening on')
  expect(await ask(socket)).toBe('hello world\n')
  child.kill('SIGTERM')
  expect(await child.ended).toMatchObject({ code: 0, signal: null })
}, 60_000)

/** The unit with the paths of this machine. */
const unitHere = (text: string): string =>
  text.replaceAll('/usr/bin/node', process.execPath).replaceAll('/opt/shop', folder)

describe('systemd-analyze', () => {
  const service = join(folder, 'shop.service')
  writeFileSync(service, unitHere(textOf('systemd/shop.service')))
  writeFileSync(join(folder, 'shop.socket'), unitHere(textOf('systemd/shop.socket')))

  test('finds nothing wrong with the units', async () => {
    for (const file of [service, join(folder, 'shop.socket')]) {
      const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', file])
      expect(`${stdout}${stderr}`).toBe('')
    }
  })

  test('says that the service is exposed to little', async () => {
    const args = ['security', '--offline=yes', '--no-pager', '--threshold=20', service]
    const { stdout } = await run('systemd-analyze', args)
    expect(stdout).toMatch(/Overall exposure level for shop\.service: [01]\.\d OK/)
  })
})
