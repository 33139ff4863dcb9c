import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addressOf, expectGraceful, expectInOrder, recipe } from './recipe.ts'

test('telemetry: the last spans and lines are flushed, after all other services have stopped', async () => {
  // Its lines are in a buffer until the end, so the port can't be read from them.
  const port = await freePort()
  const child = recipe('telemetry', { PORT: String(port) })
  await expect.poll(() => fetch(`http://localhost:${port}/books`).then(answer => answer.text(), String)).toBe('hello')
  child.kill('SIGTERM')
  const ended = await child.ended
  expectGraceful(ended)
  expect(ended.output).toContain("name: 'GET /books'")
  const lines = ended.output.split('\n').filter(line => line.startsWith('{"level"'))
  const said = lines.map(line => JSON.parse(line).msg).join('\n')
  expectInOrder(
    said,
    /shop\/spans running/,
    /shop\/api running/,
    /shop\/api stopped/,
    /shop\/spans stopped/,
    /shop stopped/,
  )
}, 20_000)

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0)
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** A Sentry of its own: the errors that it is sent. */
const errors: { readonly value: string; readonly service: string | undefined }[] = []
const sentry = createServer((request, response) => {
  const chunks: Buffer[] = []
  request
    .on('data', chunk => chunks.push(chunk))
    .on('end', () => {
      const body = Buffer.concat(chunks)
      const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
      for (const line of text.split('\n').filter(one => one.includes('"exception"'))) {
        const { exception, tags } = JSON.parse(line)
        for (const { value } of exception.values) errors.push({ value, service: tags?.service })
      }
      response.end('{}')
    })
})
beforeAll(() => new Promise<void>(resolve => sentry.listen(0, '127.0.0.1', resolve)))
afterAll(() => void sentry.close())
const dsn = () => `http://public@127.0.0.1:${(sentry.address() as AddressInfo).port}/1`

test('sentry: an error that nobody caught is sent once, and the process ends gracefully with exit code 1', async () => {
  const child = recipe('sentry', { SENTRY_DSN: dsn() })
  const address = await addressOf(child, 'shop/api')
  await fetch(`${address}/oops`)
  const { code, output } = await child.ended
  expect(code).toBe(1)
  expectInOrder(output, /nobody caught it/, /shop\/api +stopped/, /shop\/sentry +stopped/)
  expect(errors.map(({ value }) => value)).toEqual(['nobody caught it'])
  expect(output).not.toMatch(/keeps? the process alive|still alive/)
}, 20_000)

test('sentry: the failure of a service is sent once, with its path', async () => {
  errors.length = 0
  const taken = (sentry.address() as AddressInfo).port
  const { code } = await recipe('sentry', { SENTRY_DSN: dsn(), PORT: String(taken) }).ended
  expect(code).toBe(1)
  expect(errors).toEqual([{ value: expect.stringMatching(/port \d+ is in use|in use/), service: 'shop/api' }])
}, 20_000)
