import { type ExecFileException, execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, inject } from 'vitest'

export interface Result {
  /** The exit code; `null` if a signal ended the command. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** A folder in the project to run in. Default: the project itself. */
  readonly folder?: string
  /** In ms; then the command is killed. Default: 120 000. */
  readonly timeout?: number
}

/** A project of a user: a folder with the packed library and other packages installed by npm. */
export interface Project {
  readonly folder: string
  /** The environment of its commands, for a process that a test spawns itself. */
  readonly env: Readonly<Record<string, string>>
  /** Writes files by their path in the project. */
  write(files: Readonly<Record<string, string>>): void
  /** Runs a command to its end, also a command of an installed package. It resolves whatever the exit code is. */
  run(command: string, args: readonly string[], options?: CommandOptions): Promise<Result>
}

export interface ProjectOptions {
  /** What is installed beside the library, with pinned versions: `jest@30.2.0`. */
  readonly packages?: readonly string[]
  /** Files by their path. Without a `package.json` of its own, the project has an empty one. */
  readonly files?: Readonly<Record<string, string>>
}

const folders: string[] = []

afterAll(() => Promise.all(folders.map(folder => rm(folder, { recursive: true, force: true }))), 60_000)

/** The path of the package as it would be published, packed once in a test run. */
export const packed = async (): Promise<string> => inject('tarball')

/** An empty project with the packed library and these packages, as a user installs them. Rejects if npm refuses. */
export const project = async ({ packages = [], files = {} }: ProjectOptions = {}): Promise<Project> => {
  const folder = mkdtempSync(join(tmpdir(), 'rx-service-group-project-'))
  folders.push(folder)
  const env = environment(folder)
  const write: Project['write'] = files => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
  }
  const run: Project['run'] = (command, args, { env: more = {}, folder: within = '', timeout = 120_000 } = {}) =>
    execute(command, args, { cwd: join(folder, within), env: { ...env, ...more }, timeout })
  write({ 'package.json': '{ "private": true }', ...files })
  const flags = ['--prefer-offline', '--no-audit', '--no-fund']
  const { code, stdout, stderr } = await run('npm', ['install', ...flags, await packed(), ...packages])
  if (code !== 0) throw new Error(`npm install ended with ${code}:\n${stdout}${stderr}`)
  return { folder, env, write, run }
}

/** Without what would tell a command that it runs inside npm or a test runner. How npm reaches its registry stays. */
const environment = (folder: string): Record<string, string> => {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_TEST|TEST$|NODE_ENV|npm_(?!config_)|npm_config_local)/.test(name),
  )
  const path = [join(folder, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH']].join(delimiter)
  return { ...(Object.fromEntries(own) as Record<string, string>), PATH: path, NO_COLOR: '1' }
}

const execute = (
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly timeout: number },
): Promise<Result> =>
  new Promise((resolve, reject) => {
    const ended = (error: ExecFileException | null, stdout: string, stderr: string): void => {
      if (typeof error?.code === 'string') return reject(error)
      resolve({ code: error ? (error.code ?? null) : 0, stdout, stderr })
    }
    execFile(command, args, { ...options, maxBuffer: 32 * 2 ** 20 }, ended)
  })
