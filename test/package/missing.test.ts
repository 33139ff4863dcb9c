import { beforeAll, describe, expect, test } from 'vitest'
import { type Project, project } from '../support/project.ts'

const CONNECT = ', or give a `connect`'

/** An entry, a call of it, and the text of its error: the package is named, and what to do. */
const CALLS = [
  ['schedule', "schedule('nightly', '0 3 * * *', () => {})", 'service "nightly"', 'croner', ''],
  ['grpc', "grpc('rpc', () => {})", 'service "rpc"', '@grpc/grpc-js', ''],
  ['metrics', 'metrics(group)', 'metrics', 'prom-client', ''],
  ['otel', 'otel(group)', 'otel', '@opentelemetry/api', ''],
  ['nest', 'ServiceGroupModule.forRoot()', 'ServiceGroupModule', '@nestjs/common', ''],
  ['amqp', "amqpConsumer('orders', { url, queue: 'orders' }, () => {})", 'service "orders"', 'amqplib', CONNECT],
  ['amqp', "amqpMessages('orders', { url, queue: 'orders' }, all => all)", 'service "orders"', 'amqplib', CONNECT],
  ['amqp', "amqpPublisher('orders', { url })", 'service "orders"', 'amqplib', CONNECT],
  ['amqp', "amqpRpc('orders', { url })", 'service "orders"', 'amqplib', CONNECT],
  ['amqp', 'amqpConnection({ url })', 'amqpConnection', 'amqplib', CONNECT],
] as const

/** Other entries need no package, or can do without it. */
const OTHERS = [
  '',
  '/http',
  '/bullmq',
  '/pg',
  '/fastify',
  '/worker',
  '/child-process',
  '/event-loop',
  '/memory',
  '/log',
  '/terminal',
  '/probes',
  '/dashboard',
  '/testing',
]

/** A program that makes all calls, and prints what they throw. */
const program = `
  import { serviceGroup } from 'rx-service-group'
  const group = serviceGroup('shop')
  const url = 'amqp://rabbit'
  const thrown = {}
  for (const entry of ${JSON.stringify(OTHERS)}) await import('rx-service-group' + entry)
  const { probes } = await import('rx-service-group/probes')
  const { dashboard } = await import('rx-service-group/dashboard')
  for (const listener of [probes(group), dashboard(group)]) if (typeof listener !== 'function') throw listener
  ${CALLS.map(
    ([entry, call]) => `
  const { ${/^\w+/.exec(call)} } = await import('rx-service-group/${entry}')
  try {
    ${call}
  } catch ({ name, code, message }) {
    thrown[${JSON.stringify(call)}] = { name, code, message }
  }`,
  ).join('')}
  console.log(JSON.stringify(thrown))`

const runs = (app: Project, code: string) => app.run('node', ['--input-type=module', '-e', code])

describe('beside nothing but rxjs', () => {
  let app: Project
  let thrown: Record<string, unknown>

  beforeAll(async () => {
    app = await project()
    const { stdout, stderr } = await runs(app, program)
    expect(stderr).toBe('')
    thrown = JSON.parse(stdout)
  }, 120_000)

  test.each(CALLS)(
    '/%s is imported, and %s throws: %s: the package %s is missing',
    (_, call, whose, name, otherwise) => {
      expect(thrown[call]).toEqual({
        name: 'ServiceError',
        code: 'ERR_MISSING_PACKAGE',
        message: `${whose}: the package ${name} is missing; npm install ${name}${otherwise}`,
      })
    },
  )

  test('terminal() says what it lacks, and prints lines', async () => {
    const { stdout } = await runs(
      app,
      `import { serviceGroup, service } from 'rx-service-group'
      import { terminal } from 'rx-service-group/terminal'
      const { CI, TERM, ...env } = process.env
      process.env = { ...env, TERM: 'xterm' }
      const output = Object.assign(Object.create(process.stdout), { isTTY: true, columns: 80, rows: 24 })
      const group = serviceGroup('shop').add(service('db', {}))
      const end = new Promise(resolve => terminal(group, { output }).add(resolve))
      await group.start()
      await group.stop()
      await end`,
    )
    expect(stdout).toContain('terminal: needs the packages log-update and string-width to draw here; npm install')
    expect(stdout).toMatch(/shop\/db.*running/)
  })
})

test('a health service of gRPC that is not installed is named too', async () => {
  const app = await project({ packages: ['@grpc/grpc-js@1.14.7'] })
  const { stdout } = await runs(
    app,
    `import { grpc } from 'rx-service-group/grpc'
    try {
      grpc('rpc', () => {})
    } catch ({ code, message }) {
      console.log(JSON.stringify({ code, message }))
    }
    grpc('rpc', () => {}, { health: false })`,
  )
  expect(JSON.parse(stdout)).toEqual({
    code: 'ERR_MISSING_PACKAGE',
    message:
      'service "rpc": the package grpc-health-check is missing; npm install grpc-health-check, or give `health: false`',
  })
}, 120_000)
