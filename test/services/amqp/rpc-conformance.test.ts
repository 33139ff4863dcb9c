import { type ConsumeMessage, connect } from 'amqplib'
import { type AmqpRpc, amqpRpc } from 'rx-service-group/amqp'
import { serviceConformance } from 'rx-service-group/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { useBroker } from '../../support/broker.ts'
import { promised, queueName } from './life.ts'

const broker = useBroker()
const queue = queueName()
/** Requests that wait until the test lets the server reply. */
const held = new Map<string, { begun: () => void; reply: Promise<void> }>()
let close: () => Promise<void> = async () => {}

// A server on plain amqplib, which echoes.
beforeAll(async () => {
  const connection = await connect(broker.url)
  const channel = await connection.createChannel()
  await channel.assertQueue(queue, { exclusive: true })
  await channel.consume(
    queue,
    async message => {
      const { content, properties } = message as ConsumeMessage
      const hold = held.get(JSON.parse(content.toString()))
      hold?.begun()
      await hold?.reply
      channel.sendToQueue(properties.replyTo, content, { correlationId: properties.correlationId })
    },
    { noAck: true },
  )
  close = () => connection.close()
})
afterAll(() => close())

describe('a client that sends requests is like any other service', () => {
  let latest: AmqpRpc | undefined
  let sent = 0
  const create = (url = broker.url) => {
    const client = amqpRpc('client', { url })
    latest = client
    return client
  }
  const checks = serviceConformance({
    create,
    use: async () => latest!.request(queue, `quick ${sent++}`),
    work: async () => {
      const body = `slow ${sent++}`
      const [begun, reply] = [promised(), promised()]
      held.set(body, { begun: begun.resolve, reply: reply.promise })
      const done = latest!.request(queue, body)
      // A request that is never replied to is rejected when the client ends.
      done.catch(() => undefined)
      await begun.promise
      return { done, finish: reply.resolve }
    },
    broken: () => create(broker.url.replace(/:[^:@]*@/, ':wrong@')),
  })
  for (const { name, run } of checks) test(name, run)
})
