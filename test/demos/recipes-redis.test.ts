import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { useRedis } from '../support/redis.ts'
import { addressOf, expectGraceful, expectInOrder, recipe } from './recipe.ts'

const redis = useRedis()

test('bullmq: the worker finishes its jobs, the rest waits in Redis, and the queue is closed after it', async () => {
  const child = recipe('bullmq', { REDIS_URL: redis.url })
  await child.says('sending to Bob')
  child.kill('SIGTERM')
  const ended = await child.ended
  expectGraceful(ended)
  expectInOrder(
    ended.output,
    /shop\/queue +running/,
    /shop\/mails +running/,
    /shop\/mails +draining +2 pending/,
    /sent to Bob/,
    /shop\/mails +drained/,
    /shop\/mails +stopped/,
    /shop\/queue +stopped/,
  )
  expect(ended.output).not.toContain('sending to Cid')
  const client = new Redis(redis.url)
  expect(await client.llen('bull:mails:wait')).toBe(1)
  client.disconnect()
}, 20_000)

test('bullmq: the start waits for a Redis that is away', async () => {
  await redis.stop()
  const child = recipe('bullmq', { REDIS_URL: redis.url })
  try {
    await child.says(/shop\/queue +starting/)
  } finally {
    await redis.start()
  }
  await child.says('sending to Ann')
  child.kill('SIGTERM')
  expectGraceful(await child.ended)
}, 30_000)

test('ioredis: the client outlives the requests that use it', async () => {
  const child = recipe('ioredis', { REDIS_URL: redis.url })
  const address = await addressOf(child, 'shop/api')
  const answer = fetch(address).then(response => response.text())
  await child.says('a visitor')
  child.kill('SIGTERM')
  expect(await answer).toMatch(/^visit \d$/)
  const ended = await child.ended
  expectGraceful(ended)
  expectInOrder(
    ended.output,
    /shop\/redis +running/,
    /shop\/api +running/,
    /shop\/api +stopped/,
    /shop\/redis +stopped/,
  )
}, 20_000)

test('ioredis: its health tells that Redis is away, and that it is back', async () => {
  const child = recipe('ioredis', { REDIS_URL: redis.url })
  const address = await addressOf(child, 'shop/api')
  await redis.stop()
  await child.says(/shop\/redis +running +fail: Redis is away/)
  await redis.start()
  await child.says(/Redis is away[\s\S]*shop\/redis +running\n/)
  expect(await (await fetch(address)).text()).toMatch(/^visit/)
  child.kill('SIGTERM')
  expectGraceful(await child.ended)
}, 30_000)

test('ioredis: it stops at once while Redis is away', async () => {
  const child = recipe('ioredis', { REDIS_URL: redis.url })
  await addressOf(child, 'shop/api')
  await redis.stop()
  try {
    await child.says(/Redis is away/)
    child.kill('SIGTERM')
    expectGraceful(await child.ended)
  } finally {
    await redis.start()
  }
}, 30_000)

test('ioredis: the start waits for a Redis that is away', async () => {
  await redis.stop()
  const child = recipe('ioredis', { REDIS_URL: redis.url })
  try {
    await child.says(/shop\/redis +starting/)
  } finally {
    await redis.start()
  }
  await addressOf(child, 'shop/api')
  child.kill('SIGTERM')
  expectGraceful(await child.ended)
}, 30_000)

test('ioredis: a start that waits for Redis can be stopped', async () => {
  await redis.stop()
  const child = recipe('ioredis', { REDIS_URL: redis.url })
  try {
    await child.says(/shop\/redis +starting/)
    child.kill('SIGTERM')
    expectGraceful(await child.ended)
  } finally {
    await redis.start()
  }
}, 30_000)
