/**
 * Makes `dist` from `src`: the ES build by the compiler, the texts that the library carries as modules, and from all of
 * that the CommonJS build, file by file. Then `dist/llms.txt` and `skills`.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writePagesForPrograms } from './llms.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const cjs = join(dist, 'cjs')
const page = join(root, 'src/views/dashboard/page')

const compile = () => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'src')], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the compiler found errors, see above')
}

/** Bundles in memory: the content of each output by the name of its file. */
const bundle = async options => {
  const { outputFiles } = await build({ ...options, bundle: true, write: false, outdir: dist, logLevel: 'warning' })
  return Object.fromEntries(outputFiles.map(({ path, text }) => [basename(path), text]))
}

/** Puts a module of texts in place of the one that only declares them. */
const writeTexts = (file, texts) => {
  const lines = Object.entries(texts).map(([name, text]) => `export const ${name} = ${JSON.stringify(text)}\n`)
  writeFileSync(join(dist, file), lines.join(''))
  rmSync(join(dist, `${file}.map`), { force: true })
}

const writePage = async () => {
  const files = await bundle({
    entryPoints: ['page.tsx', 'page.css', 'page.html'].map(file => join(page, file)),
    tsconfig: join(page, 'tsconfig.json'),
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    loader: { '.html': 'copy' },
  })
  const texts = { html: files['page.html'], css: files['page.css'], js: files['page.js'] }
  writeTexts('views/dashboard/page-texts.js', texts)
}

const writeWatchdog = async () => {
  const files = await bundle({
    entryPoints: [join(root, 'src/process/watchdog-worker.ts')],
    platform: 'node',
    format: 'cjs',
    minifySyntax: true,
  })
  writeTexts('process/watchdog-source.js', { source: files['watchdog-worker.js'] })
}

/** The ES build as CommonJS. Types are the same; an `import()` becomes a `require`, which a test runner can follow. */
const writeCommonJs = async () => {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  await build({
    entryPoints: files.filter(file => file.endsWith('.js')).map(file => join(dist, file)),
    outdir: cjs,
    outbase: dist,
    format: 'cjs',
    platform: 'node',
    target: 'es2023',
    supported: { 'dynamic-import': false },
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  })
  for (const file of files.filter(file => /\.d\.c?ts$|\.cjs$/.test(file) && !file.startsWith(`cjs${sep}`))) {
    // The maps of these would not fit.
    const text = readFileSync(join(dist, file), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')
    writeFileSync(join(cjs, file), text)
  }
  writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n')
}

rmSync(dist, { recursive: true, force: true })
compile()
await Promise.all([writePage(), writeWatchdog()])
await writeCommonJs()
writePagesForPrograms(root)
