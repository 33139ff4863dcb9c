import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pages.ts'

const tests = join(root, 'test')

/** The names that a file gives to its tests and groups of tests, as they are written. */
const NAME = /\b(?:test|describe)(?:\.\w+)*(?:\((?:[^()]|\([^()]*\))*\))?\(\s*['`"]([A-Z]\d+(?:, [A-Z]\d+)*)[ :]/g

/** The files with tests whose names begin with an id, by that id. */
export const proofs: ReadonlyMap<string, readonly string[]> = (() => {
  const found = new Map<string, Set<string>>()
  for (const file of readdirSync(tests, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!file.endsWith('.test.ts')) continue
    for (const [, ids = ''] of readFileSync(join(tests, file), 'utf8').matchAll(NAME))
      for (const id of ids.split(', ')) found.set(id, (found.get(id) ?? new Set()).add(file))
  }
  return new Map(Array.from(found, ([id, files]) => [id, [...files]]))
})()

const ROW = /^\| ([A-Z]\d+(?:, [A-Z]\d+)*) \| (.*?) \|.*$/gm

/** The ids that the table of a page has. */
export const idsIn = (page: string): readonly string[] =>
  Array.from(page.matchAll(ROW), ([, ids = '']) => ids.split(', ')).flat()

/** A page with the last column of its table of promises as the names of the tests say. */
export const withProofs = (page: string): string =>
  page.replace(ROW, (_, ids: string, promise: string) => {
    const files = new Set(ids.split(', ').flatMap(id => proofs.get(id) ?? []))
    const links = Array.from([...files].toSorted(), file => `[${file.replace('.test.ts', '')}](${file})`)
    return `| ${ids} | ${promise} | ${links.join(', ')} |`
  })
