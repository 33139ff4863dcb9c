// What a confirmed message costs the one who publishes it, in CPU time, beside bare amqplib: a confirm channel and a
// callback, with the same options. In turns within one run, against a RabbitMQ of its own; compare within a run.
//
//   npm run build && node --import tsx test/bench/publish.ts
import { randomUUID } from 'node:crypto'
import { connect } from 'amqplib'
import { serviceGroup } from 'rx-service-group'
import { amqpPublisher } from 'rx-service-group/amqp'
import { startRabbitMq } from '../support/rabbitmq.ts'

const ROUNDS = 25
const body = {
  id: 1234,
  customer: 'someone',
  lines: [
    { item: 'book', count: 1 },
    { item: 'lamp', count: 2 },
  ],
}
const queue = 'bench'

const rabbitmq = await startRabbitMq()
const url = await rabbitmq.addVhost('bench')
const connection = await connect(url, { noDelay: true })
const channel = await connection.createConfirmChannel()
// It keeps next to nothing, so that the broker's memory stays out of it.
await channel.assertQueue(queue, { durable: false, maxLength: 10 })
const outbox = amqpPublisher('outbox', { url, maxPending: 5000 })
const group = serviceGroup('bench').add(outbox)
await group.start()

/** Publishes so many, with so many on their way at a time. */
type Way = (inFlight: number, count: number) => Promise<void>

const inFlight = (one: (done: () => void) => void): Way => {
  return (width, count) =>
    new Promise(resolve => {
      let [begun, ended] = [0, 0]
      const next = () => {
        begun++
        one(done)
      }
      const done = () => {
        ended++
        if (begun < count) next()
        else if (ended === count) resolve()
      }
      for (let n = 0; n < width; n++) next()
    })
}

const fail = (error: unknown) => {
  throw error
}
// Written out: one made by spreading another takes amqplib longer.
const options = () => ({ persistent: true, mandatory: true, contentType: 'application/json', messageId: randomUUID() })
const ways: Readonly<Record<string, Way>> = {
  'amqplib, callback': inFlight(done => {
    const content = Buffer.from(JSON.stringify(body))
    channel.publish('', queue, content, options(), error => (error ? fail(error) : done()))
  }),
  'amqplib, promise': inFlight(done => {
    const content = Buffer.from(JSON.stringify(body))
    new Promise<void>((resolve, reject) => {
      channel.publish('', queue, content, options(), error => (error ? reject(error) : resolve()))
    }).then(done, fail)
  }),
  amqpPublisher: inFlight(done => void outbox.publish(queue, body).then(done, fail)),
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

for (const width of [1, 100, 1000]) {
  const count = width === 1 ? 2_000 : 10_000
  const spent = new Map<string, number[]>(Object.keys(ways).map(name => [name, []]))
  for (let round = -3; round < ROUNDS; round++)
    for (const [name, way] of Object.entries(ways)) {
      const before = process.cpuUsage()
      await way(width, count)
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) spent.get(name)!.push((user + system) / count)
    }
  const bare = median(spent.get('amqplib, callback')!)
  console.log(`${width} on their way at a time, median of ${ROUNDS} rounds`)
  console.table(
    Object.fromEntries(
      [...spent].map(([name, values]) => {
        const it = median(values)
        return [name, { 'µs a message': Number(it.toFixed(2)), 'it : callback': Number((it / bare).toFixed(2)) }]
      }),
    ),
  )
}

await group.stop()
await connection.close()
await rabbitmq.close()
