import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { useBroker } from '../support/broker.ts'
import { type Project, project } from '../support/project.ts'

/** The newest of these two need Node 22. */
const [node = 0] = process.versions.node.split('.').map(Number)
const forTerminal = node >= 22 ? { 'log-update': '8.0.0', 'string-width': '9.0.0' } : {}

/** Each end of each range of `peerDependencies`, and so every major version; and of express, which can mount views. */
const VERSIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  oldest: {
    '@grpc/grpc-js': '1.11.0',
    '@nestjs/common': '11.0.0',
    '@nestjs/core': '11.0.0',
    '@opentelemetry/api': '1.3.0',
    amqplib: '0.10.0',
    croner: '7.0.0',
    express: '4.16.0',
    fastify: '5.0.0',
    'grpc-health-check': '2.0.0',
    'log-update': '4.0.0',
    'prom-client': '14.0.0',
    rxjs: '7.3.0',
    'string-width': '4.0.0',
  },
  'last of old majors': {
    '@grpc/grpc-js': '1.11.0',
    '@opentelemetry/api': '1.3.0',
    '@types/amqplib': '0.10.0',
    '@types/express': '4.17.0',
    '@types/node': '20.19.43',
    amqplib: '0.10.9',
    croner: '9.1.0',
    express: '4.22.3',
    'grpc-health-check': '2.1.0',
    'log-update': '6.1.0',
    'prom-client': '14.2.0',
    rxjs: '7.5.7',
    'string-width': '7.2.0',
    typescript: '5.4.5',
  },
  'first of new majors': {
    amqplib: '1.0.0',
    croner: '10.0.0',
    express: '5.0.0',
    'log-update': '7.0.0',
    'prom-client': '15.0.0',
    'string-width': '8.0.0',
  },
  newest: {
    '@grpc/grpc-js': '1.14.7',
    '@nestjs/common': '11.2.10',
    '@nestjs/core': '11.2.10',
    '@opentelemetry/api': '1.10.0',
    amqplib: '2.3.1',
    croner: '11.0.1',
    express: '5.3.0',
    fastify: '5.12.8',
    'grpc-health-check': '2.1.0',
    'log-update': '7.2.0',
    'prom-client': '15.1.3',
    rxjs: '7.8.2',
    'string-width': '8.3.0',
    ...forTerminal,
  },
}

/** What each program needs. Each does what a user of the package would, and checks what comes of it. */
const NEEDS: Readonly<Record<string, string>> = {
  'amqp.mjs': 'amqplib',
  'express.mjs': 'express',
  'fastify.mjs': 'fastify',
  'grpc.mjs': '@grpc/grpc-js',
  'metrics.mjs': 'prom-client',
  'nest.mjs': '@nestjs/core',
  'otel.mjs': '@opentelemetry/api',
  'schedule.mjs': 'croner',
  'terminal.mjs': 'log-update',
  'types.mts': 'typescript',
}

const COMPILE = [
  ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false'],
  ...['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--types', 'node'],
]

const programs = new URL('./peers/', import.meta.url)
const files = Object.fromEntries(
  readdirSync(programs).map(file => [file, readFileSync(new URL(file, programs), 'utf8')]),
)
const broker = useBroker({ deliveryLimit: undefined })

describe.each(Object.entries(VERSIONS))('beside the %s versions of its peers', (_, versions) => {
  let app: Project

  beforeAll(async () => {
    app = await project({ files, packages: Object.entries(versions).map(([name, version]) => `${name}@${version}`) })
  }, 240_000)

  test('npm has nothing to override, and installs rxjs once', async () => {
    const { code, stdout } = await app.run('npm', ['ls', '--json', '--all', 'rxjs', 'rx-service-group'])
    expect(code, stdout).toBe(0)
    const found = [...stdout.matchAll(/"rxjs": \{\s*"version": "([^"]+)"/g)].map(([, version]) => version)
    expect(new Set(found).size).toBe(1)
  }, 60_000)

  test.each(Object.keys(NEEDS).filter(program => NEEDS[program]! in versions))(
    '%s works',
    async program => {
      const [command, args, said] = program.endsWith('.mts')
        ? ['tsc', [...COMPILE, program], '']
        : ['node', program === 'amqp.mjs' ? [program, broker.url] : [program], 'it works\n']
      const { code, stdout, stderr } = await app.run(command, args)
      expect(stderr).toBe('')
      expect(stdout).toBe(said)
      expect(code).toBe(0)
    },
    60_000,
  )
})

test('each program is run, and each optional peer has one', () => {
  const { peerDependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(Object.keys(files).map(file => basename(file))).toEqual(Object.keys(NEEDS))
  const named = (versions = {}) => Object.keys(versions).filter(name => name !== 'express')
  expect(named(VERSIONS['oldest'])).toEqual(Object.keys(peerDependencies))
  expect(named(VERSIONS['newest'])).toEqual(Object.keys(peerDependencies))
})
