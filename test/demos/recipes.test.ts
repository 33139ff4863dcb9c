import { expect, test } from 'vitest'
import { addressOf, expectInOrder, recipe } from './recipe.ts'

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
  ['nest', 'shop/nest/http', 'shop/nest/app', /Nest: the orders are closed/],
  ['fastify', 'shop/api', 'shop/app', /fastify: closed/],
])(
  '%s is opened first and closed last, when its requests are answered',
  async (name, http, app, closed) => {
    const child = recipe(name)
    const address = await addressOf(child, http)
    const orders = fetch(`${address}/orders`).then(response => response.json())
    await child.says('looking for orders')
    child.kill('SIGTERM')
    expect(await orders).toEqual(['a book'])
    const { code, output } = await child.ended
    expect(code).toBe(0)
    expectInOrder(
      output,
      RegExp(`${app} +running`),
      RegExp(`${http} +running`),
      RegExp(`${http} +draining +1 pending`),
      RegExp(`${http} +drained`),
      RegExp(`${http} +stopped`),
      RegExp(`${app} +stopping`),
      closed,
      RegExp(`${app} +stopped`),
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
