import { setTimeout as passed } from 'node:timers/promises'
import { amqpConsumer } from 'rx-service-group/amqp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, isPhase, isRunning, live, numbers, promised, queueName } from './life.ts'

const broker = useBroker()
let other: Bystander
beforeAll(async () => {
  other = await bystander(broker.url)
})
afterAll(() => other?.close())

test.each([
  ['classic', 1],
  ['classic', 20],
  ['quorum', 1],
  ['quorum', 20],
] as const)(
  'a single active consumer of a %s queue with prefetch %i hands over in order, and nothing overlaps',
  async (type, prefetch) => {
    const queue = { name: queueName(), type, singleActiveConsumer: true }
    const log: string[] = []
    let running = ''
    const consume = (who: string) =>
      live(
        amqpConsumer(who, { url: broker.url, queue, prefetch, concurrency: 1, decode: 'text' }, async body => {
          if (running !== '' && running !== who) log.push(`${who} overlaps ${running}`)
          running = who
          log.push(body)
          await passed(3)
          running = ''
        }),
      )
    const [first, second, third] = ['a', 'b', 'c'].map(consume) as [
      ReturnType<typeof live>,
      ReturnType<typeof live>,
      ReturnType<typeof live>,
    ]
    for (const life of [first, second, third]) await life.until(isRunning)
    const channel = await other.connection.createConfirmChannel()
    const all = numbers(60)
    for (const body of all) channel.sendToQueue(queue.name, Buffer.from(body))
    await channel.waitForConfirms()
    for (const [life, count] of [
      [first, 15],
      [second, 35],
    ] as const) {
      await expect.poll(() => log.length, { interval: 2 }).toBeGreaterThan(count)
      life.tell('drain')
      await life.until(isPhase('drained'))
      life.tell('stop')
      await life.over
    }
    await expect.poll(() => log.length).toBeGreaterThanOrEqual(60)
    third.tell('stop')
    await third.over
    expect(log).toEqual(all)
  },
)

test('a single active consumer of a quorum queue parks nothing that it held through many stops and never began', async () => {
  const queue = { name: queueName(), type: 'quorum', singleActiveConsumer: true } as const
  const log: string[] = []
  const channel = await other.connection.createConfirmChannel()
  for (let round = 0; round < 10; round++) {
    const amid = promised()
    let handled = 0
    const life = live(
      amqpConsumer(
        'a',
        { url: broker.url, queue, prefetch: 50, concurrency: 1, decode: 'text' },
        async (body, { attempt }) => {
          await new Promise(setImmediate)
          log.push(attempt === 1 ? body : `${body} as attempt ${attempt}`)
          if (++handled === 2) amid.resolve()
        },
      ),
    )
    await life.until(isRunning)
    if (round === 0) for (const body of numbers(60)) channel.sendToQueue(queue.name, Buffer.from(body))
    await amid.promise
    life.tell('drain')
    life.tell('stop')
    await life.over
  }
  expect(log).toEqual(numbers(log.length))
  expect(log.length).toBeLessThan(50)
  expect(await other.exists(`${queue.name}.parked`)).toBe(false)
  await expect.poll(() => other.ready(queue.name)).toBe(60 - log.length)
})
