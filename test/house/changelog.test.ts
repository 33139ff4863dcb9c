import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const text = readFileSync(new URL('../../CHANGELOG.md', import.meta.url), 'utf8')
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** The kinds of changes of Keep a Changelog, in its order. */
const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']

interface Release {
  readonly title: string
  readonly kinds: readonly string[]
}

const releases: readonly Release[] = text
  .split(/^## /m)
  .slice(1)
  .map(part => ({
    title: part.split('\n')[0]!,
    kinds: Array.from(part.matchAll(/^### (.*)$/gm), ([, kind]) => kind!),
  }))

/** A version as a number, so that a later one is larger. */
const rank = (title: string): number => {
  const [, major, minor, patch] = /^\[(\d+)\.(\d+)\.(\d+)\]/.exec(title) ?? []
  return (Number(major) * 1_000 + Number(minor)) * 1_000 + Number(patch)
}

test('the changelog has the newest version first, below the changes that are not released', () => {
  const [first, ...released] = releases
  expect(first!.title).toBe('[Unreleased]')
  expect(released.filter(({ title }) => !/^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/.test(title))).toEqual([])
  const ranks = released.map(({ title }) => rank(title))
  expect(ranks).toEqual(ranks.toSorted((a, b) => b - a))
  const isReleased = released.some(({ title }) => title.startsWith(`[${version}]`))
  expect(isReleased || text.includes(`${version}, is not published yet`)).toBe(true)
})

test('each version has the kinds of changes of Keep a Changelog, each once and in its order, and a link', () => {
  for (const { title, kinds } of releases) {
    expect(kinds).toEqual(KINDS.filter(kind => kinds.includes(kind)))
    expect(text).toMatch(new RegExp(`^\\${title.split(']')[0]}\\]: https://`, 'm'))
  }
})
