/**
 * An express API and a queue consumer in one process: POST /orders publishes, the consumer handles, GET /orders shows.
 *
 *   npm run demo                   (PORT=8080, DASHBOARD_PORT=9000; AMQP_URL=amqp://... for RabbitMQ)
 *   curl -X POST localhost:8080/orders ; curl localhost:8080/orders
 *
 * Watch each service's states as they change, here and on the dashboard. Press Ctrl-C while orders are being handled:
 * the API takes no new ones, the consumer finishes those it holds, then everything stops in reverse, and a report tells
 * how it went.
 */
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import { run, serviceGroup } from 'rx-service-group'
import { amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'
import { dashboard } from 'rx-service-group/dashboard'
import { http } from 'rx-service-group/http'
import { log } from 'rx-service-group/log'
import { connect, url } from './support/broker.ts'

const port = Number(process.env['PORT'] ?? 8080)
const orders = new Map<number, 'accepted' | 'handled'>()
const outbox = amqpPublisher('outbox', { url, connect })

const app = express()
  .post('/orders', async (_, response) => {
    const id = orders.size + 1
    orders.set(id, 'accepted')
    await outbox.publish('orders', { id })
    response.status(202).json({ id, state: 'accepted' })
  })
  .get('/orders', (_, response) => void response.json([...orders].map(([id, state]) => ({ id, state }))))

const group = serviceGroup('shop')
  .add(outbox)
  .add(
    amqpConsumer('orders', { url, connect, queue: 'orders', prefetch: 5 }, async ({ id }: { id: number }) => {
      await delay(1_000)
      orders.set(id, 'handled')
    }),
  )

const api = http('api', app, { port })
group.add(api)

const dashboardPort = Number(process.env['DASHBOARD_PORT'] ?? 9000)
const page = http('dashboard', dashboard(group), { port: dashboardPort, host: '127.0.0.1' })
group.add(page, { observer: true })

log(group)
const over = run(group)
await group.ready
console.log(`\nTry:    curl -X POST ${api.url}/orders ; curl ${api.url}/orders`)
console.log(`Watch:  ${page.url}\nThen press Ctrl-C.\n`)
await over
