import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const core = new URL('../../src/core/', import.meta.url)
const tour = readFileSync(new URL('README.md', core), 'utf8')
const folders = readdirSync(core, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name)

test('every file and folder that the tour of the core names is there', () => {
  const named = [...tour.matchAll(/(?:\.\.\/)?[\w-]+(?:\/[\w-]+)*(?:\.ts\b|\/(?=[\s`]))|\.\.\/[\w/-]+/g)].map(
    ([path]) => path,
  )
  expect(named.length).toBeGreaterThan(30)
  // In the drawing a second file of a folder stands without it.
  const isThere = (path: string): boolean =>
    ['', ...folders.map(folder => `${folder}/`)].some(place => existsSync(new URL(`./${place}${path}`, core)))
  expect(named.filter(path => !isThere(path))).toEqual([])
})

test('the tour of the core has a line for every folder', () => {
  expect(folders.filter(folder => !tour.includes(`\n- \`${folder}/\`: `))).toEqual([])
})
