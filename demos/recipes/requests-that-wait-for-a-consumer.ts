/**
 * An API whose requests wait for a consumer in the same process: POST /quotes publishes, and answers when the consumer
 * has handled the message.
 *
 *   node --import tsx demos/recipes/requests-that-wait-for-a-consumer.ts      (PORT=8080; AMQP_URL for RabbitMQ)
 *   curl -X POST localhost:8080/quotes
 *
 * Were both drained at once, the consumer would take no more messages, and the requests would wait in vain. As the API
 * says in `dependsOn` that it needs the consumer, that one goes on until the API has answered its last request.
 */
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import { run, serviceGroup } from 'rx-service-group'
import { amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { connect, url } from '../support/broker.ts'

const waiting = new Map<number, (price: number) => void>()
const outbox = amqpPublisher('outbox', { url, connect })
let last = 0

const app = express().post('/quotes', async (_, response) => {
  const id = ++last
  const price = new Promise<number>(resolve => waiting.set(id, resolve))
  await outbox.publish('quotes', { id })
  response.json({ id, price: await price })
})

const quotes = amqpConsumer(
  'quotes',
  { url, connect, queue: 'quotes', prefetch: 1 },
  async ({ id }: { id: number }) => {
    await delay(400)
    waiting.get(id)?.(id * 10)
    waiting.delete(id)
  },
)

const group = serviceGroup('shop')
  .add(outbox)
  .add(quotes)
  .add(http('api', app, { port: Number(process.env['PORT'] ?? 8080) }), { dependsOn: ['outbox', 'quotes'] })

log(group)
await run(group)
