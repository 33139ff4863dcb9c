import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readPage, root } from '../support/pages.ts'
import { idsIn, proofs, withProofs } from '../support/promises.ts'

const PAGE = 'test/README.md'

test('every promise has a row, and every row a test', () => {
  expect(idsIn(readPage(PAGE)).toSorted()).toEqual([...proofs.keys()].toSorted())
})

test('the table names the tests that prove each promise (`npx vitest run test/house/promises -u` writes it)', async () => {
  await expect(withProofs(readPage(PAGE))).toMatchFileSnapshot(join(root, PAGE))
})
