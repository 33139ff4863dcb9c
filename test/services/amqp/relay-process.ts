/*
 * A process that takes from one queue and publishes to another, both over one connection. It says how many it has
 * taken, its outcome, and what still keeps it alive at its end.
 */
import { run, serviceGroup } from 'rx-service-group'
import { amqpConnection, amqpConsumer, amqpPublisher } from 'rx-service-group/amqp'

const [url = '', from = '', to = '', stopTimeout = '10000'] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

const connection = amqpConnection({ url })
const outbox = amqpPublisher('outbox', { connection })
let taken = 0
const relay = amqpConsumer('relay', { connection, queue: from, prefetch: 100 }, async n => {
  say(`taken ${++taken}`)
  await outbox.publish(to, n)
})

const group = serviceGroup('shop')
  .add(outbox, { stopTimeout: Number(stopTimeout) })
  .add(relay, { stopTimeout: Number(stopTimeout), drainTimeout: Number(stopTimeout) })
group.status$.subscribe(({ phase }) => {
  if (phase === 'running') say('both run')
})
group.events$.subscribe(event => {
  if (event.kind === 'transition' && event.path === 'shop/outbox') say(JSON.stringify(event.state))
})
await run(group, { report: ({ outcome, keepsAlive }) => say(`${outcome} ${keepsAlive?.join()}`.trim()) })
