import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(file => join(folder, file))

const pages = [
  'README.md',
  'demos/recipes/README.md',
  'demos/migration/README.md',
  'test/peers/README.md',
  ...filesIn('src').filter(file => file.endsWith('README.md')),
]
/** The text of a page without its examples. */
const read = (page: string): string => readFileSync(join(root, page), 'utf8').replace(/^```.*?^```$/gms, '')

/** The anchors of the headings of a page, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  Array.from(read(page).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )

/** Whether a link of a page leads to a file, and to a heading of it if it names one. */
const leadsSomewhere = (page: string, link: string): boolean => {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(root, file))) return false
  return anchor === undefined || anchorsOf(file).includes(anchor)
}

const linksOf = (page: string): string[] =>
  Array.from(read(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link).filter(link => !/^https?:/.test(link))

test('every link between pages leads to a file and to a heading of it', () => {
  expect(pages).toContain('src/services/amqp/README.md')
  const links = pages.flatMap(page => linksOf(page).map(link => ({ page, link })))
  expect(links.length).toBeGreaterThan(30)
  expect(links.filter(({ page, link }) => !leadsSomewhere(page, link))).toEqual([])
})

test('every test and every demo that a page names is there', () => {
  const there = [...filesIn('test'), ...filesIn('demos')]
  const named = pages.flatMap(page =>
    Array.from(
      read(page).matchAll(/`((?:[\w-]+\/)*[\w-]+\.test\.ts|(?:demos|test)\/[\w/-]+\.ts)`/g),
      ([, file = '']) => ({
        page,
        file,
      }),
    ),
  )
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter(({ file }) => !there.some(path => path === file || path.endsWith(`/${file}`)))).toEqual([])
})

test('no page holds the marks of a merge that was not finished', () => {
  const marked = [...pages, 'CHANGELOG.md'].filter(page =>
    /^(<{7}|={7}|>{7})( |$)/m.test(readFileSync(join(root, page), 'utf8')),
  )
  expect(marked).toEqual([])
})
