// How long it takes until a consumer consumes again: after the broker has closed its connection, and after a broker
// that was stopped accepts connections again. Others that connect again by themselves go through the same, at the same
// time, each in a process of its own and with the settings it comes with. Nothing passes or fails here. Run it with:
// npm run bench:amqp-reconnect
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { startRabbitMq } from '../support/rabbitmq.ts'
import { returners } from './amqp-contenders.ts'
import { median } from './statistics.ts'

const ROUNDS = 7
/** A connection that has stood for so long is nobody's second attempt, in milliseconds. */
const QUIET = 11_000
/** For how long the broker is away. */
const AWAY = 3_000
/** Who has not come back by then is told as that. */
const PATIENCE = 40_000

const rabbitmq = await startRabbitMq()
const { host, faults } = rabbitmq
const vhost = 'bench'
const url = await rabbitmq.addVhost(vhost)
const names = Object.keys(returners)

const declareAll = async () => {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  for (const name of names) await channel.assertQueue(name)
  await connection.close()
}
await declareAll()

/** When each has handled its first message that was published after the fault. */
let back = new Map<string, number>()
let since = Number.POSITIVE_INFINITY
const children = names.map(name => {
  const script = fileURLToPath(new URL('amqp-consumer.ts', import.meta.url))
  return { name, child: fork(script, [name, url, name, '10'], { execArgv: ['--import', 'tsx'] }) }
})
for (const { name, child } of children) {
  await once(child, 'message')
  child.send({ ask: 'tell' })
  child.on('message', sentAt => {
    if (typeof sentAt === 'number' && sentAt >= since && !back.has(name)) back.set(name, performance.now())
  })
}

/** Publishes to all that are not back yet, every few milliseconds. */
const untilAllAreBack = async (from: number): Promise<ReadonlyMap<string, number>> => {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  since = performance.now()
  const deadline = since + PATIENCE
  while (back.size < names.length && performance.now() < deadline) {
    const content = Buffer.from(JSON.stringify({ n: performance.now() }))
    for (const name of names)
      if (!back.has(name)) channel.sendToQueue(name, content, { contentType: 'application/json' })
    await sleep(5)
  }
  await connection.close()
  const took = new Map([...back].map(([name, at]) => [name, at - from]))
  back = new Map()
  since = Number.POSITIVE_INFINITY
  return took
}

const closed = async (): Promise<ReadonlyMap<string, number>> => {
  await sleep(QUIET)
  const witness = await connect(url)
  let at = 0
  witness
    .on('error', () => undefined)
    .on('close', () => {
      at = performance.now()
    })
  await faults.closeAllConnections(vhost)
  while (at === 0) await sleep(1)
  return untilAllAreBack(at)
}

const accepts = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connectSocket(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })

const restarted = async (): Promise<ReadonlyMap<string, number>> => {
  await sleep(QUIET)
  await faults.stop()
  await sleep(AWAY)
  const started = faults.start()
  while (!(await accepts(Number(host.split(':')[1])))) await sleep(5)
  const at = performance.now()
  const all = untilAllAreBack(at)
  await started
  return all
}

const measure = async (once: () => Promise<ReadonlyMap<string, number>>) => {
  const took = new Map<string, number[]>(names.map(name => [name, []]))
  for (let round = 0; round < ROUNDS; round++) for (const [name, ms] of await once()) took.get(name)!.push(ms)
  return Object.fromEntries(
    names.map(name => {
      const all = took.get(name)!
      const some = all.length > 0
      return [
        name,
        {
          'ms, median': some ? Math.round(median(all)) : '',
          best: some ? Math.round(Math.min(...all)) : '',
          worst: some ? Math.round(Math.max(...all)) : '',
          'came back': `${all.length} of ${ROUNDS}`,
        },
      ]
    }),
  )
}

console.log('From a connection closed by the broker to the next message handled')
console.table(await measure(closed))
console.log(`From a broker that was away for ${AWAY / 1000} s and accepts again to the next message handled`)
console.table(await measure(restarted))
for (const { child } of children) child.kill('SIGKILL')
await rabbitmq.close()
