import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ServiceGroup, service, serviceGroup } from 'rx-service-group'
import { probes } from 'rx-service-group/probes'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startNode } from '../support/child.ts'

const command = fileURLToPath(new URL('../../dist/process/health.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'health-'))
const socket = join(folder, 'probes.sock')
const servers: Server[] = []

const serve = async (listener: RequestListener, where: number | string = 0): Promise<number> => {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(where, resolve))
  const address = server.address() as AddressInfo | string
  return typeof address === 'string' ? 0 : address.port
}

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  rmSync(folder, { recursive: true, force: true })
})

const ask = async (...args: readonly string[]) => {
  const { code, output } = await startNode([command, ...args]).ended
  return { code, told: output.trim() }
}

let well: number
let bad: number
let odd: number
let group: ServiceGroup

beforeAll(async () => {
  group = serviceGroup('shop').add(service('db', {}))
  await group.start()
  well = await serve(probes(group))
  await serve(probes(group), socket)
  bad = await serve(probes(serviceGroup('idle').add(service('db', {}))))
  odd = await serve((request, response) => {
    if (request.url === '/hangs') return
    if (request.url === '/cut') {
      response.writeHead(500, { 'content-length': 100 })
      response.write('half an answer\u001b[31m', () => response.destroy())
      return
    }
    if (request.url === '/trickles') {
      response.writeHead(503)
      response.write('slow')
      return
    }
    if (request.url === '/endless') {
      response.writeHead(200)
      response.write('ok')
      return
    }
    if (request.url === '/long') response.writeHead(500).end('x'.repeat(1e6))
    else response.writeHead(Number(request.url!.slice(1)), { location: '/200' }).end()
  })
})

describe.concurrent('the command of a health check', { timeout: 60_000 }, () => {
  test('exits with 0 and says nothing when the group is well, by each form of an address', async () => {
    const forms = [
      `${well}`,
      `127.0.0.1:${well}`,
      `http://localhost:${well}`,
      `http://127.0.0.1:${well}/readyz?verbose`,
      socket,
      `unix:${socket}`,
      `unix:${socket}:/livez`,
    ]
    for (const form of forms) expect(await ask(form), form).toEqual({ code: 0, told: '' })
    expect(await ask('--timeout', '20000', `${well}`)).toEqual({ code: 0, told: '' })
    expect(await ask(`${well}`, '--timeout=20000')).toEqual({ code: 0, told: '' })
  })

  test('exits with 1 and tells the reasons when the group is not well', async () => {
    const { code, told } = await ask(`${bad}`)
    expect({ code, told }).toEqual({
      code: 1,
      told: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/healthz: 503, idle: /),
    })
    expect(told.split('\n')).toHaveLength(1)
  })

  test.each([
    ['/204', 0, ''],
    ['/302', 1, '302'],
    ['/404', 1, '404'],
    ['/endless', 0, ''],
    ['/cut', 1, '500, half an answer\\x1b[31m'],
  ])('an answer of %s is judged by its status alone', async (path, code, why) => {
    const url = `http://127.0.0.1:${odd}${path}`
    expect(await ask(url)).toEqual({ code, told: why && `${url}: ${why}` })
  })

  test('a long answer is cut, and one that does not end is not waited for', async () => {
    const long = await ask(`http://127.0.0.1:${odd}/long`)
    expect(long.code).toBe(1)
    expect(long.told.length).toBeLessThan(1_000)
    for (const path of ['/hangs', '/trickles']) {
      const { code, told } = await ask(`http://127.0.0.1:${odd}${path}`, '--timeout', '700')
      expect({ code, lines: told.split('\n').length }).toEqual({ code: 1, lines: 1 })
    }
    expect((await ask(`http://127.0.0.1:${odd}/hangs`, '--timeout', '700')).told).toMatch(/no answer within 700 ms$/)
  })

  test('nobody there is told in one line', async () => {
    expect(await ask(join(folder, 'nowhere'))).toEqual({ code: 1, told: expect.stringMatching(/ENOENT/) })
    expect(await ask('1')).toEqual({ code: 1, told: expect.stringMatching(/ECONNREFUSED/) })
  })

  test.each([
    [['https://127.0.0.1'], /is not asked by http/],
    [['http://'], /is no port, no URL/],
    [['80', '81'], /81 is unknown/],
    [['--what'], /--what is unknown/],
    [['--timeout', '3s'], /--timeout must be a number of milliseconds/],
    [['80', '--timeout'], /--timeout must be a number of milliseconds/],
    [['--timeout=0'], /--timeout must be a number of milliseconds/],
  ])('%j is refused with the usage', async (args, message) => {
    const { code, told } = await ask(...args)
    expect(code).toBe(1)
    expect(told).toMatch(message)
    expect(told).toContain('usage: rx-service-group-health')
  })

  test('no proxy of the environment stands in between', () => {
    const { status, stderr } = spawnSync(process.execPath, [command, '1'], {
      env: { ...process.env, HTTP_PROXY: `http://127.0.0.1:${well}`, NODE_USE_ENV_PROXY: '1' },
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('ECONNREFUSED') })
  })
})
