import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Child, startNode } from '../support/child.ts'
import { type Project, project } from '../support/project.ts'

const program = (file: string): string => readFileSync(new URL(`programs/${file}`, import.meta.url), 'utf8')

/** An ES module that is bundled with CommonJS in it needs a `require`, as the handbooks of bundlers have it. */
const REQUIRE = "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);"

const ESBUILD = ['app.mjs', '--bundle', '--platform=node', '--log-level=warning']

/** A bundle of each kind: the command that makes it, in `out/<name>/`, and the file to run. */
const BUNDLES: readonly (readonly [name: string, file: string, command: string, args: readonly string[]])[] = [
  ['esbuild-esm', 'app.mjs', 'esbuild', [...ESBUILD, '--format=esm', `--banner:js=${REQUIRE}`]],
  ['esbuild-esm-minified', 'app.mjs', 'esbuild', [...ESBUILD, '--format=esm', '--minify', `--banner:js=${REQUIRE}`]],
  ['esbuild-cjs', 'app.cjs', 'esbuild', [...ESBUILD, '--format=cjs']],
  ['esbuild-cjs-minified', 'app.cjs', 'esbuild', [...ESBUILD, '--format=cjs', '--minify']],
  ['rollup-esm', 'app.mjs', 'rollup', ['-c', 'rollup.config.mjs', '--format', 'es']],
  ['rollup-cjs', 'app.cjs', 'rollup', ['-c', 'rollup.config.mjs', '--format', 'cjs']],
  ['webpack-esm', 'app.mjs', 'node', ['webpack.mjs', 'module']],
  ['webpack-cjs', 'app.cjs', 'node', ['webpack.mjs', 'commonjs']],
  ['ncc', 'index.mjs', 'ncc', ['build', 'app.mjs']],
  ['ncc-cjs', 'index.cjs', 'ncc', ['build', 'app.cjs']],
]

const outputOf = (name: string, file: string, command: string): readonly string[] => {
  if (command === 'esbuild') return [`--outfile=out/${name}/${file}`]
  if (command === 'rollup') return ['--file', `out/${name}/${file}`]
  return command === 'ncc' ? ['-o', `out/${name}`] : [`out/${name}`, file]
}

const FILES = {
  'app.mjs': program('app.mjs'),
  'app.cjs': program('app.mjs')
    .replace(/^import (\w+) from '(.*)'/gm, "const $1 = require('$2')")
    .replace(/^import (\{.*\}) from '(.*)'/gm, "const $1 = require('$2')"),
  'workers.cjs': program('workers.cjs'),
  'rollup.config.mjs': `import commonjs from '@rollup/plugin-commonjs'
    import json from '@rollup/plugin-json'
    import resolve from '@rollup/plugin-node-resolve'
    export default {
      input: 'app.mjs',
      output: { inlineDynamicImports: true },
      plugins: [resolve({ exportConditions: ['node'], preferBuiltins: true }), commonjs(), json()],
    }`,
  'webpack.mjs': `import { resolve } from 'node:path'
    import webpack from 'webpack'
    const [type, path, filename] = process.argv.slice(2)
    const isModule = type === 'module'
    webpack({
      mode: 'production',
      target: 'node',
      entry: './app.mjs',
      output: { path: resolve(path), filename, library: { type: isModule ? 'module' : 'commonjs2' }, module: isModule },
      experiments: { outputModule: isModule },
    }, (error, stats) => {
      if (error || stats.hasErrors()) throw error ?? new Error(stats.toString())
    })`,
}

let app: Project
const folders: string[] = []

beforeAll(async () => {
  app = await project({
    packages: [
      '@rollup/plugin-commonjs@29.0.0',
      '@rollup/plugin-json@6.1.0',
      '@rollup/plugin-node-resolve@16.0.3',
      '@vercel/ncc@0.38.4',
      'esbuild@0.28.2',
      'express@5.1.0',
      'prom-client@15.1.3',
      'rollup@4.53.3',
      'webpack@5.103.0',
    ],
    files: FILES,
  })
}, 240_000)

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Starts a program whose text names its port, once that is known. */
const listening = async (file: string): Promise<{ child: Child; url: string }> => {
  const child = startNode([file])
  const port = /listening on (\d+)\./.exec(await child.says(/listening on \d+\./))?.[1]
  return { child, url: `http://127.0.0.1:${port}` }
}

const textOf = async (url: string): Promise<string> => {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  return response.text()
}

describe.each(BUNDLES)('%s, in a folder with nothing beside it', (name, file, command, args) => {
  let moved: string

  beforeAll(async () => {
    const { code, stdout, stderr } = await app.run(command, [...args, ...outputOf(name, file, command)])
    if (code !== 0) throw new Error(`${command} ended with ${code}:\n${stdout}${stderr}`)
    const folder = mkdtempSync(join(tmpdir(), 'rx-service-group-bundle-'))
    folders.push(folder)
    cpSync(join(app.folder, 'out', name), folder, { recursive: true })
    moved = join(folder, file)
    expect(existsSync(moved), readdirSync(folder).join()).toBe(true)
  }, 120_000)

  test('it serves, shows its dashboard, and drains at SIGTERM', async () => {
    const { child, url } = await listening(moved)
    expect(await textOf(`${url}/admin/`)).toMatch(/^<!doctype html>[\s\S]*page\.js/i)
    expect((await textOf(`${url}/admin/page.js`)).length).toBeGreaterThan(10_000)
    expect((await textOf(`${url}/admin/page.css`)).length).toBeGreaterThan(1_000)
    expect(JSON.parse(await textOf(`${url}/admin/status`))).toMatchObject({ ready: true, health: 'pass' })
    expect(await textOf(`${url}/metrics`)).toContain('service_group_ready{group="shop"} 1')
    // The part that is CommonJS may bring the other build. Its group nests like any other.
    expect(await textOf(`${url}/admin/status`)).toContain('shop/workers/mailer')
    child.kill('SIGTERM')
    const { code, output } = await child.ended
    expect(output).toMatch(/shop stopped gracefully in .*: SIGTERM/)
    expect(code).toBe(0)
  }, 60_000)

  test('R13 its watchdog ends it when its event loop is blocked', async () => {
    const { child, url } = await listening(moved)
    await expect(fetch(`${url}/block`)).rejects.toThrow()
    const { signal, output } = await child.ended
    expect(output).toMatch(
      /group "shop": the event loop has been blocked for \d+ ms; the last known states:\n[\s\S]*shop\/api +running/,
    )
    expect(signal).toBe('SIGKILL')
  }, 60_000)
})
