import { describe, expect, test } from 'vitest'
import { findService } from '../../../src/core/status/find-service.ts'

const find = (name: string, ...paths: string[]): string | undefined =>
  findService(name, 'shop', { has: path => paths.includes(path), all: () => paths })

describe('the service that a name means', () => {
  test.each<[string, string[], string | undefined]>([
    ['db', ['shop/db'], 'shop/db'],
    ['shop/db', ['shop/db'], 'shop/db'],
    // A service of the group comes before those inside nested groups.
    ['db', ['shop/a/db', 'shop/db', 'shop/b/db'], 'shop/db'],
    ['db', ['shop/a/b/db'], 'shop/a/b/db'],
    ['b/db', ['shop/a/b/db', 'shop/c/db'], 'shop/a/b/db'],
    // A path from the outermost group comes before a path from this one.
    ['shop/db', ['shop/shop/db', 'shop/db'], 'shop/db'],
    ['shop/db', ['shop/shop/db'], 'shop/shop/db'],
    ['d', ['shop/db'], undefined],
    ['b', ['shop/db'], undefined],
    ['shop', ['shop/db'], undefined],
    ['', ['shop/db'], undefined],
    ['/db', ['shop/db'], undefined],
    ['db', [], undefined],
  ])('%j among %j is %j', (name, paths, found) => {
    expect(find(name, ...paths)).toBe(found)
  })

  test('is refused when several may be meant', () => {
    expect(() => find('db', 'shop/a/db', 'shop/b/db')).toThrow(
      expect.objectContaining({
        code: 'ERR_AMBIGUOUS_NAME',
        message: 'group "shop": "db" may be a/db, b/db; give one of these paths',
      }),
    )
  })
})
