import { connect } from 'amqplib'
import { expect, onTestFinished, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { startProgram } from '../../support/child.ts'
import { queueName } from './life.ts'
import { rpcAt } from './rpc-life.ts'

const broker = useBroker()
const { plainServer } = rpcAt(broker)

test('SIGTERM amid requests: each is replied to exactly once, or waits in its queue for the next process', async () => {
  const square = await plainServer(({ content }) => String(Number(content.toString()) ** 2))
  const connection = await connect(broker.url)
  onTestFinished(() => connection.close())
  const channel = await connection.createConfirmChannel()
  const from = queueName()
  await channel.assertQueue(from)
  const replies = new Map<string, string[]>()
  await channel.consume(
    'amq.rabbitmq.reply-to',
    message => {
      const { content, properties } = message!
      replies.set(properties.correlationId, [...(replies.get(properties.correlationId) ?? []), content.toString()])
    },
    { noAck: true },
  )

  const child = startProgram(new URL('./rpc-process.ts', import.meta.url), {}, [broker.url, from, square.queue])
  await child.says('both run')
  for (let n = 0; n < 2_000; n++)
    channel.sendToQueue(from, Buffer.from(String(n)), { replyTo: 'amq.rabbitmq.reply-to', correlationId: String(n) })
  await child.says('begun 200\n')
  child.kill('SIGTERM')
  const { code, output } = await child.ended
  expect(code).toBe(0)
  expect(output.trim().split('\n').at(-1)).toBe('stopped')

  await channel.waitForConfirms()
  const left: string[] = []
  for (let next = await channel.get(from, { noAck: true }); next; next = await channel.get(from, { noAck: true }))
    left.push(next.content.toString())
  await expect.poll(() => replies.size).toBe(2_000 - left.length)
  const handled = [...replies.keys()]
  expect(handled.length).toBeGreaterThanOrEqual(200)
  expect(left.length).toBeGreaterThan(0)
  expect([...left, ...handled].toSorted()).toEqual(Array.from({ length: 2_000 }, (_, n) => String(n)).toSorted())
  for (const [n, all] of replies) expect(all).toEqual([String(Number(n) ** 2)])
}, 30_000)
