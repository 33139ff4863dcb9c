/**
 * BullMQ in a group: a worker whose jobs are counted while it drains, and the queue that others add jobs to.
 *
 *   node --import tsx demos/recipes/bullmq.ts      (REDIS_URL=redis://localhost:6379), then press Ctrl-C
 *
 * The worker takes no further job and finishes those it has; the queue is closed after it. What waits in Redis stays
 * there. A queue alone needs no adapter: it is two hooks.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Job, Queue, Worker } from 'bullmq'
import { run, service, serviceGroup } from 'rx-service-group'
import { bullmqWorker } from 'rx-service-group/bullmq'
import { log } from 'rx-service-group/log'

const connection = { url: process.env['REDIS_URL'] ?? 'redis://localhost:6379' }
const queue = new Queue<{ to: string }>('mails', { connection }).on('error', () => {})

const send = async ({ data: { to } }: Job<{ to: string }>) => {
  console.log(`sending to ${to}`)
  await delay(600)
  console.log(`sent to ${to}`)
}

const group = serviceGroup('shop')
  .add(
    service('queue', {
      start: () => queue.waitUntilReady(),
      stop: () => queue.close(),
      force: () => queue.disconnect(),
    }),
  )
  .add(bullmqWorker('mails', send, counted => new Worker('mails', counted, { connection, concurrency: 2 })))
  .add(
    service('shop', {
      start: () => queue.addBulk(['Ann', 'Bob', 'Cid'].map(to => ({ name: 'welcome', data: { to } }))),
    }),
  )

log(group)
await run(group)
