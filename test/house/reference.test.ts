import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rx-service-group-docs-'))
const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string
  exports: object
}

afterAll(() => rmSync(folder, { recursive: true }))

test('the API reference is made without a warning, with a module for each entry', async () => {
  const typedoc = join(root, 'node_modules/typedoc/bin/typedoc')
  const told = await promisify(execFile)(
    process.execPath,
    [typedoc, '--options', 'src/typedoc.mjs', '--out', folder, '--logLevel', 'Warn'],
    { cwd: root },
  ).then(
    ({ stdout, stderr }) => stdout + stderr,
    (failed: { stdout: string; stderr: string }) => `failed: ${failed.stdout}${failed.stderr}`,
  )
  expect(told).toBe('')
  const entries = Object.keys(exports).filter(entry => entry !== './package.json')
  expect(readdirSync(join(folder, 'modules')).toSorted()).toEqual(
    entries.map(entry => `${entry.replace('.', name).replaceAll('/', '_')}.html`).toSorted(),
  )
}, 120_000)
