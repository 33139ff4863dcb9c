import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { startCommand } from '../support/child.ts'
import { type Project, project } from '../support/project.ts'

let app: Project

beforeAll(async () => {
  app = await project({
    packages: ['bun@1.3.5', 'deno@2.6.3'],
    files: {
      'served.mjs': readFileSync(new URL('programs/served.mjs', import.meta.url), 'utf8'),
      'required.cjs': `const { serviceGroup, service } = require('rx-service-group')
        const group = serviceGroup('shop').add(service('db', {}))
        group.start().then(() => group.stop()).then(({ ok }) => console.log('ok:', ok))`,
    },
  })
  // Each package fetches its program the first time.
  for (const runtime of ['bun', 'deno']) expect(await app.run(runtime, ['--version'])).toMatchObject({ code: 0 })
}, 240_000)

/** The programs themselves: the command of deno is a script of Node, which passes no signals on. */
const RUNTIMES = [
  ['Bun', 'bun/bin/bun.exe', []],
  ['Deno', 'deno/deno', ['run', '-A']],
] as const

test.each(RUNTIMES)(
  '%s runs a group with http, and drains it at SIGTERM',
  async (_, program, args) => {
    const child = startCommand(join(app.folder, 'node_modules', program), [...args, join(app.folder, 'served.mjs')])
    const port = /listening on (\d+)\./.exec(await child.says(/listening on \d+\./))?.[1]
    const response = fetch(`http://127.0.0.1:${port}`)
    await child.says('asked')
    child.kill('SIGTERM')
    expect(await (await response).text()).toBe('hello')
    const { code, output } = await child.ended
    // The report comes by another stream than what the program prints.
    expect(output).toMatch(/db stops[\s\S]*ok: true, exit code: 0/)
    expect(output).toMatch(/shop stopped gracefully in .*: SIGTERM/)
    expect(code).toBe(0)
  },
  60_000,
)

test.each(RUNTIMES)(
  '%s can require it',
  async (_, program, args) => {
    const { code, stdout } = await app.run(join('node_modules', program), [...args, 'required.cjs'])
    expect(stdout).toContain('ok: true')
    expect(code).toBe(0)
  },
  60_000,
)
