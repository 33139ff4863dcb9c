import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  name: string
  exports: Record<string, string | Record<'module-sync' | 'import' | 'require', { types: string; default: string }>>
}
/** All files that an entry leads to. */
const files = Object.values(manifest.exports).flatMap(entry =>
  typeof entry === 'string' ? entry : Object.values(entry).flatMap(Object.values<string>),
)
const entries = Object.keys(manifest.exports).filter(entry => entry !== './package.json')
const nameOf = (entry: string): string => join(manifest.name, entry)

/** Runs code as a module in a process of its own; what it prints as JSON. */
const inNode = async (code: string): Promise<unknown> => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: root })
  return JSON.parse(stdout)
}

describe('every entry', () => {
  test.each([...new Set(files)])('%s is there', file => {
    expect(existsSync(join(root, file))).toBe(true)
  })

  test.each(entries.map(nameOf))('import of %s leaves no handle, no listener and no global behind', async name => {
    const code = `
      const events = () => process.eventNames().map(name => [String(name), process.listenerCount(name)])
      const look = () => ({ events: events(), globals: Object.getOwnPropertyNames(globalThis).sort() })
      const { createServer } = await import('node:http')
      await import('rxjs')
      process.stderr // Node opens it for who looks at it first, as what express loads does.
      const before = JSON.stringify(look())
      const resources = process.getActiveResourcesInfo().length
      await import(${JSON.stringify(name)})
      console.log(JSON.stringify([JSON.stringify(look()) === before, process.getActiveResourcesInfo().length - resources]))`
    expect(await inNode(code)).toEqual([true, 0])
  })

  test.each(entries.map(nameOf))('%s can be had with require too', async name => {
    const code = `console.log(JSON.stringify(Object.keys(require(${JSON.stringify(name)}))))`
    const { stdout } = await run(process.execPath, ['-e', code], { cwd: root })
    expect(JSON.parse(stdout)).not.toEqual([])
  })
})

test('node -e "require(\'rx-service-group\')" works as it stands', async () => {
  const { stdout } = await run(process.execPath, ['-e', "console.log(typeof require('rx-service-group').service)"], {
    cwd: root,
  })
  expect(stdout.trim()).toBe('function')
})

test('require and import reach the same copy', async () => {
  const code = `import { createRequire } from 'node:module'
    import * as imported from 'rx-service-group'
    const required = createRequire(import.meta.url)('rx-service-group')
    console.log(JSON.stringify(imported.serviceGroup === required.serviceGroup))`
  expect(await inNode(code)).toBe(true)
})

test("import 'rx-service-group' loads rxjs and nothing else", async () => {
  const hook = `import { writeSync } from 'node:fs'
    export const load = (url, context, next) => { writeSync(2, url + '\\n'); return next(url, context) }`
  const code = `
    import { register } from 'node:module'
    import { createRequire } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}))
    await import('rx-service-group')
    for (const file of Object.keys(createRequire('file:///').cache)) console.error('file://' + file)`
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: root })
  const loaded = stderr.split('\n').filter(line => /^(file|node):/.test(line))
  const packages = new Set(loaded.map(url => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]).filter(Boolean))
  const folders = new Set(loaded.map(url => /\/dist\/(?!cjs|esm)([^/]*)\//.exec(url)?.[1]).filter(Boolean))
  expect(loaded.some(url => url.endsWith('/dist/core/group/group.js'))).toBe(true)
  expect([...packages].filter(name => name !== 'tslib')).toEqual(['rxjs'])
  expect([...folders].filter(folder => folder !== 'core' && folder !== 'process')).toEqual([])
  expect(loaded.filter(url => url.startsWith('node:') && url !== 'node:module')).toEqual([])
})

describe('as it would be published', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rx-service-group-'))
  let tarball: Buffer
  let packed: { files: { path: string }[] }

  beforeAll(async () => {
    const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
    })
    const told = JSON.parse(stdout) as typeof packed | (typeof packed & { filename: string })[]
    const [first] = Object.values(told) as (typeof packed & { filename: string })[]
    packed = first!
    tarball = readFileSync(join(folder, first!.filename))
  }, 60_000)

  afterAll(() => rmSync(folder, { recursive: true }))

  test('publint finds nothing to say', async () => {
    const { messages, pkg } = await publint({ pkgDir: root, level: 'suggestion', strict: true, pack: false })
    expect(messages.map(message => formatMessage(message, pkg, { color: false }))).toEqual([])
  }, 60_000)

  test('types are right for everybody who can load it', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)))
    if (!analysis.types) throw new Error('the package has no types')
    const asked = Object.values(analysis.entrypoints).flatMap(({ resolutions }) => Object.keys(resolutions))
    expect(new Set(asked)).toEqual(new Set(['node10', 'node16-cjs', 'node16-esm', 'bundler']))
    expect(analysis.problems).toEqual([])
  }, 60_000)

  test('it holds what was built, its sources for debuggers, and what explains it', () => {
    const paths = packed.files.map(({ path }) => path)
    const tops = new Set(paths.map(path => path.split('/')[0]))
    expect(
      [...tops].filter(
        top => !['dist', 'skills', 'src'].includes(top!) && !/^(package\.json|README|LICENSE|CHANGELOG)/.test(top!),
      ),
    ).toEqual([])
    for (const file of files) expect(paths).toContain(file.replace('./', ''))
    expect(paths.filter(path => /\.test\.|tsbuildinfo|tsconfig|^src\/.*\.mjs$/.test(path))).toEqual([])
    expect(paths).toContain('CHANGELOG.md')
    expect(paths).toContain(`skills/${manifest.name}/SKILL.md`)
    const linked = Array.from(
      readFileSync(join(root, 'dist/llms.txt'), 'utf8').matchAll(/\]\(([^)]+)\)/g),
      ([, path]) => join('dist', path!),
    )
    expect(['dist/llms.txt', ...linked].filter(path => !paths.includes(path))).toEqual([])
    expect(paths.filter(path => path.startsWith('src/skill/'))).toEqual([])
  })

  test('nothing is in it that nobody needs: no source of the page, no map without its source, no tool', () => {
    const paths = new Set(packed.files.map(({ path }) => path))
    expect([...paths].filter(path => path.startsWith('src/views/dashboard/page/'))).toEqual([])
    const maps = [...paths].filter(path => path.endsWith('.map'))
    const lost = maps.filter(map => {
      const { sources } = JSON.parse(readFileSync(join(root, map), 'utf8')) as { sources: readonly string[] }
      return sources.some(source => !paths.has(join(map, '..', source)))
    })
    expect(maps).not.toEqual([])
    expect(lost).toEqual([])
    expect(
      [...paths].filter(path => !/\.(c?js|c?ts|map|md|json|html|css)$|^LICENSE$|^dist\/llms\.txt$/.test(path)),
    ).toEqual([])
  })

  test('a forge finds where it comes from, and the registry how it was built', () => {
    const { repository, homepage, bugs, publishConfig, license } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    ) as Record<string, unknown>
    expect(repository).toMatchObject({ type: 'git', url: expect.stringMatching(/^git\+https:.*\.git$/) })
    expect({ homepage, bugs }).toMatchObject({ homepage: expect.any(String), bugs: { url: expect.any(String) } })
    expect(publishConfig).toEqual({ access: 'public', provenance: true })
    expect(license).toBe('MIT')
  })

  test('npm runs nothing when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    const atInstall = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare']
    expect(Object.keys(scripts).filter(name => atInstall.includes(name))).toEqual([])
  })
})
