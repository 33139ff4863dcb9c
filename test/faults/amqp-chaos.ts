// A great many messages through a producer and consumers, while all that can happen to them happens in random order.
// `npm run chaos`; CHAOS_SEED=7 has the same happen again, in the same order though not to the millisecond.
// CHAOS_MESSAGES (100000), CHAOS_PER_SECOND (800), CHAOS_CONSUMERS (4), CHAOS_QUEUE (classic, or quorum: with a
// delivery limit of 20, as on RabbitMQ 4).
import { startRabbitMq } from '../support/rabbitmq.ts'
import { complaints, report } from './chaos/report.ts'
import { chaos } from './chaos/run.ts'

const { CHAOS_SEED, CHAOS_MESSAGES = 100_000, CHAOS_PER_SECOND = 800, CHAOS_CONSUMERS = 4, CHAOS_QUEUE } = process.env
const seed = Number(CHAOS_SEED ?? Date.now() % 1_000_000)

const rabbitmq = await startRabbitMq()
try {
  const vhost = 'chaos'
  const url = await rabbitmq.addVhost(vhost, CHAOS_QUEUE === 'quorum' ? 20 : undefined)
  const { faults } = rabbitmq
  console.log(`CHAOS_SEED=${seed}`)
  const happened = await chaos(
    { url, faults: { ...faults, closeAllConnections: () => faults.closeAllConnections(vhost) } },
    {
      seed,
      messages: Number(CHAOS_MESSAGES),
      perSecond: Number(CHAOS_PER_SECOND),
      consumers: Number(CHAOS_CONSUMERS),
      queue: CHAOS_QUEUE === 'quorum' ? 'quorum' : 'classic',
      pause: 1500,
      once: false,
      say: console.log,
    },
  )
  const bad = complaints(happened)
  console.log(`\nCHAOS_SEED=${seed}\n${report(happened)}\n`)
  for (const complaint of bad.slice(0, 50)) console.log(complaint)
  console.log(bad.length === 0 ? 'All is as it should be.' : `${bad.length} things are not as they should be.`)
  process.exitCode = bad.length === 0 ? 0 : 1
} finally {
  await rabbitmq.close()
}
