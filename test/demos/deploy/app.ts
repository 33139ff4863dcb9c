import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transformSync } from 'esbuild'
import type { GroupPlan } from 'rx-service-group'
import { afterAll } from 'vitest'
import { type Child, startCommand } from '../../support/child.ts'
import { textOf } from './files.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The program as it is installed: `dist/service.js`, and the packages that it needs. */
const install = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'))
  mkdirSync(join(folder, 'dist'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/rx-service-group'))
  writeFileSync(join(folder, 'package.json'), '{ "name": "shop", "type": "module" }\n')
  const { code } = transformSync(textOf('service.ts'), { loader: 'ts', format: 'esm' })
  writeFileSync(join(folder, 'dist/service.js'), code)
  return folder
}

/** The folder that the program is installed in, until the test file is over. */
export const folder = install()
afterAll(() => rmSync(folder, { recursive: true }))

type Env = Readonly<Record<string, string>>

/** The command with the node of this test in place of the one that the file names. */
const here = ([command = '', ...args]: readonly string[]): readonly [string, readonly string[]] => {
  if (!/(^|\/)node$/.test(command)) throw new Error(`${command} is not node itself`)
  return [process.execPath, args]
}

/** What the program itself says of its times, with these variables. */
export const planWith = async (env: Env): Promise<GroupPlan> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/service.js', '--plan'], {
    cwd: folder,
    env: { ...process.env, ...env },
  })
  return JSON.parse(stdout)
}

/**
 * Runs a command in the folder of the program.
 *
 * @param launcher a command that becomes it
 */
export const start = (command: readonly string[], env: Env = {}, launcher: readonly string[] = []): Child => {
  const [node, args] = here(command)
  // A shell that becomes the command, as the working directory of a child is that of its parent.
  return startCommand('/bin/sh', ['-c', 'cd "$0" && exec "$@"', folder, ...launcher, node, ...args], env)
}

/** The address of a service once it runs. */
export const addressOf = async (child: Child, path: string): Promise<string> => {
  const line = RegExp(`${path} +running .*url (\\S+)`)
  return line.exec(await child.says(line))![1]!
}
