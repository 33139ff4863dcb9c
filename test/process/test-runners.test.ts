import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startNode } from '../support/child.ts'
import { scripts } from '../support/scripts.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const write = scripts()

/**
 * Tests as people write them: each runs a group, and one ends it by a signal. What is left open outlives every grace.
 */
const TESTS = `import { serviceGroup, service, run } from 'rx-service-group'
const open = setInterval(() => {}, 1_000)
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const forced = ({ signal }) => new Promise(resolve => signal.addEventListener('abort', resolve))
test('one that a signal ends', async () => {
  const group = serviceGroup('signalled').add(service('a', { start: () => void setTimeout(process.kill, 20, process.pid, 'SIGTERM') }))
  await run(group)
})
test('one that fails', async () => {
  await run(serviceGroup('failing').add(service('a', { start: () => Promise.reject(new Error('no route')) })))
})
test('one that is abandoned', async () => {
  const group = serviceGroup('stuck', { forceTimeout: 20 }).add(service('a', { stop: () => new Promise(() => {}) }), { stopTimeout: 20 })
  setTimeout(() => group.stop(), 20)
  await run(group)
})
test('one that comes after every grace', async () => {
  await sleep(1_500)
  console.log('the last test has run')
  clearInterval(open)
})
`
/** In a process of the test's own: it sets variables that its children inherit. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_TEST|TEST$|NODE_ENV)/.test(name)),
)

const command = (program: string, args: readonly string[]): Promise<{ code: number; output: string }> =>
  new Promise(resolve => {
    execFile(program, args, { cwd: root, env: environment }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
    )
  })

const expectAll = ({ code, output }: { readonly code: number; readonly output: string }): void => {
  expect(output).toContain('the last test has run')
  expect(output).toMatch(/signalled stopped gracefully in \d+ ms: SIGTERM/)
  expect(output).toContain('stuck abandoned')
  expect(output).not.toContain('still alive')
  expect(code).toBe(0)
}

test.each([
  ['node --test', ['--test']],
  ['a file of node:test as a program', []],
])(
  'run() inside %s ends neither the runner nor its exit code',
  async (_, flags) => {
    expectAll(await command(process.execPath, [...flags, write(`import test from 'node:test'\n${TESTS}`, 'test.mjs')]))
  },
  60_000,
)

test('run() inside vitest ends neither the runner nor its exit code', async () => {
  const file = write(`import { test } from 'vitest'\n${TESTS}`, 'test.mjs')
  const config = write(
    `export default { test: { include: ['**/*.test.mjs'], exclude: [], root: ${JSON.stringify(dirname(file))} } }`,
  )
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  expectAll(await command(process.execPath, [vitest, 'run', '--config', config, file]))
}, 60_000)

test('run() inside a runner with globals, as jest and mocha have them, ends neither', async () => {
  const runner = `const all = []
    globalThis.describe = (_, body) => body()
    globalThis.it = globalThis.test = (name, body) => all.push(body)
    setTimeout(async () => { for (const body of all) await body() })\n`
  const file = write(
    TESTS.replace(/^import.*$/m, line => `${line}\nawait import('./globals.mjs')`).replace(
      "await import('./globals.mjs')",
      runner,
    ),
  )
  expectAll(await command(process.execPath, [file]))
}, 60_000)

test('a program that a test starts ends as ever, though it inherits the variables of the test runner', async () => {
  const { code, output } = await startNode(
    [
      write(`import { serviceGroup, service, run } from 'rx-service-group'
        setInterval(() => {}, 1_000)
        const group = serviceGroup('shop').add(service('a', { start: () => Promise.reject(new Error('no route')) }))
        await run(group, { exitGrace: 100 })`),
    ],
    { NODE_TEST_CONTEXT: 'child-v8', VITEST: 'true', JEST_WORKER_ID: '1' },
  ).ended
  expect(output).toContain('process: still alive after 100 ms because of Timeout; exiting')
  expect(code).toBe(1)
}, 60_000)
