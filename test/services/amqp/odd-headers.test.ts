import { amqpConsumer } from 'rx-service-group/amqp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, last, live, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

const large = Object.fromEntries(Array.from({ length: 4 }, (_, n) => [`large${n}`, 'x'.repeat(16_350)]))

test.each<[string, Record<string, unknown>, string, object]>([
  [
    'a number that amqplib takes for an integer',
    { odd: { '!': 'double', value: -1e300 }, tenant: 7 },
    'odd',
    { tenant: 7 },
  ],
  ['such a number deep inside', { deep: { in: [{ '!': 'double', value: -1e300 }] }, tenant: 7 }, 'deep', { tenant: 7 }],
  ['headers that leave no room in their frame for ours', large, Object.keys(large).join(', '), {}],
])('a message with %s is parked without it at its first failure, and says so', async (_, headers, without, left) => {
  const queue = queueName()
  await other.publish(queue, ['odd'], { headers })
  let calls = 0
  const life = live(
    amqpConsumer('orders', { url: broker.url, queue, decode: 'text', retry: { initialDelay: 20 } }, () => {
      calls++
      throw new Error('no')
    }),
  )
  const parked = await other.next(`${queue}.parked`)
  life.tell('stop')
  await life.over
  expect(calls).toBe(1)
  expect(last(life).info).toMatchObject({ failed: 1, parked: 1 })
  expect(parked.content.toString()).toBe('odd')
  const { 'x-parked-reason': reason, ...rest } = parked.properties.headers ?? {}
  expect(reason).toMatch(/^it can't be copied: /)
  expect(reason).toContain(`; parked without ${without}`)
  expect(Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith('x-')))).toEqual(left)
  expect(await other.ready(queue)).toBe(0)
})
