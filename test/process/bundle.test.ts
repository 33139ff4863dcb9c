import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { startNode } from '../support/child.ts'
import { scripts } from '../support/scripts.ts'

const write = scripts()

/** A program whose watchdog has to end it. */
const BLOCKED = `import { serviceGroup, service, run } from 'rx-service-group'
const group = serviceGroup('shop').add(service('api', { start: () => void setTimeout(() => { for (;;); }, 200) }))
run(group, { watchdog: { threshold: 300, killAfter: 300 } })`

test.each([
  ['esm', 'mjs', false],
  ['esm', 'mjs', true],
  ['cjs', 'cjs', false],
  ['cjs', 'cjs', true],
] as const)(
  'R13 the watchdog works in a bundle of one file: %s, .%s, minified: %s',
  async (format, extension, minify) => {
    const entry = write(BLOCKED)
    const outfile = write('', extension)
    await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format, minify, logLevel: 'silent' })
    const { signal, output } = await startNode([outfile]).ended
    expect(output).toMatch(
      /group "shop": the event loop has been blocked for \d+ ms; the last known states:\n[\s\S]*shop\/api +running/,
    )
    expect(signal).toBe('SIGKILL')
  },
  60_000,
)

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
