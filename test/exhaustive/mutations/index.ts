// Changes one line of the engine at a time, in a copy, and prints which scene or else which test catches it:
// `npm run mutations`. Arguments are parts of titles that pick mutations.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { type Mutation, mutations } from './list.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** An engine that no longer comes to rest is caught as well. */
const TIMEOUT = 180_000

const copy = mkdtempSync(join(tmpdir(), 'mutations-'))
for (const name of ['src', 'dist', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'])
  cpSync(join(root, name), join(copy, name), { recursive: true })
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))

/** Tests may import a file from `src` or from `dist`, so both are written. */
const write = (file: string, source: string): void => {
  writeFileSync(join(copy, 'src/core', file), source)
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
      verbatimModuleSyntax: true,
    },
  })
  writeFileSync(join(copy, 'dist/core', file.replace(/\.ts$/, '.js')), outputText)
}

interface Run {
  readonly ok: boolean
  readonly hangs: boolean
  readonly output: string
}

const run = (...args: readonly string[]): Run => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    timeout: TIMEOUT,
    killSignal: 'SIGKILL',
    env: { ...process.env, NO_COLOR: '1' },
  })
  return { ok: status === 0, hangs: signal !== null, output: `${stdout}\n${stderr}` }
}

const runScenes = (): Run => run('--import', 'tsx', 'test/exhaustive/index.ts', '--small', '--first')
const runTests = (tests: readonly string[]): Run =>
  run('node_modules/vitest/vitest.mjs', 'run', '--project', 'all', '--bail', '1', '--reporter', 'dot', ...tests)

/** What is told of the first fault: the scene, and what is wrong in it. */
const faultOf = ({ hangs, output }: Run): string => {
  const lines = output.trim().split('\n')
  const at = lines.findIndex(line => line.includes('FAULT'))
  const last = lines.at(-1)
  if (at < 0) return hangs ? `a scene that does not end, after ${last}` : `a scene that can't be played: ${last}`
  return `${lines[at - 1]!.split(':')[0]}: ${lines[at]!.trim()} (${lines[at + 1]!.trim()})`
}

const testOf = ({ hangs, output }: Run): string =>
  /FAIL\s+(.+)/.exec(output)?.[1] ?? (hangs ? 'a test that does not end' : output.trim().split('\n').at(-1)!)

/** Tests with processes and real time are left out: on a busy machine they would catch anything. */
const TESTS = [
  'test/core/group/',
  ...['change', 'ends', 'inside', 'lives', 'order', 'restart', 'restart-by-hand', 'start', 'stop', 'strategies'].map(
    name => `test/conformance/${name}.test.ts`,
  ),
]

const catcherOf = ({ tests = TESTS }: Mutation): string => {
  const scenes = runScenes()
  if (!scenes.ok) return `scene  ${faultOf(scenes)}`
  const tested = runTests(tests)
  return tested.ok ? 'NOTHING' : `test   ${testOf(tested)}`
}

const picked = process.argv.slice(2)
const chosen = mutations.filter(({ title }) => picked.length === 0 || picked.some(part => title.includes(part)))
let missed = 0
try {
  const unchanged = runScenes()
  if (!unchanged.ok) throw new Error(`the engine as it is breaks a rule: ${faultOf(unchanged)}`)
  for (const mutation of chosen) {
    const { title, file, find, replace } = mutation
    const source = readFileSync(join(root, 'src/core', file), 'utf8')
    if (source.split(find).length !== 2) throw new Error(`"${title}": not exactly once in ${file}: ${find}`)
    write(
      file,
      source.replace(find, () => replace),
    )
    const catcher = catcherOf(mutation)
    if (catcher === 'NOTHING') missed++
    console.log(`${title}\n  ${catcher}`)
    write(file, source)
  }
} finally {
  rmSync(copy, { recursive: true })
}
console.log(`${chosen.length} mutations, ${missed} caught by nothing`)
process.exitCode = missed > 0 ? 1 : 0
