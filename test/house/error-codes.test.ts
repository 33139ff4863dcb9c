import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const src = new URL('../../src/', import.meta.url)
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => /\.tsx?$/.test(file))
const read = (file: string): string => readFileSync(new URL(file, src), 'utf8')

/** The codes of every exported type `...ErrorCode`, wherever it stands. */
const declared = files.flatMap(file =>
  [...read(file).matchAll(/^export type \w+ErrorCode =\n?((?: *\|? *'ERR_\w+'\n?)+)/gm)].flatMap(([, codes = '']) =>
    [...codes.matchAll(/'(ERR_\w+)'/g)].map(([, code]) => code!),
  ),
)

test('each code of an error is declared in one place', () => {
  expect(declared).toContain('ERR_START_FAILED')
  expect(declared).toContain('ERR_AMQP_URL')
  expect(declared).toContain('ERR_PORT_IN_USE')
  expect(declared.toSorted()).toEqual([...new Set(declared)].toSorted())
})

test('the table on the page of the core has every code, and no other', () => {
  const readme = readFileSync(new URL('../../src/core/README.md', import.meta.url), 'utf8')
  const [, table = ''] = /\| code \|[^\n]*\n\|[-| ]+\|\n((?:\|.*\n)+)/.exec(readme) ?? []
  const told = table
    .split('\n')
    .flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/`(ERR_\w+)`/g)].map(([, code]) => code!))
  expect(told.toSorted()).toEqual(declared.toSorted())
})

test('an error is made with a code that is declared', () => {
  const made = files.flatMap(file =>
    [...read(file).matchAll(/\b(?:ServiceError|serviceError|amqpError|asServiceError)\(\s*'(ERR_\w+)'/g)].map(
      ([, code]) => code!,
    ),
  )
  expect(made.filter(code => !declared.includes(code))).toEqual([])
})
