import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { addressOf, expectGraceful, expectInOrder, recipe } from './recipe.ts'

test('requests that wait for a consumer in the same process are all answered', async () => {
  const child = recipe('requests-that-wait-for-a-consumer', { AMQP_URL: '' })
  const address = await addressOf(child, 'shop/api')
  const answers = [1, 2, 3].map(async () => {
    const response = await fetch(`${address}/quotes`, { method: 'POST' })
    return (await response.json()) as { id: number; price: number }
  })
  await Promise.race(answers)
  child.kill('SIGTERM')
  const quotes = await Promise.all(answers)
  expect(quotes.toSorted((a, b) => a.id - b.id)).toEqual([1, 2, 3].map(id => ({ id, price: id * 10 })))
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expectInOrder(
    output,
    /shop\/api +draining/,
    /shop\/api +drained/,
    /shop\/quotes +draining/,
    /shop\/quotes +drained/,
    /shop stopped gracefully/,
  )
}, 20_000)

test.each([
  ['nest', /Nest: the app is closed/],
  ['fastify', /fastify: closed/],
])(
  '%s: its requests are answered before the services stop that they need',
  async (name, closed) => {
    const child = recipe(name)
    const address = await addressOf(child, 'shop/http')
    const orders = fetch(`${address}/orders`).then(response => response.json())
    await child.says('looking for orders')
    child.kill('SIGTERM')
    expect(await orders).toEqual(['a book'])
    const ended = await child.ended
    expectGraceful(ended)
    expectInOrder(
      ended.output,
      /shop\/orders +running/,
      /shop\/app +running/,
      /shop\/http +running/,
      /shop\/http +draining +1 pending/,
      /shop\/http +drained/,
      /shop\/http +stopped/,
      /shop\/app +stopping/,
      closed,
      /shop\/app +stopped/,
      /shop\/orders +stopped/,
    )
  },
  20_000,
)

test('a port that the system chose is in the status, in status$ and in events$', async () => {
  const { code, output } = await recipe('port-zero').ended
  expect(code).toBe(0)
  const [, port] = /^service +(\d+)$/m.exec(output)!
  expect(Number(port)).toBeGreaterThan(0)
  expect(output.trim().split('\n').toSorted()).toEqual([`events$  ${port}`, 'it says  hello', `service  ${port}`])
}, 20_000)

test('every recipe has a line in the index, and a test that runs it', () => {
  const folder = new URL('../../demos/recipes/', import.meta.url)
  const recipes = readdirSync(folder).filter(file => file.endsWith('.ts'))
  const index = readFileSync(new URL('README.md', folder), 'utf8')
  const inIndex = [...index.matchAll(/^\|[^|]*\| `([\w-]+\.ts)` \|/gm)].map(([, file]) => file)
  expect(inIndex.toSorted()).toEqual(recipes)
  const tests = readdirSync(new URL('.', import.meta.url)).filter(file => /^recipes.*\.test\.ts$/.test(file))
  const code = tests.map(file => readFileSync(new URL(file, import.meta.url), 'utf8')).join('')
  expect(recipes.filter(file => !code.includes(`'${file.replace('.ts', '')}'`))).toEqual([])
})
