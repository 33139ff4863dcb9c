import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Ended, startNode } from '../support/child.ts'
import { scripts } from '../support/scripts.ts'

const write = scripts()
const folder = mkdtempSync(join(tmpdir(), 'termination-log-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
/** A file as Kubernetes makes it for a container: empty. */
const emptyFile = (text = ''): string => {
  const file = join(folder, `${++files}`)
  writeFileSync(file, text)
  return file
}

const BEGIN = `import { serviceGroup, service, run } from 'rx-service-group'
const hang = () => new Promise(() => {})
const end = () => void setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50)
`

const runIn = (file: string, code: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  startNode([write(`${BEGIN}${code}`)], {
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    RX_SERVICE_GROUP_GRACE: '20000',
    RX_SERVICE_GROUP_TERMINATION_LOG: file,
    ...env,
  }).ended

const HANGS = `const orders = service('orders', { start: end, drain: hang, stop: hang })
  const limits = { drainTimeout: 100, stopTimeout: 100 }
  await run(serviceGroup('shop').add(service('db', {})).add(orders, limits), { forceTimeout: 100, drainDelay: 1 })`

/** Each end that is not graceful: a program, and what Kubernetes is told, whole where times allow. */
const ENDS = [
  [
    'a service hung until it was abandoned',
    HANGS,
    /^shop abandoned, not gracefully, in .*: SIGTERM\n {2}orders: abandoned \(drain timed out, stop timed out\)\n {2}error 1 shop\/orders: .*did not end within 100 ms of force/,
  ],
  [
    'a start failed',
    `await run(serviceGroup('shop').add(service('db', {})).add(service('api', { start: () => Promise.reject(new Error('no route')) })))`,
    /^shop failed in .*: shop\/api failed\n {2}api: failed\n {2}error 1 shop\/api: .*no route/,
  ],
  [
    'an error was not caught',
    `await run(serviceGroup('shop').add(service('api', { start: () => void setTimeout(() => { throw new Error('out of cheese') }, 50) })))`,
    /^shop stopped, not gracefully, in .*: uncaught: out of cheese\n {2}error 1 shop: out of cheese/,
  ],
  [
    'the event loop was blocked, and the watchdog killed the process',
    `await run(
      serviceGroup('shop').add(service('api', { start: () => void setTimeout(() => { for (;;); }, 50) })),
      { watchdog: { threshold: 200, killAfter: 200 } },
    )`,
    /^group "shop": the event loop is still blocked after .*: SIGKILL\n( .*\n)* {2}shop\/api +running for /,
  ],
  [
    'the program called process.exit()',
    `await run(serviceGroup('shop').add(service('api', { start: () => void setTimeout(() => process.exit(3), 50) })))`,
    /^group "shop": process\.exit\(\) was called while it was running; not stopped: api\n$/,
  ],
] as const

describe.concurrent('P6 the termination log of Kubernetes', { timeout: 60_000 }, () => {
  test.each(ENDS)('P6 tells why: %s', async (_, code, told) => {
    const file = emptyFile()
    const { code: exitCode, output } = await runIn(file, code)
    expect(exitCode, output).not.toBe(0)
    expect(readFileSync(file, 'utf8')).toMatch(told)
  })

  test('P6 stays empty after a graceful end', async () => {
    const file = emptyFile()
    const { code } = await runIn(
      file,
      `await run(serviceGroup('shop').add(service('api', { start: end })), { drainDelay: 1 })`,
    )
    expect(code).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe('')
  })

  test('P6 is left alone outside Kubernetes, and with notify: false', async () => {
    const file = emptyFile()
    await runIn(file, HANGS, { KUBERNETES_SERVICE_HOST: '' })
    await runIn(file, HANGS.replace('forceTimeout', 'notify: false, forceTimeout'))
    expect(readFileSync(file, 'utf8')).toBe('')
  })

  test('P6 holds at most 4,096 bytes, cut at a character, behind what was there', async () => {
    const file = emptyFile('earlier\n')
    const many = `const group = serviceGroup('shop')
      for (let i = 0; i < 80; i++)
        group.add(service('größe-😀-' + i, { start: i === 79 ? end : undefined, stop: () => Promise.reject(new Error('läuft 😀 nicht'.repeat(9))) }))
      await run(group, { drainDelay: 1 })`
    await runIn(file, many)
    const bytes = readFileSync(file)
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    expect(bytes.length).toBeLessThanOrEqual(4_096)
    expect(bytes.length).toBeGreaterThan(4_080)
    expect(text).toMatch(/^earlier\nshop failed in .*: SIGTERM\n {2}größe-😀-0: failed\n/)
    expect(text).toMatch(/\n {2}and 60 more\n {2}error 1 shop\/größe-😀-79: .*stop failed/)
    expect(text.endsWith('…\n')).toBe(true)
    expect(text).not.toContain('\ufffd')
  })

  test('P6 a file that is not there is not made, and one that can not be written to changes nothing', async () => {
    const nowhere = join(folder, 'nowhere')
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const readOnly = emptyFile()
    chmodSync(readOnly, 0o400)
    for (const path of [nowhere, pipe, folder, readOnly]) {
      const { code, output } = await runIn(path, HANGS)
      expect(code).toBe(1)
      expect(output).toContain('shop abandoned, not gracefully')
      expect(output).not.toMatch(/ENOENT|EISDIR|EACCES|ENXIO/)
    }
    expect(existsSync(nowhere)).toBe(false)
  })
})
