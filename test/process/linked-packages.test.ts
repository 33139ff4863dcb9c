import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startNode } from '../support/child.ts'
import { root } from '../support/pages.ts'

const folder = mkdtempSync(join(tmpdir(), 'linked-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Packages as pnpm lays them out: in a folder of their own, and linked to where they are needed. */
const install = (): void => {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/rx-service-group'))
  for (const name of ['first', 'second']) {
    mkdirSync(join(folder, 'store', name), { recursive: true })
    writeFileSync(join(folder, 'store', name, 'package.json'), JSON.stringify({ name, main: 'index.js' }))
    writeFileSync(join(folder, 'store', name, 'index.js'), 'exports.place = __dirname')
    symlinkSync(join(folder, 'store', name), join(folder, 'node_modules', name))
  }
}

// When Node 20 follows a link that it has followed before, it looks at what the last file that was asked after is.
const program = (use: string): string => `
  import { createServer } from 'node:net'
  import { run, service, serviceGroup } from 'rx-service-group'
  import { http } from 'rx-service-group/http'
  const { default: first } = await import('first')
  ${use}
  const { default: second } = await import('second')
  console.log('loaded', first.place, second.place)
`

const RUN = `
  const group = serviceGroup('shop').add(service('db', {}))
  const over = run(group, { report: false })
  await group.ready
  await group.stop()
  await over
`

const SOCKET = `
  const group = serviceGroup('shop').add(http('api', (_, response) => response.end(), { path: './api.sock' }))
  await group.start()
  await group.stop()
`

install()

test.each([
  ['a group has ended under run(), with its output in a pipe', RUN],
  ['a server has listened on a socket file', SOCKET],
])('linked packages are found as before once %s', async (_, use) => {
  const file = join(folder, 'main.mjs')
  writeFileSync(file, program(use).replaceAll("'./api.sock'", JSON.stringify(join(folder, 'api.sock'))))
  const { output } = await startNode([file]).ended
  expect(output).toContain(`loaded ${join(folder, 'store/first')} ${join(folder, 'store/second')}`)
})
