import { describe, expect, test } from 'vitest'
import { asMissingPackage, optionalPackage } from '../../src/core/optional-package.ts'

const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code })

const loading = (error: unknown) => () =>
  optionalPackage('nightly', 'croner', () => {
    throw error
  })

test('an installed package is what it exports', () => {
  const croner = { Cron: class {} }
  expect(optionalPackage('nightly', 'croner', () => croner)).toBe(croner)
})

describe('a package that is not installed is told with the command to install it', () => {
  test.each([
    ['Node, by require', 'MODULE_NOT_FOUND', "Cannot find module 'croner'\nRequire stack:\n- /app/main.cjs"],
    ['Node, by import', 'ERR_MODULE_NOT_FOUND', "Cannot find package 'croner' imported from /app/main.js"],
    ['jest', 'MODULE_NOT_FOUND', "Cannot find module 'croner' from 'node_modules/rx-service-group/croner.cjs'"],
    ['Bun', 'MODULE_NOT_FOUND', 'Cannot find package "croner" from "/app/main.js"'],
    [
      'Yarn',
      'MODULE_NOT_FOUND',
      "rx-service-group tried to access croner (a peer dependency) but it isn't provided by its ancestors",
    ],
  ])('by %s', (_, code, message) => {
    const cause = failure(code, message)
    expect(loading(cause)).toThrow(
      expect.objectContaining({
        code: 'ERR_MISSING_PACKAGE',
        service: 'nightly',
        message: 'service "nightly": the package croner is missing; npm install croner',
        cause,
      }),
    )
  })

  test('with another way, if there is one', () => {
    const cause = failure('ERR_MODULE_NOT_FOUND', "Cannot find package '@scope/a'")
    expect(asMissingPackage({ kind: 'metrics', name: '' }, '@scope/a', cause, 'leave it')).toMatchObject({
      message: 'metrics: the package @scope/a is missing; npm install @scope/a, or leave it',
    })
  })
})

test.each([
  ['a dependency of the package is missing', failure('MODULE_NOT_FOUND', "Cannot find module 'croner-parser'")],
  [
    'a file of the package is missing',
    failure('MODULE_NOT_FOUND', "Cannot find module '/app/node_modules/croner/x.js'"),
  ],
  ['the package throws', new Error("Cannot find module 'croner'")],
  ['the package throws no error', undefined],
])('if %s, that error is not hidden', (_, error) => {
  let thrown: unknown = 'nothing'
  try {
    loading(error)()
  } catch (caught) {
    thrown = caught
  }
  expect(thrown).toBe(error)
})
