import { expect, test } from 'vitest'
import { usePostgres } from '../support/postgres.ts'
import { addressOf, expectGraceful, expectInOrder, recipe } from './recipe.ts'

const postgres = usePostgres()

test('postgres: the pool serves the requests under way, and is closed after the API', async () => {
  const child = recipe('postgres', { DATABASE_URL: postgres.url })
  const address = await addressOf(child, 'shop/api')
  const answer = fetch(address).then(response => response.text())
  await child.says('a question')
  child.kill('SIGTERM')
  expect(await answer).toBe('the answer is 42')
  const ended = await child.ended
  expectGraceful(ended)
  expectInOrder(
    ended.output,
    /shop\/db +running/,
    /shop\/api +running/,
    /shop\/api +draining +1 pending/,
    /shop\/api +stopped/,
    /shop\/db +stopped/,
  )
}, 20_000)

test('postgres: the start waits for a database that is away, and its health tells when it goes later', async () => {
  await postgres.stop()
  const child = recipe('postgres', { DATABASE_URL: postgres.url })
  await child.says(/shop\/db +starting/).finally(() => postgres.start())
  const address = await addressOf(child, 'shop/api')
  await postgres.stop()
  await child.says(/shop\/db +running +fail: database: /).finally(() => postgres.start())
  await child.says(/fail: database: [\s\S]*shop\/db +running\b(?! +fail)/)
  expect(await (await fetch(address)).text()).toBe('the answer is 42')
  child.kill('SIGTERM')
  expectGraceful(await child.ended)
}, 30_000)
