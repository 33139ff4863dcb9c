import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readPage, root } from '../support/pages.ts'

const tour = readPage('src/README.md')
const foldersIn = (folder: string): string[] =>
  readdirSync(join(root, 'src', folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => join(folder, name))

test('every file and folder that the tour names is there', () => {
  const named = [...tour.matchAll(/(?:\.\.\/)?[\w-]+(?:\/[\w-]+)*(?:(?:\.test)?\.ts\b|\/(?=[\s`]))/g)].map(
    ([path]) => path,
  )
  expect(named.length).toBeGreaterThan(60)
  // The drawing is of the core, and a second file of a folder stands in it without the folder.
  const places = ['', '..', 'core', ...foldersIn('core')]
  const isThere = (path: string): boolean => places.some(place => existsSync(join(root, 'src', place, path)))
  expect(named.filter(path => !isThere(path))).toEqual([])
})

test('the tour has a row for every room of the code, and for every room of the core', () => {
  const rooms = [...tour.matchAll(/^\| (?:\[([\w/]+)\]|`([\w/]+)\/`)/gm)].map(([, linked, plain]) => linked ?? plain)
  expect([...foldersIn(''), ...foldersIn('core')].filter(room => !rooms.includes(room))).toEqual([])
})
