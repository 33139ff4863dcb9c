import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Project, project, type Result } from '../support/project.ts'

/** The tests of a user, for each runner alike. */
const SPEC = readFileSync(new URL('programs/shop.spec.ts', import.meta.url), 'utf8')

const as = (module: ts.ModuleKind): string =>
  ts.transpileModule(SPEC, { compilerOptions: { module, target: ts.ScriptTarget.ES2022, esModuleInterop: true } })
    .outputText

const PEERS = [
  '@grpc/grpc-js@1.14.0',
  '@opentelemetry/api@1.9.0',
  'amqplib@2.3.0',
  'croner@11.0.1',
  'express@5.1.0',
  'grpc-health-check@2.1.0',
  'prom-client@15.1.3',
]

const TSCONFIG = JSON.stringify({
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2022', 'ESNext.Disposable'],
    module: 'commonjs',
    moduleResolution: 'node10',
    esModuleInterop: true,
    strict: true,
    skipLibCheck: true,
    types: ['jest', 'node'],
  },
})

/** A failure shows the end of the output. */
const expectPassed = ({ code, stdout, stderr }: Result): void => {
  const output = stdout + stderr
  expect(output).not.toContain('did not exit')
  expect(output).not.toContain('not ok')
  expect({ code, output: code === 0 ? '' : output.slice(-4_000) }).toEqual({ code: 0, output: '' })
}

const TRANSFORMS = ['ts-jest@29.4.5', '@swc/jest@0.2.39', '@swc/core@1.13.5', 'typescript@5.9.3']
const TYPES = ['@types/jest@30.0.0', '@types/node@20.19.43']
const JEST = {
  'tsconfig.json': TSCONFIG,
  'plain/shop.test.js': as(ts.ModuleKind.CommonJS),
  'plain/jest.config.js': 'module.exports = {}',
  'ts-jest/shop.test.ts': SPEC,
  'ts-jest/jest.config.js': `const options = { tsconfig: '../tsconfig.json' }
    module.exports = { transform: { '\\.ts$': ['ts-jest', options] } }`,
  'swc/shop.test.ts': SPEC,
  'swc/jest.config.js': "module.exports = { transform: { '\\.ts$': '@swc/jest' } }",
}
const OTHERS = {
  'vitest/shop.test.ts': SPEC,
  'vitest/vitest.config.mjs': 'export default { test: { globals: true } }',
  'node/globals.mjs': `import assert from 'node:assert'
    import { test } from 'node:test'
    globalThis.test = test
    globalThis.expect = actual => ({
      toBe: expected => assert.strictEqual(actual, expected),
      toEqual: expected => assert.deepEqual(actual, expected),
      toMatch: expected => assert.match(actual, expected),
    })`,
  'node/shop.test.mjs': `import './globals.mjs'\n${as(ts.ModuleKind.ESNext)}`,
  'node/shop.test.cjs': `require('./globals.mjs')\n${as(ts.ModuleKind.CommonJS)}`,
}

let older: Project
let newer: Project

beforeAll(async () => {
  const packages = [...TRANSFORMS, ...TYPES, ...PEERS]
  const projects = [
    project({ packages: ['jest@29.7.0', ...packages], files: JEST }),
    project({ packages: ['jest@30.2.0', 'vitest@4.1.12', ...packages], files: { ...JEST, ...OTHERS } }),
  ] as const
  ;[older, newer] = await Promise.all(projects)
}, 300_000)

describe.each([
  ['jest 29', () => older],
  ['jest 30', () => newer],
])('%s', (_, app) => {
  test.each(['plain', 'ts-jest', 'swc'])(
    '%s: the tests of a user pass, and jest ends by itself',
    async folder => {
      const result = await app().run('jest', [], { folder })
      expectPassed(result)
      expect(result.stderr).toMatch(/Tests: +\d+ passed/)
    },
    120_000,
  )
})

test('vitest: the tests of a user pass', async () => {
  expectPassed(await newer.run('vitest', ['run'], { folder: 'vitest' }))
}, 120_000)

test.each(['mjs', 'cjs'])(
  'node:test, .%s: the tests of a user pass',
  async extension => {
    const result = await newer.run('node', ['--test', `shop.test.${extension}`], { folder: 'node' })
    expectPassed(result)
    expect(result.stdout).toMatch(/^# pass [1-9]/m)
  },
  120_000,
)
