import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { project } from '../support/project.ts'

const PACKAGES = ['bunyan@1.8.15', 'pino@9.7.0', 'winston@3.17.0']
const LOGGERS = ['pino', 'a child of pino', 'winston', 'a child of winston', 'bunyan', 'a child of bunyan']

/** pino and bunyan write numbers. */
const LEVELS: Readonly<Record<string, string>> = { 30: 'info', 40: 'warn', 50: 'error' }

interface Entry {
  readonly level: string | number
  readonly msg?: string
  readonly message?: string
  readonly service: string
  readonly phase?: string
  readonly err?: object
  readonly error?: object
}
let told: Readonly<Record<string, readonly Entry[]>>

beforeAll(async () => {
  const app = await project({
    packages: PACKAGES,
    files: { 'loggers.mjs': readFileSync(new URL('programs/loggers.mjs', import.meta.url), 'utf8') },
  })
  const { stdout, stderr } = await app.run('node', ['loggers.mjs'])
  expect(stderr).toBe('')
  told = JSON.parse(stdout)
}, 120_000)

test.each(LOGGERS)('%s gets lines with level, service and phase, and errors as it writes errors', name => {
  const entries = told[name]!.map(({ level, msg, message, service, phase, err, error }) => ({
    level: LEVELS[level] ?? level,
    text: msg ?? message,
    service,
    ...(phase !== undefined && { phase }),
    error: err ?? error,
  }))
  expect(entries.map(({ text }) => text)).toContain('shop failed: because of shop/worker')
  expect(entries).toMatchObject([
    { level: 'info', service: 'shop', phase: 'starting' },
    { level: 'info', service: 'shop/worker', phase: 'starting' },
    { level: 'info', service: 'shop/worker', phase: 'running' },
    {
      level: 'error',
      service: 'shop/worker',
      error: { message: 'no stock', stack: expect.stringContaining('loggers.mjs') },
    },
    { level: 'error', service: 'shop/worker', phase: 'failed', error: { message: expect.stringContaining('boom') } },
    { level: 'info', service: 'shop', phase: 'stopping' },
    { level: 'error', service: 'shop', phase: 'failed', error: { message: expect.stringContaining('boom') } },
  ])
})
