import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The page with the programs: what people had, and what they write now. */
export const page: string = readFileSync(join(root, 'demos/migration/README.md'), 'utf8')

/** The part of a page that follows a heading, to the next one. */
export const sectionOf = (text: string, heading: string): string => {
  const [, section] = text.split(`\n## ${heading}\n`)
  if (section === undefined) throw new Error(`the page has no heading "${heading}"`)
  return section.split(/^## /m)[0]!
}

export const codeIn = (section: string): readonly string[] =>
  Array.from(section.matchAll(/^```ts\n(.*?)^```$/gms), ([, code = '']) => code)

/** The programs as files, beside the shop that they import. */
export interface Programs {
  /** The file of a program. The same code has the same file. */
  file(code: string): string
  /** The file of a program of the folder `own`. */
  own(name: string): string
  /** The same programs as TypeScript, for a compiler to look at. */
  readonly sources: readonly string[]
  remove(): void
}

export const writePrograms = (): Programs => {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'peers-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/rx-service-group'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const options = { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: true } }
  const compile = (name: string, code: string): string => {
    const file = join(folder, `${name}.js`)
    writeFileSync(file, transformSync(code, { loader: 'ts', target: 'node20', tsconfigRaw: options }).code)
    return file
  }
  const shop = readFileSync(join(root, 'demos/migration/shop.ts'), 'utf8')
  compile('shop', shop)
  writeFileSync(join(folder, 'shop.ts'), shop)
  const own = join(root, 'test/peers/own')
  const inOneFolder = (code: string): string => code.replaceAll(/'\.[./\w-]*\/([\w-]+)\.ts'/g, "'./$1.js'")
  for (const file of readdirSync(own))
    compile(basename(file, '.ts'), inOneFolder(readFileSync(join(own, file), 'utf8')))
  const files = new Map<string, string>()
  return {
    file: code => {
      const known = files.get(code)
      if (known !== undefined) return known
      const file = compile(`program-${files.size + 1}`, code)
      writeFileSync(file.replace(/js$/, 'ts'), code)
      files.set(code, file)
      return file
    },
    own: name => join(folder, `${name}.js`),
    get sources() {
      return [...files.values()].map(file => file.replace(/js$/, 'ts'))
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
