import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { recipe } from './recipe.ts'

/** A port on which nobody listens. */
const closedPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

// No server of these can be installed here: that is all of them that is tested.
test.each([
  ['kafkajs', 'shop/orders', (port: number) => ({ KAFKA_BROKERS: `127.0.0.1:${port}` })],
  ['mongodb', 'shop/mongo', (port: number) => ({ MONGODB_URL: `mongodb://127.0.0.1:${port}`, MONGODB_WAIT: '1000' })],
] as const)(
  '%s: without its server the start fails by a clear error, and the process ends by itself',
  async (name, path, env) => {
    const { code, output } = await recipe(name, env(await closedPort())).ended
    expect(code).toBe(1)
    expect(output).toMatch(RegExp(`${path} +failed.*ECONNREFUSED`))
    expect(output).not.toMatch(/keeps? the process alive|still alive/)
  },
  30_000,
)

test.each([
  ['kafkajs', 'shop/orders', (port: number) => ({ KAFKA_BROKERS: `127.0.0.1:${port}` })],
  ['mongodb', 'shop/mongo', (port: number) => ({ MONGODB_URL: `mongodb://127.0.0.1:${port}` })],
] as const)(
  '%s: a start that waits for its server can be stopped',
  async (name, path, env) => {
    const child = recipe(name, env(await closedPort()))
    await child.says(RegExp(`${path} +starting`))
    child.kill('SIGTERM')
    const { output } = await child.ended
    expect(output).toMatch(/shop (stopped|failed)/)
    expect(output).not.toContain('abandoned')
  },
  30_000,
)
