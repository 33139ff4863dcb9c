// The CPU time of a consumer for each message, as a service and on bare amqplib, and with other clients. Each runs in a
// process of its own, with a queue of its own, and handles in turns some thousand messages that wait for it; so what
// the machine does meanwhile meets all of them. Two that are bare tell what is mere chance. Nothing passes or fails
// here. Run it with: npm run bench:amqp
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { startRabbitMq } from '../support/rabbitmq.ts'
import type { Ask } from './amqp-consumer.ts'
import { handlers } from './amqp-contenders.ts'
import { type Contender, measureInTurns } from './in-turns.ts'

/** Two processes of the same code may differ by some percent, for good. So there are several of each. */
const PROCESSES = Number(process.env['BENCH_PROCESSES'] ?? 4)
const SLICES = 10
const MESSAGES: Readonly<Record<number, number>> = { 1: 1_000, 100: 6_000, 1000: 6_000 }
const WARM_UP = 3

const rabbitmq = await startRabbitMq()
const url = await rabbitmq.addVhost('bench')
const connection = await connect(url)
const channel = await connection.createConfirmChannel()
const content = Buffer.from(
  JSON.stringify({ n: 1, article: 'a bicycle', amount: 2, address: 'Under the Lime Trees 7' }),
)

const told = async <T>(child: ChildProcess): Promise<T> => (await once(child, 'message'))[0] as T

const start = async (name: string, prefetch: number, messages: number): Promise<Contender> => {
  const { queue } = await channel.assertQueue('', { exclusive: false, durable: false })
  const child = fork(
    fileURLToPath(new URL('amqp-consumer.ts', import.meta.url)),
    [name, url, queue, String(prefetch)],
    {
      execArgv: ['--import', 'tsx'],
    },
  )
  const ask = <T>(message: Ask): Promise<T> => {
    child.send(message)
    return told<T>(child)
  }
  await told(child)
  /** All is published before the first is handled: it waits in the queue, but for what is held. */
  const handle = async (): Promise<number> => {
    await ask({ ask: 'close' })
    const before = await ask<number>({ ask: 'cpu' })
    for (let n = 0; n < messages; n++) channel.sendToQueue(queue, content, { contentType: 'application/json' })
    await channel.waitForConfirms()
    await ask({ ask: 'open', after: messages })
    return ((await ask<number>({ ask: 'cpu' })) - before) / messages
  }
  for (let n = 0; n < WARM_UP; n++) await handle()
  const end = async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    await channel.deleteQueue(queue)
  }
  return { name, slice: handle, end }
}

for (const [prefetch, messages] of Object.entries(MESSAGES))
  await measureInTurns(
    `Client CPU for each message, prefetch ${prefetch}: ${PROCESSES} processes of each kind, ${SLICES} slices of ${messages} messages in turns`,
    Object.keys(handlers),
    { processes: PROCESSES, slices: SLICES },
    name => start(name, Number(prefetch), messages),
  )
await connection.close()
await rabbitmq.close()
