import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { commandOnTerminal } from '../support/screen.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const demo = join(root, 'demos/02-http-and-queue.ts')
const tool = (name: string): string => join(root, 'node_modules/.bin', name)
const node = ['node', '--import', 'tsx', demo]

const folder = mkdtempSync(join(tmpdir(), 'launchers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
// Launchers have exit codes of their own; this tells the program's.
const preload = join(folder, 'preload.mjs')
writeFileSync(
  preload,
  `import { writeSync } from 'node:fs'
  if (process.argv[1] === ${JSON.stringify(demo)}) process.on('exit', code => writeSync(1, 'its exit code: ' + code + '\\n'))`,
)
const ENV = { PORT: '0', DASHBOARD_PORT: '0', AMQP_URL: '', NODE_OPTIONS: `--import ${preload}` }
writeFileSync(
  join(folder, 'package.json'),
  JSON.stringify({ private: true, scripts: { start: `cd ${root} && ${node.join(' ')}; exit $?` } }),
)

/** How people start a program, and the launcher's exit code after a Ctrl-C that the program ends with 0. */
const launchers: Readonly<Record<string, { readonly command: readonly string[]; readonly code?: number }>> = {
  node: { command: node },
  'npm run demo': { command: ['npm', 'run', 'demo', '--ignore-scripts'] },
  'npm start, without exec': { command: ['npm', 'start', '--prefix', folder] },
  tsx: { command: [tool('tsx'), demo] },
  'node --watch': { command: ['node', '--watch', ...node.slice(1)] },
  nodemon: { command: [tool('nodemon'), '--exec', node.slice(0, 3).join(' '), demo], code: 130 },
  concurrently: { command: [tool('concurrently'), '--raw', node.join(' ')] },
}

/** Five orders, all of which are being handled when this settles. */
const order = async (output: () => string, says: (text: RegExp) => Promise<unknown>): Promise<void> => {
  const api = /shop\/api +running .*url (http:\S+)/
  await says(api)
  const url = api.exec(output())![1]!
  for (let id = 1; id <= 5; id++)
    expect(await (await fetch(`${url}/orders`, { method: 'POST' })).json()).toMatchObject({ id, state: 'accepted' })
}

/** A command of pm2 with a home of its own. Its daemon and what it runs end with this file. */
const pm2 = (...args: readonly string[]): Promise<string> =>
  promisify(execFile)(process.execPath, [join(root, 'node_modules/pm2/bin/pm2'), ...args], {
    cwd: root,
    env: { ...process.env, ...ENV, PM2_HOME: join(folder, 'pm2') },
  }).then(({ stdout }) => stdout)

test('P1 P6 pm2 stop amid five orders: all are handled within its kill_timeout, and the process ends by itself', async ({
  onTestFinished,
}) => {
  onTestFinished(async () => void (await pm2('kill')))
  const output = join(folder, 'pm2.log')
  const node = ['--interpreter', 'node', '--node-args', '--import tsx', '--no-autorestart', '--kill-timeout', '3000']
  await pm2('start', demo, '--name', 'shop', ...node, '--output', output, '--error', output, '--merge-logs')
  const read = (): string => (existsSync(output) ? stripVTControlCharacters(readFileSync(output, 'utf8')) : '')
  await order(read, text => expect.poll(read).toMatch(text))
  await pm2('stop', 'shop')
  await expect.poll(read).toMatch(/shop stopped gracefully in [\d.]+ m?s: SIGINT/)
  expect(read()).toContain('handled 5')
  expect(read()).not.toMatch(/forced|abandoned|cut/)
  const [shop] = JSON.parse(await pm2('jlist')) as { pm2_env: { status: string; exit_code: number } }[]
  expect(shop!.pm2_env).toMatchObject({ status: 'stopped', exit_code: 0 })
}, 120_000)

test('P6 pm2 waits until the app is ready, and is heard when it asks by a message', async ({ onTestFinished }) => {
  onTestFinished(async () => void (await pm2('kill')))
  const output = join(folder, 'pm2-messages.log')
  const [script, ecosystem] = [join(folder, 'slow.mjs'), join(folder, 'slow.config.cjs')]
  const library = new URL('../../dist/index.js', import.meta.url)
  writeFileSync(
    script,
    `import { run, service, serviceGroup } from '${library}'
    const start = () => new Promise(resolve => setTimeout(resolve, 1_000))
    await run(serviceGroup('shop').add(service('db', { start })))`,
  )
  const app = { name: 'slow', script, wait_ready: true, listen_timeout: 60_000, shutdown_with_message: true }
  const outputs = { output, error: output, merge_logs: true, autorestart: false, kill_timeout: 20_000 }
  writeFileSync(ecosystem, `module.exports = { apps: [${JSON.stringify({ ...app, ...outputs })}] }`)
  const began = performance.now()
  await pm2('start', ecosystem)
  const took = performance.now() - began
  expect(took).toBeGreaterThan(1_000)
  expect(took).toBeLessThan(45_000)
  await pm2('stop', 'slow')
  await expect.poll(() => readFileSync(output, 'utf8')).toMatch(/shop stopped gracefully in .*: shutdown/)
}, 120_000)

describe('P1 one Ctrl-C amid five orders is one request, whoever started the program', () => {
  test.each(Object.entries(launchers))('%s', { timeout: 120_000 }, async (_, { command, code = 0 }) => {
    const [program, ...args] = command as [string, ...string[]]
    const person = commandOnTerminal(program, args, ENV, { columns: 200, rows: 50 })
    await order(person.screen, person.sees)
    person.presses('\u0003')
    const { code: got, screen } = await person.ended
    expect(screen).toMatch(/shop stopped gracefully in [\d.]+ m?s: SIGINT/)
    expect(screen).toMatch(/shop\/orders +draining +5 pending/)
    expect(screen).not.toMatch(/forced|abandoned|cut/)
    expect(screen).toContain('its exit code: 0')
    expect(got).toBe(code)
  })
})
