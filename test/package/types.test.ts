import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Project, project } from '../support/project.ts'

/** A program that imports every entry and uses the main parts of each. */
const MAIN = readFileSync(new URL('programs/main.ts', import.meta.url), 'utf8')

/** A group whose types come from one build, in a group whose types come from the other. */
const BOTH = `import { serviceGroup } from 'rx-service-group'
  import { group as required, whole } from './main.cjs'
  import { group } from './main.mjs'
  export const outer = serviceGroup('outer').add(group).add(required)
  export const report = whole(outer)`

const VERSIONS = ['5.4.5', '5.6.3', '5.9.3', '6.0.3'] as const

const PEERS = [
  '@grpc/grpc-js@1.14.0',
  '@opentelemetry/api@1.9.0',
  '@types/express@5.0.6',
  '@types/node@20.19.43',
  'amqplib@2.3.0',
  'croner@11.0.1',
  'express@5.1.0',
  'prom-client@15.1.3',
]

const STRICT = {
  target: 'ES2022',
  lib: ['ES2022'],
  types: ['node'],
  noEmit: true,
  skipLibCheck: false,
  strict: true,
  exactOptionalPropertyTypes: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  isolatedModules: true,
  esModuleInterop: true,
}

const MODES = {
  node16: { options: { module: 'node16', moduleResolution: 'node16' }, files: ['main.mts', 'main.cts', 'both.mts'] },
  nodenext: {
    options: { module: 'nodenext', moduleResolution: 'nodenext' },
    files: ['main.mts', 'main.cts', 'both.mts'],
  },
  bundler: {
    options: { module: 'esnext', moduleResolution: 'bundler', verbatimModuleSyntax: true },
    files: ['main.ts'],
  },
  node10: { options: { module: 'commonjs', moduleResolution: 'node10' }, files: ['main.ts'] },
} as const

let app: Project

const configOf = (mode: keyof typeof MODES, version: string): string => {
  const { options, files } = MODES[mode]
  // TypeScript 6 still has this mode, and asks whether one knows that it is old.
  const old = mode === 'node10' && version.startsWith('6.') ? { ignoreDeprecations: '6.0' } : {}
  return JSON.stringify({ compilerOptions: { ...STRICT, ...options, ...old }, files })
}

beforeAll(async () => {
  const compilers = VERSIONS.map(version => `typescript-${version}@npm:typescript@${version}`)
  app = await project({
    packages: [...compilers, ...PEERS],
    files: { 'main.ts': MAIN, 'main.mts': MAIN, 'main.cts': MAIN, 'both.mts': BOTH },
  })
}, 240_000)

describe.each(VERSIONS)('TypeScript %s', version => {
  test.each(['node16', 'nodenext', 'bundler', 'node10'] as const)(
    'finds nothing wrong with strict flags and all types checked: %s',
    async mode => {
      const config = `tsconfig-${version}-${mode}.json`
      app.write({ [config]: configOf(mode, version) })
      const tsc = `node_modules/typescript-${version}/bin/tsc`
      const { code, stdout } = await app.run('node', [tsc, '-p', config, '--pretty', 'false'])
      // The types of a peer may be newer than a compiler. Nothing of ours, nor of the program, may be wrong.
      const errors = stdout.split('\n').filter(line => /error TS\d+/.test(line))
      const ours = errors.filter(line => !/^node_modules\/(?!rx-service-group\/)/.test(line))
      expect(ours).toEqual([])
      if (errors.length === 0) expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    },
    120_000,
  )
})
