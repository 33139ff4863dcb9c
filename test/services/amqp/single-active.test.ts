import { setTimeout as passed } from 'node:timers/promises'
import { amqpConsumer } from 'rx-service-group/amqp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { type Bystander, bystander, isPhase, isRunning, live, numbers, queueName } from './life.ts'

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
